"""Messages and items, as the APIs of models have them, and as agents write them down.

    OpenAI, chat completions      {role, content, tool_calls}, {role: tool, tool_call_id, content}
    OpenAI, responses             {type: message | function_call | function_call_output | …}
    Anthropic                     {role, content: [text | tool_use | tool_result | …]}
    OpenTelemetry, Gemini         {role, parts: [text | tool_call | tool_call_response | functionCall | …]}

A message from a person is heard; what systems and developers put before it, and what agents' programs put
into a person's mouth, is nobody's event. Reasoning is none, either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from quarterdeck.costs.capture.fields import field, items
from quarterdeck.costs.importers.decoding import decode, text
from quarterdeck.errors import UsageError
from quarterdeck.loops.events.values import text_of
from quarterdeck.loops.transcripts.contents import (
    arguments_of,
    block_text,
    clean,
    injection,
    outcome_of,
    result_of,
    said_in,
)
from quarterdeck.loops.transcripts.joining import Joining
from quarterdeck.loops.transcripts.model import Called, Came, Done, Heard, Said
from quarterdeck.loops.transcripts.moments import moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from re import Pattern

    from quarterdeck.costs.importers.transcript import Line
    from quarterdeck.loops.events.model import AgentEvent
    from quarterdeck.loops.transcripts.model import Step, Turn
    from quarterdeck.loops.transcripts.session import Session

AGENT = frozenset({"assistant", "model", "ai"})
PERSON = frozenset({"user", "human"})
TOOL = frozenset({"tool", "function", "ipython"})
LISTS = ("messages", "input", "output", "conversation")
"""Fields of an object that is not a message, but holds some."""

NAMING = ("tool_call_id", "name", "tool_name")
"""Fields of a tool's message that say of which call it is, or of which tool; the last is Ollama's."""

SILENT = frozenset({"(no content)", ""})

TOOLS = {
    "local_shell_call": "local_shell",
    "web_search_call": "web_search",
    "file_search_call": "file_search",
    "code_interpreter_call": "code_interpreter",
    "computer_call": "computer",
    "image_generation_call": "image_generation",
    "tool_search_call": "tool_search",
    "shell_call": "shell",
    "apply_patch_call": "apply_patch",
}
"""Items that are calls of a tool they are named after."""

RUN_BY_PROVIDER = frozenset({"web_search_call", "file_search_call", "code_interpreter_call", "mcp_call"})
"""Items that tell at once what came of the call; no item with their output follows."""

FAILED = frozenset({"failed", "incomplete", "error"})

NOTHING = injection()
"""Who calls an API may say whatever he likes."""

_decoder = msgspec.json.Decoder(Any)


def events_of(messages: object) -> Iterator[AgentEvent]:
    """The events of a list of messages; calls without an outcome come last. Whatever is no message is none.

    Args:
        messages: of OpenAI's chat completions or responses, or of Anthropic's API, oldest first; mappings, or
            objects of an SDK that make mappings of themselves (``model_dump()``). Or one of these that holds
            such a list: a request, a response.

    Raises:
        UsageError: it is neither.
    """
    whole = _mapping(messages)
    listed = messages if not whole else [whole] if _is_message(whole) else _held(whole)
    if isinstance(listed, str | bytes) or not isinstance(listed, Iterable):
        raise UsageError(
            f"this is no list of messages: {type(messages).__name__}",
            hint="pass the list, or a mapping that holds one as messages, input, output or conversation",
        )
    return _events(listed)


def _events(messages: Iterable[object]) -> Iterator[AgentEvent]:
    joining = Joining()
    for number, message in enumerate(messages, 1):
        for turn in turns_of(message):
            for step in joining.take(turn, f"message {number}"):
                yield step.event
    for step in joining.rest():
        yield step.event


def _is_message(value: Mapping[str, object]) -> bool:
    return bool(text(value.get("role")) or text(value.get("type")))


def _held(value: Mapping[str, object]) -> object:
    """The list of messages that *value* holds; None: it holds none."""
    return next((value[name] for name in LISTS if isinstance(value.get(name), list | tuple)), None)


def read_line(line: Line, session: Session) -> Iterator[Step]:
    """The events that *line* completes: of a message, or of a list of them; others' lists are other actors'.

    A reader's problems go into *session*.
    """
    try:
        value: Any = decode(line.content, _decoder, lambda _: True)
    except ValueError as error:
        session.problem(line.number, str(error))
        return
    if isinstance(value, dict) and _is_message(value):
        yield from _steps(value, session, session.name(line.number))
        return
    listed = _held(value) if isinstance(value, dict) else value
    if not isinstance(listed, list):
        return
    actor = "" if line.number == 1 else f"line {line.number}"
    for number, message in enumerate(listed, 1):
        yield from _steps(message, session, f"{session.name(line.number)}#{number}", actor)


def _steps(message: object, session: Session, name: str, actor: str = "") -> Iterator[Step]:
    at = moment(field(message, "timestamp", "created_at"))
    for turn in turns_of(message):
        yield from session.joining.take(turn, name, at, actor)


def turns_of(message: object, injected: Pattern[str] = NOTHING) -> Iterator[Turn]:
    """What one message or item tells; nothing where it is none.

    Args:
        message: or item.
        injected: matches what a program says where a person would.
    """
    message = _mapping(message)
    kind, role = text(message.get("type")), text(message.get("role"))
    if kind.endswith(("_call", "_call_output")):
        yield from _item(message, kind)
    elif role in AGENT:
        yield from _agent(message)
    elif role in PERSON:
        yield from _person(message, injected)
    elif role in TOOL:
        yield from _tool(message)


def _mapping(value: object) -> Mapping[str, Any]:
    """*value* if it is a mapping, what an SDK's object makes of itself, or nothing."""
    if type(value) is dict:
        return value
    if not isinstance(value, Mapping) and callable(dump := getattr(value, "model_dump", None)):
        value = dump()
    return value if isinstance(value, Mapping) else {}


def _content(message: Mapping[str, Any]) -> list[str | Mapping[str, Any]]:
    """The blocks of a message; one that is all text is one block."""
    content = message.get("content")
    if content is None:
        content = message.get("parts")
    blocks = content if isinstance(content, list | tuple) else [content]
    return [block if isinstance(block, str) else _mapping(block) for block in blocks]


def _agent(message: Mapping[str, Any]) -> Iterator[Turn]:
    """What an assistant's message says, and what it calls, in order."""
    said: list[str] = []
    for block in _content(message):
        turn = _block(block)
        if turn is None:
            said.append(said_in(block) or "")
            continue
        yield from _said(said)
        said = []
        yield turn
    yield from _said(said)
    calls = message.get("tool_calls")
    for part in [*(calls if isinstance(calls, list | tuple) else ()), message.get("function_call")]:
        call = _mapping(part)
        one = _mapping(call.get("function") or call.get("custom")) or call
        if name := text(one.get("name")):
            arguments = field(one, "arguments", "input")
            yield Called(text(call.get("id")), clean(name), arguments_of(arguments))


def _said(said: list[str]) -> Iterator[Said]:
    whole = "\n".join(said).strip()
    if whole not in SILENT:
        yield Said(whole)


def _person(message: Mapping[str, Any], injected: Pattern[str]) -> Iterator[Turn]:
    """Results of tools, and what a person says besides."""
    said: list[str] = []
    for block in _content(message):
        turn = _block(block)
        if turn is not None:
            yield turn
        elif (told := block_text(block)) and not injected.match(told):
            said.append(told)
    if whole := "\n".join(said).strip():
        yield Heard(whole)


def _tool(message: Mapping[str, Any]) -> Iterator[Turn]:
    """The message of a tool; in parts, where there may be several."""
    results = [turn for block in _content(message) if (turn := _block(block))]
    yield from results
    if not results:
        own = next(filter(None, (text(message.get(name)) for name in NAMING)), "")
        yield _came(own, message.get("content"), None)


def _block(block: str | Mapping[str, Any]) -> Called | Came | None:
    """The call, or what came of one, that a block is; None for all others."""
    if isinstance(block, str):
        return None
    kind, own = text(block.get("type")), text(block.get("id"))
    if kind.endswith("tool_result"):
        error = block.get("is_error")
        failed = error if isinstance(error, bool) else None
        return _came(text(block.get("tool_use_id")), block.get("content"), failed)
    if kind in {"tool_call_response", "server_tool_call_response"}:
        return _came(own, field(block, "response", "result", "content", kind), None)
    if isinstance(told := block.get("functionResponse"), Mapping):
        return came_of_function(told)
    if kind.endswith("tool_use") or kind in {"tool_call", "server_tool_call"}:
        name, arguments = text(block.get("name")), field(block, "input", "arguments", kind)
    elif isinstance(one := block.get("functionCall"), Mapping):
        own, name, arguments = text(one.get("id")), text(one.get("name")), one.get("args")
    else:
        return None
    return Called(own, clean(name), arguments_of(arguments)) if name else None


def came_of_function(told: Mapping[str, object], sent: Sequence[object] = ()) -> Came:
    """What a ``functionResponse`` of Gemini's API tells, with what was *sent* along, such as pictures."""
    response = told.get("response")
    own = text(told.get("id")) or text(told.get("name"))
    failed: bool | None = None
    if isinstance(response, Mapping) and len(response) == 1:
        for name, means in (("output", False), ("result", None), ("error", True)):
            if name in response:
                response, failed = response[name], means
                break
    parts = list(filter(None, map(block_text, [*items(told.get("parts")), *sent])))
    return _came(own, "\n".join([text_of(response), *parts]) if parts else response, failed)


def _item(item: Mapping[str, Any], kind: str) -> Iterator[Turn]:
    """An item of the responses API that is a call, or the output of one."""
    own = text(item.get("call_id")) or text(item.get("id"))
    status = text(item.get("status"))
    if kind.endswith("_output"):
        told = item.get("output")
        success = field(told, "success")
        if isinstance(success, bool):
            yield _came(own, field(told, "content"), not success)
        else:
            yield _came(own, told, True if status in FAILED else None)
        return
    name = text(item.get("name")) or TOOLS.get(kind, kind.removesuffix("_call"))
    arguments = field(item, "arguments", "input", "action", "operation", "code", "queries")
    if kind not in RUN_BY_PROVIDER:
        yield Called(own, clean(name), arguments_of(arguments))
        return
    error = item.get("error")
    told = field(item, "error", "output", "outputs", "results")
    outcome = None if told is None else outcome_of(told)
    failed = True if error is not None or status in FAILED else False if status == "completed" else None
    yield Done(own, clean(name), arguments_of(arguments), outcome, failed)


def _came(own: str, told: object, failed: bool | None) -> Came:
    """An outcome that says itself whether it failed, unless *failed* does."""
    outcome, said = result_of(told)
    return Came(own, outcome, said if failed is None else failed)

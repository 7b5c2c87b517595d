"""Sessions of agents that do what a script says, written down as each of them writes it down.

    lines = session_lines(Format.CODEX, script)
    write_session(path, Format.CODEX, script)

A script is a list of `AgentEvent`: what `quarterdeck.loops.transcripts` reads out of the file is the script
again. Around the events stands what really stands there: reasoning, what programs say in a person's place,
summaries, snapshots, and what each answer has used.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from quarterdeck.loops.transcripts import Format

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from quarterdeck.loops.events import AgentEvent

BEGINS_AT = datetime(2026, 9, 1, 8, tzinfo=UTC)
STEP = timedelta(seconds=5)
"""Between one line and the next."""

CLAUDE = "claude-haiku-4-5-20251001"
GPT = "gpt-5-codex"
GEMINI = "gemini-2.5-pro"
INPUT_TOKENS = 1000
OUTPUT_TOKENS = 50
"""Of each answer."""

Line = dict[str, Any]


def write_session(path: str | os.PathLike[str], format: Format, script: Sequence[AgentEvent]) -> None:  # noqa: A002
    """Write the session of *script* to *path*, as JSON Lines."""
    lines = session_lines(format, script)
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)


def session_lines(format: Format, script: Sequence[AgentEvent]) -> list[Line]:  # noqa: A002
    """The lines of a session of *script*; a call with the outcome None is still at work."""
    return list(_WRITERS[format](script))


def openai_messages(script: Sequence[AgentEvent]) -> Iterator[Line]:
    """The messages of chat completions."""
    yield {"role": "system", "content": "You are a helpful agent."}
    for number, event in enumerate(script):
        if event.by_user:
            yield {"role": "user", "content": event.text}
        elif not event.tool:
            yield {"role": "assistant", "content": event.text}
        else:
            own = f"call_{number}"
            function = {"name": event.tool, "arguments": json.dumps(event.arguments)}
            call = {"id": own, "type": "function", "function": function}
            yield {"role": "assistant", "content": None, "tool_calls": [call]}
            if event.outcome is not None:
                yield {"role": "tool", "tool_call_id": own, "content": event.outcome}


def anthropic_messages(script: Sequence[AgentEvent]) -> Iterator[Line]:
    """The messages of Anthropic's API."""
    for number, event in enumerate(script):
        if event.by_user:
            yield {"role": "user", "content": event.text}
        elif not event.tool:
            yield {"role": "assistant", "content": [{"type": "text", "text": event.text}]}
        else:
            call, result = _anthropic_blocks(event, f"toolu_{number}")
            yield {"role": "assistant", "content": [call]}
            if event.outcome is not None:
                yield {"role": "user", "content": [result]}


def response_items(script: Sequence[AgentEvent]) -> Iterator[Line]:
    """The items of OpenAI's responses API."""
    for number, event in enumerate(script):
        yield from _items(event, f"call_{number}")


def _anthropic_blocks(event: AgentEvent, own: str) -> tuple[Line, Line]:
    """A call, and what came of it."""
    call = {"type": "tool_use", "id": own, "name": event.tool, "input": event.arguments}
    result: Line = {"type": "tool_result", "tool_use_id": own, "content": event.outcome}
    if event.failed is not None:
        result["is_error"] = event.failed
    return call, result


def _items(event: AgentEvent, own: str) -> Iterator[Line]:
    if event.by_user:
        yield _item("user", "input_text", event.text)
    elif not event.tool:
        yield _item("assistant", "output_text", event.text)
    else:
        arguments = json.dumps(event.arguments)
        yield {"type": "function_call", "name": event.tool, "arguments": arguments, "call_id": own}
        if event.outcome is not None:
            output = event.outcome
            if event.failed is not None:
                metadata = {"exit_code": int(event.failed), "duration_seconds": 0.1}
                output = json.dumps({"output": event.outcome, "metadata": metadata})
            yield {"type": "function_call_output", "call_id": own, "output": output}


def _item(role: str, kind: str, said: str) -> Line:
    return {"type": "message", "role": role, "content": [{"type": kind, "text": said}]}


def _claude_code(script: Sequence[AgentEvent]) -> Iterator[Line]:
    """With a summary, thinking, a snapshot, a hook's word, and a usage that grows from line to line."""
    clock = _stamps()
    session = "5c1e0b52-0d3c-4a53-9a68-7f1f3a4de111"
    above: str | None = None

    def line(kind: str, number: int, part: int, **fields: object) -> Line:
        nonlocal above
        own = f"{number:08d}-{part:04d}-4000-a000-000000000000"
        said = {
            "parentUuid": above,
            "isSidechain": False,
            "userType": "external",
            "cwd": "/home/ada/engine",
            "sessionId": session,
            "version": "2.1.63",
            "type": kind,
            "uuid": own,
            "timestamp": next(clock),
            **fields,
        }
        above = own
        return said

    def answer(number: int, part: int, block: Line, output: int) -> Line:
        usage = {"input_tokens": INPUT_TOKENS, "output_tokens": output, "service_tier": "standard"}
        message = {
            "id": f"msg_01{number:022d}",
            "type": "message",
            "role": "assistant",
            "model": CLAUDE,
            "content": [block],
            "usage": usage,
        }
        return line("assistant", number, part, message=message, requestId=f"req_011{number:020d}")

    yield {"type": "summary", "summary": "An earlier session", "leafUuid": "00000000-0000-4000-a000-0"}
    yield {"type": "file-history-snapshot", "messageId": "m", "snapshot": {"trackedFileBackups": {}}}
    caveat = "<local-command-stdout></local-command-stdout>"
    yield line("user", 0, 9, isMeta=True, message={"role": "user", "content": caveat})
    for number, event in enumerate(script):
        if event.by_user:
            yield line("user", number, 0, message={"role": "user", "content": event.text})
            continue
        yield answer(number, 0, {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}, 1)
        if not event.tool:
            yield answer(number, 1, {"type": "text", "text": event.text}, OUTPUT_TOKENS)
            continue
        call, result = _anthropic_blocks(event, f"toolu_{number}")
        yield answer(number, 1, call, OUTPUT_TOKENS)
        if event.outcome is not None:
            message = {"role": "user", "content": [result]}
            yield line("user", number, 2, message=message, toolUseResult={"stdout": event.outcome})


def _codex(script: Sequence[AgentEvent]) -> Iterator[Line]:
    """With what the session is about, a word of the program, reasoning, and counters after each answer."""
    clock = _stamps()
    session = "019a1f3e-3b1c-7c41-8e0a-52f5a1c9d111"

    def line(kind: str, payload: Line) -> Line:
        return {"timestamp": next(clock), "type": kind, "payload": payload}

    yield line("session_meta", {"id": session, "cwd": "/home/ada/engine", "originator": "codex_cli_rs"})
    yield line("turn_context", {"turn_id": session[:-3] + "222", "cwd": "/home/ada/engine", "model": GPT})
    context = "<environment_context>\n<cwd>/home/ada/engine</cwd>\n</environment_context>"
    yield line("response_item", _item("user", "input_text", context))
    answers = 0
    for number, event in enumerate(script):
        said = list(_items(event, f"call_{number}"))
        if event.by_user:
            yield line("response_item", said[0])
            yield line("event_msg", {"type": "user_message", "message": event.text})
            continue
        answers += 1
        reasoning = {"type": "reasoning", "summary": [], "encrypted_content": "gAAAA"}
        yield line("response_item", reasoning)
        yield line("response_item", said[0])
        last = {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS}
        total = {name: count * answers for name, count in last.items()}
        info = {"total_token_usage": total, "last_token_usage": last}
        yield line("event_msg", {"type": "token_count", "info": info})
        for item in said[1:]:
            yield line("response_item", item)


def _gemini(script: Sequence[AgentEvent]) -> Iterator[Line]:
    """Each answer twice: begun, and with what came of its call."""
    clock = _stamps()
    yield {"sessionId": "a-session", "projectHash": "0" * 64, "startTime": next(clock), "kind": "main"}
    for number, event in enumerate(script):
        line: Line = {"id": f"message-{number}", "timestamp": next(clock)}
        if event.by_user:
            yield {**line, "type": "user", "content": [{"text": event.text}]}
            continue
        tokens = {"input": INPUT_TOKENS, "output": OUTPUT_TOKENS, "cached": 0, "thoughts": 0, "tool": 0}
        line |= {"type": "gemini", "content": event.text, "model": GEMINI, "tokens": tokens}
        yield line
        if event.tool:
            response = {"error" if event.failed else "output": event.outcome}
            function = {"id": f"call_{number}", "name": event.tool, "response": response}
            ended = "error" if event.failed else "success"
            call = {
                "id": f"call_{number}",
                "name": event.tool,
                "args": event.arguments,
                "status": "executing" if event.outcome is None else ended,
                **({} if event.outcome is None else {"result": [{"functionResponse": function}]}),
            }
            yield {**line, "toolCalls": [call]}


def _spans(script: Sequence[AgentEvent]) -> Iterator[Line]:
    """One export a line: a chat with what it was asked and what it answered, then the tool that it called."""
    trace, at = "5b8efff798038103d269b633813fc60c", BEGINS_AT
    asked: list[Line] = []
    thought = {"type": "reasoning", "content": "Hm."}

    def export(number: int, name: str, attributes: Line, *, failed: bool | None = None) -> Line:
        nonlocal at
        at += STEP
        span = {
            "traceId": trace,
            "spanId": f"{number:015x}{int(name == 'chat')}",
            "name": name,
            "kind": 3 if name == "chat" else 1,
            "startTimeUnixNano": str(int((at - STEP).timestamp()) * 1_000_000_000),
            "endTimeUnixNano": str(int(at.timestamp()) * 1_000_000_000),
            "attributes": [{"key": key, "value": _otlp(value)} for key, value in attributes.items()],
            "status": {} if failed is None else {"code": 2 if failed else 1},
        }
        return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": [span]}]}]}

    for number, event in enumerate(script):
        if event.by_user:
            asked = [{"role": "user", "parts": [{"type": "text", "content": event.text}]}]
            continue
        part: Line = {"type": "text", "content": event.text}
        if event.tool:
            own = f"call_{number}"
            part = {"type": "tool_call", "id": own, "name": event.tool, "arguments": event.arguments}
        chat = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": GPT,
            "gen_ai.response.id": f"chatcmpl-{number:020d}",
            "gen_ai.usage.input_tokens": INPUT_TOKENS,
            "gen_ai.usage.output_tokens": OUTPUT_TOKENS,
            "gen_ai.input.messages": json.dumps(asked),
            "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [thought, part]}]),
        }
        yield export(number, "chat", chat)
        asked = [{"role": "assistant", "parts": [part]}]
        if event.tool and event.outcome is not None:
            tool = {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": event.tool,
                "gen_ai.tool.call.id": own,
                "gen_ai.tool.call.arguments": json.dumps(event.arguments),
                "gen_ai.tool.call.result": event.outcome,
            }
            yield export(number, f"execute_tool {event.tool}", tool, failed=event.failed)


def _otlp(value: object) -> Line:
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}


def _stamps() -> Iterator[str]:
    at = BEGINS_AT
    while True:
        yield at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        at += STEP


_WRITERS = {
    Format.CLAUDE_CODE: _claude_code,
    Format.CODEX: _codex,
    Format.GEMINI: _gemini,
    Format.MESSAGES: openai_messages,
    Format.SPANS: _spans,
}

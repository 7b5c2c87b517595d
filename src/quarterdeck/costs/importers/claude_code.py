"""Claude Code: one folder per project, one file per session, one line per content block of an answer.

    <config>/projects/<project>/<session>.jsonl
    <config>/projects/<project>/<session>/subagents/agent-*.jsonl      beside the session in older versions

Every line of an answer repeats ``message.usage``, the early ones as it stood then: the one with the most
output counts. The same answer is found again in other files: a resumed or forked session begins with a copy
of what it goes on from, a side question repeats the conversation it is about, and a session shows what its
subagents do. So an answer needs a name that is the same in all of these places, and that no other answer has:

    id of the API (``msg_`` + 20 or more)     the id alone: copies in other sessions, and side questions that
                                              repeat a message under a request id of their own, count once
    other id, with a request id               both: gateways number messages as they please; but a side
                                              question with an id and an input that its session has shown
                                              repeats it
    other id, no request id                   the session and the id: some gateways begin anew in each
      … that cannot be unique (``relay``)     and what went in, which grows from answer to answer and is the
                                              same on all lines of one
    no id                                     the request id, the line's own, or the line itself

Telemetry (`capture.claude_code_events`) names the same answer by its request id: it is handed on as well.

Input is reported without the cache; here it is added. What an advisor or a compaction used
(``usage.iterations``) is not part of the message's usage: each is a request of its own, the advisor's to a
model of its own.
"""

from __future__ import annotations

import hashlib
import os
import re
from typing import TYPE_CHECKING, Any

import msgspec

from quarterdeck.costs.importers.decoding import Count, decode, text, time_of
from quarterdeck.costs.importers.source import (
    Problem,
    Replay,
    Shown,
    Skipped,
    Source,
    Traced,
    below_home,
    walk,
)
from quarterdeck.costs.model import STANDARD_TIERS, Request, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quarterdeck.costs.importers.source import Found
    from quarterdeck.costs.importers.transcript import Line, Transcript

SYNTHETIC = "<synthetic>"
SUBAGENT = "subagent"
APART = {"advisor_message": "advisor", "compaction": "compaction"}
"""The iterations whose tokens are not in those of the message, and what they were for."""

_OF_THE_API = re.compile(r"msg_(?:[a-z]+_)?[A-Za-z0-9]{20,}")
_UNIQUE_CHARS = 16


class CacheCreation(msgspec.Struct, gc=False):
    """Of the tokens written to the cache, for how long."""

    ephemeral_5m_input_tokens: Count = None
    ephemeral_1h_input_tokens: Count = None


class ServerTools(msgspec.Struct, gc=False):
    """What Anthropic ran and bills by the piece."""

    web_search_requests: Count = None


class Tokens(msgspec.Struct, gc=False):
    """``message.usage``, and each of its iterations."""

    input_tokens: Count = None
    output_tokens: Count = None
    cache_read_input_tokens: Count = None
    cache_creation_input_tokens: Count = None
    cache_creation: CacheCreation | None = None
    server_tool_use: ServerTools | None = None
    service_tier: Any = None
    speed: Any = None
    type: Any = None
    model: Any = None
    iterations: list[Tokens] | None = None


class Message(msgspec.Struct, gc=False):
    """An answer, or the part of it that one line has."""

    id: Any = None
    model: Any = None
    usage: Tokens | None = None


class Progress(msgspec.Struct, gc=False):
    """What a session notes about a subagent at work: a line of the subagent's own."""

    message: Entry | None = None
    agentId: Any = None  # noqa: N815 - the file's own name


class Entry(msgspec.Struct, gc=False):
    """One line, as far as it matters here."""

    type: Any = None
    message: Message | None = None
    data: Progress | None = None
    timestamp: Any = None
    uuid: Any = None
    requestId: Any = None  # noqa: N815
    sessionId: Any = None  # noqa: N815
    cwd: Any = None
    isSidechain: Any = None  # noqa: N815
    agentId: Any = None  # noqa: N815


_decoder = msgspec.json.Decoder(Entry)


def places(environment: Mapping[str, str]) -> list[str]:
    """The folders that ``CLAUDE_CONFIG_DIR`` names, with commas between them; else the two usual ones."""
    named = [part.strip() for part in environment.get("CLAUDE_CONFIG_DIR", "").split(",")]
    folders = [os.path.abspath(os.path.expanduser(part)) for part in named if part]
    if not folders:
        own = environment.get("XDG_CONFIG_HOME", "")
        config = [own] if os.path.isabs(own) else below_home(environment, ".config")
        folders = [*below_home(environment, ".claude"), *(os.path.join(each, "claude") for each in config)]
    return [
        folder if os.path.basename(folder) == "projects" else os.path.join(folder, "projects")
        for folder in dict.fromkeys(folders)
    ]


def files(place: str) -> Iterator[str | Problem]:
    """Every transcript below *place*."""
    return walk(place, lambda name: name.endswith((".jsonl", ".jsonl.zst")))


def read(transcript: Transcript) -> Iterator[Found]:
    """A request for every line that shows an answer's usage; most answers have several such lines."""
    for line in transcript.lines(b'"usage"'):
        try:
            entry = decode(line.content, _decoder, _concerns)
            if entry is not None:
                yield from requests_of(entry, line, transcript)
        except ValueError as error:
            yield Problem(transcript.path, line.number, str(error))


def _concerns(value: object) -> bool:
    return isinstance(value, dict) and value.get("type") in ("assistant", "progress")


def requests_of(entry: Entry, line: Line, transcript: Transcript) -> Iterator[Found]:
    """What *entry*, which stands on *line*, shows of an answer; nothing where it is none.

    Raises:
        ValueError: it shows one that cannot be understood.
    """
    shown = entry
    if entry.type == "progress" and entry.data is not None and entry.data.message is not None:
        shown = entry.data.message
    message = shown.message
    if shown.type != "assistant" or message is None or message.usage is None:
        return
    if message.model == SYNTHETIC:
        yield Skipped("synthetic")
        return
    model = text(message.model)
    if not model:
        raise ValueError("it names no model")
    usage = message.usage
    session = text(entry.sessionId) or _session_of(transcript.path)
    agent = text(shown.agentId) or text(entry.agentId) or (text(entry.data.agentId) if entry.data else "")
    tokens = usage_of(usage)
    request = Request(
        model=model,
        usage=tokens,
        at=time_of(shown.timestamp or entry.timestamp),
        task_type=SUBAGENT if agent or entry.isSidechain is True or shown is not entry else "unknown",
        service_tier=_service_tier(usage),
        session=session,
        project=text(entry.cwd),
        response_id=_response_id(shown, message, session, tokens, line),
        tags={"agent": agent} if agent else {},
    )
    own, asked = text(message.id), text(shown.requestId)
    told = f"{session}:{own}:{_went_in(tokens)}"
    found = Traced(request, asked) if _may_be_unique(asked) else request
    if not own or not asked or _OF_THE_API.fullmatch(own) or shown is not entry:
        yield found
    elif entry.isSidechain is True:
        yield Replay(request, told)
    else:
        yield Shown(told)
        yield found
    for number, iteration in enumerate(usage.iterations or ()):
        task = APART.get(text(iteration.type))
        if task:
            yield request._replace(
                model=text(iteration.model) or model,
                usage=usage_of(iteration),
                task_type=task,
                response_id=f"{request.response_id}#{number}",
            )


def usage_of(tokens: Tokens) -> Usage:
    """Anthropic's counts in our terms: input with its cache.

    A split of the cache writes that says less than their total leaves the rest at 5 minutes.
    """
    read = tokens.cache_read_input_tokens or 0
    split = tokens.cache_creation or CacheCreation()
    hour = split.ephemeral_1h_input_tokens or 0
    written = max(tokens.cache_creation_input_tokens or 0, hour + (split.ephemeral_5m_input_tokens or 0))
    tools = tokens.server_tool_use
    return Usage(
        input_tokens=(tokens.input_tokens or 0) + read + written,
        output_tokens=tokens.output_tokens or 0,
        cache_read_input_tokens=read,
        cache_write_input_tokens=written,
        cache_write_1h_input_tokens=hour,
        web_searches=(tools.web_search_requests or 0) if tools else 0,
    )


def _service_tier(usage: Tokens) -> str:
    if usage.speed == "fast":
        return "fast"
    tier = text(usage.service_tier)
    return "" if tier in STANDARD_TIERS else tier


def _response_id(entry: Entry, message: Message, session: str, usage: Usage, line: Line) -> str:
    """The name of the answer; see the module."""
    own, request = text(message.id), text(entry.requestId)
    if _OF_THE_API.fullmatch(own):
        return f"claude:{own}"
    if own and request:
        return f"claude:{own}:{request}"
    if own and _may_be_unique(own):
        return f"claude:{session}:{own}"
    if own:
        return f"claude:{session}:{own}:{_went_in(usage)}"
    return f"claude:{request or text(entry.uuid) or hashlib.sha256(line.content).hexdigest()}"


def _went_in(usage: Usage) -> str:
    """The same on all lines of one answer, and on repetitions of it."""
    return f"{usage.input_tokens}-{usage.cache_read_input_tokens}-{usage.cache_write_input_tokens}"


def _may_be_unique(name: str) -> bool:
    """Whether *name* looks made for one answer, and is not a word that a gateway gives to all of them."""
    return len(name) >= _UNIQUE_CHARS and any(char.isdigit() for char in name)


def _session_of(path: str) -> str:
    """The session that a file is named after, where its lines do not say; a subagent's is its folder's."""
    folder, name = os.path.split(path)
    above, inner = os.path.split(folder)
    return (
        os.path.basename(above) if inner == "subagents" else name.removesuffix(".zst").removesuffix(".jsonl")
    )


SOURCE = Source("claude-code", places, files, read)

"""OpenTelemetry's spans of GenAI: a tool that is executed is a call with its outcome, a chat is an answer.

    {resourceSpans: […]}                     an export in OTLP's JSON, one or one a line
    {name, context: {trace_id, …}, …}        a span as exporters print it, one a line or one after another

Spans are written when they end, so they are taken in the order in which they ended: then a call is told when
its outcome is there. Each conversation is an actor; a trace, where nothing names the conversation.

What tools are called with and what they answer is recorded only where somebody asked for it. Calls of which
neither is known are not the same call: their spans' names tell them apart.

Not read are messages in events of a span: the spans of the tools tell of the calls.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from quarterdeck.costs.capture.attributes import attributes_of
from quarterdeck.costs.capture.fields import field, items
from quarterdeck.costs.capture.reading import SESSION
from quarterdeck.costs.capture.spans import Nesting, Span, requests_of
from quarterdeck.costs.importers.decoding import decode, text
from quarterdeck.loops.transcripts.contents import arguments_of, clean, outcome_of
from quarterdeck.loops.transcripts.messages import AGENT, turns_of
from quarterdeck.loops.transcripts.model import Done, Heard, Said
from quarterdeck.loops.transcripts.moments import moment, since_epoch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.costs.importers.transcript import Line
    from quarterdeck.loops.transcripts.model import Step, Turn
    from quarterdeck.loops.transcripts.session import Session

TOOL = ("gen_ai.tool.name", "ai.toolCall.name", "tool.name", "traceloop.entity.name", "tool_name")
ID = ("gen_ai.tool.call.id", "ai.toolCall.id", "tool_call.id")
ARGUMENTS = (
    "gen_ai.tool.call.arguments", "ai.toolCall.args", "tool_arguments", "traceloop.entity.input",
    "input.value", "tool_input", "full_command", "file_path",
)  # fmt: skip
RESULT = (
    "gen_ai.tool.call.result", "ai.toolCall.result", "tool_response", "traceloop.entity.output",
    "output.value",
)  # fmt: skip
CLAUDE_CODE_TOOL = "claude_code.tool"
"""The name of a span; Claude Code names no operation."""

SAID = "ai.response.text"
INPUT = ("gen_ai.prompt.", "llm.input_messages.")
OUTPUT = ("gen_ai.completion.", "llm.output_messages.")
"""Before the names of attributes that are one field of one message each: Traceloop's and OpenInference's."""

_MAX_FIELDS = 8
"""In the name of such an attribute."""

_NANOSECONDS = 1_000_000_000
_FAILED = frozenset({"2", "STATUS_CODE_ERROR", "ERROR", "Error"})
_WENT_WELL = frozenset({"1", "STATUS_CODE_OK", "OK", "Ok"})
_CLIENT = frozenset({"SpanKind.CLIENT", "CLIENT"})
_CLIENT_KIND = 3

_decoder = msgspec.json.Decoder(Any)


class Told(NamedTuple):
    """A span, with what only events need.

    Attributes:
        status: its code, as text.
        message: its status's, or that of the exception it ended with.
    """

    span: Span
    at: datetime | None
    status: str
    message: str


def read_line(line: Line, session: Session) -> Iterator[Step]:
    """The events that the spans on *line* complete; a reader's problems go into *session*."""
    try:
        value = decode(line.content, _decoder, lambda _: True)
    except ValueError as error:
        session.problem(line.number, str(error))
        return
    told = sorted(_spans(value), key=lambda one: one.at or datetime.max.replace(tzinfo=UTC))
    requests, _, message = requests_of([one.span for one in told], _nesting(session))
    if message:
        session.problem(line.number, message)
    for position, (span, at, status, why) in enumerate(told):
        actor = _actor(span)
        if position in requests:
            request = requests[position]
            session.pay([request], line.number, actor)
        name = ":".join(span.key) if all(span.key) else session.name(line.number)
        if all(span.key) and not session.joining.is_new(name):
            continue  # its export was sent again
        turns = _executed(span, status, why) if _is_tool(span) else _answered(span, actor, session)
        for turn in turns:
            yield from session.joining.take(turn, name, at, actor)


def _nesting(session: Session) -> Nesting:
    if not isinstance(session.held, Nesting):
        session.held = Nesting()
    return session.held


def _spans(value: object) -> Iterator[Told]:
    """Every span of an export, or of a list of them, or the one that *value* is."""
    if isinstance(value, list):
        for part in value:
            if isinstance(part, dict):
                yield from _spans(part)
    elif isinstance(value, dict) and "resourceSpans" in value:
        for of_resource in items(value["resourceSpans"]):
            resource = field(field(of_resource, "resource"), "attributes")
            for of_scope in items(field(of_resource, "scopeSpans")):
                scope = text(field(field(of_scope, "scope"), "name"))
                for span in items(field(of_scope, "spans")):
                    yield _told(span, scope, resource)
    elif isinstance(value, dict):
        scope = text(field(field(value, "instrumentation_scope", "instrumentationScope"), "name"))
        yield _told(value, scope, field(field(value, "resource"), "attributes"))


def _told(span: object, scope: str, resource: object) -> Told:
    context = field(span, "context", "spanContext")
    trace = _hex(field(context, "trace_id", "traceId") or field(span, "traceId", "trace_id"))
    own = _hex(field(context, "span_id", "spanId") or field(span, "spanId", "span_id"))
    parent = _hex(field(span, "parentSpanId", "parent_id", "parent_span_id"))
    ended = field(span, "endTimeUnixNano", "end_time", "endTime")
    at = since_epoch(ended, _NANOSECONDS) or moment(ended)
    kind = field(span, "kind")
    status = field(span, "status")
    code = field(status, "code", "status_code")
    return Told(
        Span(
            scope,
            text(field(span, "name")),
            _CLIENT_KIND if isinstance(kind, str) and kind in _CLIENT else kind,
            (trace, own),
            (trace, parent),
            int(at.timestamp()) * _NANOSECONDS if at else None,
            _attributes(field(span, "attributes")),
            _attributes(resource),
        ),
        at,
        str(code) if isinstance(code, str | int) else "",
        text(field(status, "message", "description")) or _exception(field(span, "events")),
    )


def _hex(value: object) -> str:
    return text(value).lower().removeprefix("0x")


def _attributes(value: object) -> Mapping[str, object]:
    """OTLP's list of keys and values, or a plain object."""
    return value if isinstance(value, Mapping) else attributes_of(value)


def _exception(events: object) -> str:
    """What the exception says that a span ended with."""
    for event in items(events):
        attributes = _attributes(field(event, "attributes"))
        said = text(attributes.get("exception.message")) or text(attributes.get("exception.type"))
        if said:
            return said
    return ""


def _actor(span: Span) -> str:
    named = next((text(span.attributes.get(name)) for name in SESSION if span.attributes.get(name)), "")
    return clean(named) or span.key[0]


def _executed(span: Span, status: str, why: str) -> Iterator[Turn]:
    """The call that the span of a tool is."""
    told = span.attributes
    result = field(told, *RESULT)
    error = text(told.get("error.type"))
    failed = True if error or status in _FAILED else False if status in _WENT_WELL else None
    outcome = (why or error or status) if result is None and failed else result
    yield Done(
        text(field(told, *ID)),
        clean(text(field(told, *TOOL)) or span.name.removeprefix("execute_tool ") or "tool"),
        arguments_of(field(told, *ARGUMENTS)),
        None if outcome is None else outcome_of(arguments_of(outcome)),
        failed,
    )


def _answered(span: Span, actor: str, session: Session) -> Iterator[Turn]:
    """What a chat was told since the answer before it, and what it answered; nothing, of any other span."""
    told = span.attributes
    if _sums_up(span):
        return
    heard = _messages(told.get("gen_ai.input.messages")) or _in_fields(told, INPUT, "")
    since = next(
        (place for place in range(len(heard), 0, -1) if text(field(heard[place - 1], "role")) in AGENT), 0
    )
    for place, message in enumerate(heard[since:], since):
        for turn in turns_of(message):
            told_again = isinstance(turn, Heard) and not session.joining.is_new(
                f"{actor}:{place}:{zlib.crc32(turn.text.encode())}"
            )
            if not told_again:  # as a chat is that is tried again
                yield turn
    for message in _messages(told.get("gen_ai.output.messages")) or _in_fields(told, OUTPUT, "assistant"):
        yield from turns_of(message)
    if said := text(told.get(SAID)).strip():
        yield Said(clean(said))


def _is_tool(span: Span) -> bool:
    told = span.attributes
    operation = text(told.get("gen_ai.operation.name"))
    if operation:
        return operation == "execute_tool"
    kind = text(told.get("openinference.span.kind")) or text(told.get("traceloop.span.kind"))
    if kind:
        return kind.lower() == "tool"
    return (
        "gen_ai.tool.name" in told
        or text(told.get("ai.operationId")) == "ai.toolCall"
        or span.name.startswith("execute_tool ")
        or span.name == CLAUDE_CODE_TOOL
    )


def _sums_up(span: Span) -> bool:
    """Whether a span only sums up what the chats below it say; an agent elsewhere has none of them here."""
    return span.attributes.get("gen_ai.operation.name") == "invoke_agent" and span.kind != _CLIENT_KIND


def _messages(value: object) -> list[object]:
    """A list of messages, or one in JSON, as attributes have it; older exporters have objects."""
    found = arguments_of(value)
    return found if isinstance(found, list) else []


def _in_fields(told: Mapping[str, object], prefixes: tuple[str, ...], role: str) -> list[object]:
    """The messages of which each field is an attribute; *role* is that of those without one."""
    found: dict[str, Any] = {}
    for name, value in told.items():
        prefix = next(filter(name.startswith, prefixes), None)
        if prefix is not None:
            place = found
            *above, last = name.removeprefix(prefix).split(".", _MAX_FIELDS)
            for part in above:
                below = place.get(part)
                place[part] = place = below if isinstance(below, dict) else {}
            place[last] = value
    return [
        {
            "role": role,
            **message,
            "content": message.get("content") or _in_order(message.get("contents"), "message_content"),
            "tool_calls": _in_order(message.get("tool_calls"), "tool_call"),
        }
        for message in _in_order(found, "message")
    ]


def _in_order(numbered: object, inner: str) -> list[dict[str, Any]]:
    """The values of what has numbers for names; of each, what it holds as *inner*, if it does."""
    if not isinstance(numbered, dict):
        return []
    values = [numbered[number] for number in sorted(numbered, key=lambda number: (len(number), number))]
    held = [value.get(inner, value) for value in values if isinstance(value, dict)]
    return [value for value in held if isinstance(value, dict)]

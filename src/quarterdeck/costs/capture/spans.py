"""Spans of telemetry, as OTLP's JSON has them, to requests.

Only a span of one request to a model counts. The spans around it (an agent's run, a workflow, Vercel's
``ai.generateText``) often carry the sum of what is below them: what a span is, it says by one of `_kind`'s
attributes; where it says nothing, a client span or one with a response id is a request.

Where two libraries watch the same request, the inner span counts, even when the outer one arrives later
(`Nesting`). A span that is sent again has the same identity: its response id, or its trace and span.

What another ledger mirrors is all requests, and read by `mirrored_spans`.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.costs.capture.attributes import (
    Attributes,
    attributes_of,
    provider_of,
    usage_of,
    usage_of_claude_code,
)
from quarterdeck.costs.capture.fields import field, items, text
from quarterdeck.costs.capture.mirrored_spans import SCOPE, mirrored
from quarterdeck.costs.capture.reading import CLAUDE_CODE, OTLP, Reading, identity, labelled, moment
from quarterdeck.costs.model import Request, Usage
from quarterdeck.errors import UsageError
from quarterdeck.words import count

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUESTS = frozenset(
    {"chat", "completion", "embedding", "embeddings", "generate_content", "responses", "text_completion"}
)
"""Values of ``gen_ai.operation.name`` that are one request to a model."""

CALLS_OF_VERCEL = (".doGenerate", ".doStream", ".doEmbed")
CLIENT = (3, "3", "SPAN_KIND_CLIENT")
REMEMBERED = 20_000
"""Spans around requests; an outer span ends soon after the request in it."""


class Span(NamedTuple):
    """One span, with what it inherits."""

    scope: str
    name: str
    kind: object
    key: tuple[str, str]
    parent: tuple[str, str]
    ended_at: object
    attributes: Attributes
    resource: Attributes


class Nesting:
    """Which spans lie around a request, over many exports: inner spans end, and are sent, first."""

    def __init__(self) -> None:
        self._around: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._lock = Lock()

    def innermost(self, spans: list[Span], requests: list[int]) -> list[int]:
        """Of the positions in *spans* that are *requests*, those that have no other request within."""
        parents = {span.key: span.parent for span in spans}
        with self._lock:
            inner = [spans[position].key for position in requests]
            inner += [span.key for span in spans if span.key in self._around]
            seen: set[tuple[str, str]] = set()
            for key in inner:
                outer = parents[key]
                while all(outer) and outer != key and outer not in seen:
                    seen.add(outer)
                    outer = parents.get(outer, ("", ""))
            self._around.update(dict.fromkeys(seen))
            found = [position for position in requests if spans[position].key not in self._around]
            while len(self._around) > REMEMBERED:
                self._around.popitem(last=False)
        return found


def read_spans(document: object, nesting: Nesting) -> Reading:
    """The requests of an export of traces (``ExportTraceServiceRequest`` as JSON)."""
    requests, rejected, message = requests_of(list(_spans(document)), nesting)
    return Reading(list(requests.values()), rejected, message)


def requests_of(spans: list[Span], nesting: Nesting) -> tuple[dict[int, Request], int, str]:
    """The requests among *spans* by their position, how many are rejected, and the message of a `Reading`."""
    requests: dict[int, Request] = {}
    rejected, message, unclear = 0, "", 0
    for position, span in enumerate(spans):
        kind = _kind(span)
        if kind == "around":
            continue
        try:
            if kind == "mirrored":
                requests[position] = mirrored(span.attributes, span.key, moment(span.ended_at))
                continue
            usage = _usage(span)
            if usage is None or not any(usage):
                continue
            if kind == "unclear":
                unclear += 1
            else:
                requests[position] = _request(span, usage)
        except UsageError as error:
            rejected, message = rejected + 1, error.message
    if unclear and not message:
        message = (
            f"{count(unclear, 'span')} with token counts left out, for nothing says that they are requests; "
            "set gen_ai.operation.name"
        )
    innermost = nesting.innermost(spans, list(requests))
    return {position: requests[position] for position in innermost}, rejected, message


def _spans(document: object) -> Iterator[Span]:
    for of_resource in items(field(document, "resourceSpans")):
        resource = attributes_of(field(field(of_resource, "resource"), "attributes"))
        for of_scope in items(field(of_resource, "scopeSpans")):
            scope = text(field(of_scope, "scope"), "name")
            for span in items(field(of_scope, "spans")):
                trace = text(span, "traceId").lower()
                yield Span(
                    scope,
                    text(span, "name"),
                    field(span, "kind"),
                    (trace, text(span, "spanId").lower()),
                    (trace, text(span, "parentSpanId").lower()),
                    field(span, "endTimeUnixNano"),
                    attributes_of(field(span, "attributes")),
                    resource,
                )


def _kind(span: Span) -> str:
    """``request``, ``mirrored``, ``unclear``, or ``around``: it holds requests, or has no part in them."""
    told = span.attributes
    if span.scope == SCOPE:
        return "mirrored"
    if _is_claude_code(span):
        return "request"
    if operation := text(told, "ai.operationId"):
        return "request" if operation.endswith(CALLS_OF_VERCEL) else "around"
    if operation := text(told, "gen_ai.operation.name"):
        return "request" if operation in REQUESTS else "around"
    if kind := text(told, "openinference.span.kind"):
        return "request" if kind.upper() in {"LLM", "EMBEDDING"} else "around"
    if text(told, "traceloop.span.kind"):
        return "around"
    if kind := text(told, "langfuse.observation.type"):
        return "request" if kind in {"generation", "embedding"} else "around"
    if text(told, "llm.request.type", "gen_ai.response.id") or span.kind in CLIENT:
        return "request"
    return "unclear"


def _is_claude_code(span: Span) -> bool:
    return span.name == "claude_code.llm_request" or text(span.attributes, "span.type") == "llm_request"


def _usage(span: Span) -> Usage | None:
    own = usage_of_claude_code(span.attributes) if _is_claude_code(span) else None
    return own or usage_of(span.attributes, provider_of(span.attributes))


def _request(span: Span, usage: Usage) -> Request:
    told = span.attributes
    claude_code = _is_claude_code(span)
    model = text(
        told,
        "gen_ai.response.model",
        "llm.response.model",
        "ai.response.model",
        "gen_ai.request.model",
        "llm.request.model",
        "llm.model_name",
        "ai.model.id",
        "model",
    )
    if not model:
        raise UsageError("a span has token counts, but names no model", hint="set gen_ai.request.model")
    names = ("request_id",) if claude_code else ("gen_ai.response.id", "ai.response.id", "llm.response.id")
    request = Request(
        model,
        usage,
        at=moment(span.ended_at),
        provider=provider_of(told),
        task_type=text(told, "ai.telemetry.functionId", "task_type") or "unknown",
        source=CLAUDE_CODE if claude_code else OTLP,
        response_id=identity(text(told, *names), span.key),
    )
    return labelled(request, told, span.resource)

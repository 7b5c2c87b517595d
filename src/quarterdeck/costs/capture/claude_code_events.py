"""Claude Code's own telemetry, as OTLP's JSON has its events, to requests.

``claude_code.api_request`` is one answered request, exactly. The same requests come as spans
(``claude_code.llm_request``, a beta) under the same request id, so both may be sent. They also come as
metrics (``claude_code.token.usage``), summed up and without an identity: those are never counted.

An event names its answer by the request, a transcript by the message; `once` makes them one. Which was
recorded first stays, unless the other has more output. An event does not say how long what is written to the
cache is kept: it is priced as 5 minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.costs.capture.attributes import attributes_of, usage_of_claude_code
from quarterdeck.costs.capture.fields import field, items, text
from quarterdeck.costs.capture.reading import CLAUDE_CODE, Reading, identity, labelled, moment
from quarterdeck.costs.model import Request
from quarterdeck.costs.money import stated_price
from quarterdeck.errors import UsageError

if TYPE_CHECKING:
    from quarterdeck.costs.capture.attributes import Attributes

EVENT = "claude_code.api_request"
SCOPE = "com.anthropic.claude_code"


def read_events(document: object) -> Reading:
    """The requests of an export of logs (``ExportLogsServiceRequest`` as JSON); no other events."""
    requests, rejected, message = [], 0, ""
    for of_resource in items(field(document, "resourceLogs")):
        resource = attributes_of(field(field(of_resource, "resource"), "attributes"))
        for of_scope in items(field(of_resource, "scopeLogs")):
            scope = text(field(of_scope, "scope"), "name")
            for event in items(field(of_scope, "logRecords")):
                told = attributes_of(field(event, "attributes"))
                if not _is_request(event, told, scope):
                    continue
                try:
                    requests.append(_request(event, told, resource))
                except UsageError as error:
                    rejected, message = rejected + 1, error.message
    return Reading(requests, rejected, message)


def _is_request(event: object, told: Attributes, scope: str) -> bool:
    if EVENT in {text(event, "eventName"), text(field(event, "body"), "stringValue")}:
        return True
    name = text(told, "event.name")
    return name == EVENT or (name == "api_request" and scope.startswith(SCOPE))


def _request(event: object, told: Attributes, resource: Attributes) -> Request:
    usage, model = usage_of_claude_code(told), text(told, "model")
    if usage is None or not model:
        raise UsageError(f"a {EVENT} without token counts or model", hint="update Claude Code")
    span = (text(event, "traceId").lower(), text(event, "spanId").lower())
    request = Request(
        model,
        usage,
        at=moment(field(event, "timeUnixNano", "observedTimeUnixNano")),
        service_tier="fast" if text(told, "speed") == "fast" else "",
        source=CLAUDE_CODE,
        response_id=identity(text(told, "request_id"), span),
        cost_picousd=stated_price(field(told, "cost_usd")),
    )
    return labelled(request, told, resource)

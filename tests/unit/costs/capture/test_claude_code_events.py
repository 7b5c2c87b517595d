"""Claude Code's events, as version 2.1 was recorded to send them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from quarterdeck.costs.capture.claude_code_events import read_events
from quarterdeck.costs.capture.reading import Reading
from quarterdeck.costs.capture.spans import Nesting, read_spans
from quarterdeck.costs.model import Usage

REQUEST_ID = "req_011CfpSK96NthX9vPNsW9X2b"
API_REQUEST = [
    {"key": "user.id", "value": {"stringValue": "u1"}},
    {"key": "session.id", "value": {"stringValue": "eec3945a-5a85-4c3c-9aa2-39e4b8445cef"}},
    {"key": "event.name", "value": {"stringValue": "api_request"}},
    {"key": "event.sequence", "value": {"intValue": 15}},
    {"key": "model", "value": {"stringValue": "claude-haiku-4-5"}},
    {"key": "input_tokens", "value": {"intValue": 2}},
    {"key": "output_tokens", "value": {"intValue": "4"}},
    {"key": "cache_read_tokens", "value": {"intValue": 9179}},
    {"key": "cache_creation_tokens", "value": {"intValue": 13356}},
    {"key": "cost_usd", "value": {"doubleValue": 0.0027651900000000003}},
    {"key": "request_id", "value": {"stringValue": REQUEST_ID}},
    {"key": "speed", "value": {"stringValue": "normal"}},
    {"key": "query_source", "value": {"stringValue": "sdk"}},
]


def event(*, name: str = "claude_code.api_request", without: str = "", **changed: Any) -> dict[str, Any]:
    kept = [each for each in API_REQUEST if each["key"] not in {without, *changed}]
    kept += [{"key": key, "value": value} for key, value in changed.items()]
    return {
        "timeUnixNano": "1791447318137000000", "observedTimeUnixNano": "1791447318137000000",
        "body": {"stringValue": name}, "attributes": kept, "droppedAttributesCount": 0,
    }  # fmt: skip


def export(*events: dict[str, Any], scope: str = "com.anthropic.claude_code.events") -> dict[str, Any]:
    resource = [
        {"key": "service.name", "value": {"stringValue": "claude-code"}},
        {"key": "project", "value": {"stringValue": "shop"}},
    ]
    return {
        "resourceLogs": [
            {
                "resource": {"attributes": resource},
                "scopeLogs": [{"scope": {"name": scope, "version": "2.1.294"}, "logRecords": list(events)}],
            }
        ]
    }


def test_an_api_request_is_one_request_with_its_cache():
    """Anthropic counts input without it."""
    [request] = read_events(export(event())).requests
    assert (request.model, request.provider) == ("claude-haiku-4-5", "")
    assert request.usage == Usage(2 + 9179 + 13356, 4, 9179, 13356)
    assert request.at == datetime(2026, 10, 8, 8, 15, 18, 137_000, tzinfo=UTC)
    assert (request.session, request.user) == ("eec3945a-5a85-4c3c-9aa2-39e4b8445cef", "u1")
    assert (request.project, request.source, request.service_tier) == ("shop", "claude-code", "")
    assert request.tags == {"service": "claude-code", "query_source": "sdk"}
    assert (request.response_id, request.cost_picousd) == (REQUEST_ID, 2_765_190_000)


def test_the_event_and_the_span_of_one_request_have_one_identity():
    """So both may be sent."""
    span = {
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331",
        "name": "claude_code.llm_request", "attributes": event()["attributes"],
    }  # fmt: skip
    traces = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    [of_span] = read_spans(traces, Nesting()).requests
    [of_event] = read_events(export(event())).requests
    assert of_span.response_id == of_event.response_id
    assert (of_span.usage, of_span.source) == (of_event.usage, of_event.source)


def test_fast_mode_is_a_service_tier():
    """It has a price of its own."""
    assert read_events(export(event(speed={"stringValue": "fast"}))).requests[0].service_tier == "fast"


def test_other_events_are_no_requests():
    """An answer is one, its prompt and its tools are not."""
    others = [
        event(name=f"claude_code.{name}", without="event.name") for name in ("user_prompt", "tool_result")
    ]
    assert read_events(export(*others)) == Reading([])
    assert read_events(export(event(name="api_request"), scope="another.program")) == Reading([])


def test_the_name_may_stand_in_each_of_its_places():
    """In the body, as the event's name, or as an attribute under Claude Code's scope."""
    named = {**event(name=""), "eventName": "claude_code.api_request"}
    assert len(read_events(export(named, event(name=""))).requests) == 2


@pytest.mark.parametrize(
    "changed", [{"input_tokens": {"intValue": "-3"}}, {"output_tokens": {"stringValue": "x"}}]
)
def test_an_event_with_an_impossible_count_is_rejected_alone(changed):
    """The sender is told which."""
    reading = read_events(export(event(**changed), event()))
    assert (len(reading.requests), reading.rejected) == (1, 1)
    assert "_tokens" in reading.message


def test_an_event_without_a_model_is_rejected():
    """It could never have a price."""
    assert read_events(export(event(without="model"))).rejected == 1


@pytest.mark.parametrize(
    "document",
    [{}, {"resourceLogs": 3}, {"resourceLogs": [{"scopeLogs": [{"logRecords": [None, {"body": []}]}]}]}],
)
def test_json_of_another_shape_holds_nothing(document):
    """And raises nothing."""
    assert read_events(document) == Reading([])

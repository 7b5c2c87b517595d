"""Whatever JSON arrives under the names that capture reads, it is counted, left out or refused by name."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.costs.capture import attributes
from quarterdeck.costs.capture.claude_code_events import read_events
from quarterdeck.costs.capture.extract_usage import extract_usage
from quarterdeck.costs.capture.spans import Nesting, read_spans
from quarterdeck.costs.line import encode, timestamp
from quarterdeck.costs.model import Request, checked
from quarterdeck.costs.record import decode
from quarterdeck.errors import UsageError

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(0, 5000), st.floats(), st.text(max_size=20)
)
FIELDS = st.sampled_from(
    [
        "usage", "usage_metadata", "usageMetadata", "response", "metadata", "model", "id", "output", "action",
        "prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens", "inputTokens",
        "outputTokens", "promptTokenCount", "thoughtsTokenCount", "prompt_tokens_details", "cached_tokens",
        "input_tokens_details", "input_token_details", "cache_read", "cacheDetails", "cache_creation",
        "cache_read_input_tokens", "cache_creation_input_tokens", "promptTokensDetails", "tokenCount",
        "modality",
        "completion_tokens_details", "reasoning_tokens", "service_tier", "speed", "cost", "response_metadata",
    ]
)  # fmt: skip
RESPONSES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=8),
    max_leaves=20,
)

NAMES = st.sampled_from(
    [
        *attributes.INPUT, *attributes.OUTPUT, *attributes.CACHE_READ, *attributes.CACHE_WRITE,
        *attributes.REASONING, "gen_ai.operation.name", "gen_ai.response.id", "gen_ai.request.model", "model",
        "ai.operationId", "ai.response.providerMetadata", "event.name", "input_tokens", "cache_read_tokens",
        "cost_usd", "request_id", "span.type", "session.id", "gen_ai.provider.name",
    ]
)  # fmt: skip
VALUES = st.one_of(
    SCALARS,
    st.dictionaries(
        st.sampled_from(["intValue", "stringValue", "doubleValue", "boolValue"]), SCALARS, max_size=2
    ),
    st.sampled_from(
        [
            {"stringValue": name}
            for name in ("chat", "llm_request", "claude_code.api_request", "m", "anthropic")
        ]
    ),
)
TOLD = st.lists(st.fixed_dictionaries({"key": NAMES, "value": VALUES}), max_size=12)
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "attributes": TOLD,
        "traceId": SCALARS,
        "spanId": SCALARS,
        "parentSpanId": SCALARS,
        "kind": SCALARS,
        "name": SCALARS | st.just("claude_code.llm_request"),
        "body": VALUES | st.just({"stringValue": "claude_code.api_request"}),
        "endTimeUnixNano": SCALARS,
        "timeUnixNano": SCALARS,
    },
)


def is_fit_for_the_journal(request: Request) -> bool:
    """Whether it can be written as a line, and read again as it was."""
    at = timestamp(request.at) if request.at else "2026-11-22T20:28:28.583+00:00"
    line = encode(request, at=at, provider="", tier="", card="", cost_picousd=None)
    return decode(line).usage == checked(request.usage) and bool(request.model)


@given(RESPONSES)
def test_a_response_is_read_or_refused(response):
    """Never a traceback, never counts that cannot be meant."""
    try:
        found = extract_usage(response)
    except UsageError:
        return
    assert checked(found.usage) == found.usage


@given(st.lists(ENTRY, max_size=4))
def test_telemetry_is_counted_left_out_or_rejected(entries):
    """What is counted can be written down."""
    sent = json.dumps(
        {
            "resourceSpans": [{"scopeSpans": [{"spans": entries}]}],
            "resourceLogs": [{"scopeLogs": [{"logRecords": entries}]}],
        }
    )
    document = json.loads(sent)
    for reading in (read_spans(document, Nesting()), read_events(document)):
        assert all(map(is_fit_for_the_journal, reading.requests))
        assert len(reading.requests) + reading.rejected <= len(entries)

"""Spans of the instrumentations there are, and what of them counts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from quarterdeck.costs.capture.reading import Reading
from quarterdeck.costs.capture.spans import Nesting, read_spans
from quarterdeck.costs.model import MAX_TOKENS, Usage

TRACE = "5b8efff798038103d269b633813fc60c"
ENDED = 1_763_294_401_500_000_000


def value_of(value: object) -> dict[str, object]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}


def attributes(pairs: dict[str, Any]) -> list[dict[str, object]]:
    return [{"key": key, "value": value_of(value)} for key, value in pairs.items()]


def span(
    told: dict[str, Any], *, own: str = "eee19b7ec3c1b174", parent: str = "", **fields: object
) -> dict[str, Any]:
    return {
        "traceId": TRACE, "spanId": own, "parentSpanId": parent, "name": "a span", "kind": 1,
        "startTimeUnixNano": "1763294400000000000", "endTimeUnixNano": str(ENDED),
        "attributes": attributes(told), **fields,
    }  # fmt: skip


def export(*spans: dict[str, Any], **resource: Any) -> dict[str, Any]:
    named = {key.replace("_", "."): value for key, value in resource.items()}
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": attributes(named)},
                "scopeSpans": [{"scope": {"name": "a.scope"}, "spans": list(spans)}],
            }
        ]
    }


def read(*spans: dict[str, Any], nesting: Nesting | None = None, **resource: Any) -> Reading:
    return read_spans(export(*spans, **resource), Nesting() if nesting is None else nesting)


CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-5",
    "gen_ai.response.model": "gpt-5-2025-08-07",
    "gen_ai.response.id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 20,
}

DIALECTS: dict[str, tuple[dict[str, Any], Usage, str]] = {
    "conventions": (
        CHAT | {
            "gen_ai.usage.cache_read.input_tokens": 30, "gen_ai.usage.cache_creation.input_tokens": 10,
            "gen_ai.usage.reasoning.output_tokens": 7, "gen_ai.usage.audio.input_tokens": 3,
        },
        Usage(100, 20, 30, 10, reasoning_output_tokens=7, input_audio_tokens=3), "openai",
    ),
    "conventions as they were": (
        {
            "gen_ai.operation.name": "chat", "gen_ai.system": "aws.bedrock", "gen_ai.request.model": "m",
            "gen_ai.usage.prompt_tokens": 5, "gen_ai.usage.completion_tokens": 6,
        },
        Usage(5, 6), "aws",
    ),
    "embeddings": (
        {
            "gen_ai.operation.name": "embeddings", "gen_ai.provider.name": "gcp.vertex_ai",
            "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 8,
        },
        Usage(8, 0), "google",
    ),
    "pydantic ai": (
        CHAT | {
            "gen_ai.usage.details.cache_read_tokens": 84, "gen_ai.usage.details.cache_write_tokens": 5,
            "gen_ai.usage.details.reasoning_tokens": 6,
        },
        Usage(100, 20, 84, 5, reasoning_output_tokens=6), "openai",
    ),
    "traceloop": (
        {
            "llm.request.type": "chat", "gen_ai.system": "Anthropic",
            "gen_ai.request.model": "claude-haiku-4-5",
            "gen_ai.usage.prompt_tokens": 1163, "gen_ai.usage.completion_tokens": 187,
            "gen_ai.usage.cache_read_input_tokens": 1149, "gen_ai.usage.cache_creation_input_tokens": 10,
        },
        Usage(1163, 187, 1149, 10), "anthropic",
    ),
    "traceloop as it was": (
        {
            "llm.request.type": "completion", "llm.request.model": "m",
            "llm.usage.prompt_tokens": 11, "llm.usage.completion_tokens": 12,
        },
        Usage(11, 12), "",
    ),
    "openinference": (
        {
            "openinference.span.kind": "LLM", "llm.model_name": "claude-sonnet-4-5",
            "llm.provider": "anthropic",
            "llm.token_count.prompt": 500, "llm.token_count.completion": 40,
            "llm.token_count.prompt_details.cache_read": 300,
            "llm.token_count.prompt_details.cache_write": 100,
            "llm.token_count.completion_details.reasoning": 4,
        },
        Usage(500, 40, 300, 100, reasoning_output_tokens=4), "anthropic",
    ),
    "vercel 5, anthropic": (
        {
            "ai.operationId": "ai.generateText.doGenerate", "ai.model.id": "claude-sonnet-4-5",
            "ai.model.provider": "anthropic.messages", "gen_ai.system": "anthropic.messages",
            "gen_ai.usage.input_tokens": 12, "gen_ai.usage.output_tokens": 9,
            "ai.usage.promptTokens": 12, "ai.usage.completionTokens": 9, "ai.usage.cachedInputTokens": 6,
            "ai.response.providerMetadata": '{"anthropic":{"cacheCreationInputTokens":4}}',
        },
        Usage(12 + 6 + 4, 9, 6, 4), "anthropic",
    ),
    "vercel 5, anthropic, as generateText has it": (
        {
            "ai.operationId": "ai.generateText.doGenerate", "ai.model.id": "claude-sonnet-4-5",
            "ai.model.provider": "anthropic.messages",
            "ai.usage.promptTokens": 12, "ai.usage.completionTokens": 9,
            "ai.response.providerMetadata": '{"anthropic":{"usage":{"cache_read_input_tokens":6}}}',
        },
        Usage(12 + 6, 9, 6), "anthropic",
    ),
    "vercel 5, with metadata cut off": (
        {
            "ai.operationId": "ai.generateText.doGenerate", "ai.model.id": "claude-sonnet-4-5",
            "ai.usage.promptTokens": 12, "ai.response.providerMetadata": '{"anthropic":{"usa',
        },
        Usage(12, 0), "",
    ),
    "vercel 6, anthropic": (
        {
            "ai.operationId": "ai.streamText.doStream", "ai.model.id": "claude-sonnet-4-5",
            "ai.model.provider": "anthropic.messages", "ai.usage.inputTokens": 22, "ai.usage.outputTokens": 9,
            "ai.usage.inputTokenDetails.cacheReadTokens": 6, "ai.usage.inputTokenDetails.cacheWriteTokens": 4,
        },
        Usage(22, 9, 6, 4), "anthropic",
    ),
    "vercel 5, openai": (
        {
            "ai.operationId": "ai.streamText.doStream", "ai.model.id": "gpt-5",
            "ai.model.provider": "openai.responses",
            "ai.usage.inputTokens": 22, "ai.usage.outputTokens": 9, "ai.usage.cachedInputTokens": 6,
        },
        Usage(22, 9, 6), "openai",
    ),
    "vercel embedding": (
        {
            "ai.operationId": "ai.embed.doEmbed", "ai.model.id": "text-embedding-3-small",
            "ai.model.provider": "openai.embedding", "ai.usage.tokens": 5,
        },
        Usage(5, 0), "openai",
    ),
    "claude code": (
        {
            "span.type": "llm_request", "gen_ai.system": "anthropic", "gen_ai.request.model": "claude-opus-5",
            "model": "claude-opus-5", "input_tokens": 2, "output_tokens": 1200,
            "cache_read_tokens": 84_562, "cache_creation_tokens": 7096,
        },
        Usage(2 + 84_562 + 7096, 1200, 84_562, 7096), "anthropic",
    ),
    "anthropic's own counts under the conventions' names": (
        CHAT | {"gen_ai.usage.cache_read.input_tokens": 5000},
        Usage(5100, 20, 5000), "openai",
    ),
    "reasoning beside the output": (
        CHAT | {"gen_ai.usage.reasoning_tokens": 50},
        Usage(100, 70, reasoning_output_tokens=50), "openai",
    ),
}  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_instrumentation_is_understood(dialect):
    """Whatever it calls them, totals contain their parts and the provider has one name."""
    told, usage, provider = DIALECTS[dialect]
    [request] = read(span(told)).requests
    assert request.usage == usage
    assert request.provider == provider


def test_a_number_may_come_as_a_number_or_a_string():
    """Proto3's JSON has strings; some exporters write numbers."""
    told = span(CHAT)
    for attribute in told["attributes"]:
        if "intValue" in attribute["value"]:
            attribute["value"]["intValue"] = int(attribute["value"]["intValue"])
    assert read(told) == read(span(CHAT))


@pytest.mark.parametrize("digits", ["--5", "5-", "٣", "1_0", " 7", "", "9" * 5000, "0x1"])
def test_a_string_that_is_no_number_is_rejected(digits):
    """What Python would read as one, or stumble over, is not therefore one."""
    told = span(CHAT)
    told["attributes"].append({"key": "gen_ai.usage.input_tokens", "value": {"intValue": digits}})
    assert read(told).rejected == 1


def test_long_metadata_is_read_to_its_end():
    """It may hold more than a label may."""
    metadata = '{"anthropic":{"signature":"%s","cacheCreationInputTokens":4}}' % ("x" * 10_000)
    told, usage, _ = DIALECTS["vercel 5, anthropic"]
    assert read(span({**told, "ai.response.providerMetadata": metadata})).requests[0].usage == usage


def test_a_span_says_who_asked_and_when():
    """Session, user, project and tags, from the span or its resource."""
    told = CHAT | {"session.id": "s1", "user.id": "u1", "gen_ai.agent.name": "triage"}
    [request] = read(span(told), service_name="shop").requests
    assert (request.session, request.user, request.project) == ("s1", "u1", "shop")
    assert request.tags == {"service": "shop", "agent": "triage"}
    assert (request.model, request.source) == ("gpt-5-2025-08-07", "otlp")
    assert request.at == datetime(2025, 11, 16, 12, 0, 1, 500_000, tzinfo=UTC)


def test_the_span_wins_over_its_resource_and_a_named_project_over_the_service():
    """The conversation is the session where there is no other."""
    told = CHAT | {"gen_ai.conversation.id": "conv_1"}
    [request] = read(span(told), service_name="shop", project="checkout", user_id="u2").requests
    assert (request.session, request.user, request.project) == ("conv_1", "u2", "checkout")


def test_a_service_that_nobody_named_is_no_project():
    """An SDK writes unknown_service and the program's name."""
    [request] = read(span(CHAT), service_name="unknown_service:node").requests
    assert request.project == ""


class TestIdentity:
    def test_it_is_the_providers_where_that_is_unique(self):
        """The same request, seen by litellm or in a response, has it too."""
        assert read(span(CHAT)).requests[0].response_id == CHAT["gen_ai.response.id"]

    def test_else_it_is_the_span(self):
        """A retried export is the same span."""
        told = {**CHAT, "gen_ai.response.id": "chatcmpl-7"}
        assert read(span(told)).requests[0].response_id == f"{TRACE}:eee19b7ec3c1b174"

    def test_a_span_that_is_sent_twice_is_the_same_request(self):
        """Exporters repeat what they had no answer to."""
        nesting = Nesting()
        assert read(span(CHAT), nesting=nesting) == read(span(CHAT), nesting=nesting)


AROUND: dict[str, dict[str, Any]] = {
    "an agent": {"gen_ai.operation.name": "invoke_agent"},
    "a workflow": {"gen_ai.operation.name": "invoke_workflow"},
    "a tool": {"gen_ai.operation.name": "execute_tool"},
    "vercel's outer span": {"ai.operationId": "ai.generateText"},
    "an openinference chain": {"openinference.span.kind": "CHAIN"},
    "a traceloop workflow": {"traceloop.span.kind": "workflow"},
    "a langfuse agent": {"langfuse.observation.type": "agent"},
}
COUNTS = {"gen_ai.request.model": "gpt-5", "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 20}


class TestSpansAroundRequests:
    @pytest.mark.parametrize("what", AROUND)
    def test_what_sums_up_its_children_is_not_counted(self, what):
        """Each says what it is."""
        outer = span(COUNTS | AROUND[what], own="aaaaaaaaaaaaaaaa", kind=3)
        inner = span(CHAT, parent="aaaaaaaaaaaaaaaa")
        assert [request.usage for request in read(outer, inner).requests] == [Usage(100, 20)]
        assert read(outer).message == ""

    def test_a_client_span_that_does_not_say_what_it_is_counts(self):
        """So the conventions ask for requests to be."""
        assert len(read(span(COUNTS, kind="SPAN_KIND_CLIENT")).requests) == 1

    def test_an_inner_span_that_does_not_say_what_it_is_is_reported(self):
        """It may be a sum: the sender is told."""
        reading = read(span(COUNTS, kind=1))
        assert (reading.requests, reading.rejected) == ([], 0)
        assert "1 span with token counts left out" in reading.message

    def test_of_two_libraries_that_see_one_request_the_inner_counts(self):
        """Spans of other kinds may lie between them."""
        outer = span({**COUNTS, "openinference.span.kind": "LLM"}, own="aaaaaaaaaaaaaaaa")
        between = span({}, own="bbbbbbbbbbbbbbbb", parent="aaaaaaaaaaaaaaaa")
        inner = span(CHAT, own="cccccccccccccccc", parent="bbbbbbbbbbbbbbbb")
        [request] = read(outer, between, inner).requests
        assert request.response_id == CHAT["gen_ai.response.id"]

    def test_the_outer_span_may_arrive_in_a_later_export(self):
        """It ends later; so may those between."""
        nesting = Nesting()
        inner = span(CHAT, own="cccccccccccccccc", parent="bbbbbbbbbbbbbbbb")
        between = span({}, own="bbbbbbbbbbbbbbbb", parent="aaaaaaaaaaaaaaaa")
        outer = span({**COUNTS, "openinference.span.kind": "LLM"}, own="aaaaaaaaaaaaaaaa")
        found = [len(read(each, nesting=nesting).requests) for each in (inner, between, outer)]
        assert found == [1, 0, 0]

    def test_siblings_all_count(self):
        """An agent's calls are requests of their own."""
        spans = [
            span({**CHAT, "gen_ai.response.id": ""}, own=f"{number:016x}", parent="aaaaaaaaaaaaaaaa")
            for number in range(1, 6)
        ]
        assert len({request.response_id for request in read(*spans).requests}) == 5

    def test_spans_that_name_each_other_as_parents_end(self):
        """A loop is nonsense, and no endless one."""
        loop = [
            span({}, own="aaaaaaaaaaaaaaaa", parent="bbbbbbbbbbbbbbbb"),
            span({}, own="bbbbbbbbbbbbbbbb", parent="aaaaaaaaaaaaaaaa"),
            span(CHAT, own="cccccccccccccccc", parent="aaaaaaaaaaaaaaaa"),
        ]
        assert len(read(*loop).requests) == 1

    def test_no_more_than_a_bounded_number_is_remembered(self):
        """However long the receiver runs."""
        nesting = Nesting()
        for batch in range(5):
            spans = [span({}, own="f" * 16, parent="0" * 16)]
            spans += [
                span(CHAT, own=f"{batch:08x}{number:08x}", parent=f"{batch + 8:08x}{number:08x}")
                for number in range(5000)
            ]
            read(*spans, nesting=nesting)
        assert len(nesting._around) == 20_000

    @pytest.mark.parametrize(
        "told", [{}, {"model": "claude-opus-5"}, {"input_tokens": 0, "output_tokens": 0}]
    )
    def test_a_request_that_says_nothing_or_used_nothing_is_passed_over(self, told):
        """One that failed, for example."""
        assert read(span(told, name="claude_code.llm_request")) == Reading([])


class TestWhatCannotBeMeant:
    @pytest.mark.parametrize("value", [-1, MAX_TOKENS + 1, 1.5, "many", True, float("nan")])
    def test_a_span_with_an_impossible_count_is_rejected_alone(self, value):
        """The others of the export are kept, and the sender is told which field."""
        wrong = span({**CHAT, "gen_ai.usage.input_tokens": value}, own="aaaaaaaaaaaaaaaa")
        reading = read(wrong, span(CHAT))
        assert (len(reading.requests), reading.rejected) == (1, 1)
        assert "input_tokens" in reading.message

    def test_a_span_without_a_model_is_rejected(self):
        """It could never have a price."""
        told = {name: value for name, value in CHAT.items() if not name.endswith(".model")}
        reading = read(span(told))
        assert (reading.requests, reading.rejected) == ([], 1)
        assert "names no model" in reading.message

    @pytest.mark.parametrize("ended_at", ["1763294401", "x", "9" * 40, -5, 2**80, "1e18"])
    def test_a_time_that_is_none_is_rejected(self, ended_at):
        """Seconds in the place of nanoseconds, for example."""
        assert read(span(CHAT, endTimeUnixNano=ended_at)).rejected == 1

    @pytest.mark.parametrize("ended_at", [None, 0, "0", [], {}])
    def test_without_a_time_it_is_now(self, ended_at):
        """The span has just ended."""
        assert read(span(CHAT, endTimeUnixNano=ended_at)).requests[0].at is None

    @pytest.mark.parametrize(
        "document",
        [
            {}, {"resourceSpans": None}, {"resourceSpans": {}}, {"resourceSpans": [None, 1, "x", [], {}]},
            {"resourceSpans": [{"resource": [], "scopeSpans": [{"spans": [None, {"attributes": {}}]}]}]},
            {"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": [{"key": 1}, {"value": 2}]}]}]}]},
            {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": 3, "spanId": [], "kind": {}}]}]}]},
        ],
    )  # fmt: skip
    def test_json_of_another_shape_holds_nothing(self, document):
        """And raises nothing."""
        assert read_spans(document, Nesting()) == Reading([])

    def test_a_kind_of_another_type_is_none(self):
        """Lists and objects are compared with nothing."""
        kinds: list[object] = [[], {}, None, 3.5]
        for kind in kinds:
            assert read(span(COUNTS, kind=kind)).requests == []

"""What a response says it used, as the SDKs' own types have it.

tests/data/costs/responses_of_sdks.json holds what openai 2.54.0, anthropic 2.12.0, google-genai 3.4.0,
langchain-core 1.7.2 and litellm 1.106.2 serialise themselves, and JSON as other providers document it.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

from quarterdeck.costs.capture.extract_usage import extract_usage, request_from
from quarterdeck.costs.model import MAX_TOKENS, Usage
from quarterdeck.errors import UsageError

RESPONSES: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "data" / "costs" / "responses_of_sdks.json").read_text("utf-8")
)
CHAT = RESPONSES["openai chat"]

EXPECTED = {
    "openai chat": Usage(2006, 300, 1920, reasoning_output_tokens=128, input_audio_tokens=4),
    "openai chat chunk": Usage(19, 10),
    "openai responses": Usage(328, 52, 100, 20, reasoning_output_tokens=40, web_searches=1),
    "openai embeddings": Usage(8, 0),
    "anthropic messages": Usage(21 + 1000 + 188_086, 393, 1000, 188_086, 100_000, web_searches=3),
    "gemini rest": Usage(
        540, 100, 200, reasoning_output_tokens=70, input_audio_tokens=60, cache_read_audio_tokens=50,
        input_image_tokens=40,
    ),
    "langchain": Usage(
        350, 240, 100, 200, reasoning_output_tokens=200, input_audio_tokens=10, output_audio_tokens=10
    ),
    "litellm": Usage(160, 20, 100, 50, 30, web_searches=2),
    "bedrock converse": Usage(530, 628, 100, 400, 300),
    "mistral": Usage(16, 34),
    "deepseek": Usage(16, 10, 12, reasoning_output_tokens=3),
    "xai chat": Usage(32, 9 + 214, 6, reasoning_output_tokens=214),
    "openrouter": Usage(19_611, 118, 84, reasoning_output_tokens=76),
    "realtime": Usage(132, 121, 64, input_audio_tokens=13, output_audio_tokens=91, cache_read_audio_tokens=4),
}  # fmt: skip
EXPECTED["gemini sdk"] = EXPECTED["gemini rest"]


def as_objects(value: Any) -> Any:
    """JSON as an SDK's objects have it: attributes for keys."""
    if isinstance(value, dict):
        return SimpleNamespace(**{key: as_objects(inner) for key, inner in value.items()})
    return [as_objects(inner) for inner in value] if isinstance(value, list) else value


def with_usage(**counts: object) -> dict[str, object]:
    return {"model": "a-model", "usage": counts}


def test_every_sample_has_an_expectation():
    """A response that is added to the file is also tested."""
    assert RESPONSES.keys() == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_totals_contain_their_parts_whoever_writes_them(name):
    """Each notation is brought to one meaning: input with its cache, output with its reasoning."""
    assert extract_usage(RESPONSES[name]).usage == EXPECTED[name]


@pytest.mark.parametrize("name", EXPECTED)
def test_objects_are_read_as_their_json_is(name):
    """An SDK's object and the JSON it came from say the same."""
    assert extract_usage(as_objects(RESPONSES[name])) == extract_usage(RESPONSES[name])


@pytest.mark.parametrize(
    "name, model, provider, response_id, service_tier",
    [
        ("openai chat", "gpt-4o-2024-08-06", "", "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT", "flex"),
        ("openai responses", "gpt-5-2025-08-07", "", RESPONSES["openai responses"]["id"], ""),
        ("openai embeddings", "text-embedding-3-small", "", "", ""),
        ("anthropic messages", "claude-sonnet-4-5-20250929", "", "msg_013Zva2CMHLNnXjNJJKqJ2EF", "batch"),
        ("gemini rest", "gemini-2.5-pro", "google", "mAitaLmkHPPlz7IPvtfUqQ4", ""),
        ("gemini sdk", "gemini-2.5-pro", "google", "mAitaLmkHPPlz7IPvtfUqQ4", ""),
        ("langchain", "gpt-5", "openai", "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT", "priority"),
        ("bedrock converse", "", "aws", "6f1a2b3c-1111-4a4a-9b9b-0123456789ab", ""),
    ],
)
def test_the_answer_names_itself(name, model, provider, response_id, service_tier):
    """Model, identity and service tier stand where each SDK puts them."""
    found = extract_usage(RESPONSES[name])
    assert (found.model, found.provider, found.response_id, found.service_tier) == (
        model,
        provider,
        response_id,
        service_tier,
    )


def test_the_final_event_of_a_stream_is_its_response():
    """OpenAI's response.completed and Bedrock's metadata event hold the answer within."""
    event = {"type": "response.completed", "response": RESPONSES["openai responses"]}
    assert extract_usage(event) == extract_usage(RESPONSES["openai responses"])
    counts = {"usage": RESPONSES["bedrock converse"]["usage"]}
    assert extract_usage({"metadata": counts}).usage == EXPECTED["bedrock converse"]


def test_an_earlier_event_of_a_stream_is_no_zero():
    """Anthropic's message_start has no answer yet, and its older message_delta no input."""
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 5, "output_tokens": 1}}}
    delta = {"type": "message_delta", "usage": {"output_tokens": 15}}
    for event in (start, delta):
        with pytest.raises(UsageError, match="no token counts"):
            extract_usage(event)


def test_a_short_id_names_no_answer():
    """Ollama's chatcmpl-0 to chatcmpl-998 would make one answer of many."""
    assert extract_usage({**CHAT, "id": "chatcmpl-998"}).response_id == ""


def test_the_given_provider_wins():
    """Who was asked is known best by the caller."""
    assert extract_usage(RESPONSES["gemini rest"], provider="vertex_ai").provider == "vertex_ai"


def test_fast_mode_is_a_service_tier():
    """Anthropic's speed changes the price as a tier does."""
    usage = {**RESPONSES["anthropic messages"]["usage"], "speed": "fast"}
    assert extract_usage({**RESPONSES["anthropic messages"], "usage": usage}).service_tier == "fast"


def test_a_stated_price_is_kept_to_the_pico_dollar():
    """OpenRouter says what the request cost."""
    assert extract_usage(RESPONSES["openrouter"]).cost_picousd == 812_340_000
    for nonsense in (float("nan"), float("inf"), -1.0, "0.1", True, 1e300):
        assert extract_usage(with_usage(prompt_tokens=1, cost=nonsense)).cost_picousd is None


class TestReasoning:
    def test_inside_the_output_it_is_not_added(self):
        """OpenAI's completion_tokens contain it, as the total shows."""
        counts = {"completion_tokens_details": {"reasoning_tokens": 5}}
        found = extract_usage(with_usage(prompt_tokens=1, completion_tokens=9, total_tokens=10, **counts))
        assert found.usage.output_tokens == 9

    def test_the_answers_own_total_tells_that_it_is_apart(self):
        """Whoever the provider is."""
        counts = {"completion_tokens_details": {"reasoning_tokens": 5}}
        found = extract_usage(with_usage(prompt_tokens=1, completion_tokens=9, total_tokens=15, **counts))
        assert found.usage.output_tokens == 14

    def test_without_a_total_the_provider_tells(self):
        """XAI and Perplexity leave it out."""
        response = with_usage(
            prompt_tokens=1, completion_tokens=9, completion_tokens_details={"reasoning_tokens": 5}
        )
        assert extract_usage(response, provider="openai").usage.output_tokens == 9
        assert extract_usage(response, provider="x-ai").usage.output_tokens == 14


class Raises:
    """Every attribute of it raises."""

    def __getattribute__(self, name: str) -> object:
        raise RuntimeError(name)


class Lazy:
    """A property that raises beside one that answers."""

    @property
    def usage(self) -> object:
        return {"prompt_tokens": 3, "completion_tokens": 4}

    @property
    def model(self) -> str:
        raise ValueError("not loaded")


class TestHostileResponses:
    @pytest.mark.parametrize(
        "response",
        [
            None, 7, "usage", b"usage", [], {}, object(), Raises, {"usage": None}, {"usage": []},
            {"usage": {"seconds": 12, "type": "duration"}}, {"usage": Raises}, {"response": {"usage": {}}},
        ],
    )  # fmt: skip
    def test_what_has_no_counts_is_an_error_that_says_what_was_looked_for(self, response):
        """Never a zero, never a traceback of another kind."""
        with pytest.raises(UsageError, match=r"looked for usage\.prompt_tokens"):
            extract_usage(response)

    def test_an_object_that_raises_whatever_it_is_asked_is_no_response(self):
        """Even its class."""
        for response in (Raises(), {"usage": Raises()}, {"usage": {"prompt_tokens": Raises()}}):
            with pytest.raises(UsageError):
                extract_usage(response)

    @pytest.mark.parametrize("value", ["12", 1.5, float("nan"), float("inf"), True, [], {}, MagicMock()])
    def test_what_is_no_whole_number_is_named(self, value):
        """A count is not guessed at."""
        with pytest.raises(UsageError, match="prompt_tokens is not a whole number"):
            extract_usage(with_usage(prompt_tokens=value))

    @pytest.mark.parametrize("value", [-1, MAX_TOKENS + 1, 10**400, 1e300])
    def test_numbers_out_of_bounds_are_refused(self, value):
        """However they are written."""
        with pytest.raises(UsageError, match="input_tokens must be a whole number"):
            extract_usage(with_usage(prompt_tokens=value))

    def test_a_mock_is_no_response(self):
        """It has every attribute, and none is a number."""
        with pytest.raises(UsageError):
            extract_usage(MagicMock())

    def test_parts_that_exceed_their_total_are_refused(self):
        """Nothing says which of the two is wrong."""
        with pytest.raises(UsageError, match="more than input_tokens"):
            extract_usage(with_usage(prompt_tokens=5, prompt_tokens_details={"cached_tokens": 6}))

    def test_a_whole_number_written_as_a_float_is_one(self):
        """As gateways in languages with one kind of number write them."""
        assert extract_usage(with_usage(prompt_tokens=5.0, completion_tokens=2.0)).usage == Usage(5, 2)

    def test_a_field_that_raises_is_absent(self):
        """The others are still read."""
        found = extract_usage(Lazy())
        assert (found.model, found.usage) == ("", Usage(3, 4))

    def test_a_label_is_made_fit_for_a_line(self):
        """No half of a surrogate pair, and no end of it."""
        found = extract_usage({"model": "m\ud800" + "x" * 10_000, "usage": {"prompt_tokens": 1}})
        assert found.model.startswith("m?x")
        assert len(found.model.encode()) == 4096


class TestRequestFrom:
    def test_labels_and_what_the_response_says_make_a_request(self):
        """Ready to be recorded."""
        request = request_from(CHAT, provider="openai", project="search", tags={"team": "a"})
        assert (request.model, request.provider, request.project) == (CHAT["model"], "openai", "search")
        assert request.usage == EXPECTED["openai chat"]
        assert (request.response_id, request.tags) == (CHAT["id"], {"team": "a"})

    def test_a_label_wins_over_the_response(self):
        """The caller may know better."""
        assert request_from(CHAT, model="my-deployment").model == "my-deployment"

    def test_a_response_without_a_model_needs_one(self):
        """Bedrock converse answers without its name."""
        with pytest.raises(UsageError, match="names no model"):
            request_from(RESPONSES["bedrock converse"])
        request = request_from(RESPONSES["bedrock converse"], model="anthropic.claude-haiku-4-5")
        assert (request.model, request.provider) == ("anthropic.claude-haiku-4-5", "aws")

    def test_an_unknown_label_is_named(self):
        """Free labels are tags."""
        with pytest.raises(UsageError, match="'team'"):
            request_from(CHAT, team="a")

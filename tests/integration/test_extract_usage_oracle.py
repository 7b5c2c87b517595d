"""genai-prices reads usage out of responses too, of other authors' making: both must agree.

Where they do not, and why:

- It reads no identity, no service tier and no stated price.
- It does not count the searches of OpenAI's responses, which are items of the output; nor DeepSeek's own
  ``prompt_cache_hit_tokens``, where the OpenAI field beside it says the same.
- It always adds xAI's reasoning to the output; we ask the answer's own total first. Both agree on real ones.
- It reads only JSON with the providers' own key names: not the SDKs' objects, LangChain or litellm.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from genai_prices import extract_usage as oracle

from quarterdeck.costs.capture.extract_usage import extract_usage

RESPONSES: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "costs" / "responses_of_sdks.json").read_text("utf-8")
)

SAME = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_input_tokens": "cache_read_tokens",
    "cache_write_input_tokens": "cache_write_tokens",
    "cache_write_1h_input_tokens": "cache_write_1h_tokens",
    "reasoning_output_tokens": "output_reasoning_tokens",
    "input_audio_tokens": "input_audio_tokens",
    "output_audio_tokens": "output_audio_tokens",
    "cache_read_audio_tokens": "cache_audio_read_tokens",
    "input_image_tokens": "input_image_tokens",
    "output_image_tokens": "output_image_tokens",
    "web_searches": "web_searches",
}


def without_nulls(value: Any) -> Any:
    """*value* as the API sent it: the SDKs write what was absent as null, which the oracle refuses."""
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value


@pytest.mark.parametrize(
    "name, provider, flavor, differing",
    [
        ("openai chat", "openai", "chat", ()),
        ("openai chat", "azure", "chat", ()),
        ("openai responses", "openai", "responses", ("web_searches",)),
        ("openai embeddings", "openai", "embeddings", ()),
        ("realtime", "openai", "realtime", ()),
        ("anthropic messages", "anthropic", "default", ()),
        ("anthropic messages", "google", "anthropic", ("web_searches",)),
        ("gemini rest", "google", "default", ()),
        ("bedrock converse", "aws", "default", ()),
        ("mistral", "mistral", "default", ()),
        ("deepseek", "deepseek", "chat", ()),
        ("xai chat", "x-ai", "chat", ()),
        ("openrouter", "openrouter", "chat", ()),
    ],
)
def test_both_read_the_same_counts(name, provider, flavor, differing):
    """Each of our counts equals theirs, but for those named above."""
    ours = extract_usage(RESPONSES[name], provider=provider).usage._asdict()
    theirs = vars(oracle(without_nulls(RESPONSES[name]), provider_id=provider, api_flavor=flavor).usage)
    expected = {our_name: theirs.get(their_name) or 0 for our_name, their_name in SAME.items()}
    unequal = [count for count, value in ours.items() if value != expected[count]]
    assert unequal == list(differing)

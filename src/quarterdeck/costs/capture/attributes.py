"""How telemetry names what a request used, by whom; and what each of them counts in which total.

    gen_ai.usage.*               OpenTelemetry's GenAI conventions, now and as they were; with names of their
                                 own below it: Logfire, Pydantic AI, Traceloop, OpenLIT
    llm.usage.*                  Traceloop, earlier
    llm.token_count.*            OpenInference (Phoenix, Arize)
    ai.usage.*                   Vercel's AI SDK
    input_tokens, …              Claude Code's own spans and events

Cache reads and writes are part of the input tokens, as the conventions ask for, except:

    Claude Code                                        reports Anthropic's own counts: the cache is added
    Vercel's AI SDK before 6, Anthropic and Bedrock    the same; 6 and later also write inputTokenDetails.*
    any source where the parts exceed the total        they cannot be parts of it: added

and reasoning is part of the output tokens, except where it exceeds them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TypeAlias

from quarterdeck.costs.capture.fields import count, field, items, text
from quarterdeck.costs.model import Usage, checked
from quarterdeck.costs.pricing.model_names import SELLERS

Attributes: TypeAlias = Mapping[str, object]

_MAX_DEPTH = 64
"""Of lists of keys and values in one another; what lies deeper is left out."""

_WHOLE = re.compile(r"-?[0-9]{1,19}")

_GEN_AI = "gen_ai.usage."
INPUT = (
    f"{_GEN_AI}input_tokens", f"{_GEN_AI}prompt_tokens", "llm.usage.prompt_tokens", "llm.token_count.prompt",
    "ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens",
)  # fmt: skip
OUTPUT = (
    f"{_GEN_AI}output_tokens", f"{_GEN_AI}completion_tokens", "llm.usage.completion_tokens",
    "llm.token_count.completion", "ai.usage.outputTokens", "ai.usage.completionTokens",
)  # fmt: skip
CACHE_READ = (
    f"{_GEN_AI}cache_read.input_tokens", f"{_GEN_AI}cache_read_input_tokens", f"{_GEN_AI}cache_read_tokens",
    f"{_GEN_AI}input_cached_tokens", f"{_GEN_AI}cached_input_tokens",
    f"{_GEN_AI}details.cache_read_tokens", f"{_GEN_AI}details.cache_read_input_tokens",
    f"{_GEN_AI}details.cached_tokens", "llm.usage.cache_read_input_tokens",
    "llm.token_count.prompt_details.cache_read",
    "ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.cachedInputTokens",
)  # fmt: skip
CACHE_WRITE = (
    f"{_GEN_AI}cache_creation.input_tokens", f"{_GEN_AI}cache_write.input_tokens",
    f"{_GEN_AI}cache_creation_input_tokens", f"{_GEN_AI}cache_write_tokens",
    f"{_GEN_AI}details.cache_write_tokens", f"{_GEN_AI}details.cache_creation_input_tokens",
    "llm.usage.cache_creation_input_tokens", "llm.token_count.prompt_details.cache_write",
    "ai.usage.inputTokenDetails.cacheWriteTokens",
)  # fmt: skip
REASONING = (
    f"{_GEN_AI}reasoning.output_tokens", f"{_GEN_AI}reasoning_tokens", f"{_GEN_AI}details.reasoning_tokens",
    f"{_GEN_AI}details.thoughts_tokens", "llm.usage.reasoning_tokens",
    "llm.token_count.completion_details.reasoning",
    "ai.usage.outputTokenDetails.reasoningTokens", "ai.usage.reasoningTokens",
)  # fmt: skip
INPUT_AUDIO = (f"{_GEN_AI}audio.input_tokens", "llm.token_count.prompt_details.audio")
OUTPUT_AUDIO = (f"{_GEN_AI}audio.output_tokens", "llm.token_count.completion_details.audio")
INPUT_IMAGE = (f"{_GEN_AI}image.input_tokens",)

PROVIDERS = SELLERS | {
    "amazon-bedrock": "aws",
    "aws_bedrock": "aws",
    "az.ai.inference": "azure",
    "az.ai.openai": "azure",
    "azure-openai": "azure",
    "azure_openai": "azure",
    "gcp": "google",
    "github": "github-copilot",
    "google_genai": "google",
    "mistralai": "mistral",
    "vertex": "google",
    "vertexai": "google",
}
"""Names that telemetry gives a provider, and ours; of ``openai.responses`` the part before the dot counts."""

WITHOUT_CACHE = frozenset({"anthropic", "aws"})
"""Providers whose own input count leaves out the cache."""


def attributes_of(entries: object, depth: int = 0) -> dict[str, object]:
    """OTLP's list of keys and values as a dict; whole numbers may come as strings (``intValue``)."""
    found: dict[str, object] = {}
    for entry in items(entries):
        key, value = field(entry, "key"), field(entry, "value")
        if isinstance(key, str) and isinstance(value, dict):
            found[key] = _value(value, depth)
    return found


def _value(value: dict[str, object], depth: int) -> object:
    whole = value.get("intValue")
    if isinstance(whole, str):
        return int(whole) if _WHOLE.fullmatch(whole) else whole
    for name in ("kvlistValue", "arrayValue"):
        held = value.get(name)
        if isinstance(held, dict):
            listed = items(held.get("values")) if depth < _MAX_DEPTH else ()
            if name == "kvlistValue":
                return attributes_of(listed, depth + 1)
            return [_value(part, depth + 1) for part in listed if isinstance(part, dict)]
    return field(value, "intValue", "stringValue", "doubleValue", "boolValue")


def provider_of(attributes: Attributes) -> str:
    """Who was asked, by our name; empty where nothing says it."""
    named = text(
        attributes, "gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "ai.model.provider"
    ).lower()
    first = named.partition(".")[0]
    return PROVIDERS.get(named) or PROVIDERS.get(first, first)


def usage_of(attributes: Attributes, provider: str) -> Usage | None:
    """What a span says the request used; None where it says nothing.

    Raises:
        UsageError: a count cannot be meant.
    """
    if field(attributes, *INPUT, *OUTPUT) is None:
        return None
    read, written = count(attributes, *CACHE_READ), count(attributes, *CACHE_WRITE)
    vercel = any(name.startswith("ai.usage.") for name in attributes)
    if vercel:
        kept = _kept_by_vercel(attributes)
        read, written = read or kept[0], written or kept[1]
    apart = (
        vercel
        and provider in WITHOUT_CACHE
        and not any(name.startswith("ai.usage.inputTokenDetails.") for name in attributes)
    )
    inputs, outputs = count(attributes, *INPUT), count(attributes, *OUTPUT)
    reasoning = count(attributes, *REASONING)
    return checked(
        Usage(
            input_tokens=inputs + (read + written if apart or read + written > inputs else 0),
            output_tokens=outputs + (reasoning if reasoning > outputs else 0),
            cache_read_input_tokens=read,
            cache_write_input_tokens=written,
            reasoning_output_tokens=reasoning,
            input_audio_tokens=count(attributes, *INPUT_AUDIO),
            output_audio_tokens=count(attributes, *OUTPUT_AUDIO),
            input_image_tokens=count(attributes, *INPUT_IMAGE),
        )
    )


def usage_of_claude_code(attributes: Attributes) -> Usage | None:
    """As `usage_of`, of a span or an event of Claude Code.

    How long what it wrote to the cache is kept is not said: all of it counts as five minutes.
    """
    names = ("input_tokens", "output_tokens")
    if field(attributes, *names) is None:
        return None
    read, written = count(attributes, "cache_read_tokens"), count(attributes, "cache_creation_tokens")
    return checked(
        Usage(
            input_tokens=count(attributes, "input_tokens") + read + written,
            output_tokens=count(attributes, "output_tokens"),
            cache_read_input_tokens=read,
            cache_write_input_tokens=written,
        )
    )


def _kept_by_vercel(attributes: Attributes) -> tuple[int, int]:
    """Anthropic's cache reads and writes, which the AI SDK before 6 has only in a JSON string."""
    told = field(attributes, "ai.response.providerMetadata")
    try:
        metadata = json.loads(told) if isinstance(told, str) else None
    except (ValueError, RecursionError):
        return 0, 0  # cut off, perhaps: exporters shorten long strings
    anthropic = field(metadata, "anthropic")
    usage = field(anthropic, "usage")
    written = count(anthropic, "cacheCreationInputTokens") or count(usage, "cache_creation_input_tokens")
    return count(usage, "cache_read_input_tokens"), written

"""What a model's answer says it used, whichever SDK, gateway or JSON it comes as.

    where the counts lie             who writes them so          added, so that a total contains its parts
    usage.prompt_tokens              OpenAI chat, embeddings,    reasoning to the output, where the answer's
                                     Mistral, gateways, litellm  own total says it is apart (xAI, Perplexity)
    usage.input_tokens and _details  OpenAI responses, realtime  nothing
    usage.input_tokens               Anthropic messages          cache reads and writes to the input
    usage.inputTokens                Bedrock converse            cache reads and writes to the input
    usageMetadata.promptTokenCount   Gemini                      thoughts to the output, results of its
                                                                 own tools to the input
    usage_metadata.input_tokens      LangChain                   nothing

Objects are read by attribute, dicts by key; no SDK is imported. An answer in which none of these is found
is an error, never a zero. Of a stream, pass what the SDK puts together at its end, or the last chunk where
that holds all counts (OpenAI with ``stream_options={"include_usage": True}``, Gemini, Bedrock).

Not counted, for nobody states them as tokens: video, pages, characters, seconds; nor Gemini's searches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from quarterdeck.costs.capture.fields import count, field, items, text
from quarterdeck.costs.model import STANDARD_TIERS, Request, Usage, checked, label
from quarterdeck.costs.money import stated_price
from quarterdeck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

LOOKED_FOR = (
    "usage.prompt_tokens (OpenAI chat, Mistral, gateways), usage.input_tokens with output_tokens (Anthropic, "
    "OpenAI responses), usage.inputTokens with outputTokens (Bedrock), "
    "usageMetadata.promptTokenCount (Gemini), usage_metadata.input_tokens with output_tokens (LangChain)"
)

REASONING_APART = frozenset({"perplexity", "x-ai", "xai", "x_ai"})
"""Providers whose completion_tokens leave out the reasoning; asked only where no total tells."""

MIN_ID_CHARS = 16
"""A shorter response id names no single answer: Ollama numbers its own from 0 to 998."""


class Extracted(NamedTuple):
    """What one answer says about itself.

    Attributes:
        model: the model that served it; empty where the answer does not name it (Bedrock converse).
        provider: as given, or where only one provider writes its counts so; else empty.
        usage: totals that contain their parts.
        response_id: the provider's name of the answer; empty where it has none that is unique.
        service_tier: empty: standard.
        cost_picousd: a price that the answer states (OpenRouter, litellm).
    """

    model: str
    provider: str
    usage: Usage
    response_id: str = ""
    service_tier: str = ""
    cost_picousd: int | None = None


def extract_usage(response: object, *, provider: str = "") -> Extracted:
    """What *response* says it used; see the module for what is understood.

    Args:
        response: an SDK's object, a dict, or the final event of a stream.
        provider: who was asked, where you know it; see `Request.provider`.

    Raises:
        UsageError: no counts are found, one is no whole number in bounds, or parts exceed their total.
    """
    answer = _answer(response)
    metadata = field(answer, "response_metadata")  # LangChain's, of the provider's own answer
    usage = field(answer, "usage_metadata", "usageMetadata")
    counted_by = _reader(usage, METADATA_READERS)
    if counted_by is None:
        usage = field(answer, "usage")
        counted_by = _reader(usage, USAGE_READERS)
    if counted_by is None:
        raise UsageError(
            f"no token counts in this {type(response).__name__:.60}; looked for {LOOKED_FOR}",
            hint="pass the whole response; of a stream its end, or what the SDK puts together from it",
        )
    own_provider, counts = counted_by
    provider = (
        provider
        or own_provider
        or text(metadata, "model_provider")
        or text(field(answer, "_hidden_params"), "custom_llm_provider")
    )
    return Extracted(
        text(answer, "model", "model_version", "modelVersion") or text(metadata, "model_name", "model"),
        label(provider),
        checked(counts(usage, answer, provider)),
        _response_id(answer, metadata),
        _service_tier(usage, answer, metadata),
        stated_price(field(usage, "cost")),
    )


def request_from(response: object, *, provider: str = "", **labels: object) -> Request:
    """The request that *response* answers, to be recorded.

    Args:
        response: as `extract_usage`.
        provider: as `extract_usage`.
        **labels: fields of `Request`; they win over what the response says.

    Raises:
        UsageError: as `extract_usage`; or no model is named; or a label is not a field of `Request`.
    """
    if unknown := labels.keys() - set(Request._fields):
        raise UsageError(
            f"a request has no {min(unknown)!r:.60}", hint='free labels go into tags={"team": "search"}'
        )
    fields: dict[str, Any] = {**extract_usage(response, provider=provider)._asdict(), **labels}
    if not fields["model"]:
        raise UsageError("the response names no model", hint="pass model=…, as the provider spells it")
    return Request(**fields)


def _answer(response: object) -> object:
    """The answer within an event: OpenAI's ``response.completed``, Bedrock's ``metadata``."""
    if field(response, "usage", "usage_metadata", "usageMetadata") is None:
        for envelope in ("response", "metadata"):
            inner = field(response, envelope)
            if field(inner, "usage") is not None:
                return inner
    return response


def _reader(usage: object, readers: tuple[Reader, ...]) -> tuple[str, Counts] | None:
    """Who writes *usage* and how to count it; None where its marks are missing."""
    for marks, provider, counts in readers:
        if all(field(usage, *names.split("|")) is not None for names in marks):
            return provider, counts
    return None


def _chat(usage: object, _answer: object, provider: str) -> Usage:
    prompt = field(usage, "prompt_tokens_details", "prompt_token_details", "input_tokens_details")
    completion = field(usage, "completion_tokens_details", "output_tokens_details")
    cached = count(prompt, "cached_tokens") or count(
        usage, "prompt_cache_hit_tokens", "cache_read_input_tokens", "cached_tokens", "num_cached_tokens"
    )
    written = count(prompt, "cache_write_tokens", "cache_creation_tokens") or count(
        usage, "cache_creation_input_tokens"
    )
    reasoning = count(completion, "reasoning_tokens") or count(usage, "reasoning_tokens")
    output = count(usage, "completion_tokens")
    if reasoning and _reasoning_is_apart(usage, output, reasoning, provider):
        output += reasoning
    return Usage(
        input_tokens=count(usage, "prompt_tokens"),
        output_tokens=output,
        cache_read_input_tokens=cached,
        cache_write_input_tokens=written,
        cache_write_1h_input_tokens=count(
            field(prompt, "cache_creation_token_details"), "ephemeral_1h_input_tokens"
        ),
        reasoning_output_tokens=reasoning,
        input_audio_tokens=count(prompt, "audio_tokens"),
        output_audio_tokens=count(completion, "audio_tokens"),
        input_image_tokens=count(prompt, "image_tokens"),
        output_image_tokens=count(completion, "image_tokens"),
        web_searches=count(field(usage, "server_tool_use"), "web_search_requests")
        or count(prompt, "web_search_requests")
        or count(usage, "num_search_queries"),
    )


def _reasoning_is_apart(usage: object, output: int, reasoning: int, provider: str) -> bool:
    total, counted = count(usage, "total_tokens"), count(usage, "prompt_tokens") + output
    if total in (counted, counted + reasoning):
        return total != counted
    return reasoning > output or provider.lower() in REASONING_APART


def _responses(usage: object, answer: object, _provider: str) -> Usage:
    inputs = field(usage, "input_tokens_details", "input_token_details")
    outputs = field(usage, "output_tokens_details", "output_token_details")
    return Usage(
        input_tokens=count(usage, "input_tokens"),
        output_tokens=count(usage, "output_tokens"),
        cache_read_input_tokens=count(inputs, "cached_tokens", "cache_read_input_tokens"),
        cache_write_input_tokens=count(inputs, "cache_write_tokens"),
        reasoning_output_tokens=count(outputs, "reasoning_tokens"),
        input_audio_tokens=count(inputs, "audio_tokens"),
        output_audio_tokens=count(outputs, "audio_tokens"),
        cache_read_audio_tokens=count(field(inputs, "cached_tokens_details"), "audio_tokens"),
        input_image_tokens=count(inputs, "image_tokens"),
        output_image_tokens=count(outputs, "image_tokens"),
        web_searches=sum(map(_is_search, items(field(answer, "output")))),
    )


def _is_search(item: object) -> bool:
    """Whether *item* is a search; opening a page or finding in one is also a call, but is not billed."""
    action = text(field(item, "action"), "type")
    return text(item, "type") == "web_search_call" and action in {"", "search"}


def _anthropic(usage: object, _answer: object, _provider: str) -> Usage:
    kept = field(usage, "cache_creation")
    hour = count(kept, "ephemeral_1h_input_tokens")
    written = count(usage, "cache_creation_input_tokens") or hour + count(kept, "ephemeral_5m_input_tokens")
    read = count(usage, "cache_read_input_tokens")
    return Usage(
        input_tokens=count(usage, "input_tokens") + read + written,
        output_tokens=count(usage, "output_tokens"),
        cache_read_input_tokens=read,
        cache_write_input_tokens=written,
        cache_write_1h_input_tokens=hour,
        reasoning_output_tokens=count(field(usage, "output_tokens_details"), "thinking_tokens"),
        web_searches=count(field(usage, "server_tool_use"), "web_search_requests"),
    )


def _bedrock(usage: object, _answer: object, _provider: str) -> Usage:
    read, written = count(usage, "cacheReadInputTokens"), count(usage, "cacheWriteInputTokens")
    hour = [entry for entry in items(field(usage, "cacheDetails")) if text(entry, "ttl") == "1h"]
    return Usage(
        input_tokens=count(usage, "inputTokens") + read + written,
        output_tokens=count(usage, "outputTokens"),
        cache_read_input_tokens=read,
        cache_write_input_tokens=written,
        cache_write_1h_input_tokens=sum(count(entry, "inputTokens") for entry in hour),
    )


def _gemini(usage: object, _answer: object, _provider: str) -> Usage:
    thoughts = count(usage, "thoughts_token_count", "thoughtsTokenCount")
    prompt = field(usage, "prompt_tokens_details", "promptTokensDetails")
    tools = field(usage, "tool_use_prompt_tokens_details", "toolUsePromptTokensDetails")
    answer = field(
        usage,
        "candidates_tokens_details",
        "candidatesTokensDetails",
        "response_tokens_details",
        "responseTokensDetails",
    )
    cached = field(usage, "cache_tokens_details", "cacheTokensDetails")
    return Usage(
        input_tokens=count(usage, "prompt_token_count", "promptTokenCount")
        + count(usage, "tool_use_prompt_token_count", "toolUsePromptTokenCount"),
        output_tokens=count(
            usage,
            "candidates_token_count",
            "candidatesTokenCount",
            "response_token_count",
            "responseTokenCount",
        )
        + thoughts,
        cache_read_input_tokens=count(usage, "cached_content_token_count", "cachedContentTokenCount"),
        reasoning_output_tokens=thoughts,
        input_audio_tokens=_of_kind("AUDIO", prompt, tools),
        output_audio_tokens=_of_kind("AUDIO", answer),
        cache_read_audio_tokens=_of_kind("AUDIO", cached),
        input_image_tokens=_of_kind("IMAGE", prompt, tools) + _of_kind("DOCUMENT", prompt, tools),
        output_image_tokens=_of_kind("IMAGE", answer),
    )


def _of_kind(kind: str, *details: object) -> int:
    return sum(
        count(entry, "token_count", "tokenCount")
        for detail in details
        for entry in items(detail)
        if text(entry, "modality") == kind
    )


def _langchain(usage: object, _answer: object, _provider: str) -> Usage:
    inputs, outputs = field(usage, "input_token_details"), field(usage, "output_token_details")
    hour = count(inputs, "ephemeral_1h_input_tokens")
    kept = hour + count(inputs, "ephemeral_5m_input_tokens")  # where they are given, cache_creation may be 0
    return Usage(
        input_tokens=count(usage, "input_tokens"),
        output_tokens=count(usage, "output_tokens"),
        cache_read_input_tokens=_of_any_tier(inputs, "cache_read"),
        cache_write_input_tokens=max(count(inputs, "cache_creation"), kept),
        cache_write_1h_input_tokens=hour,
        reasoning_output_tokens=_of_any_tier(outputs, "reasoning"),
        input_audio_tokens=count(inputs, "audio"),
        output_audio_tokens=count(outputs, "audio"),
        input_image_tokens=count(inputs, "image"),
        output_image_tokens=count(outputs, "image"),
    )


def _of_any_tier(details: object, name: str) -> int:
    return count(details, name, f"priority_{name}", f"flex_{name}")


def _response_id(answer: object, metadata: object) -> str:
    amazon = text(field(answer, "ResponseMetadata") or field(metadata, "ResponseMetadata"), "RequestId")
    found = text(metadata, "id") or text(answer, "id", "response_id", "responseId") or amazon
    return found if len(found) >= MIN_ID_CHARS else ""


def _service_tier(usage: object, answer: object, metadata: object) -> str:
    if text(usage, "speed") == "fast":
        return "fast"
    tier = (
        text(usage, "service_tier")
        or text(answer, "service_tier")
        or text(metadata, "service_tier")
        or text(field(answer, "serviceTier"), "type")
    )
    return "" if tier in STANDARD_TIERS else tier


if TYPE_CHECKING:
    Counts = Callable[[object, object, str], Usage]
    Reader = tuple[tuple[str, ...], str, Counts]

METADATA_READERS: tuple[Reader, ...] = (
    (("input_tokens", "output_tokens"), "", _langchain),
    (("prompt_token_count|promptTokenCount|total_token_count|totalTokenCount",), "google", _gemini),
)
"""The fields a notation is known by (``a|b``: one of them), the only provider that writes it, its reader."""

USAGE_READERS: tuple[Reader, ...] = (
    (("prompt_tokens",), "", _chat),
    (("input_tokens", "input_tokens_details|input_token_details"), "", _responses),
    (("input_tokens", "output_tokens"), "", _anthropic),
    (("inputTokens", "outputTokens"), "aws", _bedrock),
)

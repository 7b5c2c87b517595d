"""How agents and gateways spell a model, and which spelling its price list knows.

    anthropic/claude-sonnet-4-5                      -> claude-sonnet-4-5 of anthropic
    bedrock/us.anthropic.claude-haiku-4-5-…-v1:0     -> us.anthropic.claude-haiku-4-5-…-v1:0 of aws
    publishers/google/models/gemini-2.5-pro          -> gemini-2.5-pro of google
    claude-sonnet-4-5[1m]                            -> claude-sonnet-4-5

Only what wraps the name is taken off; the name itself is never changed into one that is like it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SELLERS = {
    "anthropic": "anthropic",
    "azure": "azure",
    "aws.bedrock": "aws",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "azure_ai": "azure",
    "bedrock": "aws",
    "cerebras": "cerebras",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "fireworks_ai": "fireworks",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "gemini": "google",
    "github_copilot": "github-copilot",
    "groq": "groq",
    "mistral": "mistral",
    "mistral_ai": "mistral",
    "moonshot": "moonshotai",
    "moonshot_ai": "moonshotai",
    "novita": "novita",
    "openai": "openai",
    "openrouter": "openrouter",
    "perplexity": "perplexity",
    "together_ai": "together",
    "vertex_ai": "google",
    "voyage": "voyageai",
    "x-ai": "x-ai",
    "x_ai": "x-ai",
    "xai": "x-ai",
    "zai": "zai",
}
"""What providers are called, by themselves (OpenTelemetry) or before a slash (gateways): their price lists.

Not here are makers of open weights whose name before a slash does not tell who runs the model.
"""

GATEWAYS = frozenset({"litellm", "litellm_proxy"})
"""Given as the provider, these say nothing about who was paid."""

_CONTEXT_MARK = re.compile(r"\[\d+m\]$")
_BEDROCK = re.compile(
    r"(?:[a-z-]{2,8}\.)?(?:ai21|amazon|anthropic|cohere|deepseek|meta|mistral|openai|qwen)\.[\w.:-]+"
)
_GOOGLE = re.compile(
    r"(?:(?:projects/[^/]+/locations/[^/]+/)?(?:publishers/[^/]+/)?models|google(?=/gemini))/([^/]+)"
)


def spellings(model: str, provider: str = "") -> Iterator[tuple[str, str]]:
    """(model, provider) to look for, in this order; what was given comes first.

    A provider that is not known stays as it is: what it runs may have the name of a model that others
    charge for.
    """
    model, provider = model.strip(), provider.strip().lower()
    if not model:
        return
    if provider in GATEWAYS:
        yield model, "litellm"  # the price list knows how that one writes a model
        provider = ""
    provider = SELLERS.get(provider, provider)
    yield model, provider
    bare = _CONTEXT_MARK.sub("", model.lower())
    if bare != model.lower():
        yield bare, provider
    if provider in {"", "google"} and (of_google := _GOOGLE.fullmatch(bare)):
        yield of_google[1], "google"
    prefix, slash, rest = bare.partition("/")
    seller = SELLERS.get(prefix, "") if slash else ""
    if seller and provider in {"", seller}:
        yield rest, seller
        provider = seller
    last = bare.rpartition("/")[2]
    of_bedrock = not slash or seller == "aws" or prefix.startswith("arn:aws")
    if of_bedrock and provider in {"", "aws"} and _BEDROCK.fullmatch(last):
        yield last, "aws"

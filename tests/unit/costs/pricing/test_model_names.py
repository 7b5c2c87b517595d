"""Models as agents and gateways spell them, found in the real price list."""

from __future__ import annotations

import pytest
from genai_prices.data import providers

from quarterdeck.costs.pricing.model_names import SELLERS, spellings
from quarterdeck.costs.pricing.published import resolve

SONNET = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
OF_AWS = ("aws", "regional.anthropic.claude-sonnet-4-5-20250929-v1:0")
OF_ANTHROPIC = ("anthropic", "claude-sonnet-4-5")
OF_GOOGLE = ("google", "claude-sonnet-4-5")


@pytest.mark.parametrize(
    "model,provider,found",
    [
        ("claude-sonnet-4-5", "", OF_ANTHROPIC),
        ("Claude-Sonnet-4-5", "Anthropic", OF_ANTHROPIC),
        (" claude-sonnet-4-5 ", " ", OF_ANTHROPIC),
        ("claude-sonnet-4-5-20250929[1m]", "", OF_ANTHROPIC),
        ("anthropic/claude-sonnet-4-5", "", OF_ANTHROPIC),
        ("anthropic/claude-sonnet-4-5[1m]", "", OF_ANTHROPIC),
        ("anthropic/claude-sonnet-4-5", "anthropic", OF_ANTHROPIC),
        ("anthropic/claude-sonnet-4-5", "litellm", OF_ANTHROPIC),
        (SONNET, "", OF_AWS),
        (SONNET, "aws.bedrock", OF_AWS),
        (f"{SONNET}[1m]", "", OF_AWS),
        (f"bedrock/{SONNET}", "", OF_AWS),
        (f"bedrock/converse/{SONNET}", "", OF_AWS),
        (f"bedrock/{SONNET}", "litellm", OF_AWS),
        (f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{SONNET}", "", OF_AWS),
        ("claude-sonnet-4-5@20250929", "gcp.vertex_ai", OF_GOOGLE),
        ("vertex_ai/claude-sonnet-4-5@20250929", "", OF_GOOGLE),
        ("publishers/anthropic/models/claude-sonnet-4-5@20250929", "", OF_GOOGLE),
        ("models/gemini-2.5-pro", "", ("google", "gemini-2.5-pro")),
        ("models/gemini-2.5-pro", "gcp.gemini", ("google", "gemini-2.5-pro")),
        ("google/gemini-2.5-pro", "", ("google", "gemini-2.5-pro")),
        ("gemini/gemini-2.5-pro", "", ("google", "gemini-2.5-pro")),
        (
            "projects/p/locations/europe-west1/publishers/google/models/gemini-2.5-pro",
            "",
            ("google", "gemini-2.5-pro"),
        ),
        ("mistral-large-latest", "mistral_ai", ("mistral", "mistral-large")),
        ("gpt-4o", "azure.ai.openai", ("azure", "gpt-4o")),
        (f"bedrock/{SONNET}", "aws.bedrock", OF_AWS),
        ("openai/gpt-4o", "", ("openai", "gpt-4o")),
        ("azure/gpt-4o", "", ("azure", "gpt-4o")),
        ("avian/Meta-Llama-3.1-8B-Instruct", "litellm", ("avian", "Meta-Llama-3.1-8B-Instruct")),
        ("grok-4", "x_ai", ("x-ai", "grok-4-0709")),
        ("xai/grok-4", "", ("x-ai", "grok-4-0709")),
        ("openrouter/anthropic/claude-sonnet-4.5", "", ("openrouter", "anthropic/claude-sonnet-4.5")),
        ("anthropic/claude-sonnet-4.5", "openrouter", ("openrouter", "anthropic/claude-sonnet-4.5")),
    ],
)
def test_a_spelling_finds_its_model(model: str, provider: str, found: tuple[str, str]):
    """With the price list of whoever is paid, which need not be the model's maker."""
    card, _ = resolve(model, provider).at(1.79e9)
    assert card
    assert (card.provider, card.model) == found


@pytest.mark.parametrize(
    "model,provider",
    [
        ("my-model", ""),
        ("claude-unknown-99", ""),
        ("my-claude-finetune", ""),
        ("gpt-5", "my-own-server"),
        ("deepseek-r1", "ollama"),
        ("ollama/deepseek-r1", ""),
        ("acme/gpt-5", ""),
        ("openai/claude-sonnet-4-5", ""),
        ("google/gemma-3-27b-it", ""),
        ("mistralai/Mistral-7B-Instruct-v0.3", ""),
        ("moonshotai/Kimi-K2-Instruct", ""),
        ("Qwen/Qwen3-32B", ""),
        ("anthropic/claude-sonnet-4-5", "openai"),
        (f"acme/{SONNET}", ""),
        (SONNET, "openai"),
        ("models/gpt-5", ""),
        ("gpt-5[2m", ""),
        ("", ""),
        ("/", ""),
        ("anthropic/", ""),
        ("\x00\ud800[1m]", ""),
        ("<synthetic>", ""),
    ],
)
def test_a_model_nobody_publishes_is_never_guessed(model: str, provider: str):
    """Neither by a name that is like it, nor at the price another asks for it."""
    assert not resolve(model, provider).periods


def test_what_is_given_is_looked_for_first():
    """Where the price list knows the spelling itself, nothing is taken off."""
    given = ("anthropic/claude-3-haiku", "openrouter")
    assert next(spellings(*given)) == given


def test_every_seller_is_a_provider_of_the_price_list():
    """A provider that is renamed there must not become unknown here unseen."""
    assert set(SELLERS.values()) <= {provider.id for provider in providers}

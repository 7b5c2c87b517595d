"""Every published price, by our integers and by the library that publishes it: the same to the pico."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

import genai_prices
import pytest
from genai_prices.data import providers
from genai_prices.data_units import unit_data
from genai_prices.types import (
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

from quarterdeck.costs.model import Usage, checked
from quarterdeck.costs.money import PICO
from quarterdeck.costs.pricing import THRESHOLDS, PriceBook, RateCard, cost_picousd
from quarterdeck.costs.pricing.published import schedule_of

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNTS = {
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
"""The library's name of each of our counts."""

COUNTED = {str(unit_data[name]["price_key"]) for name in COUNTS.values()} | {"requests_kcount"}

NAMED = [
    ("claude-sonnet-4-5", ""),
    ("claude-haiku-4-5", "anthropic"),
    ("claude-opus-4-8", ""),
    ("gpt-5", ""),
    ("gpt-4o", "openai"),
    ("gpt-4o-audio-preview", ""),
    ("gpt-5.6-sol", ""),
    ("gemini-2.5-pro", ""),
    ("gemini-2.5-flash", "google"),
    ("deepseek-chat", ""),
    ("deepseek-v4-pro", "deepseek"),
    ("grok-4", ""),
    ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws"),
    ("claude-sonnet-4-5@20250929", "google"),
    ("perplexity/sonar-pro", "openrouter"),
    ("gpt-5.4", "azure"),
    ("claude-sonnet-4-5", "azure"),
]


@pytest.mark.parametrize("provider", providers, ids=lambda provider: provider.id)
def test_every_model_costs_what_the_library_says(provider: Provider) -> None:
    """Each model, at each time its price changes, in each bracket and service tier, on random usages."""
    dice = random.Random(provider.id)
    for model in provider.models:
        for service_tier, context in _service_tiers(model):
            schedule = schedule_of(provider, model, service_tier)
            for at in _instants(dice, model):
                price = model.get_prices(at, context)
                listed = {key for key, value in vars(price).items() if value is not None}
                card = schedule.at(at.timestamp())[0]
                if card is None:
                    assert listed, f"{provider.id}/{model.id} is free"
                    assert not listed & COUNTED, f"{provider.id}/{model.id} has a price"
                    continue
                assert (card.provider, card.model) == (provider.id, model.id)
                for input_tokens in _sizes(dice, price):
                    usage = _usage(dice, input_tokens)
                    exact = model.calc_price(
                        _reported(usage), provider, genai_request_timestamp=at, price_context=context
                    )
                    _agree(usage, card, exact.total_price)


@pytest.mark.parametrize("name,provider", NAMED)
def test_a_named_model_costs_what_the_library_says(name: str, provider: str) -> None:
    """By name, provider, time zone and service tier, from the question to the price."""
    dice = random.Random(f"{name} {provider}")
    prices = PriceBook()
    for _ in range(200):
        day = datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=dice.randrange(-12, 14))))
        at = day + timedelta(microseconds=dice.randrange(4 * 365 * 86_400 * 10**6))
        batch = dice.random() < 0.3
        card = prices.card(name, provider=provider, service_tier="batch" if batch else "", at=at)
        assert card
        usage = _usage(dice, dice.randrange(dice.choice([2_000, 300_000, 1_000_000])))
        exact = genai_prices.calc_price(
            _reported(usage),
            name,
            provider_id=provider or None,
            genai_request_timestamp=at,
            price_context={"processing": "batch"} if batch else None,
        )
        assert (card.provider, card.model) == (exact.provider.id, exact.model.id)
        _agree(usage, card, exact.total_price)


def test_the_thresholds_are_those_of_the_published_prices() -> None:
    """The rollup splits its cells at these; one that is missing would make what-if inexact."""
    starts = {
        bracket.above_input_tokens
        for provider in providers
        for model in provider.models
        for service_tier, _ in _service_tiers(model)
        for period in schedule_of(provider, model, service_tier).periods
        for _, card in period.parts
        if card
        for bracket in card.brackets
    }
    assert sorted(starts) == [0, *THRESHOLDS]


def _agree(usage: Usage, card: RateCard, exact_usd: Decimal) -> None:
    off = abs(Decimal(cost_picousd(usage, card)) - exact_usd * PICO)
    assert off == 0 or (card.scale != 1 and off <= Decimal("0.5")), f"{card}, {usage}: {exact_usd} USD"


def _service_tiers(model: ModelInfo) -> Iterator[tuple[str, dict[str, str]]]:
    """Our name of each service tier the model has, and the library's."""
    yield "", {}
    for when in [variant.when for variant in model.price_variants or ()]:
        if when == {"processing": "batch"}:
            yield "batch", when
        elif when.keys() <= {"service_tier", "speed"}:
            yield next(iter(when.values())), when


def _instants(dice: random.Random, model: ModelInfo) -> list[datetime]:
    """A random time, and around midnight and the time of day of each change of a price."""
    conditions = [] if isinstance(model.prices, ModelPrice) else [price.constraint for price in model.prices]
    conditions += [variant.constraint for variant in model.price_variants or ()]
    days = {date(2025, 1, 1) + timedelta(dice.randrange(900))}
    times = {time(dice.randrange(24), dice.randrange(60), dice.randrange(60), dice.randrange(10**6))}
    for condition in conditions:
        if isinstance(condition, StartDateConstraint):
            days.add(condition.start_date)
            times.add(time())
        elif isinstance(condition, TimeOfDateConstraint):
            times |= {condition.start_time.replace(tzinfo=None), condition.end_time.replace(tzinfo=None)}
    on_time = [datetime.combine(day, moment, UTC) for day in days for moment in times]
    return [at - timedelta(microseconds=early) for at in on_time for early in (0, 1)]


def _sizes(dice: random.Random, price: ModelPrice) -> list[int]:
    """A small input, a large one, and the last and the first of each bracket."""
    tiered = [value for value in vars(price).values() if isinstance(value, TieredPrices)]
    starts = {tier.start for value in tiered for tier in value.tiers}
    return [dice.randrange(3_000), 1_000_000, *starts, *(start + 1 for start in starts)]


def _usage(dice: random.Random, input_tokens: int) -> Usage:
    """A usage of that input in which each count is what its parts add up to."""
    plain, read, heard_again, write, write_1h, audio, image = _split(dice, input_tokens, 7)
    answer, reasoning, spoken, drawn = _split(dice, dice.randrange(100_000), 4)
    return checked(
        Usage(
            input_tokens=plain + read + heard_again + write + write_1h + audio + image,
            output_tokens=answer + reasoning + spoken + drawn,
            cache_read_input_tokens=read + heard_again,
            cache_write_input_tokens=write + write_1h,
            cache_write_1h_input_tokens=write_1h,
            reasoning_output_tokens=reasoning,
            input_audio_tokens=audio + heard_again,
            output_audio_tokens=spoken,
            cache_read_audio_tokens=heard_again,
            input_image_tokens=image,
            output_image_tokens=drawn,
            web_searches=dice.choice([0, 0, 1, 7]),
        )
    )


def _split(dice: random.Random, total: int, parts: int) -> list[int]:
    """*total* in *parts* numbers, some of them 0."""
    cuts = sorted(dice.choice([0, total, dice.randint(0, total)]) for _ in range(parts - 1))
    return [after - before for before, after in zip([0, *cuts], [*cuts, total], strict=True)]


def _reported(usage: Usage) -> genai_prices.Usage:
    """*usage* to the library: what we do not count is reported as none, lest it infers it."""
    none = dict.fromkeys(unit_data.keys() - {"requests"}, 0)
    return genai_prices.Usage(**none | {COUNTS[name]: count for name, count in usage._asdict().items()})

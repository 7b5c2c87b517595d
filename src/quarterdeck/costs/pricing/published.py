"""Published prices: the only file that imports genai_prices, which costs a tenth of a second and more.

The library finds the model and knows what it costs; here its answer becomes a schedule of cards for
all times, so that nobody has to ask it about that model again.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

from genai_prices.data import providers
from genai_prices.data_snapshot import DataSnapshot
from genai_prices.data_units import unit_data
from genai_prices.types import (
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

from quarterdeck.costs.model import STANDARD_TIERS
from quarterdeck.costs.money import PICO
from quarterdeck.costs.pricing.model_names import spellings
from quarterdeck.costs.pricing.schedule import UNPRICED, Period, Schedule
from quarterdeck.costs.pricing.token_classes import PER_REQUEST, compiled
from quarterdeck.words import harmless

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quarterdeck.costs.pricing.rate_card import RateCard

FIELDS = {
    "input_mtok": "input_tokens",
    "output_mtok": "output_tokens",
    "cache_read_mtok": "cache_read_input_tokens",
    "cache_write_mtok": "cache_write_input_tokens",
    "cache_write_1h_mtok": "cache_write_1h_input_tokens",
    "output_reasoning_mtok": "reasoning_output_tokens",
    "input_audio_mtok": "input_audio_tokens",
    "output_audio_mtok": "output_audio_tokens",
    "cache_audio_read_mtok": "cache_read_audio_tokens",
    "input_image_mtok": "input_image_tokens",
    "output_image_mtok": "output_image_tokens",
    "web_searches_kcount": "web_searches",
    "requests_kcount": PER_REQUEST,
}
"""The library's name of the price of each count; its other prices are of what `Usage` does not count."""

_PER = {unit["price_key"]: unit["per"] for unit in unit_data.values()}
_FIRST_DAY = date(2000, 1, 1)
"""Before any price."""


@cache
def _snapshot() -> DataSnapshot:
    """The prices that came with the library, whatever the program around us has told it to use."""
    return DataSnapshot(providers=providers, from_auto_update=False)


def resolve(model: str, provider: str = "", service_tier: str = "") -> Schedule:
    """All cards of *model*, found as genai_prices finds it; without any where it does not know it.

    Args:
        model: as a provider or a gateway spells it; see `spellings`.
        provider: empty: whoever publishes a price for the model.
        service_tier: see `Request.service_tier`.
    """
    for name, seller in spellings(model, provider):
        try:
            found, info = _snapshot().find_provider_model(name, None, seller or None, None)
        except LookupError:
            continue
        return schedule_of(found, info, service_tier)
    return UNPRICED


def schedule_of(provider: Provider, model: ModelInfo, service_tier: str = "") -> Schedule:
    """All cards of *model* as *provider* sells it.

    A model that it resells at its maker's price has the standard service tier only, as in the library.
    """
    context = _context(service_tier) if any(model is own for own in provider.models) else {}
    days, times = _changes(model, context)
    periods: list[Period] = []
    for day in days:
        parts: list[tuple[int, RateCard | None]] = []
        for moment in times:
            card = _card(provider, model, datetime.combine(day, moment, UTC), context, service_tier)
            if not parts or parts[-1][1] != card:
                parts.append((moment.hour * 3600 + moment.minute * 60 + moment.second, card))
        if not periods or periods[-1].parts != tuple(parts):
            periods.append(Period(int(datetime.combine(day, time(), UTC).timestamp()), tuple(parts)))
    charges = any(card for period in periods for _, card in period.parts)
    return Schedule(tuple(periods)) if charges else UNPRICED


def _context(service_tier: str) -> dict[str, str]:
    """How the price list names *service_tier*."""
    if service_tier in STANDARD_TIERS:
        return {}
    if service_tier == "batch":
        return {"processing": "batch"}
    if service_tier == "fast":  # one provider calls it a tier, another a speed
        return {"service_tier": "fast", "speed": "fast"}
    return {"service_tier": service_tier}


def _changes(model: ModelInfo, context: Mapping[str, str]) -> tuple[list[date], list[time]]:
    """The days and the times of the day at which a price may change, UTC; each begins with the earliest."""
    days, times = {_FIRST_DAY}, {time()}
    conditions = [] if isinstance(model.prices, ModelPrice) else [price.constraint for price in model.prices]
    if context:
        conditions += [variant.constraint for variant in model.price_variants or ()]
    for condition in conditions:
        if isinstance(condition, StartDateConstraint):
            days.add(condition.start_date)
        elif isinstance(condition, TimeOfDateConstraint):
            for moment in (condition.start_time, condition.end_time):
                aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
                times.add(datetime.combine(_FIRST_DAY, aware).astimezone(UTC).time())
    return sorted(days), sorted(times)


def _card(
    provider: Provider, model: ModelInfo, at: datetime, context: Mapping[str, str], service_tier: str
) -> RateCard | None:
    price = model.get_prices(at, context)
    listed = {key: value for key, value in vars(price).items() if value is not None}
    known = {FIELDS[key]: _steps(value, _PER[key]) for key, value in listed.items() if key in FIELDS}
    if listed and not known:
        return None  # billed by the minute, the page or the character only
    return compiled(provider.id, model.id, known, _notes(listed, model, at, context, service_tier))


def _steps(price: Decimal | TieredPrices, per: int) -> list[tuple[int, Fraction]]:
    steps = [(0, price)] if isinstance(price, Decimal) else [(0, price.base)]
    if isinstance(price, TieredPrices):
        steps += [(tier.start, tier.price) for tier in price.tiers]
    return [(above, Fraction(each) * PICO / per) for above, each in steps]


def _notes(
    listed: Mapping[str, object],
    model: ModelInfo,
    at: datetime,
    context: Mapping[str, str],
    service_tier: str,
) -> Iterator[str]:
    ignored = sorted(listed.keys() - FIELDS.keys())
    if not listed:
        yield "published as free of charge"
    if ignored:
        yield f"not counted here, so not charged: {', '.join(ignored)}"
    if listed and "output_mtok" not in listed:
        yield "no price is published for output: it is free"
    if service_tier not in STANDARD_TIERS and model.get_prices(at, context) == model.get_prices(at):
        yield f"no other price is published for service tier {harmless(service_tier)}: the standard price"

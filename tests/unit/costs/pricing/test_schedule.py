"""Which card is in force when, and for how long."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
from genai_prices.types import (
    ClauseEquals,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    PriceVariant,
    Provider,
    StartDateConstraint,
    TimeOfDateConstraint,
)

from quarterdeck.costs.pricing.published import schedule_of
from quarterdeck.costs.pricing.rate_card import RateCard
from quarterdeck.costs.pricing.schedule import UNPRICED, Period, Schedule, always

DAY_S = 86_400
DEAR, NIGHT, LATER = (RateCard(name, "p", "m", ()) for name in ("dear", "night", "later"))
SCHEDULE = Schedule(
    (
        Period(10 * DAY_S, ((0, NIGHT), (3600, DEAR), (7200, NIGHT))),
        Period(20 * DAY_S, ((0, LATER),)),
    )
)


@pytest.mark.parametrize(
    "at_s,card,until_s",
    [
        (10 * DAY_S, NIGHT, 10 * DAY_S + 3600),
        (15 * DAY_S + 3599.999, NIGHT, 15 * DAY_S + 3600),
        (15 * DAY_S + 3600, DEAR, 15 * DAY_S + 7200),
        (15 * DAY_S + 7200, NIGHT, 16 * DAY_S),
        (20 * DAY_S - 0.001, NIGHT, 20 * DAY_S),
        (20 * DAY_S, LATER, math.inf),
        (10**10, LATER, math.inf),
    ],
)
def test_the_card_and_the_end_of_its_force(at_s: float, card: RateCard, until_s: float):
    """Prices change on the second, by the day and by the time of day, in UTC."""
    assert SCHEDULE.at(at_s) == (card, until_s)


def test_before_the_first_change_the_first_prices_held():
    """The price list does not say when they began, so they hold for all the past."""
    assert SCHEDULE.at(3 * DAY_S + 3600) == (DEAR, 3 * DAY_S + 7200)
    assert SCHEDULE.at(-DAY_S) == (NIGHT, -DAY_S + 3600)


def test_a_price_that_never_changes_has_no_end():
    """So whoever keeps it needs not ask again."""
    assert always(DEAR).at(5) == (DEAR, math.inf)


def test_a_model_without_a_price_has_none_at_any_time():
    """Nor will it have one while the process lives."""
    assert UNPRICED.at(5) == (None, math.inf)


def sold(prices: ModelPrice | list[ConditionalPrice], variants: list[PriceVariant] | None = None) -> Provider:
    model = ModelInfo(id="m", match=ClauseEquals("m"), prices=prices, price_variants=variants)
    return Provider(id="p", name="P", api_pattern="x", models=[model])


def usd(cents: int) -> ModelPrice:
    return ModelPrice(input_mtok=Decimal(cents) / 100, output_mtok=Decimal(cents) / 100)


def test_an_interval_over_midnight_is_two_parts_of_the_day():
    """From 22 to 2 o'clock, at the day's end and its beginning; what has the same price is one part."""
    provider = sold(
        [
            ConditionalPrice(prices=usd(500)),
            ConditionalPrice(TimeOfDateConstraint(time(22), time(2)), prices=usd(100)),
            ConditionalPrice(TimeOfDateConstraint(time(2), time(3)), prices=usd(100)),
        ]
    )
    (period,) = schedule_of(provider, provider.models[0]).periods
    charged = [(second, card and card.brackets[0].coefficients[0]) for second, card in period.parts]
    assert charged == [(0, 1_000_000), (3 * 3600, 5_000_000), (22 * 3600, 1_000_000)]


def test_a_day_on_which_nothing_changes_ends_no_price():
    """The list names it all the same, for a price this request does not have."""
    provider = sold(
        [
            ConditionalPrice(prices=usd(500)),
            ConditionalPrice(StartDateConstraint(date(2026, 10, 14)), prices=usd(500)),
        ]
    )
    assert len(schedule_of(provider, provider.models[0]).periods) == 1


def test_a_service_tier_is_charged_from_the_day_it_has_a_price():
    """Before that it is the standard price, and the card says so."""
    batch = PriceVariant({"processing": "batch"}, usd(250), StartDateConstraint(date(2026, 10, 14)))
    provider = sold(usd(500), [batch])
    schedule = schedule_of(provider, provider.models[0], "batch")
    day = datetime(2026, 10, 14, tzinfo=UTC).timestamp()
    before, until = schedule.at(day - 1)
    after, _ = schedule.at(day)
    assert before
    assert after
    assert until == day
    assert (before.brackets[0].coefficients[0], after.brackets[0].coefficients[0]) == (5_000_000, 2_500_000)
    assert before.notes == ("no other price is published for service tier batch: the standard price",)
    assert after.notes == ()


def test_what_the_price_list_bills_and_we_do_not_count_is_noted():
    """The tokens are charged all the same."""
    provider = sold(ModelPrice(input_mtok=Decimal(1), audio_hours=Decimal(3), input_audio_hours=Decimal(3)))
    card, _ = schedule_of(provider, provider.models[0]).at(0)
    assert card
    assert card.notes == (
        "not counted here, so not charged: audio_hours, input_audio_hours",
        "no price is published for output: it is free",
    )


def test_a_model_billed_only_by_what_we_do_not_count_is_unpriced():
    """By the hour, say: any price we named would be a guess."""
    provider = sold(ModelPrice(audio_hours=Decimal(3)))
    assert schedule_of(provider, provider.models[0]) == UNPRICED


def test_a_model_that_is_listed_without_prices_is_free():
    """The price list writes free models so."""
    provider = sold(ModelPrice())
    card, _ = schedule_of(provider, provider.models[0]).at(0)
    assert card
    assert not any(card.brackets[0].coefficients)
    assert card.notes == ("published as free of charge",)

"""The arithmetic on cards: whole pico-dollars, brackets, sums."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.costs.model import MAX_TOKENS, Usage
from quarterdeck.costs.pricing import (
    THRESHOLDS,
    Bracket,
    RateCard,
    SimpleRates,
    bracket_of,
    cost_of_sums,
    cost_picousd,
    simple_rates,
    thresholds_covered,
    tier_of,
)
from quarterdeck.costs.pricing.token_classes import PER_REQUEST, compiled

SONNET = compiled(
    "anthropic",
    "sonnet",
    {
        "input_tokens": [(0, Fraction(3_000_000)), (200_000, Fraction(6_000_000))],
        "output_tokens": [(0, Fraction(15_000_000)), (200_000, Fraction(22_500_000))],
        "cache_read_input_tokens": [(0, Fraction(300_000))],
        "cache_write_input_tokens": [(0, Fraction(3_750_000))],
        "cache_write_1h_input_tokens": [(0, Fraction(6_000_000))],
        "web_searches": [(0, Fraction(10_000_000_000))],
        PER_REQUEST: [(0, Fraction(7))],
    },
)


def card(**prices: int | Fraction) -> RateCard:
    return compiled("p", "m", {field: [(0, Fraction(price))] for field, price in prices.items()})


def test_each_token_is_charged_once_by_the_narrowest_class_it_is_in():
    """1,000 of input, of them 400 read and 500 written (100 for an hour): 100 are left at the input price."""
    usage = Usage(1000, 10, 400, 500, 100, web_searches=2)
    by_hand = 100 * 3_000_000 + 400 * 300_000 + 400 * 3_750_000 + 100 * 6_000_000
    assert cost_picousd(usage, SONNET) == by_hand + 10 * 15_000_000 + 2 * 10_000_000_000 + 7


def test_a_class_without_a_price_is_charged_as_what_contains_it():
    """Reasoning is output, cached input is input, and an hour's cache write a cache write."""
    plain = card(input_tokens=2, output_tokens=3, cache_write_input_tokens=5)
    assert cost_picousd(Usage(10, 10, 4, 6, 6, 10), plain) == 4 * 2 + 6 * 5 + 10 * 3


def test_what_nothing_prices_is_free():
    """A model of embeddings has no price for output."""
    assert cost_picousd(Usage(10, 10, web_searches=3), card(input_tokens=2)) == 20


def test_cached_audio_is_neither_charged_as_audio_nor_as_cache_again():
    """It lies in both classes and has a price of its own."""
    audio = card(
        input_tokens=1, cache_read_input_tokens=10, input_audio_tokens=100, cache_read_audio_tokens=1000
    )
    usage = Usage(10, 0, cache_read_input_tokens=4, input_audio_tokens=5, cache_read_audio_tokens=2)
    assert cost_picousd(usage, audio) == 3 * 1 + 2 * 10 + 3 * 100 + 2 * 1000


def test_all_tokens_of_a_request_are_charged_by_the_one_bracket_it_falls_in():
    """Its whole input at the threshold is still in the lower one; one more token raises the price of all."""
    assert cost_picousd(Usage(200_000, 1), SONNET) == 200_000 * 3_000_000 + 15_000_000 + 7
    assert cost_picousd(Usage(200_001, 1), SONNET) == 200_001 * 6_000_000 + 22_500_000 + 7


def test_nothing_costs_the_price_of_the_request_alone():
    """No token, no price, except where the request itself has one."""
    assert cost_picousd(Usage(), SONNET) == 7
    assert cost_picousd(Usage(), card(input_tokens=3)) == 0


def test_the_largest_usage_is_exact():
    """Python's integers do not overflow, and nothing on the way is a float."""
    assert (
        cost_picousd(Usage(MAX_TOKENS, MAX_TOKENS), card(input_tokens=3, output_tokens=5)) == 8 * MAX_TOKENS
    )


def test_a_fraction_of_a_pico_dollar_is_rounded_once_half_to_even():
    """Of a half, a one and a half and a third; not each token, but the request."""
    halves, thirds = card(input_tokens=Fraction(1, 2)), card(input_tokens=Fraction(1, 3))
    assert [cost_picousd(Usage(tokens), halves) for tokens in (1, 2, 3, 5, 7)] == [0, 1, 2, 2, 4]
    assert [cost_picousd(Usage(tokens), thirds) for tokens in (1, 2, 3)] == [0, 1, 1]


def test_the_id_of_a_card_tells_what_it_charges():
    """The same prices have the same id in every process; another price, model or provider has another."""
    same = card(input_tokens=2, output_tokens=3)
    others = [
        card(input_tokens=2, output_tokens=4),
        compiled("q", "m", {"input_tokens": [(0, Fraction(2))], "output_tokens": [(0, Fraction(3))]}),
        compiled("p", "n", {"input_tokens": [(0, Fraction(2))], "output_tokens": [(0, Fraction(3))]}),
        card(input_tokens=Fraction(1, 2), output_tokens=3),
    ]
    assert card(output_tokens=3, input_tokens=2).id == same.id == "eba57b8e90b8"
    assert len({other.id for other in [same, *others]}) == 5


def test_notes_do_not_change_the_id():
    """They say something about the list, not what is charged."""
    assert compiled("p", "m", {}, ["free"]).id == compiled("p", "m", {}).id


def test_simple_rates_are_those_of_plain_input_and_output():
    """They hold up to the first threshold, or for any input where there is none."""
    assert simple_rates(card(input_tokens=2, output_tokens=3)) == SimpleRates(2, 3, MAX_TOKENS)
    assert simple_rates(
        SONNET._replace(brackets=tuple(b._replace(per_request=0) for b in SONNET.brackets))
    ) == (
        3_000_000,
        15_000_000,
        200_000,
    )


def test_there_are_no_simple_rates_where_two_products_are_not_the_price():
    """A price of the request, or a fraction of a pico-dollar, has to be counted in full."""
    assert simple_rates(SONNET) is None
    assert simple_rates(card(input_tokens=Fraction(1, 2))) is None


def test_the_bracket_is_the_largest_threshold_exceeded():
    """At the threshold itself it is not exceeded."""
    assert [bracket_of(tokens) for tokens in (0, 32_000, 32_001, 200_000, 200_001, MAX_TOKENS)] == [
        0,
        0,
        32_000,
        199_999,
        200_000,
        524_288,
    ]


def test_thresholds_of_ones_own_may_not_be_covered():
    """Then the price of a sum of requests may not be the sum of their prices."""
    assert thresholds_covered(SONNET)
    assert not thresholds_covered(
        SONNET._replace(brackets=(SONNET.brackets[0], Bracket(123, SONNET.brackets[1].coefficients)))
    )


def test_the_tier_goes_by_the_price_of_output():
    """In dollars per million tokens: cheap below 6, capable below 20, premium from there."""
    prices = {
        0: "cheap",
        5_999_999: "cheap",
        6_000_000: "capable",
        19_999_999: "capable",
        20_000_000: "premium",
    }
    assert {price: tier_of(card(output_tokens=price)) for price in prices} == prices
    assert tier_of(card(output_tokens=Fraction(11_999_999, 2))) == "cheap"


@st.composite
def requests_of_one_bracket(draw: st.DrawFn) -> tuple[int, list[Usage]]:
    """Up to twenty usages whose inputs lie between the same two thresholds."""
    above, up_to = draw(st.sampled_from(list(pairwise((-1, *THRESHOLDS, MAX_TOKENS)))))
    return max(above, 0), [
        Usage(
            size, draw(st.integers(0, 10**6)), read, write, draw(st.integers(0, write)), web_searches=size % 3
        )
        for size in draw(st.lists(st.integers(above + 1, up_to), max_size=20))
        for read in [draw(st.integers(0, size))]
        for write in [draw(st.integers(0, size - read))]
    ]


@given(requests_of_one_bracket())
def test_the_price_of_sums_is_the_sum_of_the_prices(drawn: tuple[int, list[Usage]]):
    """Of any requests whose inputs lie in one bracket."""
    bracket, requests = drawn
    assert {bracket_of(usage.input_tokens) for usage in requests} <= {bracket}
    sums = Usage(*(sum(counts) for counts in zip(*requests, strict=True)))
    one_by_one = sum(cost_picousd(usage, SONNET) for usage in requests)
    assert cost_of_sums(sums, bracket, SONNET, len(requests)) == one_by_one


@given(st.lists(st.integers(0, 900), min_size=1, max_size=20))
def test_with_fractions_the_price_of_sums_is_off_by_half_a_pico_dollar_per_request(inputs: list[int]):
    """Each request is rounded, and so is the sum."""
    thirds = card(input_tokens=Fraction(1, 3))
    one_by_one = sum(cost_picousd(Usage(tokens), thirds) for tokens in inputs)
    assert abs(cost_of_sums(Usage(sum(inputs)), 0, thirds, len(inputs)) - one_by_one) <= (len(inputs) + 1) / 2

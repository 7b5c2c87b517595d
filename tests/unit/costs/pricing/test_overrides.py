"""The user's own prices."""

from __future__ import annotations

import pytest

from quarterdeck.costs.model import Usage
from quarterdeck.costs.pricing import Bracket, PriceBook, cost_picousd
from quarterdeck.costs.pricing.overrides import parsed
from quarterdeck.errors import ConfigError

FREE: dict[object, object] = {"input_per_mtok": 0, "output_per_mtok": 0}


@pytest.mark.parametrize("price", [0.1, "0.1", " 0.10 ", "1e-1"])
def test_a_price_is_the_decimal_that_was_written(price: object):
    """A float counts as its shortest notation: a tenth, not the binary number beside it."""
    card = parsed({"m": {**FREE, "input_per_mtok": price}})["m"]
    assert card.scale == 1
    assert card.brackets[0].coefficients[0] == 100_000


def test_every_kind_of_price():
    """Each count of a usage can have its own."""
    prices = {
        "input_per_mtok": 1,
        "output_per_mtok": 2,
        "cache_read_per_mtok": 3,
        "cache_write_per_mtok": 4,
        "cache_write_1h_per_mtok": 5,
        "reasoning_per_mtok": 6,
        "input_audio_per_mtok": 7,
        "output_audio_per_mtok": 8,
        "cache_read_audio_per_mtok": 9,
        "input_image_per_mtok": 10,
        "output_image_per_mtok": 11,
        "web_search_usd": "0.01",
        "request_usd": "0.002",
    }
    card = parsed({"m": prices})["m"]
    one_of_each = Usage(
        input_tokens=7,
        output_tokens=4,
        cache_read_input_tokens=2,
        cache_write_input_tokens=2,
        cache_write_1h_input_tokens=1,
        reasoning_output_tokens=1,
        input_audio_tokens=2,
        output_audio_tokens=1,
        cache_read_audio_tokens=1,
        input_image_tokens=1,
        output_image_tokens=1,
        web_searches=1,
    )
    plain_input = 7 - (2 + 2 + 2 - 1 + 1)
    tokens = plain_input * 1 + 1 * 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9 + 10 + 11
    assert cost_picousd(one_of_each, card) == tokens * 10**6 + 10**10 + 2 * 10**9


def test_prices_above_a_size_of_input_change_what_they_name_only():
    """What a bracket does not name costs what it costs below."""
    card = parsed(
        {
            "m": {
                "input_per_mtok": 1,
                "output_per_mtok": 2,
                "above": {
                    500_000: {"input_per_mtok": 5, "output_per_mtok": 4},
                    "200000": {"input_per_mtok": 3},
                    "0200000": {"output_per_mtok": 2},
                    200_000: {},
                },
            }
        }
    )["m"]
    assert [(bracket.above_input_tokens, bracket.coefficients[:2]) for bracket in card.brackets] == [
        (0, (1_000_000, 2_000_000)),
        (200_000, (3_000_000, 2_000_000)),
        (500_000, (5_000_000, 4_000_000)),
    ]


def test_a_model_that_costs_nothing_is_free_not_unpriced():
    """As the models that people run on their own machine."""
    card = PriceBook(overrides={"llama3": FREE}).card("llama3")
    assert card
    assert card.provider == "own"
    assert card.brackets == (Bracket(0, (0,) * len(Usage._fields)),)


def test_an_own_price_wins_over_the_published_one():
    """Whatever the letter case, the provider and the service tier."""
    prices = PriceBook(overrides={"GPT-5": {**FREE, "provider": "contract"}})
    for provider, service_tier in (("", ""), ("openai", "batch")):
        card = prices.card("gpt-5", provider=provider, service_tier=service_tier)
        assert card
        assert card.provider == "contract"


def test_a_price_at_one_provider_is_not_a_price_at_another():
    """``provider/model`` holds for that provider, and for a model that is spelled so."""
    prices = PriceBook(overrides={"acme/gpt-5": FREE})
    assert prices.card("gpt-5", provider="acme") == prices.card("acme/gpt-5")
    card = prices.card("gpt-5")
    assert card
    assert card.provider == "openai"


@pytest.mark.parametrize(
    "fields,said",
    [
        ({"input_per_mtok": 1}, "prices.m.output_per_mtok is missing"),
        ({"output_per_mtok": 1}, "prices.m.input_per_mtok is missing"),
        ({**FREE, "input_per_mtok": -1}, "prices.m.input_per_mtok must be"),
        ({**FREE, "input_per_mtok": True}, "prices.m.input_per_mtok must be"),
        ({**FREE, "input_per_mtok": float("nan")}, "prices.m.input_per_mtok must be"),
        ({**FREE, "input_per_mtok": float("inf")}, "prices.m.input_per_mtok must be"),
        ({**FREE, "input_per_mtok": "sNaN"}, "prices.m.input_per_mtok must be"),
        ({**FREE, "input_per_mtok": "a lot"}, "prices.m.input_per_mtok must be"),
        ({**FREE, "input_per_mtok": None}, "prices.m.input_per_mtok must be"),
        ({**FREE, "input_per_mtok": "1e-999999999"}, "prices.m.input_per_mtok must be"),
        ({**FREE, "input_per_mtok": "1e999999999"}, "prices.m.input_per_mtok must be"),
        ({**FREE, "input_per_mtok": "0e-999999999"}, "prices.m.input_per_mtok must be"),
        ({**FREE, "input": 1}, "prices.m.input is no price"),
        ({**FREE, 3: 1}, "prices.m.3 is no price"),
        ({**FREE, "provider": 7}, "prices.m.provider is 7"),
        ({**FREE, "above": 7}, "prices.m.above is 7"),
        ({**FREE, "above": {"200000": 7}}, "prices.m.above.200000 is 7"),
        ({**FREE, "above": {"200k": FREE}}, "prices.m.above has the key '200k'"),
        ({**FREE, "above": {"0": FREE}}, "prices.m.above has the key '0'"),
        ({**FREE, "above": {"-5": FREE}}, "prices.m.above has the key '-5'"),
        ({**FREE, "above": {"9" * 30: FREE}}, "prices.m.above has the key"),
        ({**FREE, "above": {"5": {"above": {}}}}, "prices.m.above.5.above is no price"),
        ({**FREE, "above": {"5": {"reasoning_per_mtok": 1}}}, "prices.m.above.5.reasoning_per_mtok"),
        (
            {**FREE, "cache_read_per_mtok": 1, "input_audio_per_mtok": 1},
            "prices.m.cache_read_audio_per_mtok is missing",
        ),
        ("cheap", "prices.m is 'cheap', not a table"),
    ],
)
def test_an_error_names_the_model_and_the_field(fields: object, said: str):
    """And how to mend it, whatever was written there."""
    with pytest.raises(ConfigError) as caught:
        PriceBook(overrides={"m": fields})
    assert caught.value.message.startswith(said)
    assert caught.value.hint


def test_a_model_has_one_table():
    """Names differ in more than letter case."""
    with pytest.raises(ConfigError, match="there twice"):
        parsed({"m": FREE, "M ": FREE})
    with pytest.raises(ConfigError, match="no name"):
        parsed({" ": FREE})


def test_a_hostile_name_is_shown_harmless():
    """Its control characters do not reach the terminal."""
    with pytest.raises(ConfigError) as caught:
        parsed({"\x1b[2J": {}})
    assert "\x1b" not in str(caught.value)

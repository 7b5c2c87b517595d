"""The user's own prices, from the settings, as cards.

    [costs.prices."my-model"]              # or "provider/my-model"
    input_per_mtok = 1.5                   # dollars per million tokens; a number, or a string like "0.05"
    output_per_mtok = 6
    cache_read_per_mtok = "0.15"           # left out: what contains it sets its price (here: input)
    above = { 200000 = { input_per_mtok = 3 } }

All fields: `COUNTS`, ``provider`` (a label) and ``above`` (by size of input, the prices that are others
there). A model that runs for nothing has prices of 0: it is free, not unpriced.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TYPE_CHECKING

from quarterdeck.costs.model import MAX_TOKENS
from quarterdeck.costs.money import PICO
from quarterdeck.costs.pricing.token_classes import PER_REQUEST, compiled
from quarterdeck.errors import ConfigError
from quarterdeck.words import harmless

if TYPE_CHECKING:
    from quarterdeck.costs.pricing.rate_card import RateCard

COUNTS = {
    "input_per_mtok": "input_tokens",
    "output_per_mtok": "output_tokens",
    "cache_read_per_mtok": "cache_read_input_tokens",
    "cache_write_per_mtok": "cache_write_input_tokens",
    "cache_write_1h_per_mtok": "cache_write_1h_input_tokens",
    "reasoning_per_mtok": "reasoning_output_tokens",
    "input_audio_per_mtok": "input_audio_tokens",
    "output_audio_per_mtok": "output_audio_tokens",
    "cache_read_audio_per_mtok": "cache_read_audio_tokens",
    "input_image_per_mtok": "input_image_tokens",
    "output_image_per_mtok": "output_image_tokens",
    "web_search_usd": "web_searches",
    "request_usd": PER_REQUEST,
}
"""What each field is the price of: dollars per million tokens, or dollars each."""

MAX_USD = 1_000_000
MAX_DECIMALS = 18
"""Enough for any price, and it keeps a hostile exponent from becoming a hostile number."""

PROVIDER = "own"
"""The provider of a card that names none."""


def parsed(overrides: Mapping[str, object]) -> dict[str, RateCard]:
    """The card of each model, by its name in lower case.

    Raises:
        ConfigError: names the model and the field that cannot be meant.
    """
    cards: dict[str, RateCard] = {}
    for name, fields in overrides.items():
        key = name.strip().lower()
        if not key or key in cards:
            raise _error(name, "is there twice" if key else "has no name", "give each model one table")
        cards[key] = _card(name.strip(), _table(name, fields))
    return cards


def _card(name: str, fields: Mapping[object, object]) -> RateCard:
    label, slash, model = name.partition("/")
    provider = fields.get("provider", label if slash else PROVIDER)
    if not isinstance(provider, str):
        raise _error(f"{name}.provider", f"is {provider!r:.40}, not a string", "it is a label, like openai")
    lowest = {field: value for field, value in fields.items() if field not in {"provider", "above"}}
    steps = {field: [(0, price)] for field, price in _prices(name, lowest).items()}
    _check_complete(name, steps)
    above = _table(f"{name}.above", fields.get("above", {}))
    for start, key in sorted(((_start(name, key), key) for key in above), key=lambda pair: pair[0]):
        place = f"{name}.above.{start}"
        for field, price in _prices(place, _table(place, above[key])).items():
            if field not in steps:
                raise _error(f"{place}.{field}", "has no price for smaller inputs", "give it one there too")
            steps[field].append((start, price))
    return compiled(
        provider, model if slash else name, {COUNTS[field]: prices for field, prices in steps.items()}
    )


def _check_complete(name: str, fields: Mapping[str, object]) -> None:
    for field in ("input_per_mtok", "output_per_mtok"):
        if field not in fields:
            raise _error(f"{name}.{field}", "is missing", "write 0 for what is free")
    both = "cache_read_per_mtok" in fields and "input_audio_per_mtok" in fields
    if both and "cache_read_audio_per_mtok" not in fields:
        raise _error(
            f"{name}.cache_read_audio_per_mtok",
            "is missing",
            "cached audio is both a cache read and audio, and they have different prices: say which it has",
        )


def _prices(place: str, fields: Mapping[object, object]) -> dict[str, Fraction]:
    """Pico-dollars per token or piece, by field."""
    prices: dict[str, Fraction] = {}
    for field, value in fields.items():
        if not isinstance(field, str) or field not in COUNTS:
            known = ", ".join([*COUNTS, "provider", "above"])
            raise _error(f"{place}.{field}", "is no price anybody reads", f"the fields are {known}")
        per = 1_000_000 if field.endswith("_per_mtok") else 1
        prices[field] = _usd(f"{place}.{field}", value) * PICO / per
    return prices


def _usd(place: str, value: object) -> Fraction:
    """*value* in dollars; a float counts as its shortest decimal notation."""
    try:
        usd = Decimal(str(value).strip())
    except InvalidOperation:
        usd = Decimal("NaN")
    exponent = usd.as_tuple().exponent
    if not isinstance(exponent, int) or not 0 <= usd <= MAX_USD or exponent < -MAX_DECIMALS:
        raise _error(
            place,
            f"must be dollars from 0 to {MAX_USD:,} of at most {MAX_DECIMALS} decimals, got {value!r:.40}",
            "write it like 1.5",
        )
    return Fraction(usd)


def _start(name: str, start: object) -> int:
    text = str(start)
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and 0 < int(text) < MAX_TOKENS):
        raise _error(
            f"{name}.above", f"has the key {start!r:.40}", "its keys are numbers of tokens, like 200000"
        )
    return int(text)


def _table(place: str, value: object) -> Mapping[object, object]:
    if not isinstance(value, Mapping):
        raise _error(place, f"is {value!r:.40}, not a table", "see the fields of costs.prices")
    return value


def _error(place: str, said: str, hint: str) -> ConfigError:
    return ConfigError(harmless(f"prices.{place} {said}"), hint=hint)

"""What one model charges, as integers, and the arithmetic on it.

A price list names prices of classes that contain each other (cached input is input). A card has one
coefficient per field of `Usage` instead, such that the price is their plain sum of products; the
coefficient of a part is what it costs more, or less, than the total it is counted in already.
"""

from __future__ import annotations

from bisect import bisect_left
from operator import mul
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.costs.model import MAX_TOKENS

if TYPE_CHECKING:
    from quarterdeck.costs.model import Usage

THRESHOLDS = (32_000, 100_000, 128_000, 199_999, 200_000, 256_000, 272_000, 512_000, 524_288)
"""Every size of input at which some published price changes."""

CHEAP_BELOW_USD_PER_MTOK = 6
CAPABLE_BELOW_USD_PER_MTOK = 20

_PICO_PER_TOKEN = 1_000_000
"""A dollar per million tokens, in pico-dollars per token."""


class Bracket(NamedTuple):
    """What a request costs whose input is larger than *above_input_tokens*.

    Attributes:
        above_input_tokens: 0 in a card's lowest bracket, which holds for an empty input too.
        coefficients: one per field of `Usage`, in its order; those of parts may be negative.
        per_request: on top of the tokens.
    """

    above_input_tokens: int
    coefficients: tuple[int, ...]
    per_request: int = 0


class RateCard(NamedTuple):
    """What one model charges at one time.

    Attributes:
        id: 12 hex digits, the digest of the five fields that follow.
        provider: whose price list it is from.
        model: the price list's own name of the model.
        brackets: lowest first; all tokens of a request are charged by the one bracket it falls in.
        scale: the brackets are in this fraction of a pico-dollar; 1 for all but a few cards.
        notes: what the price list bills that `Usage` does not count, and what it leaves open.
    """

    id: str
    provider: str
    model: str
    brackets: tuple[Bracket, ...]
    scale: int = 1
    notes: tuple[str, ...] = ()


class SimpleRates(NamedTuple):
    """Prices of a request that has no token class but input and output.

    Attributes:
        input_picousd: per token.
        output_picousd: per token.
        max_input_tokens: the largest input they hold for.
    """

    input_picousd: int
    output_picousd: int
    max_input_tokens: int


def cost_picousd(usage: Usage, card: RateCard) -> int:
    """Price of one request, in pico-dollars (1e-12 USD); exact where the card's scale is 1.

    Otherwise the exact price is rounded once, half to even: off by at most half a pico-dollar.
    """
    bracket = card.brackets[0]
    if len(card.brackets) > 1:
        bracket = _bracket_above(card, usage.input_tokens - 1)
    total = sum(map(mul, usage, bracket.coefficients)) + bracket.per_request
    return total if card.scale == 1 else _rounded(total, card.scale)


def cost_of_sums(usage: Usage, bracket: int, card: RateCard, requests: int) -> int:
    """Price of *requests* requests at once, from the sums of their counts.

    Equals the sum of their `cost_picousd` where `thresholds_covered` holds and the card's scale is 1;
    with another scale it is off by at most half a pico-dollar per request, and one half.

    Args:
        usage: of each count, the sum.
        bracket: the `bracket_of` that all of them have.
        card: what they are charged by.
        requests: how many they are.
    """
    in_force = _bracket_above(card, bracket)
    total = sum(map(mul, usage, in_force.coefficients)) + in_force.per_request * requests
    return total if card.scale == 1 else _rounded(total, card.scale)


def simple_rates(card: RateCard) -> SimpleRates | None:
    """Prices of plain input and output, in whole pico-dollars; None where it takes more than those two."""
    lowest = card.brackets[0]
    if card.scale != 1 or lowest.per_request:
        return None
    up_to = card.brackets[1].above_input_tokens if len(card.brackets) > 1 else MAX_TOKENS
    return SimpleRates(lowest.coefficients[0], lowest.coefficients[1], up_to)


def bracket_of(input_tokens: int) -> int:
    """The largest of `THRESHOLDS` that *input_tokens* exceeds; 0 where it exceeds none."""
    place = bisect_left(THRESHOLDS, input_tokens)
    return THRESHOLDS[place - 1] if place else 0


def thresholds_covered(card: RateCard) -> bool:
    """Whether the card's prices change at `THRESHOLDS` only; an own price may change anywhere."""
    return all(bracket.above_input_tokens in THRESHOLDS for bracket in card.brackets[1:])


def tier_of(card: RateCard) -> str:
    """``cheap``, ``capable`` or ``premium``, by what a million tokens of output cost.

    Below `CHEAP_BELOW_USD_PER_MTOK` dollars it is cheap, below `CAPABLE_BELOW_USD_PER_MTOK` capable;
    of several brackets the lowest counts.
    """
    output = card.brackets[0].coefficients[1]
    if output < CHEAP_BELOW_USD_PER_MTOK * _PICO_PER_TOKEN * card.scale:
        return "cheap"
    return "capable" if output < CAPABLE_BELOW_USD_PER_MTOK * _PICO_PER_TOKEN * card.scale else "premium"


def _bracket_above(card: RateCard, input_tokens: int) -> Bracket:
    """The highest bracket that begins at or below *input_tokens*, else the lowest there is."""
    for bracket in reversed(card.brackets):
        if bracket.above_input_tokens <= input_tokens:
            return bracket
    return card.brackets[0]


def _rounded(total: int, scale: int) -> int:
    whole, rest = divmod(total, scale)
    return whole + (2 * rest > scale or (2 * rest == scale and whole % 2 == 1))

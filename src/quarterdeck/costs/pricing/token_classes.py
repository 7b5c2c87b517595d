"""From prices of classes that contain each other to one coefficient per field of `Usage`.

A class is what its words say, so the more words the narrower: {input, read} lies in {input}. A token
is charged by the narrowest class that has a price and holds it: what is charged at a class's own
price is its count less what its narrower classes charge, and that is linear in the counts.
"""

from __future__ import annotations

import hashlib
from math import lcm
from typing import TYPE_CHECKING

from quarterdeck.costs.model import Usage
from quarterdeck.costs.pricing.rate_card import Bracket, RateCard

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from fractions import Fraction

PER_REQUEST = "per_request"
"""Stands among the fields of `Usage` for a price of the request itself."""

WORDS = {
    "input_tokens": frozenset({"input"}),
    "output_tokens": frozenset({"output"}),
    "cache_read_input_tokens": frozenset({"input", "cache read"}),
    "cache_write_input_tokens": frozenset({"input", "cache write"}),
    "cache_write_1h_input_tokens": frozenset({"input", "cache write", "1h"}),
    "reasoning_output_tokens": frozenset({"output", "reasoning"}),
    "input_audio_tokens": frozenset({"input", "audio"}),
    "output_audio_tokens": frozenset({"output", "audio"}),
    "cache_read_audio_tokens": frozenset({"input", "cache read", "audio"}),
    "input_image_tokens": frozenset({"input", "image"}),
    "output_image_tokens": frozenset({"output", "image"}),
    "web_searches": frozenset({"web search"}),
}
"""What each count is a count of.

What is in two of them is counted where `Usage` has a count of it (cached audio); else it is taken to be
nothing (cached images), so that a usage whose parts add up has one price.
"""


def compiled(
    provider: str,
    model: str,
    prices: Mapping[str, Sequence[tuple[int, Fraction]]],
    notes: Iterable[str] = (),
) -> RateCard:
    """The card that charges *prices*.

    Args:
        provider: whose prices they are.
        model: what for.
        prices: by field of `Usage` or `PER_REQUEST`: (above how many input tokens, pico-dollars each), the
            lowest first and from 0. A class without a price is charged as what contains it; input and
            output without a price are free.
        notes: for `RateCard.notes`.
    """
    scale = lcm(*(price.denominator for steps in prices.values() for _, price in steps))
    shares = _shares([field for field in prices if field != PER_REQUEST])
    brackets: list[Bracket] = []
    for above in sorted({0}.union(above for steps in prices.values() for above, _ in steps)):
        rates = {field: int(_step_at(steps, above) * scale) for field, steps in prices.items()}
        coefficients = tuple(
            sum(rates[field] * share[place] for field, share in shares.items())
            for place in range(len(Usage._fields))
        )
        brackets.append(Bracket(above, coefficients, rates.get(PER_REQUEST, 0)))
    return RateCard(
        _digest(provider, model, tuple(brackets), scale),
        provider,
        model,
        tuple(brackets),
        scale,
        tuple(notes),
    )


def _shares(priced: Sequence[str]) -> dict[str, list[int]]:
    """Of each priced class, how often each count of a `Usage` is charged at its own price."""
    shares: dict[str, list[int]] = {}
    for field in sorted(priced, key=lambda field: -len(WORDS[field])):
        narrower = [share for other, share in shares.items() if WORDS[field] < WORDS[other]]
        shares[field] = [
            (name == field) - sum(share[place] for share in narrower)
            for place, name in enumerate(Usage._fields)
        ]
    return shares


def _step_at(steps: Sequence[tuple[int, Fraction]], above: int) -> Fraction:
    return [price for start, price in steps if start <= above][-1]


def _digest(provider: str, model: str, brackets: tuple[Bracket, ...], scale: int) -> str:
    charged = repr((provider, model, [tuple(bracket) for bracket in brackets], scale))
    return hashlib.sha256(charged.encode()).hexdigest()[:12]

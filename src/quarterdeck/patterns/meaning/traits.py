"""What filters ask of a pattern, kept beside its direction: they are many, and each is looked at."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.patterns import features

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quarterdeck.patterns.model import Pattern

LABEL_BYTES = 32
TRIED = 2.0
"""Surer than anybody can ask for: what outcomes say decides later."""


class Traits(NamedTuple):
    """Of one pattern.

    Attributes:
        sure: its author's confidence; `TRIED` when outcomes say more about it.
        until_s: it is not to be found from this second of the epoch on.
        labels: the bits of its tags, its type and its lesson.
    """

    sure: float
    until_s: int
    labels: bytes


def traits_of(pattern: Pattern, until_s: int, *, is_tried: bool) -> Traits:
    """Those of *pattern*, which ends at *until_s*."""
    sure = TRIED if is_tried else pattern.confidence
    return Traits(sure, until_s, bits_of(features.labels_of(pattern)))


def bits_of(labels: Iterable[str]) -> bytes:
    """Four of 256 bits for each label: those of all are set where all labels are, and seldom elsewhere.

    A pattern of seven labels has the bits of an eighth once in 8,600 times, one of fifty in 12.

    Source: B. Bloom, "Space/time trade-offs in hash coding with allowable errors", 1970.
    """
    bits = 0
    for label in labels:
        for place in blake2b(label.encode(), digest_size=4).digest():
            bits |= 1 << place
    return bits.to_bytes(LABEL_BYTES, "little")

"""How well a document answers a query: BM25, to the last choice as tantivy computes it.

So a pattern has the same score whether it lies near or far. What the formula leaves open is decided here:
``k1`` and ``b``; an idf that is never negative; lengths that are rounded to what fits in a byte.

Source: S. Robertson and H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009),
sections 3.4 and 3.5. The idf is Lucene's variant; so are the lengths (its ``SmallFloat.intToByte4``).
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

K1 = 1.2
"""How soon another occurrence of a feature adds nothing any more."""
B = 0.75
"""How much the length of a document counts, 0 to 1."""

_EXACT_LENGTHS = 24
"""Lucene's: so many codes of a byte are left over when all whole numbers of 31 bits have one."""
_SINGLE = struct.Struct("f")


class Statistics(Protocol):
    """What is known of all documents together."""

    @property
    def documents(self) -> int:
        """How many there are."""

    @property
    def mean_length(self) -> float:
        """Of these documents, in occurrences of features, before any rounding."""

    def frequency(self, feature: str) -> int:
        """In how many of them *feature* is."""


class Posting(NamedTuple):
    """That a feature is in a document.

    Attributes:
        occurrences: how often, >= 1.
        length: of the document, as `rounded`.
    """

    occurrences: int
    length: int


def rounded(length: int) -> int:
    """The *length* that counts: exact below 40, then its four highest bits beyond 24, rounded down."""
    beyond = length - _EXACT_LENGTHS
    lost = max(beyond.bit_length() - 4, 0)
    return length if beyond < 0 else (beyond >> lost << lost) + _EXACT_LENGTHS


def rarity(documents: int, frequency: int) -> float:
    """The idf of a feature that *frequency* of all *documents* have, >= 0.

    It is what the feature gives to a document of mean length in which it is once.
    """
    odds = (documents - frequency + 0.5) / (frequency + 0.5)
    (single,) = _SINGLE.unpack(_SINGLE.pack(1.0 + odds))  # tantivy's, felt where nearly all have the feature
    return math.log(single)


def worth(feature: str, statistics: Statistics) -> float:
    """What *feature* is worth to every document that has it: ``(k1 + 1) * idf``."""
    return (K1 + 1.0) * rarity(statistics.documents, statistics.frequency(feature))


def shares(postings: Mapping[int, Posting], mean_length: float) -> dict[int, float]:
    """What each document gets of a feature's worth: ``tf / (tf + k1 * (1 - b + b * length / mean))``.

    Args:
        postings: of that feature, by the number of the document.
        mean_length: of all documents, > 0.
    """
    fixed, slope = K1 * (1.0 - B), K1 * B / mean_length
    return {
        number: occurrences / (occurrences + fixed + slope * length)
        for number, (occurrences, length) in postings.items()
    }

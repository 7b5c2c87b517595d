"""Columns of numbers as directions: what one of them says that others do not."""

from __future__ import annotations

import math
from operator import mul
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_INDEPENDENT = 1e-6
"""How much of a column's length must be left over by those before it; less is a combination of them."""


class Basis:
    """Orthonormal columns, in the order in which they were added; what they span is what is explained.

    Attributes:
        columns: the directions.
        shares: of each column that was added, how much of every direction up to its own is in it.

    Source: modified Gram-Schmidt, each column twice, which is enough (B. Parlett, "The symmetric eigenvalue
    problem", 1980, section 6.9).
    """

    def __init__(self, columns: Iterable[Sequence[float]] = ()) -> None:
        """With all of *columns* that are independent of those before them."""
        self.columns: list[list[float]] = []
        self.shares: list[list[float]] = []
        for column in columns:
            self.add(column)

    def first(self, size: int) -> Basis:
        """What this was when it had *size* columns."""
        before = Basis()
        before.columns, before.shares = self.columns[:size], self.shares[:size]
        return before

    def add(self, column: Sequence[float]) -> int | None:
        """The place of *column*, which is one of them from now on; None where it says nothing new."""
        shares, left = self._split(column)
        length = math.sqrt(dot(left, left))
        if not length > _INDEPENDENT * math.sqrt(dot(column, column)):
            return None
        self.columns.append([value / length for value in left])
        self.shares.append([*shares, length])
        return len(self.columns) - 1

    def rest(self, column: Sequence[float]) -> list[float]:
        """What is left of *column*; O(columns × length)."""
        return self._split(column)[1]

    def _split(self, column: Sequence[float]) -> tuple[list[float], list[float]]:
        left = list(column)
        shares = [0.0] * len(self.columns)
        for _ in range(2):
            for place, known in enumerate(self.columns):
                share = dot(known, left)
                shares[place] += share
                left = [value - share * part for value, part in zip(left, known, strict=True)]
        return shares, left


def dot(left: Iterable[float], right: Iterable[float]) -> float:
    """The inner product."""
    return sum(map(mul, left, right), 0.0)

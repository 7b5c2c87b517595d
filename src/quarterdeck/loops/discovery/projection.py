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

    Source: modified Gram-Schmidt, each column twice, which is enough (B. Parlett, "The symmetric eigenvalue
    problem", 1980, section 6.9).
    """

    def __init__(self, columns: Iterable[Sequence[float]] = ()) -> None:
        """With all of *columns* that are independent of those before them."""
        self.columns: list[list[float]] = []
        for column in columns:
            self.add(column)

    def rest(self, column: Sequence[float]) -> list[float]:
        """What is left of *column*; O(columns × length)."""
        left = list(column)
        for _ in range(2):
            for known in self.columns:
                share = dot(known, left)
                left = [value - share * part for value, part in zip(left, known, strict=True)]
        return left

    def add(self, column: Sequence[float]) -> bool:
        """Whether *column* says something new; if so, it is one of them from now on."""
        left = self.rest(column)
        length = math.sqrt(dot(left, left))
        if not length > _INDEPENDENT * math.sqrt(dot(column, column)):
            return False
        self.columns.append([value / length for value in left])
        return True


def dot(left: Iterable[float], right: Iterable[float]) -> float:
    """The inner product."""
    return sum(map(mul, left, right), 0.0)

"""All directions of a library in memory, one byte a dimension, and which of them are nearest to another.

What filters ask of a pattern lies beside its direction, so that only what passes is compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from quarterdeck.patterns.meaning.traits import LABEL_BYTES, bits_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from quarterdeck.patterns.meaning.traits import Traits
    from quarterdeck.patterns.search.terms import Query

    Floats = NDArray[np.float32]
    Rows = slice | NDArray[np.int64]

_CHUNK = 512
"""So many are widened to floats at a time: 1 MB. From some 1200 on, numpy shares the work out among threads,
which on a busy machine takes many times as long."""
_STEPS = 127


def packed(directions: Floats) -> list[bytes]:
    """Each in one byte a dimension, its greatest one being 127; how long it was is forgotten."""
    greatest = np.abs(directions).max(axis=1, keepdims=True, initial=1e-9)
    return [row.tobytes() for row in np.rint(directions * (_STEPS / greatest)).astype(np.int8)]


class Vectors:
    """Directions by number; `nearest` looks at each of them: 0.1 µs a piece. For one thread at a time."""

    def __init__(self, dimensions: int) -> None:
        """Has none yet."""
        self._matrix = np.empty((0, dimensions), np.int8)
        self._shrink = np.empty(0, np.float32)  # 1 / length, for each row
        self._numbers = np.empty(0, np.int64)
        self._sure = np.empty(0, np.float64)
        self._until_s = np.empty(0, np.int64)
        self._labels = np.empty((0, LABEL_BYTES // 8), np.uint64)
        self._rows: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def put(self, numbers: Sequence[int], vectors: Sequence[bytes], traits: Sequence[Traits]) -> None:
        """Have these, each number once, instead of what those numbers had; *vectors* are `packed`.

        Raises:
            ValueError: one does not have as many dimensions as it should.
        """
        added = np.frombuffer(b"".join(vectors), np.int8).reshape(len(numbers), self._matrix.shape[1])
        for number in numbers:
            self._rows.setdefault(number, len(self._rows))
        if len(self._rows) > len(self._numbers):
            self._grow()
        rows = np.array([self._rows[number] for number in numbers], np.int64)
        self._matrix[rows] = added
        self._numbers[rows] = numbers
        self._sure[rows] = [each.sure for each in traits]
        self._until_s[rows] = [each.until_s for each in traits]
        labels = np.frombuffer(b"".join(each.labels for each in traits), np.uint64)
        self._labels[rows] = labels.reshape(len(numbers), self._labels.shape[1])
        length = np.linalg.norm(added.astype(np.float32), axis=1)
        self._shrink[rows] = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0)

    def drop(self, number: int) -> None:
        """Have nothing of that number any more; fine if nothing is there."""
        row = self._rows.pop(number, None)
        last = len(self._rows)
        if row is None or row == last:
            return
        for each in self._columns():
            each[row] = each[last]
        self._rows[int(self._numbers[row])] = row

    def nearest(self, direction: Floats, k: int, query: Query) -> list[tuple[int, float]]:
        """Numbers and cosines of the *k* nearest, best first; of equal ones the smaller number.

        Args:
            direction: of length 1.
            k: how many at most.
            query: only among those that pass its gate and have the labels that it requires. Of these it is
                not quite sure: see `bits_of`.
        """
        rows = self._passing(query)
        cosines, numbers = self._cosines(direction, rows), self._numbers[rows]
        if 0 < k < len(cosines):
            least = np.partition(cosines, -k)[-k]
            good = np.flatnonzero(cosines >= least)
            cosines, numbers = cosines[good], numbers[good]
        order = np.lexsort((numbers, -cosines))[:k]
        return list(zip(numbers[order].tolist(), cosines[order].tolist(), strict=True))

    def similarities(self, direction: Floats, numbers: Collection[int]) -> dict[int, float]:
        """The cosines of those that are there."""
        here = [number for number in numbers if number in self._rows]
        rows = np.array([self._rows[number] for number in here], np.int64)
        return dict(zip(here, self._cosines(direction, rows).tolist(), strict=True))

    def _passing(self, query: Query) -> Rows:
        """Where those are that pass the filters of *query*: some 20 ns a piece."""
        used = slice(0, len(self._rows))
        gate = query.gate
        passing = (self._sure[used] >= gate.confidence) & (self._until_s[used] > gate.at_s)
        for group in query.required:
            has_one = np.zeros_like(passing)
            for label in group:
                bits = np.frombuffer(bits_of([label]), np.uint64)
                has_one |= ((self._labels[used] & bits) == bits).all(axis=1)
            passing &= has_one
        return used if passing.all() else np.flatnonzero(passing)

    def _cosines(self, direction: Floats, rows: Rows) -> Floats:
        shrink = self._shrink[rows]
        cosines = np.empty_like(shrink)
        for start in range(0, len(cosines), _CHUNK):
            chunk = slice(start, min(start + _CHUNK, len(cosines)))
            some = self._matrix[chunk] if isinstance(rows, slice) else self._matrix[rows[chunk]]
            cosines[chunk] = some.astype(np.float32) @ direction
        cosines *= shrink
        return cosines

    def _grow(self) -> None:
        """Make room for all rows, and some more."""
        more = len(self._rows) - len(self._numbers) + len(self._numbers) // 4
        self._matrix, self._shrink, self._numbers, self._sure, self._until_s, self._labels = (
            np.concatenate([each, np.zeros((more, *each.shape[1:]), each.dtype)]) for each in self._columns()
        )

    def _columns(self) -> tuple[NDArray[Any], ...]:
        """All that there is of each row."""
        return self._matrix, self._shrink, self._numbers, self._sure, self._until_s, self._labels

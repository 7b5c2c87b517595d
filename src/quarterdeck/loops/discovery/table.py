"""A history as a table that can be computed with: which metrics, which snapshots, and why not the others."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.loops.discovery.projection import Basis
from quarterdeck.loops.metrics.columns import as_history, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_SNAPSHOTS = 1_000
"""The latest so many are looked at: a system does not stay the same for ever, and nor does patience."""
MOST_METRICS = 20
_KNOWN_RATIO = 0.8
_ROUNDING = 1e-12


class Table(NamedTuple):
    """Metrics that vary, each by itself.

    Attributes:
        names: of the metrics.
        columns: the values of each, with mean 0 and variance 1; None where unknown.
        left_out: names of the others, and why they are not there.
        first: which snapshot of the history is the first one of the columns.
    """

    names: list[str]
    columns: list[list[float | None]]
    left_out: dict[str, str]
    first: int = 0

    @property
    def filled(self) -> list[list[float]]:
        """The columns with 0 for None; only for `rows`, in which nothing is unknown."""
        return [[value or 0.0 for value in column] for column in self.columns]

    def rows(self, lags: int) -> list[int]:
        """The snapshots of which everything is known, as it is of the *lags* snapshots before them."""
        whole = [None not in row for row in zip(*self.columns, strict=True)]
        return [row for row in range(lags, len(whole)) if all(whole[row - lags : row + 1])]

    @property
    def known(self) -> int:
        """How many snapshots count: everything is known of them, and of those before them."""
        return len(self.rows(1)) + 1

    def without(self, name: str, reason: str) -> Table:
        """The same but for one metric."""
        place = self.names.index(name)
        return self._replace(
            names=self.names[:place] + self.names[place + 1 :],
            columns=self.columns[:place] + self.columns[place + 1 :],
            left_out=self.left_out | {name: reason},
        )


def read(history: Sequence[Mapping[str, object]], *, needed: int) -> Table:
    """The metrics of *history* that can be computed with.

    Where gaps leave fewer than *needed* snapshots that count, metrics with gaps are left out, the one with
    the most first.

    Raises:
        UsageError: *history* is no sequence of mappings.
    """
    snapshots = as_history(history)
    first = max(0, len(snapshots) - MOST_SNAPSHOTS)
    del snapshots[:first]
    known = Counter(
        name
        for snapshot in snapshots
        for name, value in snapshot.items()
        if isinstance(name, str) and name and number(value) is not None
    )
    left_out = {
        name: "is no number in more than a fifth of the snapshots"
        for snapshot in snapshots
        for name in snapshot
        if isinstance(name, str) and known[name] < _KNOWN_RATIO * len(snapshots)
    }
    table = Table([], [], left_out, first)
    for name in known:
        if name in left_out:
            continue
        column = _standardised([number(snapshot.get(name)) for snapshot in snapshots])
        if column is None:
            left_out[name] = "does not vary"
        elif len(table.names) == MOST_METRICS:
            left_out[name] = f"comes after {MOST_METRICS} others"
        else:
            table.names.append(name)
            table.columns.append(column)
    return _independent(_with_rows(table, needed))


def _standardised(column: list[float | None]) -> list[float | None] | None:
    values = [value for value in column if value is not None]
    scale = max(map(abs, values), default=0.0)
    if not scale:
        return None
    values = [value / scale for value in values]
    mean = math.fsum(values) / len(values)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
    if spread <= _ROUNDING:
        return None
    return [None if value is None else (value / scale - mean) / spread for value in column]


def _with_rows(table: Table, needed: int) -> Table:
    while len(table.names) > 2 and table.known < needed:
        gaps = [column.count(None) for column in table.columns]
        if not any(gaps):
            break
        table = table.without(table.names[gaps.index(max(gaps))], "has gaps where others have none")
    return table


def _independent(table: Table) -> Table:
    """Without metrics that are linear combinations of those before them, or of time."""
    rows = table.rows(0)
    if len(rows) <= 2 + len(table.names):  # too few to tell; nothing will be said of them anyway
        return table
    basis = Basis([[1.0] * len(rows), [float(row) for row in rows]])
    for name, column in zip(table.names, table.filled, strict=True):
        if basis.add([column[row] for row in rows]) is None:
            table = table.without(name, "follows from time and the metrics before it")
    return table

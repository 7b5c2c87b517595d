"""Which metric moves which: a vector autoregression by least squares, each link tested, all tests corrected.

    metric = constant + trend + shapes from outside + effects × all metrics, some snapshots ago + shock

The levels are explained and not the changes: a stock is moved by where another one stands. The errors of
the effects are White's in the form HC3: there are calm and hectic times, all metrics have them together, and
with the classical errors that looks like loops.

Where a metric stood is known to move others only if it comes back: walks that know nothing of each other seem
to, and what adds up another metric seems to hold that back. So where it is not shown that it comes back, its
effects are told from its changes, with one more snapshot of its past that is not tested. That sees less.

    constant, trend, the snapshot before ──> does a metric come back?  (Dickey-Fuller, given all metrics)
    + shapes + earlier snapshots         ──> effects of where it stood   if it does
    + one snapshot more, not tested      ──> effects of its changes      if it may not
"""

from __future__ import annotations

import math
from operator import sub
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.loops.discovery import outside
from quarterdeck.loops.discovery.model import Link
from quarterdeck.loops.discovery.projection import Basis, dot
from quarterdeck.loops.metrics.least_squares import student_p

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quarterdeck.loops.discovery.table import Table

_ROWS_PER_REGRESSOR = 4
_ROUNDING = 1e-24
"""The least square of an error, of metrics whose variance is 1."""
_COMES_BACK = 17.0, 1.8
"""The square of the t by which a metric comes back must exceed the first and, for each metric, the second. Of
2 to 20 random walks, 200 and 500 snapshots long, one in two hundred does (simulated; it grows evenly)."""
_FULL_LEVERAGE = 1e-6
_NO_SHOCK = 1e-6
"""The standard deviation of what a model leaves over when it leaves over nothing but rounding."""


class Effect(NamedTuple):
    """One coefficient of one equation.

    Attributes:
        value: in standard deviations of the target for one of the source.
        correlation: the partial correlation of target and regressor, -1 to 1.
        p_value: two-sided, by Student's t with White's errors (HC3).
    """

    value: float
    correlation: float
    p_value: float


class Explained(NamedTuple):
    """A linear model of several targets by the same regressors.

    Attributes:
        effects: for each target, of each tested regressor; None for one that is a combination of others, and
            for a target without shocks: a system that no shock ever disturbs does not show how it is linked.
        left: what is left of each target.
        freedom: rows less regressors.
    """

    effects: list[list[Effect | None]]
    left: list[list[float]]
    freedom: int


class Links(NamedTuple):
    """What was found between all pairs of metrics.

    Attributes:
        links: the significant ones, in the order of their metrics.
        together: for each pair of metrics in either order, the correlation of their shocks, and its p-value.
        outside: the shapes in time that were taken out.
        rows: the snapshots that were explained, and for which the shapes have values.
    """

    links: list[Link]
    together: dict[tuple[str, str], tuple[float, float]]
    outside: list[outside.Shape]
    rows: list[int]


def find(table: Table, *, max_lag: int, false_discovery_rate: float) -> Links:
    """The links between the metrics of *table*; O(rows × (metrics × lags)²).

    How many lags the model has says Schwarz's criterion.

    Args:
        table: at least two metrics, in rows enough for *max_lag* (see `most_lags`).
        max_lag: of the latest effect looked for.
        false_discovery_rate: of all links; by Benjamini and Hochberg over all pairs of metrics, each with the
            smallest p-value of its lags, times their number.

    Source of the lag that is not tested: H. Y. Toda and T. Yamamoto, Journal of Econometrics 66, 1995.
    """
    rows = table.rows(max_lag + 1)
    now, *past = (
        [[column[row - lag] for row in rows] for column in table.filled] for lag in range(max_lag + 2)
    )
    basis = Basis([[1.0] * len(rows), [row / rows[-1] for row in rows]])
    tested = [[basis.add(column) for column in past[0]]]
    changes = [list(map(sub, *each)) for each in zip(now, past[0], strict=True)]
    moved = explain(basis, tested[0], changes)
    back = [_comes_back(own[place], moved.freedom, len(now)) for place, own in enumerate(moved.effects)]

    shapes = outside.shapes(basis, moved.left, rows, first=table.first)
    sizes = [len(basis.columns)]
    for columns in past[1:]:
        tested.append([basis.add(column) for column in columns])
        sizes.append(len(basis.columns))
    models = [basis.first(size) for size in sizes]

    lags = best_lags(models[:-1], now)
    regressors = [place for places in tested[:lags] for place in places]
    levels = explain(models[lags - 1], regressors, now)
    effects = levels.effects
    if not all(back):
        beyond = explain(models[lags], regressors, now).effects
        effects = [
            [one if comes else other for one, other, comes in zip(*both, back * lags, strict=True)]
            for both in zip(effects, beyond, strict=True)
        ]
    links = _significant(table.names, effects, lags, false_discovery_rate)
    return Links(links, _together(table.names, levels), shapes, rows)


def most_lags(rows: int, metrics: int, max_lag: int) -> int:
    """How many lags, at most *max_lag*, so many rows can tell apart; 0: not even one."""
    shapes = 2 + outside.MOST_SHAPES
    return min(max_lag, (rows // _ROWS_PER_REGRESSOR - shapes) // metrics)


def explain(basis: Basis, tested: Sequence[int | None], targets: Sequence[Sequence[float]]) -> Explained:
    """Each of *targets* by the columns that *basis* was made of; O(rows × columns²).

    Args:
        basis: of all regressors, also those of no interest.
        tested: the places in it of those whose effects are asked for.
        targets: what is to be explained.

    Source: J. G. MacKinnon and H. White, Journal of Econometrics 29, 1985 (HC3 as an approximation of the
    jackknife; its errors are a little too large rather than too small).
    """
    freedom = len(targets[0]) - len(basis.columns)
    left = [basis.rest(target) for target in targets]
    rows = list(zip(*basis.columns, strict=True))
    free = [1 - dot(row, row) for row in rows]
    squares = [[_squared_error(value, room) for value, room in zip(each, free, strict=True)] for each in left]
    spreads = [math.sqrt(dot(each, each) / freedom) for each in left]
    inverse = _inverse(basis.shares)

    effects: list[list[Effect | None]] = [[None] * len(tested) for _ in targets]
    for number, place in enumerate(tested):
        if place is None:
            continue
        weights = [dot(inverse[place], row) for row in rows]
        weights_squared = [weight * weight for weight in weights]
        length = math.sqrt(sum(weights_squared))
        for own, target, square, spread in zip(effects, targets, squares, spreads, strict=True):
            if spread < _NO_SHOCK:
                continue
            value = dot(weights, target)
            ratio = value / (spread * length)
            own[number] = Effect(
                value,
                ratio / math.sqrt(ratio * ratio + freedom),
                student_p(value / math.sqrt(dot(weights_squared, square)), freedom),
            )
    return Explained(effects, left, freedom)


def _squared_error(left: float, free: float) -> float:
    """What a row would leave over if it had no part in the model: *free* is one less its leverage."""
    return max(left * left, _ROUNDING) / max(free, _FULL_LEVERAGE) ** 2


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """The false discovery rate at which each of *p_values* is just significant, in their order.

    Source: Y. Benjamini and Y. Hochberg, Journal of the Royal Statistical Society B 57, 1995.
    """
    adjusted = [1.0] * len(p_values)
    least = 1.0
    by_size = sorted(range(len(p_values)), key=p_values.__getitem__)
    for rank in range(len(by_size), 0, -1):
        place = by_size[rank - 1]
        least = adjusted[place] = min(least, p_values[place] * len(p_values) / rank)
    return adjusted


def best_lags(models: Sequence[Basis], targets: list[list[float]]) -> int:
    """How many lags are worth their coefficients, of *models* with one lag, two, and so on.

    Source: G. Schwarz, Annals of Statistics 6, 1978 (the criterion BIC).
    """
    rows = len(targets[0])
    scores = []
    for basis in models:
        left = [basis.rest(target) for target in targets]
        scores.append(rows * _log_volume(left) + math.log(rows) * len(targets) * len(basis.columns))
    return scores.index(min(scores)) + 1


def _comes_back(own: Effect | None, freedom: int, metrics: int) -> bool:
    """Whether the change of a metric goes so much against where it stood that it is none that wanders.

    Source: N. R. Ericsson and J. G. MacKinnon, Econometrics Journal 5, 2002 (what is peculiar to this t).
    """
    if own is None or own.correlation >= 0:
        return False
    square, more = _COMES_BACK
    unexplained = max(1 - own.correlation**2, _ROUNDING)
    return freedom * own.correlation**2 / unexplained > square + more * metrics


def _log_volume(columns: list[list[float]]) -> float:
    """The logarithm of the determinant of the columns' products with each other."""
    basis = Basis()
    total = 0.0
    for column in columns:
        rest = basis.rest(column)
        total += math.log(max(dot(rest, rest), _ROUNDING))
        basis.add(column)
    return total


def _significant(
    names: Sequence[str], effects: list[list[Effect | None]], lags: int, false_discovery_rate: float
) -> list[Link]:
    pairs = []
    for source in range(len(names)):
        for target in range(len(names)):
            if source == target:
                continue
            of_lags = [effects[target][lag * len(names) + source] for lag in range(lags)]
            known = [(each.p_value, lag, each) for lag, each in enumerate(of_lags, 1) if each is not None]
            if known:
                p_value, lag, effect = min(known)
                pairs.append((source, target, lag, effect, min(1.0, p_value * lags)))
    adjusted = benjamini_hochberg([pair[-1] for pair in pairs])
    return [
        Link(
            source=names[source],
            target=names[target],
            sign=1 if effect.value > 0 else -1,
            lag=lag,
            strength=abs(effect.correlation),
            p_value=p_value,
        )
        for (source, target, lag, effect, _), p_value in zip(pairs, adjusted, strict=True)
        if p_value <= false_discovery_rate
    ]


def _together(names: Sequence[str], explained: Explained) -> dict[tuple[str, str], tuple[float, float]]:
    found = {}
    for one, mine in zip(names, explained.left, strict=True):
        for two, other in zip(names, explained.left, strict=True):
            if one != two:
                length = math.sqrt(dot(mine, mine) * dot(other, other))
                correlation = max(-1.0, min(1.0, dot(mine, other) / length)) if length > _ROUNDING else 0.0
                t = correlation * math.sqrt(explained.freedom / max(1 - correlation**2, _ROUNDING))
                found[one, two] = correlation, student_p(t, explained.freedom)
    return found


def _inverse(columns: list[list[float]]) -> list[list[float]]:
    """The rows of the inverse of an upper triangular matrix, given by its columns down to the diagonal."""
    size = len(columns)
    rows = []
    for row in range(size):
        solved = [0.0] * size
        solved[row] = 1 / columns[row][row]
        for place in range(row + 1, size):
            known = dot(solved[row:place], columns[place][row:])
            solved[place] = -known / columns[place][place]
        rows.append(solved)
    return rows

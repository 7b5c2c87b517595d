"""Does a loop feed on itself: does each of its metrics move the next one, later.

A ramp that something outside causes, and a step, are no feedback however steep. What tells them apart is not
the level but the change: in a loop the change of a metric depends on where the one before it stood.

    reinforcing   change of the next = effect x the one before, all effects together amplifying, and
                  explaining more than any ramp, bent ramp or step does
    balancing     the same, with every other metric of the loop and the time held fixed, all effects together
                  pulling back, also when what only hindsight makes of them is taken off

A metric that is a share (always 0 to 1) stops at its bounds, and changes slow down on the way there: all
effects are scaled by how much room there is (for a logistic curve x(1 - x); here it counts fully in the
middle), and deviations near a bound say nothing.

Links are tested at a delay of one snapshot. A driver outside that itself accelerates, and moves every metric
of a loop, cannot be told from it by any of this.
"""

from __future__ import annotations

import math
from itertools import pairwise
from operator import mul
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.loops.metrics.columns import is_binary, known
from quarterdeck.loops.metrics.hindsight import score_without_hindsight
from quarterdeck.loops.metrics.least_squares import fit
from quarterdeck.loops.metrics.outside import outside_variance, wave_variance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

MIN_SNAPSHOTS = 20
"""Of fewer, nothing is concluded from what was not shown."""

_MIN_ROWS = 6
_POOLED_Z = 1.645
"""Of all links of a reinforcing loop together, each in the right direction: the sum of z by the root of their
number. One in twenty, one-sided."""
_BALANCING_P = 0.05
"""Of each link of a balancing loop; two-sided."""
_NEAR_BOUND = 0.02
_ROOM = 6.0
"""x(1 - x) times this is the room a share has to move, at most 1: a sixth off its bounds it is free."""

_LEAST = 1e-300
"""Stands for a variance of nothing, whose logarithm cannot be taken."""
_ERRORS_SHOW = -0.15
"""An autocorrelation of what is left over below which it has errors of measurement in it."""
_ERRORS_MOST = -0.47
"""With -0.5 there would be nothing but errors."""

_normal = NormalDist()


class Link(NamedTuple):
    """How one metric moves the next.

    Attributes:
        source, target: positions of the two in the loop.
        effect: change of the target at the next snapshot, by 1 of the source.
        z: how surely that is not zero, in standard deviations of the normal distribution.
        correlation: the partial correlation of the two, -1 to 1.
        rows: how many steps from one snapshot to the next spoke.
        variance: of what the link leaves over of the target's changes.
    """

    source: int
    target: int
    effect: float
    z: float
    correlation: float
    rows: int
    variance: float


class Feedback(NamedTuple):
    """What the test of one loop says.

    Attributes:
        confirmed: feedback is shown.
        tested: there was enough to show it, if it had been there.
        strength: geometric mean of the links' partial correlations, 0 to 1; 0 where not confirmed.
        links: all of them, in the order of the loop; empty where they could not be estimated.
    """

    confirmed: bool
    tested: bool
    strength: float
    links: tuple[Link, ...]


UNTESTED = Feedback(confirmed=False, tested=False, strength=0.0, links=())
"""Of a loop that nothing can be said about."""


def reinforcing(columns: Sequence[Sequence[float | None]], signs: Sequence[int] = ()) -> Feedback:
    """Whether the metrics *columns*, each moving the next and the last one the first, amplify each other.

    O(length) for each link. Whether they moved at all is for the caller to say.

    Args:
        columns: of equal length; one: whether it drives itself.
        signs: of each, whether the next goes with it (1) or against it (-1); empty: whatever the data say,
            as long as it goes round as amplifying.
    """
    links = _links(columns, _marginal)
    if not links:
        return UNTESTED
    towards = signs or [1 if link.z >= 0 else -1 for link in links]
    scores = [link.z * sign for link, sign in zip(links, towards, strict=True)]
    confirmed = (
        math.prod(towards) > 0
        and min(scores) > 0
        and sum(scores) / math.sqrt(len(scores)) > _POOLED_Z
        and _explains_more(links, columns, outside_variance)
    )
    return _said(links, columns, confirmed=confirmed)


def balancing(columns: Sequence[Sequence[float | None]], signs: Sequence[int] = ()) -> Feedback:
    """Whether the metrics *columns*, each moving the next and the last one the first, hold each other back.

    O(length) for each link. Needs two metrics: that one alone returns to its middle is also what noise does.
    """
    links = _links(columns, _partial) if len(columns) > 1 else []
    if not links:
        return UNTESTED
    needed = _normal.inv_cdf(1 - _BALANCING_P / 2)
    confirmed = math.prod(1 if link.z >= 0 else -1 for link in links) < 0 and all(
        abs(link.z) > needed for link in links
    )
    if signs:
        confirmed = confirmed and all(link.z * sign > 0 for link, sign in zip(links, signs, strict=True))
    if confirmed:
        states, nexts = _whole_steps(columns)
        confirmed = _explains_more(links, columns, wave_variance) and all(
            math.copysign(1.0, link.z) * score_without_hindsight(states, nexts, link.source, link.target)
            > needed
            for link in links
        )
    return _said(links, columns, confirmed=confirmed)


def _explains_more(
    links: Sequence[Link],
    columns: Sequence[Sequence[float | None]],
    outside: Callable[[Sequence[float | None]], float],
) -> bool:
    """Whether the links leave less over than what is *outside* does: geometric mean over all metrics."""
    judged = [link for link in links if not is_binary(columns[link.target])]
    better = [
        math.log(max(outside(columns[link.target]), _LEAST) / max(link.variance, _LEAST)) for link in judged
    ]
    return not judged or sum(better) > 0


def _links(
    columns: Sequence[Sequence[float | None]],
    linked: Callable[[Sequence[Sequence[float | None]], int, int], Link | None],
) -> list[Link]:
    """Each metric with the next, and the last with the first; empty where one of them cannot be estimated."""
    size = len(columns)
    links = [linked(columns, source, (source + 1) % size) for source in range(size)]
    return [link for link in links if link is not None] if None not in links else []


def _said(links: list[Link], columns: Sequence[Sequence[float | None]], *, confirmed: bool) -> Feedback:
    strength = math.prod(abs(link.correlation) for link in links) ** (1 / len(links)) if confirmed else 0.0
    tested = confirmed or (
        len(columns[0]) >= MIN_SNAPSHOTS
        and min(link.rows for link in links) >= MIN_SNAPSHOTS // 2
        and not any(is_binary(column) for column in columns)
    )
    return Feedback(confirmed, tested, strength, tuple(links))


def _marginal(columns: Sequence[Sequence[float | None]], source: int, target: int) -> Link | None:
    """The change of *target* on where *source* stood, whatever else there is."""
    if is_binary(columns[target]):
        return _partial(columns, source, target)
    bounded = _is_bounded(columns[target])
    rows: list[tuple[float, ...]] = []
    changes = []
    for state, change in _steps(columns, target, (source, target), at_bounds=True):
        value = state[target]
        room = min(1.0, _ROOM * value * (1 - value)) if bounded else 1.0
        rows.append((room * state[source], room))
        changes.append(change)
    return _link(*_without_errors(rows, changes), source, target)


def _partial(columns: Sequence[Sequence[float | None]], source: int, target: int) -> Link | None:
    """The change of *target* on where *source* stood, all metrics and the time being held fixed."""
    rows, changes = [], []
    others = [i for i in range(len(columns)) if i != source]
    for state, change in _steps(columns, target, range(len(columns)), at_bounds=False):
        rows.append((state[source], *[state[i] for i in others], 1.0, state[-1]))
        changes.append(change)
    return _link(rows, changes, source, target)


def _steps(
    columns: Sequence[Sequence[float | None]], target: int, involved: Iterable[int], *, at_bounds: bool
) -> Iterator[tuple[tuple[float, ...], float]]:
    """Where all metrics stood, then the time (0 to 1), and the change of *target* that followed.

    Steps at which one of the *involved* is not known are left out, and unless *at_bounds*, also those at
    which one that is a share is near 0 or 1.
    """
    length = len(columns[0])
    limits = [(i, not at_bounds and _is_bounded(columns[i])) for i in involved]
    for position, (state, after) in enumerate(
        zip(zip(*columns, strict=True), columns[target][1:], strict=False)
    ):
        if after is None:
            continue
        for i, bounded in limits:
            value = state[i]
            if value is None or (bounded and not _NEAR_BOUND < value < 1 - _NEAR_BOUND):
                break
        else:
            yield (*state, position / length), after - state[target]


def _whole_steps(
    columns: Sequence[Sequence[float | None]],
) -> tuple[list[tuple[float, ...]], list[tuple[float, ...]]]:
    """Where all metrics stood, none near a bound, and where they stood next; steps that are known in full."""
    limits = [_is_bounded(column) for column in columns]
    states, nexts = [], []
    for state, after in pairwise(zip(*columns, strict=True)):
        here, there = known(state), known(after)
        if len(here) == len(there) == len(columns) and not any(
            bounded and not _NEAR_BOUND < value < 1 - _NEAR_BOUND
            for value, bounded in zip(here, limits, strict=True)
        ):
            states.append(tuple(here))
            nexts.append(tuple(there))
    return states, nexts


def _link(rows: Sequence[tuple[float, ...]], changes: list[float], source: int, target: int) -> Link | None:
    """The link whose effect is the first coefficient of the model of *changes*."""
    found = fit(rows, changes) if len(rows) >= _MIN_ROWS else None
    if found is None:
        return None
    effect, error = found.coefficients[0], found.standard_errors[0]
    ratio = effect / error if error else 0.0
    z = math.copysign(_normal.inv_cdf(1 - max(found.p_values[0], 1e-15) / 2), effect)
    correlation = ratio / math.sqrt(ratio * ratio + found.degrees_of_freedom)
    variance = found.residual_squares / found.degrees_of_freedom
    return Link(source, target, effect, z, correlation, len(rows), variance)


def _without_errors(
    rows: list[tuple[float, ...]], changes: list[float]
) -> tuple[list[tuple[float, ...]], list[float]]:
    """The same model in terms that errors of measurement no longer link: for them, twice the power.

    An error of one value makes a change too large and the next one as much too small, so that what the model
    leaves over is a moving average of order one. Its inverse is applied to both sides of the model, with the
    parameter that the first autocorrelation gives (Box and Jenkins 1970, 6.3).
    """
    found = fit(rows, changes) if len(rows) >= _MIN_ROWS else None
    if found is None:
        return rows, changes
    left = [
        change - sum(map(mul, found.coefficients, row)) for row, change in zip(rows, changes, strict=True)
    ]
    power = sum(each * each for each in left)
    lagged = sum(each * after for each, after in pairwise(left))
    if not power or lagged / power > _ERRORS_SHOW:
        return rows, changes
    correlation = max(lagged / power, _ERRORS_MOST)
    share = (math.sqrt(1 - 4 * correlation * correlation) - 1) / (2 * correlation)
    filtered_rows, filtered = [], []
    carried_row, carried = (0.0,) * len(rows[0]), 0.0
    for row, change in zip(rows, changes, strict=True):
        carried_row = tuple(value + share * before for value, before in zip(row, carried_row, strict=True))
        carried = change + share * carried
        filtered_rows.append(carried_row)
        filtered.append(carried)
    return filtered_rows, filtered


def _is_bounded(values: Sequence[float | None]) -> bool:
    """Whether it is a share, which cannot go on beyond 0 or 1."""
    return all(value is None or 0 <= value <= 1 for value in values) and not is_binary(values)

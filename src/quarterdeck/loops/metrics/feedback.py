"""Does a loop feed on itself: does each of its metrics move the next one, later.

A ramp that something outside causes, and a step, are no feedback however steep. What tells them apart is not
the level but the change: in a loop the change of a metric depends on where the one before it stood.

    reinforcing   change of the next = effect x the one before, in the direction that goes round as amplifying;
                  both moved
    balancing     the same, with every other metric of the loop and the time held fixed: a loop that pulls back
                  is about deviations

A metric that is a share (always 0 to 1) stops at its bounds, and changes slow down on the way there: what is
near a bound says nothing, and in between all effects are scaled by how much room there is (for a logistic
curve x(1 - x); here it counts fully in the middle).

Links are tested at a delay of one snapshot. A driver outside that itself accelerates, and moves every metric of
a loop, cannot be told from it by any of this.
"""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.loops.metrics.least_squares import fit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MIN_SNAPSHOTS = 20
"""Of fewer, nothing is concluded from what was not shown."""

_MIN_ROWS = 6
_POOLED_Z = 2.0
"""Of all links of a reinforcing loop together: sum of z by the root of their number."""
_EACH_Z = 0.5
"""Of each link, so that no single one carries the loop."""
_BALANCING_P = 0.03
"""Of each link of a balancing loop."""
_NEAR_BOUND = 0.02
_ROOM = 6.0
"""x(1 - x) times this is the room a share has to move, at most 1: a sixth off its bounds it is free."""

_normal = NormalDist()


class Link(NamedTuple):
    """How one metric moves the next.

    Attributes:
        source, target: positions of the two in the loop.
        effect: change of the target at the next snapshot, by 1 of the source.
        z: how surely that is not zero, in standard deviations of the normal distribution.
        correlation: the partial correlation of the two, -1 to 1.
        rows: how many steps from one snapshot to the next spoke.
    """

    source: int
    target: int
    effect: float
    z: float
    correlation: float
    rows: int


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
    links = []
    for source, target in _round(len(columns)):
        link = _marginal(columns, source, target)
        if link is None:
            return UNTESTED
        links.append(link)
    towards = signs or [1 if link.z >= 0 else -1 for link in links]
    scores = [link.z * sign for link, sign in zip(links, towards, strict=True)]
    confirmed = (
        math.prod(towards) > 0 and min(scores) > _EACH_Z and sum(scores) / math.sqrt(len(scores)) > _POOLED_Z
    )
    return _said(links, columns, confirmed=confirmed)


def balancing(columns: Sequence[Sequence[float | None]], signs: Sequence[int] = ()) -> Feedback:
    """Whether the metrics *columns*, each moving the next and the last one the first, hold each other back.

    O(length) for each link. Needs two metrics: that one alone returns to its middle is also what noise does.
    """
    if len(columns) < 2:
        return UNTESTED
    links = []
    for source, target in _round(len(columns)):
        link = _partial(columns, source, target)
        if link is None:
            return UNTESTED
        links.append(link)
    needed = _normal.inv_cdf(1 - _BALANCING_P / 2)
    confirmed = math.prod(1 if link.z >= 0 else -1 for link in links) < 0 and all(
        abs(link.z) > needed for link in links
    )
    if signs:
        confirmed = confirmed and all(link.z * sign > 0 for link, sign in zip(links, signs, strict=True))
    return _said(links, columns, confirmed=confirmed)


def _round(metrics: int) -> Iterator[tuple[int, int]]:
    return ((source, (source + 1) % metrics) for source in range(metrics))


def _said(links: list[Link], columns: Sequence[Sequence[float | None]], *, confirmed: bool) -> Feedback:
    strength = math.prod(abs(link.correlation) for link in links) ** (1 / len(links)) if confirmed else 0.0
    tested = confirmed or (
        len(columns[0]) >= MIN_SNAPSHOTS
        and min(link.rows for link in links) >= MIN_SNAPSHOTS // 2
        and not any(_is_binary(column) for column in columns)
    )
    return Feedback(confirmed, tested, strength, tuple(links))


def _marginal(columns: Sequence[Sequence[float | None]], source: int, target: int) -> Link | None:
    """The change of *target* on where *source* stood, whatever else there is."""
    if _is_binary(columns[target]):
        return _partial(columns, source, target)
    moved, mover = columns[target], columns[source]
    bounded, mover_bounded = _is_share(moved), _is_share(mover) and not _is_binary(mover)
    rows, changes = [], []
    for (value, after), before in zip(pairwise(moved), mover, strict=False):
        if value is None or after is None or before is None:
            continue
        if (bounded and _at_bound(value)) or (mover_bounded and _at_bound(before)):
            continue
        room = min(1.0, _ROOM * value * (1 - value)) if bounded else 1.0
        rows.append((room * before, room))
        changes.append(after - value)
    return _link(rows, changes, source, target)


def _partial(columns: Sequence[Sequence[float | None]], source: int, target: int) -> Link | None:
    """The change of *target* on where *source* stood, all metrics and the time being held fixed."""
    rows, changes = [], []
    length = len(columns[0])
    for position, (state, after) in enumerate(
        zip(zip(*columns, strict=True), columns[target][1:], strict=False)
    ):
        if after is None or None in state:
            continue
        value = state[target]
        rows.append(
            (state[source], *(each for i, each in enumerate(state) if i != source), 1.0, position / length)
        )
        changes.append(after - value)
    return _link(rows, changes, source, target)


def _link(rows: list[tuple[float, ...]], changes: list[float], source: int, target: int) -> Link | None:
    """The link whose effect is the first coefficient of the model of *changes*."""
    found = fit(rows, changes) if len(rows) >= _MIN_ROWS else None
    if found is None:
        return None
    effect, error = found.coefficients[0], found.standard_errors[0]
    ratio = effect / error if error else 0.0
    z = math.copysign(_normal.inv_cdf(1 - max(found.p_values[0], 1e-15) / 2), effect)
    correlation = ratio / math.sqrt(ratio * ratio + found.degrees_of_freedom)
    return Link(source, target, effect, z, correlation, len(rows))


def _is_share(values: Sequence[float | None]) -> bool:
    return all(value is None or 0 <= value <= 1 for value in values)


def _is_binary(values: Sequence[float | None]) -> bool:
    """Whether it only ever says yes or no; then changes are jumps, and nothing is near a bound."""
    return all(value is None or value in (0, 1) for value in values)


def _at_bound(value: float) -> bool:
    return not _NEAR_BOUND < value < 1 - _NEAR_BOUND

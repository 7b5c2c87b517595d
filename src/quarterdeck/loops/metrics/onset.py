"""Since when a metric has been at another level: two cumulative sums that learn on the way what is usual.

    value ──less the mean so far, by the spread so far, 3 at most──> score ──> up   += score - 0.5, if above 0
                                                                       └─────> down -= score + 0.5, if above 0
    a sum above its threshold ──> Shift ──> all is forgotten, and the new level is learned

A sum is back at zero as long as values are at their usual level, and grows by what they are beyond it.
"""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import median_high, median_low
from typing import Literal, NamedTuple

START = 20
"""No alarm in so many values, neither at the start nor after an alarm: they teach what is usual."""
_SLACK = 0.5
"""Half of the shift that is found soonest, in standard deviations: Page's reference value."""
_THRESHOLD = 8.5
"""For one alarm in some 15,000 values, had mean and spread been known (Siegmund 1985, chapter II)."""
_MOST = 3.0
"""For how many standard deviations a value counts at most, so that outliers neither alarm nor teach much."""
_FAR = 6
"""Beyond so many median absolute deviations, 4 standard deviations if normal, first values are pulled in."""
_CAUTION = 1.2
"""How much larger the first spread is taken than it looks: too small a one is what raises false alarms."""
_MOST_PERSISTENT = 0.4
"""More autocorrelation than this is not allowed for: shifts would be found too late, or never."""
_ROUNDING = 1e-12
"""Values that differ by less than this, in proportion, are equal."""
_TINY = 1e-305
"""Nor is this a difference between constants: a part of it could not be told from zero."""


class Shift(NamedTuple):
    """A metric has left the level it was at.

    Attributes:
        direction: up or down.
        position: which value gave it away; the first that was ever observed or skipped is 0.
        since: which value was the first at the new level, as well as can be told: the sum was zero before it.
        size: mean of the values from *since* on, less the level before; in the unit of the values.
    """

    direction: Literal["up", "down"]
    position: int
    since: int
    size: float


class Onset:
    """Says when a metric has shifted by a standard deviation or more; O(1) a value, without end.

    Level, spread and how much a value hangs on to the one before are learned from the values, which are
    finite. They may as well be constant, or zeros and ones.

    Streams with a false alarm in 200 values, of 2,000 streams that do not shift: normal 0.6 %, uniform 0.3 %,
    Laplace 0.7 %, Student's t with 3 degrees of freedom 0.7 %, exponential 4.2 %; successes of 50 % 0.2 %,
    of 80 % 4.0 %, of 90 % 5.6 %, of 95 % 0.6 %; first-order autoregressions of 0.2 2.4 %, of 0.3 3.1 %,
    of 0.5 6.8 %, of 0.7 24 %. Heavy tails alarm more often: watch the logarithm of times and costs.

    Values until the alarm, for normal noise that shifts after 100 values: median 21 for 1 standard deviation
    (47 % within 20), 11 for 1.5 (95 %), 7 for 2 (99.9 %), 5 for 3; that begins to rise by 0.02, 0.05, 0.1 or
    0.2 a value: 57, 30, 18, 12. After only 50 values, 1.5 and 2 take 13 (83 %) and 8 (98 %).

    Source: Page (1954), Biometrika 41, for the sums; Hawkins (1987), The Statistician 36, for learning on the
    way. Autocorrelation raises the threshold as it does the variance of a sum, by (1 + φ) / (1 - φ).
    """

    __slots__ = (
        "_at",
        "_count",
        "_down",
        "_down_from",
        "_down_total",
        "_first",
        "_level",
        "_persistence",
        "_score",
        "_spread",
        "_up",
        "_up_from",
        "_up_total",
    )

    def __init__(self) -> None:
        self._at = -1  # which value was the last; all below is about those since the last alarm
        self._begin()

    def _begin(self) -> None:
        self._count = 0
        self._first: list[float] = []
        self._level = self._spread = self._persistence = self._score = 0.0
        self._up = self._up_total = self._down = self._down_total = 0.0
        self._up_from = self._down_from = (
            0,
            0,
            0.0,
            0.0,
        )  # count, position, level and persistence when it left zero

    def observe(self, value: float) -> Shift | None:
        """Take in the next value; a Shift if this is the one that gives it away."""
        self._at += 1
        count = self._count
        self._count = count + 1
        if count < START:
            self._learn(value)
            return None
        spread = self._spread
        deviation = value - self._level
        if not spread:
            if abs(deviation) <= _ROUNDING * abs(value) + _TINY:
                return None
            spread = abs(deviation) / math.sqrt(count)  # what this one value makes of so many equal ones
        score = deviation / spread
        if score > _MOST:
            score = _MOST
        elif score < -_MOST:
            score = -_MOST

        up = self._up + score - _SLACK
        if up > 0.0:
            if not self._up:
                self._up_from = (count, self._at, self._level, self._persistence)
                self._up_total = 0.0
            self._up = up
            self._up_total += value
            if up > _THRESHOLD and up > _threshold(self._up_from[3]):
                return self._shift("up", self._up_from, self._up_total)
        else:
            self._up = 0.0
        down = self._down - score - _SLACK
        if down > 0.0:
            if not self._down:
                self._down_from = (count, self._at, self._level, self._persistence)
                self._down_total = 0.0
            self._down = down
            self._down_total += value
            if down > _THRESHOLD and down > _threshold(self._down_from[3]):
                return self._shift("down", self._down_from, self._down_total)
        else:
            self._down = 0.0

        count += 1
        self._level += spread * score / count
        self._spread = spread + spread * (score * score - 1.0) / (count + count)
        self._persistence += (score * self._score - self._persistence) / count
        self._score = score
        return None

    def skip(self) -> None:
        """Count a value that is unknown; it teaches nothing."""
        self._at += 1

    def _learn(self, value: float) -> None:
        """Keep the first values, and estimate from all of them what is usual."""
        first = self._first
        first.append(value)
        if len(first) < START:
            return
        middle = median_low(first) / 2 + median_high(first) / 2  # halved before, as the sum could overflow
        far = _FAR * median_low([abs(value - middle) for value in first]) or math.inf
        usual = [min(max(value, middle - far), middle + far) for value in first]
        level = sum(value / START for value in usual)
        rest = [value - level for value in usual]
        spread = _CAUTION * math.hypot(*rest) / math.sqrt(START - 1)
        if spread <= _ROUNDING * abs(level):
            self._level = middle
        else:
            self._level = level
            scores = [value / spread for value in rest]
            self._spread = spread
            self._persistence = sum(score * after for score, after in pairwise(scores)) / START
            self._score = scores[-1]
        first.clear()

    def _shift(
        self, direction: Literal["up", "down"], left_zero: tuple[int, int, float, float], total: float
    ) -> Shift:
        """The alarm, after which everything is learned anew."""
        count, since, level, _ = left_zero
        shift = Shift(direction, self._at, since, total / (self._count - count) - level)
        self._begin()
        return shift


def _threshold(persistence: float) -> float:
    """What a sum may come to where each value hangs on to the one before by *persistence*."""
    persistence = min(max(persistence, 0.0), _MOST_PERSISTENT)
    return _THRESHOLD * (1 + persistence) / (1 - persistence)

"""What a metric looks like if something outside drives it: a line with at most one bend, a step, or a wave.

A ramp, a ramp that stops (at a bound, or because whatever caused it is over), a step and a rhythm such as the
week describe what happens to a metric without asking where it or any other stood. A loop has to explain it
better than they do.
"""

from __future__ import annotations

import math
from itertools import accumulate
from operator import mul
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLACES = 32
"""At most so many places for the bend or the step are tried."""
_EDGE = 2
"""Values before the first place and after the last."""
_PLACED = 3
"""Degrees of freedom that finding the best place, or frequency, takes: as of the knots of splines (Friedman
1991, Annals of Statistics 19)."""
_BENDS_NEED, _WAVE_NEEDS = 8, 12
_SHORTEST = 3.0
"""Snapshots that a wave takes at least."""
_REFINED = 4
"""Times that the step from one number of waves to the next is halved."""


def wave_variance(values: Sequence[float | None]) -> float:
    """Of what the best wave about a straight line leaves over of *values*, by its degrees of freedom.

    O(length²): some milliseconds for a hundred values. Infinite for fewer than twelve that are known.
    """
    points = [(float(at), value) for at, value in enumerate(values) if value is not None]
    length = len(points)
    if length < _WAVE_NEEDS:
        return float("inf")
    places = [at for at, _ in points]
    over = _without_line(places, [value for _, value in points])

    def power(cycles: float) -> float:
        return _power(places, over, math.tau * cycles / (places[-1] - places[0]))

    step = 0.25
    most = int((places[-1] - places[0]) / _SHORTEST / step)
    best = max((count * step for count in range(4, most)), key=power)
    for _ in range(_REFINED):
        step /= 2
        best = max((best - step, best, best + step), key=power)
    return max(sum(y * y for y in over) - power(best), 0.0) / (length - 4 - _PLACED)


def _without_line(places: Sequence[float], values: Sequence[float]) -> list[float]:
    """How far *values* are above their line of least squares."""
    middle, mean = sum(places) / len(places), sum(values) / len(values)
    slope = sum((at - middle) * value for at, value in zip(places, values, strict=True)) / sum(
        (at - middle) ** 2 for at in places
    )
    return [value - mean - slope * (at - middle) for at, value in zip(places, values, strict=True)]


def _power(places: Sequence[float], over: Sequence[float], frequency: float) -> float:
    """The sum of squares of *over* that a sine and a cosine explain, and not the line beside them."""
    sines = _without_line(places, [math.sin(frequency * at) for at in places])
    cosines = _without_line(places, [math.cos(frequency * at) for at in places])
    ss, cc = sum(map(mul, sines, sines)), sum(map(mul, cosines, cosines))
    sc, sy, cy = sum(map(mul, sines, cosines)), sum(map(mul, sines, over)), sum(map(mul, cosines, over))
    determinant = ss * cc - sc * sc
    if determinant <= 1e-9 * ss * cc:
        return 0.0
    explained: float = (sy * sy * cc - 2 * sy * cy * sc + cy * cy * ss) / determinant
    return explained


def outside_variance(values: Sequence[float | None]) -> float:
    """Of what the best bent line or step leaves over of *values*, by its degrees of freedom; O(length).

    Infinite for fewer than eight values that are known.
    """
    points = [(float(at), value) for at, value in enumerate(values) if value is not None]
    length = len(points)
    if length < _BENDS_NEED:
        return float("inf")
    at_mean = sum(at for at, _ in points) / length
    mean = sum(value for _, value in points) / length
    at = [each - at_mean for each, _ in points]
    over = [each - mean for _, each in points]
    sums = [
        list(accumulate(reversed(terms), initial=0.0))[::-1]
        for terms in (at, [t * t for t in at], over, [t * y for t, y in zip(at, over, strict=True)])
    ]
    everything = _Sums(length, *(each[0] for each in sums))
    squares = sum(y * y for y in over)
    best = float("inf")
    for place in range(_EDGE, length - _EDGE, max(1, length // _PLACES)):
        beyond = _Sums(length - place, *(each[place] for each in sums))
        step = squares - beyond.value**2 * length / (beyond.number * place)
        bend = squares - _explained(length, at[place], everything, beyond)
        best = min(best, step / (length - 2 - _PLACED), bend / (length - 3 - _PLACED))
    return max(best, 0.0)


class _Sums(NamedTuple):
    """Of the values from one place on: their number, and the sums of what they are made of."""

    number: float
    at: float
    at_squared: float
    value: float
    at_times_value: float


def _explained(length: int, place: float, everything: _Sums, beyond: _Sums) -> float:
    """The sum of squares that a line explains which bends at *place*; positions and values are centred."""
    bent = beyond.at - place * beyond.number
    bent_squares = (
        beyond.at_squared - 2 * place * beyond.at + place * place * beyond.number - bent * bent / length
    )
    bent_at = beyond.at_squared - place * beyond.at
    bent_value = beyond.at_times_value - place * beyond.value
    determinant = everything.at_squared * bent_squares - bent_at * bent_at
    slope = (everything.at_times_value * bent_squares - bent_value * bent_at) / determinant
    bend = (bent_value * everything.at_squared - everything.at_times_value * bent_at) / determinant
    return slope * everything.at_times_value + bend * bent_value

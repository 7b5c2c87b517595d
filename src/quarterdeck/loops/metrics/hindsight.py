"""What looks like an effect only because means and trends are known in hindsight.

A metric that adds up what another one does (trust that follows success) is high, compared with its mean and
its trend over the whole history, where little is still to come of the other. Regressed on it, the other seems
to be held back, although nothing is: of sums of coin flips and the flips, more than half would be called
balancing.

    what one shock to the target does to all metrics later on, were there no such effect
        x how much of that a mean and a trend over the whole history give away ──> bias of the effect

Source: Kendall (1954), Biometrika 41, and Stambaugh (1999), Journal of Financial Economics 54, for one metric
and a mean; here for any number of them, and a trend, to the first order.
"""

from __future__ import annotations

import math
from operator import mul
from typing import TYPE_CHECKING

from quarterdeck.loops.metrics.least_squares import fit

if TYPE_CHECKING:
    from collections.abc import Sequence


def score_without_hindsight(
    states: Sequence[Sequence[float]], nexts: Sequence[Sequence[float]], source: int, target: int
) -> float:
    """The effect of *source* on *target* less its bias, in standard errors; 0 where it cannot be told.

    All metrics and the time are held fixed. O(steps x metrics²).

    Args:
        states: where all metrics stood, step by step.
        nexts: where they stood one step later.
        source: position of a metric.
        target: position of another.
    """
    steps, metrics = len(states), range(len(states[0])) if states else range(0)
    rows = [(*state, 1.0, at / steps) for at, state in enumerate(states)]
    fits = [fit(rows, [each[i] for each in nexts]) for i in metrics]
    others = [i for i in range(len(metrics) + 2) if i != source]
    own = fit([[row[i] for i in others] for row in rows], [row[source] for row in rows])
    if own is None or not own.residual_squares:
        return 0.0
    complete = [each for each in fits if each is not None]
    if len(complete) < len(fits):
        return 0.0
    influence, left = [], []
    for i, found in enumerate(complete):
        influence.append([0.0 if (i, j) == (target, source) else found.coefficients[j] for j in metrics])
        left.append(
            [each[i] - sum(map(mul, found.coefficients, row)) for each, row in zip(nexts, rows, strict=True)]
        )
    asked = complete[target]
    response = [sum(map(mul, each, left[target])) / asked.degrees_of_freedom for each in left]
    seen = [0.0 for _ in metrics]
    for lag in range(1, steps):
        share = _given_away(lag, steps)
        seen = [total + share * each for total, each in zip(seen, response, strict=True)]
        response = [sum(map(mul, row, response)) for row in influence]
    kept = seen[source] - sum(
        coefficient * seen[i]
        for i, coefficient in zip(others, own.coefficients, strict=True)
        if i < len(seen)
    )
    bias = -kept / own.residual_squares
    error = asked.standard_errors[source]
    return (asked.coefficients[source] - bias) / error if error and math.isfinite(bias) else 0.0


def _given_away(lag: int, steps: int) -> float:
    """The sum along a diagonal, *lag* off the main one, of the projection on a constant and the time."""
    left = steps - lag
    return left / steps * (1 + (left * left - 1 - 3 * lag * lag) / (steps * steps - 1))

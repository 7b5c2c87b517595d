"""Ordinary least squares for small problems: about a dozen regressors, a few hundred rows, no numpy.

    columns ──each scaled by a power of two──> modified Gram-Schmidt ──> Fit: coefficients, errors, p-values

The target is carried through the orthogonalisation as one more column, which makes the method backward stable
and spares the normal equations, whose condition is the square of the problem's.

Source: Björck (1967), "Solving linear least squares problems by Gram-Schmidt orthogonalization", BIT 7.
"""

from __future__ import annotations

import math
from operator import mul
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_INDEPENDENT = 1e-11
"""How much of a column's length those before it must leave over; less is mostly rounding."""
_ROUNDING = 2.0**-52
_TINY = 1e-300
"""Stands for a zero in a denominator of the continued fraction."""
_STEPS = 500
"""More than the continued fraction takes: some 50 where it is slowest."""


class Fit(NamedTuple):
    """A linear model of one target; the tuples are in the order of the regressors.

    Attributes:
        coefficients: how much the target moves when the regressor moves by 1 and the others stay.
        standard_errors: of the coefficients, for errors of equal variance.
        p_values: two-sided, by Student's t with *degrees_of_freedom*, against a coefficient of zero.
        residual_squares: sum of the squares of what the model leaves unexplained.
        degrees_of_freedom: rows less regressors, at least 1.
    """

    coefficients: tuple[float, ...]
    standard_errors: tuple[float, ...]
    p_values: tuple[float, ...]
    residual_squares: float
    degrees_of_freedom: int


def fit(rows: Sequence[Sequence[float]], target: Sequence[float]) -> Fit | None:
    """The model of *target* whose squared residuals are least; O(rows x regressors²).

    A target that the regressors explain down to its rounding is given standard errors of that rounding, so
    that what is left of a coefficient of zero does not look significant.

    Args:
        rows: for each value of the target, the values of the regressors. A constant is one of them, if there
            is to be one; nothing is added.
        target: what is to be explained, as long as *rows*.

    Returns:
        None where there is no single answer: no more rows than regressors, or regressors that are linear
        combinations of others (a constant column next to the constant is one). None also for numbers that
        are not finite, or so large that their squares are not.
    """
    columns = list(zip(*rows, strict=True))
    count = len(columns)
    if not columns or len(target) <= count:
        return None
    scales = [_scale(column) for column in (*columns, target)]
    left = [[value / by for value in each] for each, by in zip((*columns, target), scales, strict=True)]
    squares = [_dot(column, column) for column in left]
    upper: list[list[float]] = []  # row by row, how much of a regressor is in what comes after it
    for index in range(count):
        regressor = left[index]
        own = _dot(regressor, regressor)
        if not squares[index] * _INDEPENDENT**2 < own < math.inf:  # nor if it is zero or not a number
            return None
        shares = [0.0] * (count + 1)
        for after in range(index + 1, count + 1):
            share = shares[after] = _dot(regressor, left[after]) / own
            left[after] = [value - share * part for value, part in zip(left[after], regressor, strict=True)]
        upper.append(shares)
        squares[index] = own

    unexplained = _dot(left[count], left[count])
    rounding = squares[count] * (count * _ROUNDING) ** 2
    freedom = len(target) - count
    spread = math.sqrt(max(unexplained, rounding) / freedom)
    values = _solve(upper, [shares[count] for shares in upper])
    errors = [spread * math.sqrt(variance) for variance in _inverse_diagonal(upper, squares)]
    *by, scale = scales
    found = Fit(
        tuple(value * scale / each for value, each in zip(values, by, strict=True)),
        tuple(error * scale / each for error, each in zip(errors, by, strict=True)),
        tuple(
            student_p(value / error if error else 0.0, freedom)
            for value, error in zip(values, errors, strict=True)
        ),
        unexplained * scale * scale,
        freedom,
    )
    return found if _is_finite(found) else None


def _is_finite(fit: Fit) -> bool:
    return math.isfinite(sum(fit.coefficients) + sum(fit.standard_errors) + fit.residual_squares)


def _scale(column: Iterable[float]) -> float:
    """A power of two, so that dividing rounds nothing, by which the largest value becomes 1 to 2."""
    return 2.0 ** (math.frexp(max(map(abs, column)))[1] - 1)


def _dot(left: Iterable[float], right: Iterable[float]) -> float:
    return sum(map(mul, left, right), 0.0)


def _solve(upper: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """The x of ``upper x = right``, where *upper* has ones on its diagonal, which are not looked at."""
    solved = list(right)
    for row in range(len(solved) - 2, -1, -1):
        solved[row] -= _dot(upper[row][row + 1 : len(solved)], solved[row + 1 :])
    return solved


def _inverse_diagonal(upper: Sequence[Sequence[float]], squares: Sequence[float]) -> list[float]:
    """The diagonal of ``(X'X)⁻¹``, where ``X'X = upper' squares upper``."""
    count = len(upper)
    diagonal = [0.0] * count
    for column in range(count):
        solved = _solve(upper, [float(row == column) for row in range(count)])
        for row in range(column + 1):
            diagonal[row] += solved[row] ** 2 / squares[column]
    return diagonal


def student_p(t: float, degrees_of_freedom: int) -> float:
    """How likely a |t| at least as large is by chance: two-sided, by Student's t distribution.

    Within 1e-10 of the truth up to ten thousand degrees of freedom.

    Source: Abramowitz and Stegun (1964), 26.7.1 and 26.5.27: the regularised incomplete beta function at
    ``n / (n + t²)`` with ``a = n / 2`` and ``b = 1 / 2``.
    """
    squared = t * t
    if math.isnan(squared):
        return math.nan
    whole = degrees_of_freedom + squared
    if squared < 3.0:  # about where either continued fraction is as quick as the other
        return 1.0 - _incomplete_beta(squared / whole, 0.5, degrees_of_freedom / 2)
    return _incomplete_beta(degrees_of_freedom / whole, degrees_of_freedom / 2, 0.5)


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), for x below about (a + 1) / (a + b + 2).

    Source: Abramowitz and Stegun (1964), 26.5.8, a continued fraction, evaluated from its front as by Lentz
    (1976), Applied Optics 15, with the guard against zeros of Thompson and Barnett (1986).
    """
    if x <= 0.0:
        return 0.0
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    above = 1.0
    below = 1.0 / (1.0 - (a + b) * x / (a + 1.0) or _TINY)
    fraction = below
    for step in range(1, _STEPS):
        at = a + 2 * step
        for part in (
            step * (b - step) * x / ((at - 1.0) * at),
            -(a + step) * (a + b + step) * x / (at * (at + 1.0)),
        ):
            below = 1.0 / (1.0 + part * below or _TINY)
            above = 1.0 + part / above or _TINY
            fraction *= above * below
        if abs(above * below - 1.0) < 4 * _ROUNDING:
            break
    return math.exp(log_front) * fraction / a

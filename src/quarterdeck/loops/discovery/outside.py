"""What something outside does to all metrics at once: steps, bends and waves in time.

A driver that nobody measured makes metrics that know nothing of each other look as if each moved the
other: all of them tell where the driver is. What such a driver does is a function of time alone, and the
shocks that are left over when a system's own past is taken out are not. So whatever of these shapes explains
more of them than chance is taken out as well. To take out one too many costs little: links show by shocks.
"""

from __future__ import annotations

import cmath
import math
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.loops.discovery.projection import Basis, dot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST_SHAPES = 6

_EDGE = 5
"""Snapshots that must lie on either side of a step; twice as many on either side of a bend."""
_FEWEST_CYCLES = 2
_SURPRISE = 4.5
"""A shape is taken out when chance reaches its gain with a probability below exp(-4.5), by an upper bound."""
_NOTHING = 1e-6
"""The share of a shape that its being explained by others leaves at most."""
_LEAST_LEFT = 1e-12


class Shape(NamedTuple):
    """A function of time.

    Attributes:
        name: for people.
        columns: its values in every row: one column, or sine and cosine.
    """

    name: str
    columns: list[list[float]]


class _Family(NamedTuple):
    """Many shapes, of which products with a column are quicker to have all at once than one by one.

    Attributes:
        products: with each shape, of a column: one list, or two for shapes of two columns.
        squares: products of the shapes' columns with themselves, then of the first with the second.
        shape: by its number.
    """

    products: Callable[[Sequence[float]], list[list[float]]]
    squares: list[list[float]]
    shape: Callable[[int], Shape]


def shapes(
    basis: Basis, left: Sequence[Sequence[float]], rows: Sequence[int], *, first: int = 0
) -> list[Shape]:
    """The shapes that explain what *basis* leaves over; O((columns + targets) × rows × log rows) each.

    Args:
        basis: what is explained already, for each of *rows*; the shapes are added to it.
        left: what that leaves over of every target.
        rows: which snapshot each row is, ascending.
        first: the number that snapshot 0 has for people.
    """
    first += rows[0]
    times = [row - rows[0] for row in rows]
    families = [_steps(times, first), _bends(times, first), _waves(times)]
    remaining = [[list(squares) for squares in family.squares] for family in families]
    found: list[Shape] = []
    known = 0
    while len(found) < MOST_SHAPES:
        for column in basis.columns[known:]:
            for family, squares in zip(families, remaining, strict=True):
                _take_out(family.products(column), squares)
        known = len(basis.columns)
        best = max(
            (
                (*_best(family, squares, left), family)
                for family, squares in zip(families, remaining, strict=True)
            ),
            key=lambda each: each[0],
        )
        if best[0] <= 0:
            break
        shape = best[2].shape(best[1])
        if {basis.add(column) for column in shape.columns} == {None}:
            break
        left = [basis.rest(column) for column in left]
        found.append(shape)
    return found


def _take_out(products: list[list[float]], squares: list[list[float]]) -> None:
    """What a new column of the basis takes from the shapes' products with each other."""
    for mine, own in zip(squares, products, strict=False):
        mine[:] = [value - each * each for value, each in zip(mine, own, strict=True)]
    if len(products) == 2:
        squares[2][:] = [
            value - one * two for value, one, two in zip(squares[2], products[0], products[1], strict=True)
        ]


def _best(
    family: _Family, remaining: list[list[float]], left: Sequence[Sequence[float]]
) -> tuple[float, int]:
    """By how much the best shape of a family exceeds what chance may do, and its number.

    Its gain is twice the logarithm of the likelihood ratio, summed over the targets; by chance it is at most
    about chi-squared. Source of the bound: B. Laurent and P. Massart, Annals of Statistics 28, 2000, lemma 1.
    """
    pairs = [(family.products(column), dot(column, column)) for column in left]
    pairs = [(products, unexplained) for products, unexplained in pairs if unexplained > _LEAST_LEFT]
    freedom = len(pairs) * (1 if len(remaining) == 1 else 2)
    chance = freedom + 2 * math.sqrt(freedom * _SURPRISE) + 2 * _SURPRISE
    rows = len(left[0])
    best = (-math.inf, 0)
    for number, full in enumerate(family.squares[0]):
        share = 0.0
        for products, unexplained in pairs:
            explained = _explained(number, products, remaining, _NOTHING * full) / unexplained
            share -= math.log(max(1 - explained, _LEAST_LEFT))
        best = max(best, (rows * share - chance, number))
    return best


def _explained(number: int, products: list[list[float]], squares: list[list[float]], least: float) -> float:
    one, square = products[0][number], squares[0][number]
    if square <= least:
        return 0.0
    if len(products) == 1:
        return one * one / square
    two, other, mixed = products[1][number], squares[1][number], squares[2][number]
    determinant = square * other - mixed * mixed
    if determinant <= least * square:
        return 0.0
    return (other * one * one - 2 * mixed * one * two + square * two * two) / determinant


def _steps(times: Sequence[int], first: int) -> _Family:
    """Nothing before, one from a row on."""
    begins = range(_EDGE, len(times) - _EDGE)

    def products(column: Sequence[float]) -> list[list[float]]:
        sums = _from_here_on(column)
        return [[sums[begin] for begin in begins]]

    def shape(number: int) -> Shape:
        begin = begins[number]
        column = [float(row >= begin) for row in range(len(times))]
        return Shape(f"a step at snapshot {first + times[begin]}", [column])

    return _Family(products, [[float(len(times) - begin) for begin in begins]], shape)


def _bends(times: Sequence[int], first: int) -> _Family:
    """Nothing before, a ramp from a row on."""
    begins = range(2 * _EDGE, len(times) - 2 * _EDGE)
    span = times[-1] + 1

    def products(column: Sequence[float]) -> list[list[float]]:
        sums = _from_here_on(column)
        moments = _from_here_on([value * time for value, time in zip(column, times, strict=True)])
        return [[(moments[begin] - times[begin] * sums[begin]) / span for begin in begins]]

    def column_from(begin: int) -> list[float]:
        return [max(0, time - times[begin]) / span for time in times]

    def shape(number: int) -> Shape:
        begin = begins[number]
        return Shape(f"a bend at snapshot {first + times[begin]}", [column_from(begin)])

    columns = map(column_from, begins)
    return _Family(products, [[dot(column, column) for column in columns]], shape)


def _waves(times: Sequence[int]) -> _Family:
    """Cosine and sine of one frequency."""
    span = times[-1] + 1
    size = 2 ** (2 * span - 1).bit_length()
    numbers = range(-(-_FEWEST_CYCLES * size // span), size // 2)

    def spectrum(column: Sequence[float]) -> list[complex]:
        values = [0j] * size
        for time, value in zip(times, column, strict=True):
            values[time] = complex(value)
        return fourier(values)

    def products(column: Sequence[float]) -> list[list[float]]:
        found = spectrum(column)
        return [[found[number].real for number in numbers], [-found[number].imag for number in numbers]]

    def shape(number: int) -> Shape:
        turn = 2 * math.pi * numbers[number] / size
        angles = [turn * time for time in times]
        columns = [[math.cos(angle) for angle in angles], [math.sin(angle) for angle in angles]]
        return Shape(f"a wave of {size / numbers[number]:.3g} snapshots", columns)

    doubled = spectrum([1.0] * len(times))
    twice = [doubled[2 * number] for number in numbers]
    cosines = [(len(times) + each.real) / 2 for each in twice]
    sines = [(len(times) - each.real) / 2 for each in twice]
    return _Family(products, [cosines, sines, [-each.imag / 2 for each in twice]], shape)


def fourier(values: Sequence[complex]) -> list[complex]:
    """The discrete Fourier transform; the number of values is a power of two.

    Source: J. W. Cooley and J. W. Tukey, Mathematics of Computation 19, 1965.
    """
    size = len(values)
    if size == 1:
        return list(values)
    even, odd = fourier(values[::2]), fourier(values[1::2])
    turned = [value * turn for value, turn in zip(odd, _turns(size), strict=True)]
    return [one + two for one, two in zip(even, turned, strict=True)] + [
        one - two for one, two in zip(even, turned, strict=True)
    ]


@lru_cache(maxsize=16)
def _turns(size: int) -> tuple[complex, ...]:
    return tuple(cmath.exp(-2j * math.pi * number / size) for number in range(size // 2))


def _from_here_on(column: Sequence[float]) -> list[float]:
    """For each row, the sum of it and all later ones."""
    return list(accumulate(reversed(column)))[::-1]

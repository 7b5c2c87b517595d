"""What something outside does in time is found and named, and the shocks of a system are not taken for it."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.loops.discovery import outside
from quarterdeck.loops.discovery.projection import Basis


def names(push, *, height=3.0, snapshots=200, times=None, first=0):
    """The shapes found in three metrics that *push* moves, by names."""
    dice = random.Random(4)
    rows = times or list(range(snapshots))
    targets = [[height * push(row) + dice.gauss(0, 1) for row in rows] for _ in range(3)]
    basis = Basis([[1.0] * len(rows), [float(row) for row in rows]])
    left = [basis.rest(each) for each in targets]
    return [shape.name for shape in outside.shapes(basis, left, rows, first=first)]


def test_a_step_is_found_where_it_is():
    """To the snapshot, when it is high."""
    assert names(lambda row: row >= 120) == ["a step at snapshot 120"]


def test_a_bend_is_found_near_where_it_is():
    """A ramp that begins at some time."""
    (name,) = names(lambda row: max(0, row - 80) / 20)
    assert abs(int(name.removeprefix("a bend at snapshot ")) - 80) <= 2


def test_a_wave_is_found_with_its_length():
    """Also when its frequency is none of those that are tried."""
    name = names(lambda row: math.sin(row * 2 * math.pi / 12.3), height=1.5)[0]
    assert float(name.removeprefix("a wave of ").removesuffix(" snapshots")) == pytest.approx(12.3, rel=0.02)


def test_noise_has_no_shape():
    """Nor is a straight trend one: that is in every model."""
    assert names(lambda row: row / 10) == []


def test_gaps_do_not_move_a_step():
    """Times are those of the snapshots, and not the numbers of the rows."""
    times = [row for row in range(300) if row % 7]
    assert names(lambda row: row >= 120, times=times) == ["a step at snapshot 120"]


@pytest.mark.parametrize("start, first", [(0, 0), (7, 0), (0, 300), (7, 300)])
def test_snapshots_are_counted_from_the_first_of_the_history(start, first):
    """However many before the rows have no past, or were cut off."""
    times = list(range(start, 200))
    assert names(lambda row: row >= 120, times=times, first=first) == [f"a step at snapshot {120 + first}"]
    (bend,) = names(lambda row: max(0, row - 80) / 20, times=times, first=first)
    assert abs(int(bend.removeprefix("a bend at snapshot ")) - 80 - first) <= 2


def test_no_more_shapes_are_taken_out_than_are_allowed():
    """A staircase has more steps."""
    assert len(names(lambda row: (row * 7919 // 15) % 5)) <= outside.MOST_SHAPES


@given(
    st.integers(0, 6).flatmap(
        lambda power: st.lists(st.complex_numbers(max_magnitude=1e6), min_size=2**power, max_size=2**power)
    )
)
def test_the_transform_is_that_of_numpy(values):
    """Of any number of values that is a power of two."""
    assert np.allclose(outside.fourier(values), np.fft.fft(values), rtol=1e-9, atol=1e-3)

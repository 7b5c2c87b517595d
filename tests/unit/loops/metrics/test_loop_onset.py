"""The onset alarm: quiet while nothing shifts, soon when something does, and it says since when."""

from __future__ import annotations

import math
import random
from statistics import median

import pytest

from quarterdeck.loops.metrics.onset import START, Onset, Shift


def alarms(values):
    onset = Onset()
    return [shift for shift in map(onset.observe, values) if shift]


def normal(seed, length):
    rng = random.Random(seed)
    return [rng.gauss(0, 1) for _ in range(length)]


def autoregression(persistence, seed, length):
    values, last = [], 0.0
    for shock in normal(seed, length):
        last = persistence * last + shock
        values.append(last)
    return values


def successes(ratio, seed, length):
    rng = random.Random(seed)
    return [float(rng.random() < ratio) for _ in range(length)]


def heavy(seed, length):
    rng = random.Random(seed)
    return [rng.gauss(0, 1) / math.sqrt(rng.gammavariate(1.5, 2) / 3) for _ in range(length)]


STABLE = {
    "normal": (normal, 0.03),
    "successes of 80 %": (lambda *given: successes(0.8, *given), 0.07),
    "autoregression of 0.3": (lambda *given: autoregression(0.3, *given), 0.06),
    "heavy tails": (heavy, 0.03),
}


@pytest.mark.parametrize("kind", STABLE)
def test_stable_streams_are_quiet(kind):
    """One in twenty, of 200 values each, may have a false alarm, give or take what 300 can tell."""
    stream, most = STABLE[kind]
    loud = sum(bool(alarms(stream(f"{kind} {seed}", 200))) for seed in range(300))
    assert loud <= most * 300


@pytest.mark.parametrize("size,longest", [(1.0, 30), (-1.5, 15), (1.5, 15), (2.0, 10), (-3.0, 7)])
def test_a_shift_is_found_soon(size, longest):
    """The median delay after 100 stable values is well below 20 from 1.5 standard deviations on."""
    delays, errors, sizes = [], [], []
    for seed in range(100):
        values = [value + size * (index >= 100) for index, value in enumerate(normal(f"s{seed}", 220))]
        late = [shift for shift in alarms(values) if shift.position >= 100]
        if late:
            assert late[0].direction == ("up" if size > 0 else "down")
            delays.append(late[0].position - 99)
            errors.append(late[0].since - 100)
            sizes.append(late[0].size)
    assert len(delays) >= 95
    assert median(delays) <= longest
    assert abs(median(errors)) <= 2
    assert median(sizes) == pytest.approx(size, rel=0.25)


@pytest.mark.parametrize("slope", [0.05, -0.1])
def test_a_slow_slope_is_found(slope):
    """A drift has no moment at which it jumps, and is found all the same."""
    found = [
        shift.direction
        for seed in range(50)
        for shift in alarms([v + slope * max(0, i - 100) for i, v in enumerate(normal(f"d{seed}", 160))])
    ]
    assert len(found) >= 48
    assert found.count("up" if slope > 0 else "down") >= 0.95 * len(found)


class TestConstants:
    def test_what_never_changes_never_alarms(self):
        """Neither does a sum of tenths that is not quite what it should be."""
        assert alarms([0.1] * 500) == []
        assert alarms([0] * 500) == []
        assert alarms([0.3] * 100 + [0.1 + 0.2] * 100) == []

    @pytest.mark.parametrize("before,after,direction", [(5.0, 7.0, "up"), (1, 0, "down"), (0.0, 1e-9, "up")])
    def test_a_jump_between_constants_is_found_at_once(self, before, after, direction):
        """After four values at the new level, with the size to the digit."""
        (shift,) = alarms([before] * 50 + [after] * 50)
        assert shift == Shift(direction, position=53, since=50, size=after - before)

    def test_one_value_that_differs_is_no_shift(self):
        """However far out it is."""
        assert alarms([5.0] * 50 + [1e9] + [5.0] * 200) == []


def test_after_an_alarm_the_new_level_is_usual():
    """There and back are two alarms; positions go on counting."""
    values = [0.0] * 60 + [1.0] * 60 + [0.0] * 60
    assert [(shift.direction, shift.since) for shift in alarms(values)] == [("up", 60), ("down", 120)]


def test_nothing_alarms_while_it_learns():
    """The first values, at the start and after an alarm, only teach what is usual."""
    assert alarms([0.0] * (START // 2) + [100.0] * (START // 2)) == []
    first, *more = alarms([0.0] * START + [1.0] * 4 + [9.0] * START)
    assert first.position == START + 3
    assert more == []


def test_an_outlier_at_the_start_does_not_deafen():
    """It is pulled in before the spread is estimated."""
    values = normal("outlier", 200)
    values[3] = 1e6
    found = alarms([value + 3 * (index >= 100) for index, value in enumerate(values)])
    assert [shift.direction for shift in found] == ["up"]
    assert 100 <= found[0].position < 115


@pytest.mark.parametrize("scale", [1e-300, 1e-9, 1e9, 1e300], ids=str)
def test_units_do_not_matter(scale):
    """The same alarms at the same values, their size in the unit of the values."""
    values = [value + 2 * (index >= 80) for index, value in enumerate(normal("units", 160))]
    plain = alarms(values)
    scaled = alarms([value * scale for value in values])
    assert plain
    assert [shift[:3] for shift in scaled] == [shift[:3] for shift in plain]
    assert [shift.size for shift in scaled] == pytest.approx([shift.size * scale for shift in plain])


def test_a_far_offset_does_not_matter():
    """A billion, and what varies by a thousandth of one."""
    found = alarms([1e9 + 1e-3 * (v + 3 * (i >= 100)) for i, v in enumerate(normal("offset", 140))])
    assert [shift.direction for shift in found] == ["up"]
    assert found[0].size == pytest.approx(3e-3, rel=0.5)


def test_the_largest_numbers_do_not_break_it():
    """What cannot be averaged without overflow is not called a shift, and nothing is raised."""
    assert alarms([1.7e308, -1.7e308] * 60) == []
    assert alarms([1.7e308] * 60) == []


def test_its_memory_does_not_grow():
    """Once it has learned, it holds numbers and nothing else that grows."""
    onset = Onset()
    for value in normal("memory", 1000):
        onset.observe(value)
    held = [getattr(onset, name) for name in Onset.__slots__]
    assert all(isinstance(each, (int, float, tuple)) or each == [] for each in held)

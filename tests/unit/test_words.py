"""How values read to people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.words import count, number, size, sparkline


@pytest.mark.parametrize("value, text", [(0, "0 files"), (1, "1 file"), (1200, "1,200 files")])
def test_a_count_agrees_with_its_noun(value: int, text: str):
    """One is one."""
    assert count(value, "file") == text


def test_a_plural_may_be_told():
    """Where an s would not do."""
    assert [count(value, "entry", plural="entries") for value in (1, 2)] == ["1 entry", "2 entries"]


@pytest.mark.parametrize("value, text", [(None, "–"), (1234, "1,234"), (1234.56, "1,234.6")])
def test_a_number_is_short_and_nothing_is_a_dash(value: float | None, text: str):
    """Thousands apart, one decimal."""
    assert number(value) == text


@pytest.mark.parametrize(
    "value, text",
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (12_345_678, "12.3 MB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (10**12, "1.0 TB"),
        (1234 * 10**15, "1,234.0 PB"),
    ],
)
def test_a_size_has_the_unit_that_keeps_it_short(value: int, text: str):
    """Never 1,000.0 of a unit when there is a larger one."""
    assert size(value) == text


@pytest.mark.parametrize(
    "values, line",
    [
        ([], ""),
        ([0, 0, 0], "▁▁▁"),
        ([3], "█"),
        ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
        ([0, 1e-9, 1], "▁▂█"),
        ([0.0, 5, 10], "▁▅█"),
        ([1, None, 1], "█ █"),
        ([-5, 1, float("nan"), float("inf"), float("-inf")], "▁█ █▁"),
        ([float("inf"), 1, 2], "█▅█"),
        ([float("inf"), 0], "█▁"),
        ([10**400, 10**399], "█▂"),
    ],
    ids=str,
)
def test_a_sparkline_has_a_block_for_each_value(values: list[float], line: str):
    """The largest is full, nothing is lowest, the unknown is blank."""
    assert sparkline(values) == line


@given(st.lists(st.none() | st.floats() | st.integers()))
def test_a_sparkline_never_fails_and_rises_with_its_values(values: list[float | None]):
    """Whatever is drawn: one character each, and a higher value never has a lower block."""
    line = sparkline(values)
    assert len(line) == len(values)
    known = sorted((value, block) for value, block in zip(values, line, strict=True) if block != " ")
    assert [block for _, block in known] == sorted(block for _, block in known)

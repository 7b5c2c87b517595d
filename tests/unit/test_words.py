"""How values read to people."""

from __future__ import annotations

import pytest

from quarterdeck.words import count, number


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

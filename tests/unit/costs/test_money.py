"""Pico-dollars and what people write."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.costs.money import MAX_USD, PICO, format_usd, parse_usd, stated_price, to_decimal, to_usd
from quarterdeck.errors import UsageError

AMOUNTS = st.integers(-MAX_USD * PICO, MAX_USD * PICO)


@pytest.mark.parametrize(
    "written,pico",
    [
        (12, 12 * PICO),
        ("0.05", PICO // 20),
        ("$1,250.00", 1250 * PICO),
        ("3,999,999.5", 3_999_999 * PICO + PICO // 2),
        (0.1, PICO // 10),
        (" 1_000 ", 1000 * PICO),
        ("1e-12", 1),
        (Decimal("0.000000000001"), 1),
        (0, 0),
        ("-0", 0),
        (MAX_USD, MAX_USD * PICO),
        ("3999999.999999999999", MAX_USD * PICO - 1),
    ],
)
def test_dollars_as_people_write_them_are_exact(written, pico):
    """A float counts as its shortest notation."""
    assert parse_usd(written) == pico
    assert type(parse_usd(written)) is int


@pytest.mark.parametrize(
    "written",
    [
        -1, "-0.01", "nan", "inf", float("nan"), float("-inf"), "", "$", "twelve", "1e-13", "0.0000000000001",
        MAX_USD + 1, "1e999999", "4000000.000000000001", None, "1.0.0",
        "1e-999999999", "1.0000000000000000000000000000000001",
        "0" * 101, [], "12,50", "0,500", "1,25.0", "1,2500", ",100", "1,000,00", "0.000,5",
    ],
)  # fmt: skip
def test_what_is_no_amount_is_refused_by_its_name(written):
    """Too much, too fine, below nothing, no number."""
    with pytest.raises(UsageError, match=r"^limit "):
        parse_usd(written, name="limit")


@pytest.mark.parametrize(
    "stated, pico",
    [
        (0, 0), (0.1, PICO // 10), (3, 3 * PICO), (1.5e-12, 2), (1e-13, 0), (-0.0, 0),
        (MAX_USD, MAX_USD * PICO), (MAX_USD + 1, None), (10**400, None), (float("nan"), None),
        (float("inf"), None), (-0.1, None), (True, None), ("1", None), (None, None), ([], None),
        (Decimal(1), None),
    ],
)  # fmt: skip
def test_a_price_that_somebody_states_is_rounded_or_is_none(stated, pico):
    """Whatever stands there raises nothing."""
    assert stated_price(stated) == pico


def test_the_surrounding_decimal_context_changes_nothing():
    """A caller may have set its own precision."""
    with localcontext() as context:
        context.prec = 3
        assert stated_price(1234.567890123) == 1_234_567_890_123_000
        assert parse_usd("1234.567890123456") == 1_234_567_890_123_456
        assert to_decimal(1_234_567_890_123_456) == Decimal("1234.567890123456")


@given(AMOUNTS)
def test_every_amount_survives_its_notation(pico):
    """As a Decimal exactly, as the nearest float closely."""
    assert Fraction(to_decimal(pico)) == Fraction(pico, PICO)
    assert to_usd(pico) == float(Fraction(pico, PICO))
    if pico >= 0:
        assert parse_usd(to_decimal(pico)) == pico


@pytest.mark.parametrize(
    "pico,text",
    [
        (0, "$0.00"),
        (1, "$0.000000000001"),
        (1_200_000, "$0.0000012"),
        (155_000_000_000, "$0.155"),
        (100_000_000_000, "$0.10"),
        (999_400_000_000, "$0.999"),
        (999_600_000_000, "$1.00"),
        (PICO, "$1.00"),
        (1_004_999_999_999, "$1.00"),
        (1_005_000_000_000, "$1.01"),
        (1_234_560_000_000_000, "$1,234.56"),
        (-155_000_000_000, "-$0.155"),
        (-2 * PICO, "-$2.00"),
    ],
)
def test_an_amount_reads_well(pico, text):
    """Cents from a dollar up, three digits below it."""
    assert format_usd(pico) == text


@given(AMOUNTS)
def test_no_amount_reads_as_nothing_or_far_from_what_it_is(pico):
    """Half a cent off at most, below a dollar half a per cent."""
    shown = Fraction(Decimal(format_usd(pico).replace("$", "").replace(",", "")))
    exact = Fraction(pico, PICO)
    assert (shown == 0) == (pico == 0)
    assert abs(shown - exact) <= (Fraction(1, 200) if abs(exact) >= 1 else abs(exact) / 200)

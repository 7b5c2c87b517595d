"""Adding to the tables: carried dollars, sums that leave, and the view for other tools."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck import sqlite
from quarterdeck.costs.ledger.cells import COUNTS, LABELS, SCHEMA, Gain, contents, write
from quarterdeck.costs.money import PICO

LABEL = tuple(f"{name} x" for name in LABELS)


@pytest.fixture
def connection():
    connection = sqlite.connect(sqlite.IN_MEMORY, [SCHEMA], holds="cache")
    yield connection
    connection.close()


def sums(requests, cost):
    return [requests, *[requests * 2] * (len(COUNTS) - 1), cost]


@given(st.lists(st.integers(0, 1 << 62), min_size=1, max_size=12), st.integers(0, 11))
def test_costs_are_carried_from_picos_to_dollars_and_back(costs, keep):
    """Added one after the other and taken out again: never a pico off, never a dollar borrowed."""
    connection = sqlite.connect(sqlite.IN_MEMORY, [SCHEMA], holds="cache")
    key = ("2026-01-01", LABEL, 0, 1)
    for cost in costs:
        write(connection, Gain({key: sums(1, cost)}, {("s", LABEL, 1): sums(1, cost)}, {}))
    for cost in costs[keep + 1 :]:
        write(connection, Gain({key: sums(-1, -cost)}, {("s", LABEL, 1): sums(-1, -cost)}, {}))
    kept = costs[: keep + 1]
    for table in contents(connection):
        ((requests, *_, usd, pico),) = table.values()
        assert (requests, usd * PICO + pico) == (len(kept), sum(kept))
        assert 0 <= pico < PICO
    connection.close()


def test_a_sum_that_falls_to_nothing_leaves_alone(connection):
    """Of cells and of sessions, though the cell of its session stays."""
    cell = ("2026-01-01", LABEL, 0, 1)
    write(
        connection, Gain({cell: sums(2, 5)}, {("a", LABEL, 1): sums(1, 2), ("b", LABEL, 1): sums(1, 3)}, {})
    )
    write(
        connection, Gain({cell: sums(1, 1)}, {("a", LABEL, 1): sums(-1, -2), ("b", LABEL, 1): sums(2, 3)}, {})
    )
    cells, sessions = contents(connection)
    assert [row[0] for row in cells.values()] == [3]
    assert {key[0]: row[0] for key, row in sessions.items()} == {"b": 3}
    write(connection, Gain({cell: sums(-3, -6)}, {("b", LABEL, 1): sums(-3, -6)}, {}))
    assert contents(connection) == ({}, {})


def test_spans_of_sessions_only_widen(connection):
    """Whatever the order."""
    for span in (("b", "c"), ("a", "b"), ("c", "d"), ("b", "b")):
        write(connection, Gain({}, {}, {"s": span}))
    assert connection.execute("SELECT * FROM session_times").fetchall() == [("s", "a", "d")]


def test_the_view_for_other_tools_shows_dollars(connection):
    """Any SQLite shell can add them up."""
    write(connection, Gain({("2026-01-01", LABEL, 0, 1): sums(1, 3 * PICO // 2)}, {}, {}))
    assert connection.execute("SELECT day, model, requests, cost FROM spend").fetchall() == [
        ("2026-01-01", "model x", 1, 1.5)
    ]

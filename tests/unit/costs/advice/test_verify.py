"""A check that finds what is planted: in the sums, in the journal, and nothing where all is well."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from quarterdeck.costs.advice.rebuild import rebuild
from quarterdeck.costs.advice.verify import verify
from quarterdeck.costs.ledger import Ledger
from quarterdeck.costs.money import PICO
from quarterdeck.errors import StateError
from tests.budget_worlds import spend
from tests.exporter_worlds import lived


@pytest.fixture
def ledger(tmp_path):
    ledger = lived(tmp_path)
    ledger.refresh()
    yield ledger
    ledger.close()


def tamper(ledger, statement):
    """Change the sums behind everybody's back."""
    with sqlite3.connect(ledger.rollup.path) as connection:
        assert connection.execute(statement).rowcount == 1
    connection.close()


def first_of(table):
    keys = {"cells": "day, label, bracket, priced", "sessions": "session, label, priced"}[table]
    return f"WHERE ({keys}) = (SELECT {keys} FROM {table} LIMIT 1)"


def segments(ledger):
    return sorted(Path(ledger.journal_folder).glob("*.jsonl")) + sorted(
        Path(ledger.journal_folder).glob("*.open")
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_ledger_that_is_well_has_no_differences(tmp_path, seed):
    """However records were repeated, corrected and rejected; the sum is that of the totals."""
    ledger = lived(tmp_path, seed=seed)
    found = verify(ledger)
    (total,) = ledger.totals()
    assert (found.ok, found.differing, found.differences, found.problems) == (True, 0, [], [])
    assert (found.requests, found.cost_picousd) == (total.requests, total.cost_picousd)
    assert (found.dropped, found.rejected) == (ledger.dropped(), ledger.rejected())
    assert found.dropped
    assert found.rejected


def test_a_ledger_that_holds_nothing_is_well(tmp_path):
    """And nothing is made to find that out."""
    found = verify(Ledger(str(tmp_path / "none")))
    assert (found.ok, found.requests, found.cost_picousd) == (True, 0, 0)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("table", ["cells", "sessions"])
@pytest.mark.parametrize(
    "change", ["cost_pico = cost_pico + 1", "cost_usd = cost_usd - 1", "requests = requests + 1"]
)
def test_one_pico_dollar_too_much_is_found(ledger, table, change):
    """The difference names the table and the labels, and says what both have."""
    tamper(ledger, f"UPDATE {table} SET {change} {first_of(table)}")
    found = verify(ledger)
    (difference,) = found.differences
    assert (found.ok, found.differing, difference.table) == (False, 1, table)
    assert difference.rollup is not None
    assert difference.journal is not None
    apart = [one - other for one, other in zip(difference.rollup, difference.journal, strict=True)]
    assert [abs(each) for each in apart if each] == [1]
    assert verify(ledger).differing == 1, "looking at it does not mend it"
    rebuild(ledger)
    assert verify(ledger).ok


@pytest.mark.parametrize("table", ["cells", "sessions"])
def test_a_sum_that_is_gone_is_found(ledger, table):
    """The rollup has none of that key: told apart from a sum of nothing."""
    tamper(ledger, f"DELETE FROM {table} {first_of(table)}")
    (difference,) = verify(ledger).differences
    assert difference.rollup is None
    assert difference.journal is not None
    assert difference.journal[0] > 0


def test_many_differences_are_counted_and_the_first_shown(ledger):
    """In an order that does not change."""
    with sqlite3.connect(ledger.rollup.path) as connection:
        changed = connection.execute("UPDATE cells SET cost_usd = cost_usd + 1").rowcount
    connection.close()
    found = verify(ledger)
    assert found.differing == changed > len(found.differences) == 20
    assert verify(ledger).differences == found.differences


def test_a_digit_changed_in_the_journal_is_found(ledger):
    """The sums were made of what it said before."""
    path = segments(ledger)[0]
    content = path.read_bytes()
    at = content.index(b'"cost_picousd":') + len(b'"cost_picousd":')
    path.write_bytes(content[:at] + (b"1" if content[at : at + 1] != b"1" else b"2") + content[at + 1 :])
    found = verify(ledger)
    assert not found.ok
    assert {difference.table for difference in found.differences} <= {"cells", "sessions"}


def test_a_line_that_has_become_none_is_found_and_named(tmp_path):
    """It is missing in the sums of the journal, and listed with its segment and offset."""
    ledger = Ledger(str(tmp_path))
    spend(ledger, 1)
    spend(ledger, 2)
    ledger.refresh()
    (path,) = segments(ledger)
    first = path.read_bytes().index(b"\n") + 1
    with path.open("r+b") as file:
        file.seek(first)
        file.write(b"?")
    found = verify(ledger)
    assert (found.differing, found.cost_picousd) == (1, PICO)
    assert [(segment, offset) for segment, offset, _ in found.rejected] == [(path.stem, first)]
    ledger.close()


def test_a_segment_that_is_gone_is_told_until_the_sums_are_rebuilt(ledger):
    """Its records are lost: the sums become those of what is there, and every answer says so."""
    segments(ledger)[0].unlink()
    found = verify(ledger)
    assert not found.ok
    assert segments(ledger)
    assert ["lost" in problem for problem in found.problems] == [True]
    assert not verify(ledger).ok
    rebuild(ledger)
    assert verify(ledger).ok


def test_a_segment_that_cannot_be_read_is_an_error(ledger):
    """Not a heap of differences: a folder stands in its place."""
    path = segments(ledger)[0]
    path.unlink()
    path.mkdir()
    with pytest.raises(StateError, match=path.stem):
        verify(ledger)


def test_sums_whose_file_is_damaged_are_made_anew_and_told(ledger):
    """The journal is well: nobody is sent to look for a backup of what can be computed."""
    cost = verify(ledger).cost_picousd
    path = Path(ledger.rollup.path)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'sessions'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    ledger.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    found = verify(ledger)
    assert (found.ok, found.differing, found.cost_picousd) == (False, 0, cost)
    assert "damaged" in found.problems[0]
    assert verify(ledger).ok


def test_others_may_go_on_recording(ledger):
    """What comes in meanwhile is no difference, on either side."""
    stop = threading.Event()

    def record():
        own = Ledger(ledger.folder)
        number = 0
        while not stop.is_set():
            number += 1
            spend(own, 0.01, response_id=f"r{number % 50}" if number % 2 else "", session=f"s{number % 7}")
            if number % 20 == 0:
                own.refresh()
        own.close()

    writers = [threading.Thread(target=record) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        found = [verify(ledger) for _ in range(8)]
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert [each.differences for each in found] == [[]] * 8
    assert found[0].requests < verify(ledger).requests


def test_progress_is_told_to_the_end(ledger):
    """In bytes of the journal."""
    told = []
    verify(ledger, lambda done, whole: told.append((done, whole)))
    assert told[-1][0] == told[-1][1] > 0

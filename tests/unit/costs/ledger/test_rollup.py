"""The file of sums: made when needed, shared, thrown away, damaged, of somebody else's choices."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from quarterdeck import sqlite
from quarterdeck.costs.ledger.calendar import Calendar, Choices
from quarterdeck.costs.ledger.ledger import Ledger
from quarterdeck.costs.ledger.rollup import FILE, Rollup
from quarterdeck.costs.model import Request, Usage
from quarterdeck.journal import JournalReader


@pytest.fixture
def folder(tmp_path):
    """A ledger's, with fifty records."""
    ledger = Ledger(str(tmp_path / "ledger"))
    ledger.choose(Choices("UTC"))
    record(ledger, 50)
    ledger.close()
    return tmp_path / "ledger"


@pytest.fixture
def ledger(folder):
    ledger = Ledger(str(folder))
    yield ledger
    ledger.close()


def record(ledger, number):
    at = datetime(2026, 5, 6, 22, 30, tzinfo=UTC)
    ledger.record_many(
        Request("claude-haiku-4-5", Usage(10, 1), at=at, session=f"s{n % 3}", tags={"team": f"t{n % 2}"})
        for n in range(number)
    )


def rollup(folder, choices=Choices("UTC"), path=None):  # noqa: B008 - frozen
    reader = JournalReader(str(folder / "journal"))
    return Rollup(str(path or folder / FILE), reader, Calendar(choices.timezone), choices)


def test_nothing_is_opened_before_the_first_question(folder):
    """To have a rollup costs nothing."""
    sums = rollup(folder)
    assert not (folder / FILE).exists()
    sums.refresh()
    assert (folder / FILE).exists()
    sums.close()
    sums.close()


def test_progress_is_told_from_the_bytes_there_are(folder):
    """To the end, and never beyond."""
    told = []
    sums = rollup(folder, path=sqlite.IN_MEMORY)
    sums.refresh(lambda done, total: told.append((done, total)))
    size = sum(path.stat().st_size for path in (folder / "journal").iterdir())
    assert told[-1] == (size, size)
    assert told == sorted(told)
    sums.close()


def test_a_file_that_is_deleted_while_it_is_used_changes_no_answer(ledger, folder):
    """Neither here nor in a process that makes a new one."""
    assert ledger.totals()[0].requests == 50
    for path in folder.glob("rollup.sqlite*"):
        path.unlink()
    other = Ledger(str(folder))
    assert other.totals()[0].requests == 50
    record(ledger, 5)
    assert ledger.totals()[0].requests == 55
    assert other.totals()[0].requests == 55
    other.close()


@pytest.mark.parametrize("place", [0, 20, 100, 4096, 4200, 9000, 20_000])
def test_a_damaged_file_is_made_anew(ledger, folder, place):
    """Wherever the damage is, the sums are those of the journal."""
    ledger.refresh()
    expected = ledger.rollup.contents()
    ledger.close()
    content = bytearray((folder / FILE).read_bytes())
    content[place : place + 600] = bytes(byte ^ 0xFF for byte in content[place : place + 600])
    (folder / FILE).write_bytes(content)
    assert ledger.totals()[0].requests == 50
    assert len(ledger.sessions()) == 3
    assert ledger.problems == []
    ledger.close()
    again = rollup(folder, path=sqlite.IN_MEMORY)
    again.refresh()
    assert again.contents() == expected
    again.close()


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + b"\xff" * 5000])
def test_what_is_no_database_is_made_anew(ledger, folder, content):
    """It is a cache."""
    (folder / FILE).write_bytes(content)
    assert ledger.totals()[0].requests == 50
    assert ledger.problems == []


def test_a_file_of_another_schema_is_made_anew(ledger, folder):
    """Of another version of ours, say."""
    with sqlite3.connect(folder / FILE) as other:
        other.execute("CREATE TABLE cells (x)")
        other.execute("PRAGMA user_version=7")
    other.close()
    assert ledger.totals()[0].requests == 50


def test_sums_by_other_choices_are_made_anew_in_the_same_file(folder):
    """Others may have it open: they find out at their next question."""
    utc, tokyo = rollup(folder), rollup(folder, Choices("Asia/Tokyo", ("team",)))
    for _ in range(2):
        utc.refresh()
        assert {key[0] for key in utc.contents().cells} == {"2026-05-06"}
        inode = os.stat(folder / FILE).st_ino
        tokyo.refresh()
        assert {key[0] for key in tokyo.contents().cells} == {"2026-05-07"}
        assert {key[-1] for key in tokyo.contents().cells} == {'{"team":"t0"}', '{"team":"t1"}'}
        assert sum(sums[0] for sums in tokyo.contents().cells.values()) == 50
        assert os.stat(folder / FILE).st_ino == inode
    utc.close()
    tokyo.close()


def test_records_that_the_journal_has_lost_are_said_to_be_lost(ledger, folder):
    """The sums are those of what is there."""
    assert ledger.totals()[0].requests == 50
    for path in Path(folder, "journal").glob("2*"):
        path.unlink()
    assert ledger.totals()[0].requests == 0
    ledger.close()
    record(ledger, 3)
    assert ledger.totals()[0].requests == 3


def test_sums_up_to_a_place_are_those_of_what_stood_there_then(ledger, folder):
    """Though more has been written since, on the same segments and on others; also behind a damaged line."""
    (segment,) = ledger.reader.segments()
    with open(f"{folder}/journal/{segment.name}.open", "ab") as file:
        file.write(b"y" * (17 << 20) + b"\n" + ledger.reader.line(segment.name, 0) * 5)
    ledger.refresh()
    then = ledger.rollup.contents()
    record(ledger, 7)
    sums = rollup(folder, path=sqlite.IN_MEMORY)
    sums.refresh(up_to=then.places)
    assert sums.contents()[:2] == then[:2]
    assert ledger.totals()[0].requests == 62
    assert len(ledger.rejected()) == 1
    sums.close()

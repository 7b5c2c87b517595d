"""A file that only others may write to: SQLite takes it for one that nobody changes, so somebody looks."""

from __future__ import annotations

import os

import pytest

from quarterdeck import sqlite
from quarterdeck.errors import StateError
from quarterdeck.patterns.truth import database
from quarterdeck.patterns.truth.database import Database

ASKED = "SELECT expected(0.5, 0, 0, 0, 0, 0, 0), (SELECT count(*) FROM patterns)"


@pytest.fixture
def path(tmp_path, monkeypatch):
    """The file of an empty library that is locked from now on."""
    path = tmp_path / "own.sqlite"
    made = Database(str(path), 1.0)
    made.rows("SELECT 1")
    made.close()
    monkeypatch.setattr(sqlite, "is_read_only", lambda path: True)
    return path


@pytest.mark.parametrize("fails", [False, True])
def test_what_was_read_while_somebody_wrote_is_read_again(path, monkeypatch, fails):
    """Whatever came of it the first time: it may have been half of the old and half of the new."""
    calls = []

    def expected(*given):
        calls.append(given)
        if len(calls) == 1:
            os.utime(path, (1, 1))
            return "nonsense" if not fails else 1 / 0
        return 0.5

    monkeypatch.setattr(database, "_expected", expected)
    reader = Database(str(path), 1.0)
    assert reader.rows(ASKED) == [(0.5, 0)]
    assert len(calls) == 2
    stamp = reader.stamp()
    os.utime(path, (2, 2))
    assert reader.rows(ASKED) == [(0.5, 0)]
    assert reader.stamp() != stamp
    reader.close()


def test_a_log_of_others_is_read_too(path):
    """Then they are at work, or were killed: SQLite itself looks after that."""
    with pytest.MonkeyPatch.context() as theirs:
        theirs.setattr(sqlite, "is_read_only", lambda path: False)
        writer = Database(str(path), 1.0)
        with writer.writes() as cursor:
            cursor.execute("CREATE TABLE theirs (one)")
    reader = Database(str(path), 1.0)
    assert reader.rows("SELECT count(*) FROM theirs") == [(0,)]
    with pytest.raises(StateError, match="can only be read"), reader.writes():
        pass
    reader.close()
    writer.close()

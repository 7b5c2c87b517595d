"""Whoever derives something from the file notices when it has gone back: by the marks of its history."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import sqlite3
import sys
import weakref

import pytest

from quarterdeck.errors import StateError
from quarterdeck.patterns.truth import database
from quarterdeck.sqlite import IN_MEMORY
from tests.truth_worlds import NOW, a_pattern, an_outcome, contribute, open_truth


@pytest.fixture(autouse=True)
def no_glances(monkeypatch):
    """A test is quicker than anybody who restores a backup."""
    monkeypatch.setattr(database, "_GLANCE_S", 0.0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "library.sqlite"


@pytest.fixture
def opened(path):
    made = []

    def open_one():
        made.append(open_truth(path))
        return made[-1]

    yield open_one
    for truth in made:
        truth.close()


def write(truth, *names):
    for name in names:
        contribute(truth, a_pattern(name))


def replaced(truth, backup):
    """Somebody puts it in the place of the file, while nobody uses that."""
    truth.close()
    shutil.copy(backup, truth.path)


def moved_there(truth, backup):
    """Somebody moves it in the place of the file, which others have open."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{truth.path}-wal")
    os.replace(backup, truth.path)


def written_over(truth, backup):
    """Somebody has SQLite write it over what is in the file, which others have open."""
    source, target = sqlite3.connect(backup), sqlite3.connect(truth.path)
    source.backup(target)
    source.close()
    target.close()


def test_what_was_derived_keeps_its_mark_while_many_write(opened):
    """Processes that take turns, outcomes, deletions: all of that is one history."""
    one, other = opened(), opened()
    kept: dict[int, str] = {}
    for number in range(5):
        write(one, f"a{number}")
        write(other, f"b{number}")
        one.record([an_outcome("a0")])
        kept |= {each.revision: each.mark for each in other.changes(-1, 99)}
        other.delete(f"b{number}", agent_id="eve")
    assert len(kept) > 10
    assert {revision: one.mark(revision) for revision in kept} == kept
    one.close()
    write(one, "again")
    assert {revision: other.mark(revision) for revision in kept} == kept


def test_revisions_that_are_not_there_have_no_mark(opened):
    """Who is ahead of the file is of another history."""
    truth = opened()
    write(truth, "a")
    assert truth.mark(truth.revision() + 1) == truth.mark(-1) == ""
    assert truth.mark(0) == truth.identity()
    assert truth.mark(1) == truth.changes(-1, 9)[0].mark != ""


@pytest.mark.parametrize("restore", [replaced, moved_there, written_over])
@pytest.mark.parametrize("writer", ["one", "other", "third"])
def test_the_same_revisions_of_a_restored_backup_have_other_marks(opened, path, tmp_path, restore, writer):
    """No matter how it was restored and who writes first; what is as old as the backup still counts."""
    one, other = opened(), opened()
    write(one, "a", "b")
    write(other, "c")
    written = one.changes(-1, 99)[-1]
    backup = tmp_path / "backup.sqlite"
    with (
        contextlib.closing(sqlite3.connect(path)) as source,
        contextlib.closing(sqlite3.connect(backup)) as target,
    ):
        source.backup(target)
    write(one, "lost")
    lost = other.changes(written.revision, 9)[-1]
    other.close()
    restore(one, backup)
    assert one.mark(lost.revision) == ""
    write({"one": one, "other": other, "third": opened()}[writer], "new", "newer")
    for truth in (one, other):
        assert truth.mark(lost.revision) not in {"", lost.mark}
        assert truth.mark(written.revision) == written.mark


def test_a_pattern_costs_an_era_only_after_somebody_else(opened, path):
    """The table stays small where one process does the writing."""
    one, other = opened(), opened()
    write(one, "a", "b", "c")
    write(other, "d")
    write(one, "e", "f")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT revision FROM eras").fetchall() == [(0,), (1,), (4,), (5,)]


def test_a_write_that_fails_begins_no_era(opened, path):
    """But the next one does."""
    truth = opened()
    with pytest.raises(ZeroDivisionError), truth._database.writes():
        raise ZeroDivisionError
    write(truth, "a")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT revision FROM eras").fetchall() == [(0,), (1,)]


@pytest.mark.parametrize("where", ["file", "memory"])
def test_a_truth_that_nobody_holds_is_closed(path, where):
    """Its connections are given back, without a collection of garbage and without a warning."""
    before = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    gc.disable()
    try:
        truth = open_truth(path if where == "file" else IN_MEMORY)
        contribute(truth, a_pattern())
        assert truth.top(1, "expected")
        connections = [weakref.ref(truth._database._reader), weakref.ref(truth._database._writer)]
        del truth
        assert [each() for each in connections] == [None, None]
        if sys.platform == "linux":
            assert len(os.listdir("/proc/self/fd")) == before
    finally:
        gc.enable()


def test_an_old_sqlite_is_a_clear_error(path, monkeypatch):
    """Before anything is made."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    with pytest.raises(StateError, match=r"too old for a pattern library.*\n  hint: .* SQLite 3\.37"):
        open_truth(path).count()
    assert not path.exists()


@pytest.mark.parametrize("how", ["imported", "recorded", "a row that is there"])
def test_a_clock_that_was_ahead_does_not_outweigh_what_comes(opened, path, how):
    """Outcomes count as soon as they are recorded, whatever somebody else's clock has said."""
    truth = opened()
    ahead = NOW.replace(year=9999)
    seen = {"usage_count": 9, "success_count": 9, "last_used": ahead} if how == "imported" else {}
    contribute(truth, a_pattern("p", **seen))
    if how != "imported":
        truth.record([an_outcome()._replace(at=ahead if how == "recorded" else NOW)])
    if how == "a row that is there":
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE tallies SET at_us = 9 * at_us")
            connection.commit()
    truth.record([an_outcome(success=False)] * 20)
    (tally,) = truth.tallies([1]).values()
    assert (tally.bad, tally.at_s) == (pytest.approx(20), NOW.timestamp())

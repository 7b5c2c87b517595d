"""The report of a journal's health names what is there, what was set aside and what cannot be read."""

from __future__ import annotations

import contextlib

import pytest

from quarterdeck.errors import StateError
from quarterdeck.journal import Journal, TornTail, compact, inspect
from tests.journal_worlds import crash, files, numbered


@pytest.fixture
def folder(tmp_path):
    """Where the journal is."""
    return tmp_path / "journal"


def test_there_may_be_no_journal(folder):
    """Which is no error, and makes none."""
    report = inspect(str(folder))
    assert report == (str(folder), (), 0, (), (), (), ())
    assert not folder.exists()


def test_segments_are_told_by_state(folder):
    """With what they take on disk, which is less than their lines when they are compacted."""
    with contextlib.closing(Journal(str(folder), rotate_bytes=2000)) as journal:
        journal.append_many(numbered(70))
        compact(str(folder), older_than_days=-1)
        journal.append_many(numbered(50))
        report = inspect(str(folder))
        assert [segment.state for segment in report.segments] == ["compacted", "sealed", "open"]
        assert [segment.size_bytes for segment in report.segments] == [2000, 800, 2000]
        assert report.disk_bytes == sum(
            (folder / name).stat().st_size for name in files(folder) if name != "compaction.lock"
        )
        assert report[3:] == ((), (), (), ())


def test_an_orphan_and_its_torn_tail_are_told(folder):
    """Where it is now; and, when the next writer has come, where it was put."""
    journal = Journal(str(folder))
    journal.append(b"[1]\n")
    (name,) = files(folder)
    crash(journal, b"torn")
    report = inspect(str(folder))
    segment = name.partition(".")[0]
    assert report.orphans == (segment,)
    assert report.torn == (TornTail(str(folder / name), segment, 4, 4),)
    assert report.quarantined == ()
    with contextlib.closing(Journal(str(folder))) as journal:
        journal.append(b"[2]\n")
        report = inspect(str(folder))
        assert (report.orphans, report.torn) == ((), ())
        (aside,) = report.quarantined
        assert aside[1:] == (segment, 4, 4)
        with open(aside.path, "rb") as file:
            assert file.read() == b"torn"


def test_a_line_in_the_middle_of_being_written_is_not_torn(folder):
    """Its writer lives."""
    with contextlib.closing(Journal(str(folder))) as journal:
        journal.append(b"[1]\n")
        with open(folder / files(folder)[0], "ab") as file:
            file.write(b"[2")
        report = inspect(str(folder))
        assert (report.orphans, report.torn) == ((), ())


def test_what_cannot_be_read_is_told_with_the_rest(folder, tmp_path):
    """With how to mend it."""
    with contextlib.closing(Journal(str(folder))) as journal:
        journal.append(b"[1]\n")
        (folder / "20261122T204858583123-1f0c54d6.jsonl").symlink_to(tmp_path)
        (folder / "quarantine").mkdir()
        (folder / "quarantine" / "notes.txt").write_text("mine")
        report = inspect(str(folder))
    assert len(report.segments) == 1
    (complaint,) = report.unreadable
    assert "20261122T204858583123-1f0c54d6.jsonl" in complaint
    assert "hint: move it away" in complaint
    assert report.quarantined == ()


def test_a_quarantine_that_is_no_folder(folder):
    """An error of ours."""
    folder.mkdir()
    (folder / "quarantine").write_text("")
    with pytest.raises(StateError, match="quarantine"):
        inspect(str(folder))

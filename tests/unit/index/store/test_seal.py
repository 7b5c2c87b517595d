"""A file that somebody else wrote to is noticed; one that we wrote is not suspected."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat

import pytest

from quarterdeck.index.store import seal


@pytest.fixture
def path(tmp_path):
    """A database that was written, closed and sealed."""
    path = str(tmp_path / "x.sqlite")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE t (x)")
    connection.commit()
    seal.close(connection, path)
    return path


def suspected(path):
    """What `seal.opening` says of *path*."""
    with seal.opening(path) as is_broken:
        return is_broken


def test_a_sealed_file_is_trusted(path):
    """However often it is opened, and after it was written to again by us."""
    assert not suspected(path)
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("INSERT INTO t VALUES (1)")
    seal.close(connection, path)
    assert not suspected(path)


def test_a_file_that_was_written_to_behind_our_back_is_not(path):
    """One byte more is enough."""
    with open(path, "ab") as stream:
        stream.write(b"x")
    assert suspected(path)


def test_a_copy_in_the_files_place_is_not_trusted(path):
    """The same bytes with the same times are another file."""
    status = os.stat(path)
    with open(path, "rb") as stream:
        content = stream.read()
    with open(path + ".copy", "wb") as stream:
        stream.write(content)
    os.utime(path + ".copy", ns=(status.st_atime_ns, status.st_mtime_ns))
    os.replace(path + ".copy", path)
    assert suspected(path)


def test_a_file_with_a_log_is_left_to_the_log(path):
    """It is open elsewhere, or a crash left it: the log has checksums of its own."""
    with open(path, "ab") as stream:
        stream.write(b"x")
    with open(path + "-wal", "wb"):
        pass
    assert not suspected(path)


def test_a_file_that_was_never_sealed_is_not_suspected(tmp_path):
    """Nor is one that is not there."""
    (tmp_path / "new.sqlite").write_bytes(b"")
    assert not suspected(str(tmp_path / "new.sqlite"))
    assert not suspected(str(tmp_path / "missing.sqlite"))


def test_a_missing_file_with_a_seal_is_not_suspected(path):
    """Deleting a cache is everybody's right."""
    os.unlink(path)
    assert not suspected(path)


def test_a_seal_that_nothing_changed_is_not_written_again(path):
    """A warm query writes nothing."""
    before = os.stat(f"{path}.seal").st_mtime_ns
    os.utime(f"{path}.seal", ns=(before - 10**9,) * 2)
    seal.close(sqlite3.connect(path), path)
    assert os.stat(f"{path}.seal").st_mtime_ns == before - 10**9


def test_a_seal_is_private(path):
    """As is everything we keep."""
    assert stat.S_IMODE(os.stat(f"{path}.seal").st_mode) == 0o600


def test_closing_seals_with_the_log_already_in_the_file(path):
    """The seal is of the file as it is when nobody has it open."""
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("INSERT INTO t VALUES (1)")
    seal.close(connection, path)
    assert not os.path.exists(f"{path}-wal")
    status = os.stat(path)
    with open(f"{path}.seal") as stream:
        assert stream.read().split()[:2] == [str(status.st_size), str(status.st_mtime_ns)]


def test_the_first_to_ask_has_the_turn(path):
    """And is told that nobody has had it before."""
    with seal.turn(path, wait_s=0) as had_to_wait:
        assert had_to_wait is False


def test_who_comes_second_is_told_that_the_work_may_be_done(path):
    """After the time-out it is entered all the same."""
    with seal.turn(path, wait_s=0), seal.turn(path, wait_s=0) as had_to_wait:
        assert had_to_wait is True
    with seal.turn(path, wait_s=0) as had_to_wait:
        assert had_to_wait is False


def test_a_place_that_cannot_be_locked_stops_nothing(tmp_path):
    """No folder, no seal, no turn: the work is done all the same."""
    path = str(tmp_path / "nowhere" / "x.sqlite")
    assert not suspected(path)
    with seal.turn(path, wait_s=0) as had_to_wait:
        assert had_to_wait is True
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        seal.close(connection, path)
        with pytest.raises(sqlite3.ProgrammingError):
            connection.execute("SELECT 1")


def test_a_link_in_the_seals_place_is_not_followed(path, tmp_path):
    """What it points to is not ours to lock or to write to."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    os.unlink(f"{path}.seal")
    os.symlink(victim, f"{path}.seal")
    seal.close(sqlite3.connect(path), path)
    assert victim.read_bytes() == b"precious"

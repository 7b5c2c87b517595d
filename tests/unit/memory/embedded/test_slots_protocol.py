"""Version slots: no copy outlives a change, wherever anybody stops, and whatever happens to the file."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from quarterdeck.errors import StateError
from quarterdeck.memory.backend import Put
from quarterdeck.memory.embedded import EmbeddedBackend, database
from quarterdeck.memory.embedded.slots import HIGHEST, IDENTITY, INODE, NONE, SIZE_BYTES, stripe
from tests.index_worlds import run

NAME = "{n.a.0}:entry:one"
ELSEWHERE = "{n.a.0}:entry:two"
DIE_BETWEEN_ANNOUNCE_AND_COMMIT = """
import os, signal, sys
from quarterdeck.memory.embedded import EmbeddedBackend

backend = EmbeddedBackend(sys.argv[1])
with backend._writer as change:
    change.announce((sys.argv[2],))
    change.execute("UPDATE entries SET data = 'lost'")
    os.kill(os.getpid(), signal.SIGKILL)
"""


class Stopped(BaseException):
    """What ends a writer in the middle."""


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "memory.sqlite")


@pytest.fixture
def opened(path):
    """Opens handles on one store, as other processes would have them."""
    handles = []

    def open_one(at=path):
        handles.append(EmbeddedBackend(at))
        return handles[-1]

    yield open_one
    for handle in handles:
        handle.close()


@pytest.fixture
def slots_path(tmp_path):
    return tmp_path / "memory.sqlite-slots"


def is_fresh(backend, stored):
    return stored.mark is not None and backend.is_fresh(stored.mark)


def can_keep(backend, name=NAME):
    return is_fresh(backend, backend.get(name))


def give_up(backend, name, rows=1):
    """Announce a change and write it, and then do not."""
    with contextlib.suppress(Stopped), backend._writer as change:
        change.announce((name,), rows)
        change.execute("UPDATE entries SET data = 'lost'")
        raise Stopped


def test_two_names_of_these_tests_have_different_stripes():
    """Else they would say nothing."""
    assert stripe(NAME) != stripe(ELSEWHERE)


def test_a_copy_is_stale_from_the_announcement_on(opened):
    """Before the change can be seen by anybody; and the old answer, read once more, may not be kept."""
    reader, writer = opened(), opened()
    writer.put(NAME, b"1")
    before = reader.get(NAME)
    with writer._writer as change:
        assert is_fresh(reader, before)
        change.announce((NAME,))
        assert not is_fresh(reader, before)
        again = reader.get(NAME)
        assert (again.data, again.mark) == (b"1", None)
        assert reader.get_many([NAME])[0].mark is None
        assert can_keep(reader, ELSEWHERE)
        change.execute("UPDATE entries SET data = '2'")
    after = reader.get(NAME)
    assert after.data == b"2"
    assert is_fresh(reader, after)


@pytest.mark.parametrize("many", [False, True])
def test_a_copy_read_in_the_middle_of_a_change_is_never_fresh(opened, monkeypatch, many: bool):
    """The reader has looked at the stripe, then somebody changes the entry, then the reader reads it."""
    reader, writer = opened(), opened()
    writer.put(NAME, b"1")
    reader.get(NAME)
    way = "snapshot" if many else "one"
    ask = getattr(database.Reader, way)

    def after_a_change(self, *given):
        monkeypatch.undo()
        writer.put(NAME, b"2")
        return ask(self, *given)

    monkeypatch.setattr(database.Reader, way, after_a_change)
    read = reader.get_many([NAME])[0] if many else reader.get(NAME)
    assert not is_fresh(reader, read)
    assert can_keep(reader)


def test_a_writer_that_gives_up_costs_hits_only_until_the_next_commit(opened):
    """Nobody keeps copies of what it has announced, until somebody commits anything at all."""
    reader, writer = opened(), opened()
    writer.put(NAME, b"1")
    give_up(writer, NAME)
    assert reader.get(NAME).data == b"1"
    assert reader.get(NAME).mark is None
    writer.put(ELSEWHERE, b"1")
    copy = reader.get(NAME)
    assert copy.data == b"1"
    assert is_fresh(reader, copy)
    writer.put(NAME, b"2")
    assert not is_fresh(reader, copy)


def test_a_writer_that_is_killed_costs_hits_only(opened, path):
    """What it wrote never was."""
    reader, writer = opened(), opened()
    writer.put(NAME, b"1")
    before = reader.get(NAME)
    assert run(DIE_BETWEEN_ANNOUNCE_AND_COMMIT, path, NAME)[0] == -signal.SIGKILL
    assert not is_fresh(reader, before)
    assert reader.get(NAME)[::2] == (b"1", None)
    writer.put(ELSEWHERE, b"1")
    assert can_keep(reader)


def test_numbers_only_grow_whatever_becomes_of_the_changes(opened):
    """So no item of a log gets a number twice."""
    first, second = opened(), opened()
    numbers = first.add("log", [b"1", b"2"])
    give_up(second, "log", rows=5)
    numbers += second.add("log", [b"3"])
    first.drop(["log"])
    numbers += first.add("log", [b"4"])
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("ahead", [True, False], ids=["ahead", "behind"])
def test_slots_that_do_not_fit_the_database_after_a_power_cut_do_no_harm(opened, tmp_path, path, ahead: bool):
    """The pages of the two files reach the disk in any order: either may have lost the last changes."""
    with closing(opened()) as writer:
        for number in range(3):
            writer.put(NAME, b"%d" % number)
    old = tmp_path / "old"
    shutil.copy(path if ahead else tmp_path / "memory.sqlite-slots", old)
    with closing(opened()) as writer:
        for number in range(3, 9):
            writer.put(NAME, b"%d" % number)
    lost = Path(path) if ahead else tmp_path / "memory.sqlite-slots"
    lost.write_bytes(old.read_bytes())  # in place: the same inode
    reader, writer = opened(), opened()
    for number in range(20, 40):
        writer.put(ELSEWHERE, b"%d" % number)
        writer.put(NAME, b"%d" % number)
        copy = reader.get(NAME)
        assert copy.data == b"%d" % number
        assert is_fresh(reader, copy)
        writer.put(NAME, b"again")
        assert not is_fresh(reader, copy)
    assert writer.get(ELSEWHERE).data == b"39"


# The file ------------------------------------------------------------------------------------------


def test_the_file_is_whole_and_for_its_owner_only(opened, slots_path):
    """A hole in it could kill a process on a full disk."""
    before = os.umask(0)
    try:
        opened().put(NAME, b"1")
    finally:
        os.umask(before)
    found = slots_path.lstat()
    assert stat.S_IMODE(found.st_mode) == 0o600
    assert found.st_size == SIZE_BYTES <= found.st_blocks * 512


def break_by_deleting(path):
    path.unlink()


def break_by_cutting(path):
    path.unlink()
    path.write_bytes(b"short")


def break_by_copying(path):
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    copy.rename(path)


def break_by_a_link(path):
    target = path.with_name("target")
    path.rename(target)
    path.symlink_to(target)


def break_by_a_pipe(path):
    path.unlink()
    os.mkfifo(path)


def break_by_another(path):
    with closing(EmbeddedBackend(str(path.with_name("other.sqlite")))) as other:
        other.put(NAME, b"theirs")
    path.with_name("other.sqlite-slots").rename(path)


def break_by_noise(path):
    path.write_bytes(b"\xff" * SIZE_BYTES)


BREAKS = [
    break_by_deleting,
    break_by_cutting,
    break_by_copying,
    break_by_a_link,
    break_by_a_pipe,
    break_by_another,
    break_by_noise,
]


@pytest.mark.parametrize("damage", BREAKS, ids=lambda damage: damage.__name__.removeprefix("break_by_"))
@pytest.mark.parametrize("first", ["read", "write"])
def test_a_file_that_is_not_the_right_one_is_replaced(opened, slots_path, damage, first: str):
    """Whoever comes next makes a new one, and a link is not followed."""
    with closing(opened()) as writer:
        writer.put(NAME, b"1")
    damage(slots_path)
    target = slots_path.with_name("target")
    linked = target.read_bytes() if target.exists() else None
    reader, writer = opened(), opened()
    if first == "read":
        assert can_keep(reader)
    writer.put(NAME, b"2")
    copy = reader.get(NAME)
    assert copy.data == b"2"
    assert is_fresh(reader, copy)
    writer.put(NAME, b"3")
    assert not is_fresh(reader, copy)
    assert stat.S_ISREG(slots_path.lstat().st_mode)
    assert slots_path.lstat().st_size == SIZE_BYTES
    assert linked is None or target.read_bytes() == linked


@pytest.mark.parametrize("damage", BREAKS[:6], ids=lambda damage: damage.__name__.removeprefix("break_by_"))
@pytest.mark.parametrize("found_out_by", ["a read", "a batch", "a write"])
def test_one_who_has_the_old_file_mapped_finds_out(opened, slots_path, damage, found_out_by: str):
    """When it next asks the database: its older marks are worth nothing then, and all map the same file."""
    old = opened()
    old.put_many([Put(NAME, b"1"), Put(ELSEWHERE, b"1")])
    mine, other = old.get_many([NAME, ELSEWHERE])
    damage(slots_path)
    new = opened()
    new.put(NAME, b"2")
    match found_out_by:
        case "a read":
            assert old.get(ELSEWHERE).data == b"1"
        case "a batch":
            assert [each.data for each in old.get_many([ELSEWHERE, NAME])] == [b"1", b"2"]
        case _:
            old.put(ELSEWHERE, b"2")
    assert not is_fresh(old, mine)
    assert not is_fresh(old, other)
    copy = old.get(NAME)
    assert copy.data == b"2"
    assert is_fresh(old, copy)
    new.put(NAME, b"3")
    assert not is_fresh(old, copy)
    copy = new.get(NAME)
    old.put(NAME, b"4")
    assert not is_fresh(new, copy)


@pytest.mark.parametrize("word", [0, IDENTITY, HIGHEST])
def test_one_whose_mapped_file_is_scribbled_in_goes_on_with_another(opened, slots_path, word: int):
    """Whoever may write to it is its owner, so this is an accident, and no reason to give up."""
    backend, other = opened(), opened()
    backend.put(NAME, b"1")
    other.get(NAME)
    with slots_path.open("r+b") as file:
        file.seek(word * 8)
        file.write(b"\xff" * 8)
    backend.put(NAME, b"2")
    copy = other.get(NAME)
    backend.put(NAME, b"3")
    assert not is_fresh(other, copy)
    assert other.get(NAME).data == b"3"
    assert can_keep(opened())


def test_while_nobody_makes_a_new_file_a_deleted_one_goes_on(opened, slots_path):
    """All who share it still see each other's changes."""
    first, second = opened(), opened()
    first.put(NAME, b"1")
    copy = second.get(NAME)
    slots_path.unlink()
    first.put(NAME, b"2")
    assert not is_fresh(second, copy)
    assert can_keep(second)


def test_a_copy_of_the_folder_is_a_store_of_its_own(opened, tmp_path):
    """Its changes do not disturb the first, nor the other way round."""
    original = opened(str(tmp_path / "memory.sqlite"))
    original.put(NAME, b"1")
    original.close()
    shutil.copytree(tmp_path, tmp_path / "copy")
    copy = opened(str(tmp_path / "copy" / "memory.sqlite"))
    mine, theirs = original.get(NAME), copy.get(NAME)
    copy.put(NAME, b"2")
    assert not is_fresh(copy, theirs)
    assert is_fresh(original, mine)


def test_a_folder_in_the_place_of_the_file_stops_writers_and_not_readers(opened, slots_path):
    """A writer that cannot tell the others must not write; a reader just keeps nothing."""
    with closing(opened()) as writer:
        writer.put(NAME, b"1")
    slots_path.unlink()
    slots_path.mkdir()
    backend = opened()
    for _ in range(3):
        assert backend.get(NAME)[::2] == (b"1", None)
    with pytest.raises(StateError) as caught:
        backend.put(NAME, b"2")
    assert str(slots_path) in caught.value.message
    assert backend.get(NAME).data == b"1"
    slots_path.rmdir()
    backend.put(NAME, b"3")
    assert can_keep(backend)


def test_a_reader_without_a_file_waits_for_no_writer(opened, slots_path):
    """It answers while somebody else holds the database, and keeps nothing."""
    writer = opened()
    writer.put(NAME, b"1")
    slots_path.unlink()
    reader = opened()
    with writer._writer:
        assert reader.get(NAME)[::2] == (b"1", None)


def test_nothing_read_before_close_is_fresh_after_it(opened):
    """Nor after the next use."""
    backend = opened()
    backend.put(NAME, b"1")
    copy = backend.get(NAME)
    backend.close()
    assert not is_fresh(backend, copy)
    assert can_keep(backend)
    assert not is_fresh(backend, copy)


def test_the_absent_file_is_nobodys(opened, path):
    """No identity and no number of a real one can be mistaken for it."""
    opened().put(NAME, b"1")
    with closing(sqlite3.connect(path)) as connection:
        n, identity = connection.execute("SELECT n, slots FROM clock").fetchone()
    assert 0 < identity < NONE[IDENTITY]
    assert n < NONE[stripe(NAME)]
    assert NONE[HIGHEST] == NONE[INODE] == NONE[IDENTITY]

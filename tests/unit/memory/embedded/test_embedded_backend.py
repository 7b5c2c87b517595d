"""The store in a file: readable, private, swept, shared by threads and children, honest when it cannot."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from quarterdeck.errors import StateError, StoreBusy, StoreCorrupt
from quarterdeck.memory.backend import Put
from quarterdeck.memory.embedded import EmbeddedBackend, database
from quarterdeck.memory.embedded.sweep import SHARE, STEP
from tests.memory_worlds import Clock

PREFIX = "{n.a.0}:entry:"
NAME = PREFIX + "one"


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "memory.sqlite")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def backend(path, clock):
    with closing(EmbeddedBackend(path, clock=clock)) as backend:
        yield backend


def rows(path, statement):
    """What another program reads from the file."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


# The file ------------------------------------------------------------------------------------------


def test_nothing_is_opened_before_it_is_used(backend, tmp_path):
    """To make one costs nothing."""
    assert not list(tmp_path.iterdir())


def test_any_sql_tool_shows_what_is_stored(backend, path):
    """JSON as text, which SQL can look into; what is sealed as bytes."""
    backend.put(NAME, json.dumps({"plan": "naïve"}, ensure_ascii=False).encode())
    backend.put(PREFIX + "sealed", b"\xff\x00")
    backend.add("log", [b'"task"'], score=7)
    assert rows(path, "SELECT name, typeof(data), data FROM entries ORDER BY name") == [
        (NAME, "text", '{"plan": "naïve"}'),
        (PREFIX + "sealed", "blob", b"\xff\x00"),
    ]
    assert rows(path, f"SELECT json_extract(data, '$.plan') FROM entries WHERE name = '{NAME}'") == [
        ("naïve",)
    ]
    assert rows(path, "SELECT log, score, data FROM items") == [("log", 7, '"task"')]


def test_what_an_sql_tool_wrote_is_read_as_bytes(backend, path):
    """Also a number, which SQLite keeps as one."""
    backend.put(NAME, b"1")
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE entries SET data = 42")
    assert backend.get(NAME).data == b"42"
    assert backend.transact({NAME: b"42"}, [Put(NAME, b"43")])


@pytest.mark.parametrize("umask", [0, 0o077], ids=oct)
def test_a_second_user_reads_nothing(backend, tmp_path, umask: int):
    """Not even in the log or beside the database."""
    before = os.umask(umask)
    try:
        backend.put(NAME, b"1")
    finally:
        os.umask(before)
    assert {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == dict.fromkeys(
        ("memory.sqlite", "memory.sqlite-wal", "memory.sqlite-shm", "memory.sqlite-slots"), 0o600
    )


def test_a_read_leaves_no_snapshot_open(backend, path):
    """Else the log could not be written back, and would grow for ever."""
    backend.put(NAME, b"1")
    backend.get(NAME)
    backend.get_many([NAME])
    next(backend.listing(PREFIX))
    backend.watch(PREFIX)
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


def test_a_listing_does_not_hold_up_anybody_while_its_caller_is_slow(backend):
    """It reads a part at a time, and what is removed meanwhile is not shown."""
    names = [f"{PREFIX}{number:04}" for number in range(1200)]
    backend.put_many([Put(name, b"1") for name in names])
    listing = backend.listing(PREFIX)
    seen = [next(listing).name]
    backend.delete(names[600:])
    seen += [each.name for each in listing]
    assert seen == names[:600]


@pytest.mark.parametrize("last", ["z", "\ud7ff", "\U0010ffff", "\U0010ffff\U0010ffff"], ids=ascii)
def test_a_prefix_may_end_with_any_character(backend, last: str):
    """Also with the last there is, or the last before those that are none."""
    begins = [last, last + "\0", last + "a", last + "\U0010ffff" * 2]
    others = ["", "a", last[:-1], "\ue000"]
    backend.put_many([Put(name, b"1") for name in {*begins, *others}])
    for name in {*begins, *others}:
        backend.add(name, [b"1"])
    assert [each.name for each in backend.listing(last)] == sorted(begins)
    assert backend.logs(last) == sorted(begins)
    assert backend.logs("") == sorted({*begins, *others})


def test_a_number_that_no_item_can_have_is_not_there(backend):
    """However large."""
    [number] = backend.add("log", [b"1"])
    assert backend.remove("log", [1 << 70, -(1 << 70), 0]) == 0
    assert backend.count("log", low=-(1 << 70), high=1 << 70) == 1
    assert backend.items("log", low=1 << 70) == []
    assert backend.remove("log", [number, number]) == 1


def test_a_log_of_limited_length_is_counted_right_whoever_changes_it(path, backend, clock):
    """One handle remembers how many items there are; others add, take, remove and drop meanwhile."""
    with closing(EmbeddedBackend(path, clock=clock)) as other:
        for change in (
            lambda: None,
            lambda: other.take("log", limit=2),
            lambda: other.add("log", [b"x"] * 3),
            lambda: other.remove("log", [item.id for item in other.items("log", limit=1)]),
            lambda: other.claim("log", high=1 << 60, score=0),
            lambda: other.drop(["log"]),
        ):
            for number in range(7):
                backend.add("log", [b"%d" % number], keep=5)
            assert [item.data for item in backend.items("log")][-5:] == [b"2", b"3", b"4", b"5", b"6"]
            assert backend.count("log") == 5
            change()


# Time ----------------------------------------------------------------------------------------------


def test_a_time_to_live_survives_the_process(path, clock):
    """It is kept on the clock of the machine."""
    with closing(EmbeddedBackend(path, clock=clock)) as first:
        first.put(NAME, b"1", ttl_ms=5_000)
    clock.pass_time(4.999)
    with closing(EmbeddedBackend(path, clock=clock)) as second:
        assert second.get(NAME).data == b"1"
        clock.pass_time(0.001)
        assert second.get(NAME).data is None


def test_what_expires_makes_room(backend, path, clock):
    """However it was written, and with nobody ever looking at it again."""
    for number in range(1500):
        backend.put(f"{PREFIX}{number}", b"1", ttl_ms=100)
        if not number % 10:
            backend.add(f"log{number % 3}", [b"1"], ttl_ms=100)
        clock.pass_time(0.001)
    [(entries,)] = rows(path, "SELECT count(*) FROM entries")
    [(items,)] = rows(path, "SELECT count(*) FROM items")
    assert entries <= 100 * SHARE / (SHARE - 1) + 2 * STEP * SHARE
    assert items <= 10 * SHARE / (SHARE - 1) + 2 * STEP * SHARE
    assert len(list(backend.listing(PREFIX))) == 99


def test_batches_are_swept_in_proportion(backend, path, clock):
    """A few large writes leave no more behind than many small ones."""
    for batch in range(20):
        backend.put_many([Put(f"{PREFIX}{batch}.{number}", b"1", 100) for number in range(500)])
        clock.pass_time(1)
    [(entries,)] = rows(path, "SELECT count(*) FROM entries")
    assert entries <= 3 * 500


def test_the_sweep_goes_on_in_the_next_process(path, clock):
    """Where each one writes once."""
    with closing(EmbeddedBackend(path, clock=clock)) as backend:
        backend.put_many([Put(f"{PREFIX}{number}", b"1", 1) for number in range(STEP * SHARE * 3)])
    clock.pass_time(1)
    for _ in range(STEP * 4):
        with closing(EmbeddedBackend(path, clock=clock)) as backend:
            backend.put(NAME, b"1")
    assert rows(path, "SELECT name FROM entries") == [(NAME,)]


def test_what_does_not_expire_is_never_swept(backend, clock):
    """Nor what has yet to."""
    backend.put_many(
        [Put(f"{PREFIX}{number}", b"1", None if number % 2 else 10_000) for number in range(300)]
    )
    numbers = backend.add("log", [b"1"] * 300, ttl_ms=10_000)
    clock.pass_time(9)
    for number in range(STEP * 20):
        backend.put(NAME, b"%d" % number)
    assert len(list(backend.listing(PREFIX))) == 301
    assert [item.id for item in backend.items("log")] == numbers


# Waiting -------------------------------------------------------------------------------------------


def test_a_watcher_is_not_woken_by_what_never_happened(backend):
    """A change that was announced and given up is none; the next one is."""
    with backend.watch(PREFIX) as watcher:
        with contextlib.suppress(ZeroDivisionError), backend._writer as change:
            change.announce((NAME,))
            raise ZeroDivisionError
        assert not watcher.wait(0.02)
        with backend._writer as change:
            change.announce((NAME,))
            assert not watcher.wait(0.02)
        assert watcher.wait(10)
        assert not watcher.wait(0)


def test_a_watcher_sees_a_change_after_the_slots_file_was_lost(backend, path, clock, tmp_path):
    """It asks the database."""
    backend.put(NAME, b"1")
    watcher = backend.watch(PREFIX)
    (tmp_path / "memory.sqlite-slots").unlink()
    with closing(EmbeddedBackend(path, clock=clock)) as other:
        other.put(NAME, b"2")
    assert watcher.wait(10)


# Threads, children, handlers of signals --------------------------------------------------------------


def test_readers_do_not_wait_for_a_writer_of_their_own_process(path, backend, clock):
    """One that waits for another process, say."""
    backend.put(NAME, b"1")
    with closing(EmbeddedBackend(path, clock=clock)) as other, ThreadPoolExecutor(1) as pool:
        with other._writer as change:
            change.announce((NAME,))
            waiting = pool.submit(backend.put, NAME, b"2")
            while backend._writer.lock.acquire(blocking=False):
                backend._writer.lock.release()
            assert backend.get(NAME).data == b"1"
            assert [each.name for each in backend.listing(PREFIX)] == [NAME]
        waiting.result()
    assert backend.get(NAME).data == b"2"


def test_a_child_has_connections_of_its_own(backend):
    """And does not take the parent's along, nor its locks; both see what the other writes."""
    backend.put(NAME, b"1")
    copy = backend.get(NAME)
    stop = threading.Event()

    def busy():
        while not stop.is_set():
            backend.put(PREFIX + "busy", b"1")
            backend.get(PREFIX + "busy")

    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(busy)
        for number in range(5):
            child = os.fork()
            if not child:
                fine = backend.get(NAME).data is not None
                backend.put(NAME, b"child %d" % number)
                os._exit(0 if fine else 1)
            assert os.waitpid(child, 0)[1] == 0
            assert backend.get(NAME).data == b"child %d" % number
        stop.set()
        work.result()
    assert not backend.is_fresh(copy.mark)


def test_a_signal_handler_that_writes_in_the_middle_of_a_write_is_refused(backend):
    """The write that it interrupts is not torn apart by it."""
    refused = []

    def handle(*_):
        assert backend.get(NAME).data is None
        with pytest.raises(StoreBusy) as caught:
            backend.put(PREFIX + "handler", b"1")
        refused.append(caught.value.hint)

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        with backend._writer as change:
            change.announce((NAME,))
            signal.raise_signal(signal.SIGUSR1)
            change.execute("INSERT INTO entries (name, data) VALUES (?, '1')", (NAME,))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert len(refused) == 1
    assert backend.get(NAME).data == b"1"


def test_an_interrupted_write_never_was_and_holds_up_nobody(path, backend, clock):
    """Its lock is free and its copies are as fresh as before."""
    backend.put(NAME, b"1")
    with contextlib.suppress(KeyboardInterrupt), backend._writer as change:
        change.announce((NAME,))
        change.execute("DELETE FROM entries")
        raise KeyboardInterrupt
    assert backend.get(NAME).data == b"1"
    with closing(EmbeddedBackend(path, clock=clock)) as other:
        other.put(NAME, b"2")
    assert backend.get(NAME).data == b"2"


# When it cannot --------------------------------------------------------------------------------------


def test_a_store_that_is_locked_for_too_long_is_busy(path, clock, monkeypatch):
    """The error says so, and nothing has happened."""
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.01)
    with (
        closing(EmbeddedBackend(path, clock=clock)) as backend,
        closing(EmbeddedBackend(path, clock=clock)) as other,
    ):
        backend.put(NAME, b"1")
        with other._writer, pytest.raises(StoreBusy):
            backend.put(NAME, b"2")
        assert backend.get(NAME).data == b"1"
        backend.put(NAME, b"3")


def test_a_damaged_store_is_left_as_it_is(backend, path):
    """Only its user can tell what was in it."""
    Path(path).write_bytes(b"not a database" * 1000)
    for use in (
        lambda: backend.get(NAME),
        lambda: backend.put(NAME, b"1"),
        lambda: list(backend.listing("")),
    ):
        with pytest.raises(StoreCorrupt):
            use()
    assert backend.health().state == "down"
    assert Path(path).read_bytes() == b"not a database" * 1000


def test_a_store_without_its_clock_is_damaged(backend, path):
    """Somebody was at it with an SQL tool."""
    backend.put(NAME, b"1")
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("DELETE FROM clock")
    for use in (
        lambda: backend.get(NAME),
        lambda: backend.get_many([NAME]),
        lambda: backend.put(NAME, b"1"),
        lambda: backend.watch(""),
    ):
        with pytest.raises(StoreCorrupt):
            use()


def test_a_missing_folder_is_an_error_with_a_hint(tmp_path):
    """It is made by whoever knows that it should be there."""
    backend = EmbeddedBackend(str(tmp_path / "missing" / "memory.sqlite"))
    with pytest.raises(StateError) as caught:
        backend.get(NAME)
    assert "folder" in caught.value.hint


def test_verify_names_what_is_damaged(backend, path):
    """By reading all of the file."""
    for number in range(300):
        backend.put(f"{PREFIX}{number}", b"%d" % number * 100)
    assert backend.verify() == []
    backend.close()
    with open(path, "r+b") as file:
        file.seek(2048 * 20)
        file.write(b"\xa5" * 2048 * 10)
    assert backend.verify()


# Numbers ---------------------------------------------------------------------------------------------


def test_numbers_grow_in_the_order_of_the_commits(path, backend, clock):
    """Whichever handle adds."""
    with closing(EmbeddedBackend(path, clock=clock)) as other:
        numbers = [
            number for _ in range(20) for each in (backend, other) for number in each.add("log", [b"1", b"2"])
        ]
    assert all(before < after for before, after in pairwise(numbers))

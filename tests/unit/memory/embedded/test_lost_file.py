"""A memory whose file was deleted, replaced or edited by hand while somebody has it open."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import pytest

from quarterdeck.errors import StateError, StoreBusy
from quarterdeck.memory.backend import Put
from quarterdeck.memory.embedded import EmbeddedBackend, file

PREFIX = "{n.a.0}:entry:"
NAME = PREFIX + "one"
WRITER = """
import sys
from contextlib import closing
from quarterdeck.memory.embedded import EmbeddedBackend
with closing(EmbeddedBackend(sys.argv[1])) as backend:
    backend.put(sys.argv[2], sys.argv[3].encode())
"""

WRITES = {
    "put": lambda backend: backend.put(NAME, b"2"),
    "put_many": lambda backend: backend.put_many([Put(NAME, b"2")]),
    "transact": lambda backend: backend.transact({NAME: None}, [Put(NAME, b"2")]),
    "add": lambda backend: (backend.add("log", [b"1"]), backend.put(NAME, b"2")),
}
READS = {
    "get": lambda backend: backend.get(NAME).data,
    "get_many": lambda backend: backend.get_many([NAME])[0].data,
    "listing": lambda backend: next(backend.get(each.name).data for each in backend.listing(PREFIX)),
}


@pytest.fixture(autouse=True)
def no_glances(monkeypatch):
    """A test is quicker than any ``rm -rf``."""
    monkeypatch.setattr(file, "_GLANCE_S", 0.0)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


@pytest.fixture
def opened(folder):
    made = []

    def open_one(name="memory.sqlite"):
        made.append(EmbeddedBackend(str(folder / name)))
        return made[-1]

    yield open_one
    for backend in made:
        backend.close()


def empty(folder):
    for each in folder.iterdir():
        each.unlink()


def by_another(path, data):
    """Another process writes, and is gone."""
    subprocess.run([sys.executable, "-c", WRITER, str(path), NAME, data], check=True, timeout=60)


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_writer_whose_file_was_deleted_makes_a_new_one(opened, folder, write):
    """What it says it has written everybody reads, also who had the old file open."""
    writer, reader = opened(), opened()
    writer.put(NAME, b"1")
    mark = reader.get(NAME).mark
    empty(folder)
    write(writer)
    assert opened().get(NAME).data == b"2"
    assert reader.get(NAME).data == b"2"
    assert not reader.is_fresh(mark)
    assert writer.health().state == "ok"


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_reader_whose_file_was_replaced_reads_the_new_one(opened, folder, read):
    """By another process, with other entries in it."""
    backend = opened()
    backend.put(NAME, b"1")
    assert read(backend) == b"1"
    empty(folder)
    by_another(folder / "memory.sqlite", "theirs")
    assert read(backend) == b"theirs"
    backend.put(NAME, b"2")
    assert opened().get(NAME).data == b"2"


def test_a_file_that_took_its_place_whole_is_gone_on_with(opened, folder):
    """A backup that was put back, by renaming."""
    by_another(folder / "backup.sqlite", "old")
    backend = opened()
    backend.put(NAME, b"1")
    os.replace(folder / "backup.sqlite", folder / "memory.sqlite")
    for suffix in ("-wal", "-shm"):
        (folder / f"memory.sqlite{suffix}").unlink()
    assert backend.get(NAME).data == b"old"
    backend.put(NAME, b"2")
    assert opened().get(NAME).data == b"2"


def test_a_folder_that_is_gone_is_an_error_until_it_is_there_again(opened, folder):
    """Never a value that nobody else will see."""
    backend = opened()
    backend.put(NAME, b"1")
    shutil.rmtree(folder)
    for use in (lambda: backend.get(NAME), lambda: backend.put(NAME, b"2")):
        with pytest.raises(StateError):
            use()
    assert backend.health().state == "down"
    folder.mkdir()
    backend.put(NAME, b"3")
    assert opened().get(NAME).data == b"3"


def test_one_who_waits_is_woken_by_the_new_file(opened, folder):
    """It may have as many changes as the old one had."""
    backend, other = opened(), opened()
    other.put(NAME, b"1")
    with backend.watch("") as watcher:
        empty(folder)
        other.put(NAME, b"1")
        assert watcher.wait(10)


def test_a_file_deleted_in_the_middle_of_a_write_of_this_very_thread_is_busy(opened, folder):
    """A signal handler that reads then must not close what is being written."""
    backend = opened()
    backend.put(NAME, b"1")
    backend.get(NAME)
    with backend._writer as change:
        change.announce((NAME,))
        (folder / "memory.sqlite").rename(folder / "elsewhere")
        with pytest.raises(StoreBusy):
            backend.get(NAME)
        (folder / "elsewhere").rename(folder / "memory.sqlite")
    assert backend.get(NAME).data == b"1"


def test_threads_go_on_together(opened, folder):
    """Four of them read and write while the file goes again and again; at the end all is in one file."""
    backend = opened()
    stop, problems = threading.Event(), []

    def work(number):
        while not stop.is_set():
            try:
                backend.put(f"{PREFIX}{number}", b"1")
                backend.get_many([f"{PREFIX}{number}", NAME])
                backend.get(NAME)
            except StateError:  # the file went in the middle of it
                continue
            except BaseException as error:  # noqa: BLE001  whatever it is, the test has to tell
                problems.append(error)
                return

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        backend.put(NAME, b"x")
        for name in ("memory.sqlite", "memory.sqlite-wal", "memory.sqlite-shm", "memory.sqlite-slots"):
            (folder / name).unlink(missing_ok=True)
    stop.set()
    for thread in threads:
        thread.join()
    assert problems == []
    backend.put(NAME, b"y")
    assert opened().get(NAME).data == b"y"


def test_stores_of_similar_names_share_nothing(opened):
    """Each has slots of its own, whatever its file is called."""
    one, other = opened("a"), opened("a.sqlite")
    one.put(NAME, b"1")
    first = one.get(NAME)
    other.put(NAME, b"2")
    other.get(NAME)
    assert one.is_fresh(first.mark)
    by_another(one.path, "3")
    assert not one.is_fresh(first.mark)
    assert one.get(NAME).data == b"3"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE entries SET expires_us = 'soon'", "UPDATE entries SET expires_us = 1.5",
        "UPDATE items SET expires_us = x'00'", "UPDATE items SET score = 'first'", "UPDATE clock SET n = 'x'",
        "UPDATE clock SET slots = 'x'", "UPDATE clock SET swept_items = 'x'",
    ],
)  # fmt: skip
def test_what_makes_no_sense_cannot_be_written_by_hand(opened, change: str):
    """The database itself refuses it."""
    backend = opened()
    backend.put(NAME, b"1")
    backend.add("log", [b"1"])
    with closing(sqlite3.connect(backend.path)) as other, pytest.raises(sqlite3.IntegrityError):
        other.execute(change)
    assert backend.get(NAME).data == b"1"


def test_names_that_are_no_text_are_not_ours(opened, monkeypatch):
    """They are passed over by listings, also where one page of a listing ends, and do not stop a sweep."""
    monkeypatch.setattr("quarterdeck.memory.embedded.entries._CHUNK", 2)
    backend = opened()
    backend.put_many([Put(f"{PREFIX}{number}", b"1") for number in range(6)])
    for number in range(3):
        backend.add(f"log{number}", [b"1"], ttl_ms=1)
    with closing(sqlite3.connect(backend.path)) as other, other:
        for number in (1, 2, 3):
            other.execute(
                "UPDATE entries SET name = CAST(? AS TEXT) WHERE name = ?",
                (f"{PREFIX}{number}".encode() + b"\xff", f"{PREFIX}{number}"),
            )
        other.execute("UPDATE items SET log = CAST(x'6c6f67ff' AS TEXT) WHERE log = 'log1'")
    assert [each.name for each in backend.listing(PREFIX)] == [f"{PREFIX}{number}" for number in (0, 4, 5)]
    assert set(backend.logs("log")) <= {"log0", "log2"}
    for _ in range(70):
        backend.put(NAME, b"1")
    assert backend.logs("") == []


def test_a_signal_handler_may_read_many_in_the_middle_of_a_read(opened):
    """It sees what that read sees."""
    backend = opened()
    backend.put_many([Put(f"{PREFIX}{number}", b"%d" % number) for number in range(3)])
    found: list[bytes | None] = []
    before = signal.signal(
        signal.SIGUSR1, lambda *_: found.extend(each.data for each in backend.get_many([PREFIX + "1"]))
    )
    try:
        with backend._reader.snapshot() as connection:
            signal.raise_signal(signal.SIGUSR1)
            assert connection.in_transaction
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert found == [b"1"]
    assert [each.data for each in backend.get_many([PREFIX + "2"])] == [b"2"]

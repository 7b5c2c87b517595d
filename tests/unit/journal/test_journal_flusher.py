"""Mode "power": everything appended is on the disk a moment later, and a failing disk is told."""

from __future__ import annotations

import atexit
import contextlib
import errno
import gc
import os
import queue
import threading
from typing import TYPE_CHECKING

import pytest

from quarterdeck.errors import StateError, StoreFull, UsageError
from quarterdeck.journal import Journal, compact, writer
from tests.index_worlds import run
from tests.journal_worlds import all_lines, files, numbered

if TYPE_CHECKING:
    from collections.abc import Callable


class Disk:
    """Stands between the journal and `fdatasync`: what had been written to each file when it was called."""

    def __init__(self):
        self.synced: queue.Queue[bytes] = queue.Queue()
        self.failure = None
        self.fails_once = False

    def fdatasync(self, descriptor):
        failure = self.failure
        if failure is not None:
            if self.fails_once:
                self.failure = None
            raise failure
        self.synced.put(os.pread(descriptor, 1 << 20, 0))

    def wait_for(self, content):
        """Until a sync has covered *content*."""
        while self.synced.get(timeout=60) != content:
            pass


@pytest.fixture
def disk(monkeypatch):
    """The disk of every journal of this test."""
    disk = Disk()
    monkeypatch.setattr(writer, "_fdatasync", disk.fdatasync)
    return disk


@pytest.fixture
def folder(tmp_path):
    """Where the journal is."""
    return tmp_path / "journal"


@pytest.fixture
def journal(folder, disk):
    """That syncs almost at once."""
    journal = Journal(str(folder), durability="power", sync_interval_s=0.001)
    yield journal
    disk.failure = None
    with contextlib.suppress(StateError):
        journal.sync()
    journal.close()


def test_what_is_appended_is_synced_without_being_asked(journal, disk):
    """The first line, a later one after the thread has gone to rest, and many."""
    journal.append(b"[1]\n")
    disk.wait_for(b"[1]\n")
    journal.append(b"[2]\n")
    disk.wait_for(b"[1]\n[2]\n")
    journal.append_many([b"[3]\n", b"[4]\n"])
    disk.wait_for(b"[1]\n[2]\n[3]\n[4]\n")


def test_an_append_that_is_under_way_is_not_forgotten(journal, disk, monkeypatch):
    """It had room before the sync and writes after it: another sync follows, though nothing else happens."""
    inside, go_on = threading.Event(), threading.Event()

    def slow(descriptor, line):
        inside.set()
        assert go_on.wait(60)
        return os.write(descriptor, line)

    journal.append(b"[1]\n")
    monkeypatch.setattr(writer, "write", slow)
    thread = threading.Thread(target=journal.append, args=(b"[2]\n",))
    thread.start()
    assert inside.wait(60)
    for _ in range(3):
        disk.wait_for(b"[1]\n")
    go_on.set()
    disk.wait_for(b"[1]\n[2]\n")
    thread.join()


def test_one_sync_is_for_many_appends(folder, disk):
    """None of them waits for the disk: nothing is synced before the interval is over."""
    with contextlib.closing(Journal(str(folder), durability="power", sync_interval_s=3600)) as journal:
        for line in numbered(1000):
            journal.append(line)
        assert disk.synced.empty()
    assert disk.synced.get() == b"".join(numbered(1000))
    assert disk.synced.empty()


@pytest.mark.parametrize("durability", ["process", "power"])
def test_sync_covers_every_segment_since_the_last_one(folder, disk, durability):
    """Also those that were sealed meanwhile, and one that was compacted (which is on the disk)."""
    settings = {"durability": durability, "sync_interval_s": 3600, "rotate_bytes": 80}
    with contextlib.closing(Journal(str(folder), **settings)) as journal:
        for line in numbered(5):
            journal.append(line)
        journal.sync()
        synced = sorted(disk.synced.get() for _ in range(3))
        assert b"".join(synced) == b"".join(numbered(5))
        for line in numbered(4, first=5):
            journal.append(line)
        compact(str(folder), older_than_days=-1)
        journal.sync()
        assert disk.synced.get() == numbered(1, first=8)[0]
        assert disk.synced.empty()


def test_new_names_are_synced_with_the_folder(folder, monkeypatch):
    """A file that a power cut takes the name of is lost with everything in it."""
    synced: list[str] = []
    monkeypatch.setattr(writer, "sync_folder", synced.append)
    with contextlib.closing(Journal(str(folder), rotate_bytes=80)) as journal:
        for count, expected in ((1, 1), (1, 1), (1, 2)):
            journal.append_many(numbered(count))
            journal.sync()
            assert synced == [str(folder)] * expected


@pytest.mark.parametrize(
    "number, kind", [(errno.EIO, StateError), (errno.ENOSPC, StoreFull)], ids=["broken", "full"]
)
def test_a_failing_disk_is_told_by_the_next_call(journal, disk, folder, number, kind):
    """By an append, which then has written nothing, or by `sync`; and once."""
    disk.fails_once = True
    for tell in (lambda: journal.append(b"[no]\n"), journal.sync):
        disk.failure = OSError(number, "the disk says no")
        journal.append(b"[1]\n")
        while journal._flusher._failure is None:
            os.sched_yield()
        disk.wait_for(b"".join(all_lines(folder)))  # the second try, after which the next append has to ask
        with pytest.raises(kind) as raised:
            tell()
        assert raised.value.hint
    assert b"[no]\n" not in all_lines(folder)
    journal.append(b"[2]\n")
    journal.sync()


def test_sync_tells_itself_what_fails(folder, disk):
    """And tries again all of it the next time."""
    with contextlib.closing(Journal(str(folder), rotate_bytes=80)) as journal:
        journal.append_many(numbered(5))
        disk.failure = OSError(errno.EIO, "the disk says no")
        for _ in range(2):
            with pytest.raises(StateError, match="the disk says no"):
                journal.sync()
        disk.failure = None
        journal.sync()
        assert b"".join(sorted(disk.synced.get() for _ in range(3))) == b"".join(numbered(5))


def test_a_child_syncs_what_it_appends(folder):
    """The parent's thread is not there: the child starts one of its own."""
    code = (
        "import os, sys\nfrom quarterdeck.journal import Journal, writer\n"
        "read, write = os.pipe()\n"
        "writer._fdatasync = lambda descriptor: os.write(write, b'%d ' % os.getpid())\n"
        "journal = Journal(sys.argv[1], durability='power', sync_interval_s=0.001)\n"
        "journal.append(b'[1]\\n')\n"
        "while str(os.getpid()).encode() not in os.read(read, 1000): pass\n"
        "import warnings; warnings.simplefilter('ignore', DeprecationWarning)\n"
        "pid = os.fork()\n"
        "if not pid:\n"
        "    journal.append(b'[2]\\n')\n"
        "    while str(os.getpid()).encode() not in os.read(read, 1000): pass\n"
        "    os._exit(0)\n"
        "print(os.waitpid(pid, 0)[1])\n"
    )
    assert run(code, folder) == (0, "0\n", "")
    assert len(files(folder)) == 2


def test_where_no_thread_can_start_each_append_syncs(folder, disk, monkeypatch):
    """At the interpreter's end, or beyond the limit of threads; what fails is told as ever."""

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    with contextlib.closing(Journal(str(folder), durability="power", sync_interval_s=0.0)) as journal:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            journal.append(b"[1]\n")
            assert disk.synced.get_nowait() == b"[1]\n"
            journal.append_many([b"[2]\n", b"[3]\n"])
            assert disk.synced.get_nowait() == b"[1]\n[2]\n[3]\n"
            disk.failure = OSError(errno.EIO, "the disk says no")
            journal.append(b"[4]\n")
            with pytest.raises(StateError, match="the disk says no"):
                journal.append(b"[no]\n")
            disk.failure = None
        journal.append(b"[5]\n")
        disk.wait_for(b"[1]\n[2]\n[3]\n[4]\n[5]\n")
        assert any(thread.name == "quarterdeck-journal-sync" for thread in threading.enumerate())


def test_the_end_of_the_program_syncs_what_the_thread_has_not(folder, disk, monkeypatch):
    """It ends at any moment, and so may the journal."""
    registered: list[Callable[[], bool]] = []
    monkeypatch.setattr(threading.Thread, "start", lambda thread: None)
    monkeypatch.setattr(atexit, "register", registered.append)
    journal = Journal(str(folder), durability="power", sync_interval_s=0.0)
    journal.append(b"[1]\n")
    (at_exit,) = registered
    assert disk.synced.empty()
    assert at_exit()
    assert disk.synced.get_nowait() == b"[1]\n"
    del journal
    gc.collect()
    assert at_exit()


def test_an_unknown_durability_is_refused(folder):
    """Rather than taken for the weaker one."""
    with pytest.raises(UsageError, match="durability"):
        Journal(str(folder), durability="forever")  # type: ignore[arg-type]  # as settings may say

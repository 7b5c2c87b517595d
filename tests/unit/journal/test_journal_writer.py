"""An append is on disk when it returns, whole, once, and wherever the segment is by then."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import shutil
import stat
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from quarterdeck.errors import StateError, StoreFull, UsageError
from quarterdeck.journal import Journal, writer
from quarterdeck.journal.model import MAX_LINE_BYTES
from tests.index_worlds import run
from tests.journal_worlds import Follower, all_lines, crash, files, files_no_longer_than, numbered

SMALL = 200


@pytest.fixture
def folder(tmp_path):
    """Where the journal is; it is not there yet."""
    return tmp_path / "state" / "journal"


@pytest.fixture
def journal(folder):
    """A journal whose segments are full after five lines."""
    with contextlib.closing(Journal(str(folder), rotate_bytes=SMALL)) as journal:
        yield journal


class TestAppend:
    def test_nothing_is_on_disk_before_the_first_append(self, journal, folder):
        """To make one, to sync it and to close it costs nothing."""
        journal.sync()
        journal.close()
        assert not folder.parent.exists()

    def test_a_line_is_in_the_file_when_append_returns(self, journal, folder):
        """Nothing waits in a buffer for a flush that a kill would prevent."""
        for number, line in enumerate(numbered(3), 1):
            journal.append(line)
            (name,) = files(folder)
            assert (folder / name).read_bytes() == b"".join(numbered(number))

    def test_one_append_is_one_write(self, journal, folder, monkeypatch):
        """Whatever another process reads or a kill leaves, it is at most this one line that is not whole."""
        written = []

        def whole(descriptor, line):
            written.append(line)
            return os.write(descriptor, line)

        monkeypatch.setattr(writer, "write", whole)
        for line in numbered(3):
            journal.append(line)
        assert written == numbered(3)

    def test_everything_is_the_owners_alone(self, journal, folder):
        """Folder, segment and quarantine, whatever the umask."""
        before = os.umask(0)
        try:
            journal.append(b"{}\n")
            crash(journal, b"torn")
            journal.append(b"{}\n")
        finally:
            os.umask(before)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}
        assert modes.pop("quarantine") == 0o700
        assert len(modes) == 2
        assert set(modes.values()) == {0o600}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    @pytest.mark.parametrize("line", [b"", b"no newline", b"two\nlines\n", b"\n\n", b"inside\nonly"])
    def test_what_is_not_one_line_is_refused(self, journal, folder, line):
        """The first line is looked at, and every line of many; nothing of it is left behind."""
        for attempt in (journal.append, lambda line: journal.append_many([line])):
            with pytest.raises(UsageError, match="not one line"):
                attempt(line)
        journal.append(b"{}\n")
        assert all_lines(folder) == [b"{}\n"]

    def test_a_line_without_newline_is_found_out_soon(self, journal, folder):
        """It costs its own text, not the journal: what is torn is cut before the segment is gone on with."""
        journal.append(b"{}\n")
        journal.append(b"[1]")
        journal._idle[0].room_bytes = 0  # as after LOOK_EVERY_BYTES
        journal.append(b"{}\n")
        assert all_lines(folder) == [b"{}\n", b"{}\n"]

    def test_a_line_longer_than_readers_hand_out_is_refused(self, folder):
        """The longest there may be comes back whole."""
        with contextlib.closing(Journal(str(folder))) as journal:
            longest = b"x" * (MAX_LINE_BYTES - 1) + b"\n"
            with pytest.raises(UsageError, match="not one line"):
                journal.append(b"x" + longest)
            journal.append(longest)
            journal.append(b"{}\n")
        assert [len(line) for line in all_lines(folder)] == [MAX_LINE_BYTES, 3]

    def test_the_error_of_the_folder_says_how_to_mend_it(self, tmp_path):
        """A file where the folder should be."""
        (tmp_path / "file").write_text("")
        for place in ("file", "file/below"):
            with contextlib.closing(Journal(str(tmp_path / place))) as journal:
                with pytest.raises(StateError) as raised:
                    journal.append(b"{}\n")
                assert str(tmp_path / "file") in raised.value.message
                assert raised.value.hint

    def test_a_folder_that_cannot_be_written_to(self, folder):
        """Not by us: the error names it, and no traceback is shown to anybody."""
        folder.mkdir(parents=True, mode=0o755)
        folder.chmod(0o555)
        code = (
            "import os, sys\nfrom quarterdeck.journal import Journal\n"
            "from quarterdeck.errors import StateError\n"
            "journal = Journal(os.getcwd())\n"
            "if os.geteuid() == 0:\n    os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
            "try:\n    journal.append(b'{}\\n')\nexcept StateError as error:\n    print(error.hint)\n"
        )
        _, out, err = run(f"import os\nos.chdir({str(folder)!r})\n{code}")
        assert "can be written to" in out, err
        assert files(folder) == []

    def test_a_file_system_without_locks_is_refused(self, journal, folder, monkeypatch):
        """Two writers could not keep apart there; no empty segments pile up."""

        def no_locks(descriptor, kind):
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr("fcntl.flock", no_locks)
        for _ in range(2):
            with pytest.raises(StateError, match="cannot be locked"):
                journal.append(b"{}\n")
        assert files(folder) == []


class TestRotation:
    def test_a_segment_is_sealed_before_it_would_be_too_long(self, journal, folder):
        """None is longer than it may be, no line is in two of them, and the lines keep their order."""
        lines = numbered(23)
        for line in lines:
            journal.append(line)
        sizes = [(folder / name).stat().st_size for name in files(folder)]
        assert sizes == [SMALL, SMALL, SMALL, SMALL, 3 * 40]
        assert [name.partition(".")[2] for name in files(folder)] == [*["jsonl"] * 4, "open"]
        assert all_lines(folder) == lines

    def test_a_long_line_has_a_segment_to_itself(self, journal, folder):
        """It is not cut, and it does not make others too long."""
        long = b"x" * 500 + b"\n"
        lines = [*numbered(1), long, *numbered(1, first=1)]
        for line in lines:
            journal.append(line)
        assert [(folder / name).stat().st_size for name in files(folder)] == [40, 501, 40]
        assert all_lines(folder) == lines

    def test_a_name_stays_and_names_sort_by_time(self, journal, folder):
        """What a reader remembers of a segment is true after it is sealed."""
        follower = Follower(folder)
        seen = []
        for line in numbered(30):
            journal.append(line)
            seen += follower.read()
        assert seen == numbered(30)
        assert [name.partition(".")[0] for name in files(folder)] == list(
            dict.fromkeys(segment for segment, _ in follower.where.values())
        )

    def test_a_segment_that_was_deleted_is_not_written_to_for_long(self, folder):
        """Someone removes the whole folder under a program that runs for weeks."""
        with contextlib.closing(Journal(str(folder))) as journal:
            journal.append(b"{}\n")
            shutil.rmtree(folder)
            lines = numbered(writer.LOOK_EVERY_BYTES // 40 * 2)
            for line in lines:
                journal.append(line)
        kept = all_lines(folder)
        assert kept == lines[-len(kept) :]
        assert len(kept) * 40 > writer.LOOK_EVERY_BYTES - 100


class TestAppendMany:
    def test_lines_come_back_in_order_with_few_writes(self, folder, monkeypatch):
        """One write for up to BATCH_BYTES of them, from an iterable that is not held in memory."""
        sizes = []

        def counted(descriptor, data):
            sizes.append(len(data))
            return os.write(descriptor, data)

        monkeypatch.setattr(writer, "write", counted)
        lines = numbered(20_000)
        with contextlib.closing(Journal(str(folder))) as journal:
            journal.append_many(iter(lines))
            journal.append_many([])
        assert all_lines(folder) == lines
        assert sizes == [262_120, 262_120, 262_120, 800_000 - 3 * 262_120]

    def test_segments_are_no_longer_than_for_single_lines(self, journal, folder):
        """A batch is cut where a segment is full."""
        journal.append_many(numbered(23))
        assert all_lines(folder) == numbered(23)
        assert {(folder / name).stat().st_size for name in files(folder, ".jsonl")} == {SMALL}

    def test_a_wrong_line_among_many_is_refused(self, journal, folder):
        """Nothing of the write it would have been in is there."""
        with pytest.raises(UsageError):
            journal.append_many([*numbered(2), b"wrong", *numbered(1)])
        assert all_lines(folder) == []


class TestDiskFull:
    def test_a_full_disk_is_a_clear_error_and_a_clean_tail(self, folder):
        """The caller may try again; nothing that was acknowledged is touched."""
        with contextlib.closing(Journal(str(folder))) as journal:
            for line in numbered(3):
                journal.append(line)
            with files_no_longer_than(130):
                for _ in range(3):
                    with pytest.raises(StoreFull, match="may not grow") as raised:
                        journal.append(numbered(1, first=3)[0])
                    assert "try again" in raised.value.hint
                    (name,) = files(folder)
                    assert (folder / name).read_bytes() == b"".join(numbered(3))
            journal.append(numbered(1, first=3)[0])
        assert all_lines(folder) == numbered(4)

    def test_of_many_lines_those_that_fit_are_kept(self, folder):
        """A reader may have them already; the message says how many there are."""
        with contextlib.closing(Journal(str(folder))) as journal:
            journal.append_many(numbered(2))
            with files_no_longer_than(210), pytest.raises(StoreFull, match="3 lines are written"):
                journal.append_many(numbered(8, first=2))
            assert all_lines(folder) == numbered(5)
            journal.append_many(numbered(5, first=5))
        assert all_lines(folder) == numbered(10)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
    def test_a_disk_that_is_really_full(self, tmp_path):
        """A file system of 64 KiB: what was acknowledged is there, and after some room is made it goes on."""
        disk = tmp_path / "disk"
        disk.mkdir()
        code, _, err = run(
            "import subprocess, sys\n"
            "sys.exit(subprocess.call(['mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', sys.argv[1]]))",
            disk,
        )
        if code:
            pytest.skip(f"mounting is not allowed here: {err}")
        try:
            ballast = disk / "ballast"
            ballast.write_bytes(b"x" * 20_000)
            acknowledged = []
            with contextlib.closing(Journal(str(disk / "journal"), rotate_bytes=9_000)) as journal:
                with pytest.raises(StoreFull, match="no space left"):  # noqa: PT012 - which append, is open
                    for line in numbered(3_000, size=100):
                        journal.append(line)
                        acknowledged.append(line)
                assert len(acknowledged) > 100
                assert all_lines(disk / "journal") == acknowledged
                ballast.unlink()
                more = numbered(50, first=5_000, size=100)
                journal.append_many(more)
            assert all_lines(disk / "journal") == acknowledged + more
        finally:
            run("import subprocess, sys\nsubprocess.call(['umount', sys.argv[1]])", disk)

    def test_a_write_that_stops_half_way_for_no_reason_is_finished(self, journal, folder, monkeypatch):
        """As network file systems do: the line is whole all the same."""
        monkeypatch.setattr(writer, "write", lambda descriptor, line: os.write(descriptor, line[:7]))
        journal.append(numbered(1)[0])
        assert all_lines(folder) == numbered(1)

    def test_an_interrupted_append_leaves_no_torn_line(self, journal, folder, monkeypatch):
        """Ctrl-C between a short write and its rest."""

        def interrupted(descriptor, line):
            os.write(descriptor, line[:7])
            raise KeyboardInterrupt

        journal.append(b"{}\n")
        with monkeypatch.context() as patch:
            patch.setattr(writer, "write", interrupted)
            with pytest.raises(KeyboardInterrupt):
                journal.append(numbered(1)[0])
        journal.append(b"[]\n")
        assert all_lines(folder) == [b"{}\n", b"[]\n"]
        assert len(files(folder)) == 1

    def test_a_segment_that_fails_is_left_for_a_new_one(self, journal, folder, monkeypatch):
        """An error in the middle of a program is told, and the next append does not meet it again."""
        journal.append(b"{}\n")
        os.close(journal._idle[0].descriptor)
        with pytest.raises(StateError, match="Bad file descriptor"):
            journal.append(b"[]\n")
        journal.append(b"[]\n")
        assert sorted(all_lines(folder)) == [b"[]\n", b"{}\n"]


class TestThreads:
    def test_threads_share_one_journal(self, folder):
        """Every line of every thread is there once; each thread's segments are its own while it writes."""
        with contextlib.closing(Journal(str(folder), rotate_bytes=5_000)) as journal:

            def work(first):
                for line in numbered(500, first=first):
                    journal.append(line)
                journal.append_many(numbered(500, first=first + 500))

            with ThreadPoolExecutor(8) as pool:
                for done in [pool.submit(work, first * 1000) for first in range(8)]:
                    done.result()
        assert sorted(all_lines(folder)) == numbered(8000)

    def test_a_signal_handler_may_append_while_an_append_is_going_on(self, journal, folder, monkeypatch):
        """As one that records the last costs on SIGTERM: it waits for nobody and mixes with nothing."""

        def interrupted(descriptor, line):
            monkeypatch.undo()
            journal.append(b"from the handler\n")
            return os.write(descriptor, line)

        journal.append(b"{}\n")
        monkeypatch.setattr(writer, "write", interrupted)
        journal.append(b"[]\n")
        assert sorted(all_lines(folder)) == [b"[]\n", b"from the handler\n", b"{}\n"]

    def test_close_leaves_what_another_thread_is_writing_to(self, journal, folder, monkeypatch):
        """Its descriptor must not become somebody else's file in the middle of a write."""
        inside, go_on = threading.Event(), threading.Event()

        def slow(descriptor, line):
            inside.set()
            assert go_on.wait(30)
            return os.write(descriptor, line)

        journal.append(b"{}\n")
        monkeypatch.setattr(writer, "write", slow)
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(journal.append, b"[]\n")
            assert inside.wait(30)
            journal.close()
            journal.close()
            go_on.set()
            done.result()
        journal.close()
        assert all_lines(folder) == [b"{}\n", b"[]\n"]


class TestClose:
    def test_the_next_writer_goes_on_with_the_segment(self, folder):
        """However many programs come and go, there is one segment."""
        for line in numbered(10):
            with contextlib.closing(Journal(str(folder))) as journal:
                journal.append(line)
        assert len(files(folder)) == 1
        assert all_lines(folder) == numbered(10)

    def test_an_append_after_close_opens_anew(self, journal, folder):
        """At the end of a program the order of things is not always as one thinks."""
        journal.append(b"{}\n")
        journal.close()
        journal.close()
        journal.append(b"[]\n")
        assert all_lines(folder) == [b"{}\n", b"[]\n"]

    @pytest.mark.parametrize("durability", ["process", "power"])
    def test_a_forgotten_journal_gives_its_segment_back(self, folder, durability):
        """No descriptor is left, no warning is given, and no thread lives on."""
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            gc.collect()  # what other tests have forgotten, in whatever order they ran
            before = len(os.listdir("/dev/fd"))
            journal = Journal(str(folder), durability=durability)
            journal.append(b"{}\n")
            thread = journal._flusher._thread if journal._flusher else None
            del journal
            gc.collect()
            if thread is not None:
                thread.join(30)
                assert not thread.is_alive()
            assert len(os.listdir("/dev/fd")) == before

    @pytest.mark.parametrize("durability", ["process", "power"])
    def test_a_program_may_end_with_an_open_journal(self, folder, durability):
        """Also when it appends in the very last moments; nothing is printed and nothing hangs."""
        code = (
            "import atexit, json, sys\nfrom quarterdeck.journal import Journal\n"
            "json.kept = Journal(sys.argv[1], durability=sys.argv[2])  # outlives the journal's own modules\n"
            "json.kept.append(b'kept\\n')\n"
            "late = Journal(sys.argv[1], durability=sys.argv[2])\n"
            "atexit.register(late.append, b'late\\n')\n"
            "journal = Journal(sys.argv[1], durability=sys.argv[2])\n"
            "atexit.register(journal.append, b'last\\n')\n"
            "journal.append(b'first\\n')\n"
        )
        assert run(code, folder, durability, PYTHONWARNINGS="error") == (0, "", "")
        assert sorted(all_lines(folder)) == [b"first\n", b"kept\n", b"last\n", b"late\n"]


class TestFork:
    def test_parent_and_child_write_to_segments_of_their_own(self, folder):
        """A child that inherits a journal neither uses the parent's lease nor ends it."""
        code = (
            "import os, sys\nfrom quarterdeck.journal import Journal\n"
            "journal = Journal(sys.argv[1])\njournal.append(b'before\\n')\n"
            "children = []\n"
            "for number in range(5):\n"
            "    pid = os.fork()\n"
            "    if not pid:\n"
            "        for _ in range(50):\n            journal.append(b'child %d\\n' % number)\n"
            "        os._exit(0)\n"
            "    children.append(pid)\n"
            "for _ in range(50):\n    journal.append(b'parent\\n')\n"
            "print(len(journal._leases), {os.waitpid(pid, 0)[1] for pid in children})\n"
            "for _ in range(50):\n    journal.append(b'parent\\n')\n"
        )
        assert run(code, folder) == (0, "1 {0}\n", "")
        lines = all_lines(folder)
        assert sorted(lines) == sorted(
            [b"before\n", *[b"parent\n"] * 100, *[b"child %d\n" % number for number in range(5)] * 50]
        )
        for name in files(folder):
            writers = set((folder / name).read_bytes().split(b"\n")) - {b"before", b""}
            assert b"parent" not in writers or writers == {b"parent"}

    def test_a_fork_in_the_middle_of_other_threads_appends(self, folder):
        """The child hangs on no lock that a thread held which is not there any more."""
        code = (
            "import os, sys, threading, warnings\nfrom quarterdeck.journal import Journal\n"
            "warnings.simplefilter('ignore', DeprecationWarning)  # newer Pythons warn of just this\n"
            "journal = Journal(sys.argv[1], rotate_bytes=400)\nstop = threading.Event()\n"
            "counts = [0] * 4\n"
            "def work(number):\n"
            "    while not stop.is_set():\n"
            "        journal.append(b'thread %d %d\\n' % (number, counts[number]))\n"
            "        counts[number] += 1\n"
            "threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]\n"
            "for thread in threads:\n    thread.start()\n"
            "for number in range(40):\n"
            "    pid = os.fork()\n"
            "    if not pid:\n"
            "        for _ in range(20):\n            journal.append(b'child %d\\n' % number)\n"
            "        os._exit(0)\n"
            "    assert os.waitpid(pid, 0)[1] == 0\n"
            "stop.set()\n"
            "for thread in threads:\n    thread.join()\n"
            "print(*counts)\n"
        )
        exit_code, out, err = run(code, folder)
        assert (exit_code, err) == (0, "")
        expected = [b"child %d\n" % number for number in range(40) for _ in range(20)]
        for number, count in enumerate(map(int, out.split())):
            expected += [b"thread %d %d\n" % (number, each) for each in range(count)]
        assert sorted(all_lines(folder)) == sorted(expected)

    def test_a_copy_of_the_descriptor_does_not_keep_the_lease(self, folder):
        """As a library's own fork makes it, of which Python is not told."""
        journal = Journal(str(folder))
        journal.append(b"[1]\n")
        copy = os.dup(journal._idle[0].descriptor)
        journal.close()
        with contextlib.closing(Journal(str(folder))) as other:
            other.append(b"[2]\n")
        os.close(copy)
        assert len(files(folder)) == 1

    def test_a_child_that_lives_on_does_not_keep_the_parents_lease(self, folder):
        """The parent closes, another writer adopts, and the child has never touched the journal."""
        code = (
            "import os, sys\nfrom quarterdeck.journal import Journal\n"
            "journal = Journal(sys.argv[1])\njournal.append(b'parent\\n')\n"
            "read, write = os.pipe()\npid = os.fork()\n"
            "if not pid:\n    os.close(write)\n    os.read(read, 1)\n    os._exit(0)\n"
            "journal.close()\n"
            "other = Journal(sys.argv[1])\nother.append(b'other\\n')\n"
            "os.close(write)\nos.waitpid(pid, 0)\n"
        )
        assert run(code, folder) == (0, "", "")
        assert len(files(folder)) == 1

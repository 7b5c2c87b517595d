"""Old segments become small ones with the same lines, whatever happens on the way."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading

import pytest

from quarterdeck.errors import StateError, StoreCorrupt, StoreFull
from quarterdeck.journal import Journal, JournalReader, compact, compaction
from quarterdeck.journal.zstd import ZstdFile
from tests.journal_worlds import Follower, age, all_lines, files, files_no_longer_than, numbered


@pytest.fixture
def folder(tmp_path):
    """A journal of four sealed segments and an open one."""
    folder = tmp_path / "journal"
    with contextlib.closing(Journal(str(folder), rotate_bytes=2000)) as journal:
        journal.append_many(numbered(220))
    return folder


def compact_now(folder):
    return compact(str(folder), older_than_days=-1)


class TestCompact:
    def test_every_line_is_still_there(self, folder):
        """Under the same name, at the same offset, in a fraction of the room, and nobody else's to read."""
        before = Follower(folder)
        before.read()
        sizes = sum((folder / name).stat().st_size for name in files(folder, ".jsonl"))
        names = [name.partition(".")[0] for name in files(folder, ".jsonl")]
        assert compact_now(folder) == names
        assert files(folder) == [
            *(f"{name}.jsonl.zst" for name in names),
            files(folder, ".open")[0],
            "compaction.lock",
        ]
        after = Follower(folder)
        assert after.read() == before.lines
        assert after.where == before.where
        assert after.places == before.places
        assert sum((folder / name).stat().st_size for name in files(folder, ".zst")) < sizes / 5
        assert {(folder / name).stat().st_mode & 0o777 for name in files(folder)} == {0o600}
        assert compact_now(folder) == []

    def test_only_old_segments_are_compacted(self, folder):
        """By when they were last written; what is compacted keeps that time."""
        first, second, *_ = files(folder, ".jsonl")
        age(folder / first, days=31)
        age(folder / second, days=29)
        written = (folder / first).stat().st_mtime
        assert compact(str(folder)) == [first.partition(".")[0]]
        assert (folder / f"{first}.zst").stat().st_mtime == written

    def test_another_program_can_read_it(self, folder):
        """It is one ordinary frame with a checksum and its size: ``zstd -dc`` prints the lines."""
        compact_now(folder)
        lines = []
        for name in files(folder, ".zst"):
            with ZstdFile(folder / name) as plain:
                lines += plain.read().splitlines(keepends=True)
        assert lines == all_lines(folder)[: len(lines)]
        assert [segment.size_bytes for segment in JournalReader(str(folder)).segments()] == [2000] * 4 + [800]

    def test_a_reader_goes_on_in_the_middle(self, folder):
        """In chunks of any size, from any place."""
        follower = Follower(folder)
        chunks = follower.reader.chunks({}, max_bytes=1000)
        for _ in range(4):  # the first segment and its end, and half of the second
            chunk = next(chunks)
            follower.places[chunk.segment] = chunk.place
        compact_now(folder)
        assert follower.read(max_bytes=70) == numbered(145, first=75)

    def test_where_there_is_no_journal_there_is_nothing_to_do(self, tmp_path):
        """And nothing is made."""
        assert compact(str(tmp_path / "none")) == []
        assert files(tmp_path) == []

    def test_a_segment_that_somebody_holds_waits(self, folder):
        """A writer about to give it back, or a reader about to call it final."""
        first, *others = files(folder, ".jsonl")
        for kind in (fcntl.LOCK_EX, fcntl.LOCK_SH):
            with open(folder / first, "rb") as held:
                fcntl.flock(held, kind)
                compact_now(folder)
            assert files(folder, ".jsonl") == [first]
        assert compact_now(folder) == [first.partition(".")[0]]
        assert len(files(folder, ".zst")) == 1 + len(others)

    def test_one_at_a_time(self, folder, monkeypatch):
        """While one process compacts, another one that wants to does nothing."""
        inner = []
        original = compaction._compress

        def meanwhile(source, path):
            inner.append(compact_now(folder))
            original(source, path)

        monkeypatch.setattr(compaction, "_compress", meanwhile)
        assert len(compact_now(folder)) == 4
        assert inner == [[]] * 4


class TestCrash:
    @pytest.mark.parametrize("step", ["_compress", "rename", "sync_folder", "unlink"])
    def test_a_kill_at_any_step_loses_nothing(self, folder, monkeypatch, step):
        """All is there at once, in one of its two forms, and the next run finishes."""
        lines = all_lines(folder)

        def killed(*_):
            raise KeyboardInterrupt

        if step in {"rename", "unlink"}:
            monkeypatch.setattr(os, step, killed)
        else:
            monkeypatch.setattr(compaction, step, killed)
        with pytest.raises(KeyboardInterrupt):
            compact_now(folder)
        monkeypatch.undo()
        assert all_lines(folder) == lines
        assert len(compact_now(folder)) == 4
        assert all_lines(folder) == lines
        assert len(files(folder)) == 6

    def test_what_a_killed_run_left_half_written_is_removed(self, folder):
        """And nothing else that is there."""
        name = files(folder)[0].partition(".")[0]
        (folder / f"{name}.0123abcd.tmp").write_bytes(b"half")
        (folder / "my own.tmp").write_bytes(b"mine")
        compact_now(folder)
        assert files(folder, ".tmp") == ["my own.tmp"]

    def test_of_both_forms_the_uncompressed_one_counts(self, folder):
        """A compressed one beside it may be anything."""
        lines = all_lines(folder)
        name = files(folder, ".jsonl")[0]
        (folder / f"{name}.zst").write_bytes(b"half")
        assert all_lines(folder) == lines
        assert JournalReader(str(folder)).line(name.partition(".")[0], 40) == lines[1]
        compact_now(folder)
        assert all_lines(folder) == lines

    def test_what_does_not_read_back_as_it_was_is_not_kept(self, folder, monkeypatch):
        """The disk or the memory is failing: the original stays, and the error says so."""
        lines = all_lines(folder)

        class Failing:
            def __init__(self, file):
                self.blocks = [b"something else", b""]

            def __enter__(self):
                return self

            def __exit__(self, *exception):
                pass

            def read(self, size):
                return self.blocks.pop(0)

        monkeypatch.setattr("quarterdeck.journal.zstd.ZstdFile", Failing)
        with pytest.raises(StoreCorrupt, match="read back") as raised:
            compact_now(folder)
        assert raised.value.hint
        monkeypatch.undo()
        assert files(folder, ".zst") == files(folder, ".tmp") == []
        assert all_lines(folder) == lines

    def test_a_full_disk_changes_nothing(self, folder):
        """The error says what to do; no half a file takes the last room."""
        lines = all_lines(folder)
        with files_no_longer_than(50), pytest.raises(StoreFull):
            compact_now(folder)
        assert all_lines(folder) == lines
        assert files(folder, ".tmp") == []

    def test_something_else_in_the_place_of_the_lock(self, folder):
        """A link is not followed, and the error is ours."""
        (folder / "compaction.lock").symlink_to(folder / "elsewhere")
        with pytest.raises(StateError, match=r"compaction\.lock"):
            compact_now(folder)
        assert not (folder / "elsewhere").exists()


class TestDamage:
    @pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "no zstd"])
    def test_a_damaged_one_is_reported_and_costs_no_other(self, folder, damage):
        """What can be read is read, of it and of all others; then an error of ours names the file."""
        lines = all_lines(folder)
        compact_now(folder)
        path = folder / files(folder, ".zst")[1]
        content = bytearray(path.read_bytes())
        match damage:
            case "truncated":
                content = content[:-7]
            case "flipped":
                content[len(content) // 2] ^= 0xFF
            case "empty":
                content = bytearray()
            case _:
                content = bytearray(b"[1]\n" * 20)
        path.write_bytes(content)
        follower = Follower(folder)
        for _ in range(2):
            with pytest.raises(StoreCorrupt, match=path.name) as raised:
                follower.read()
            assert "backup" in raised.value.hint
        assert not follower.places.get(path.name.partition(".")[0], (0, False))[1]
        others = lines[:50] + lines[100:]
        assert set(others) <= set(seen_despite_errors(folder)) <= set(lines)

    def test_a_line_of_a_damaged_one_is_an_error_of_ours(self, folder):
        """Not a traceback."""
        compact_now(folder)
        name = files(folder, ".zst")[0]
        (folder / name).write_bytes(b"[1]\n")
        with pytest.raises(StoreCorrupt, match=name):
            JournalReader(str(folder)).line(name.partition(".")[0], 0)


def seen_despite_errors(folder):
    """Every line that is handed out before the error."""
    lines = []
    with contextlib.suppress(StoreCorrupt):
        for chunk in JournalReader(str(folder)).chunks({}):
            lines += chunk.lines.splitlines(keepends=True)
    return lines


class TestInTheBackground:
    @pytest.fixture
    def started(self, monkeypatch):
        """The threads that were started to compact."""
        started = []
        start = threading.Thread.start

        def seen(thread):
            started.append(thread)
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", seen)
        return started

    def append(self, folder, **settings):
        with contextlib.closing(Journal(str(folder), **settings)) as journal:
            journal.append(b"{}\n")

    def test_a_writer_starts_it_once_a_day(self, folder, started):
        """When there is something to do; the age of the lock file tells when it was done."""
        self.append(folder, compact_after_days=30.0)
        assert started == []
        for expected in (1, 1):
            self.append(folder, compact_after_days=-1)
            assert len(started) == expected
            started[0].join(60)
        assert len(files(folder, ".zst")) == 4
        with contextlib.closing(Journal(str(folder), rotate_bytes=2000)) as journal:
            journal.append_many(numbered(60))
        age(folder / "compaction.lock", days=1.1)
        self.append(folder, compact_after_days=-1)
        started[-1].join(60)
        assert len(started) == 2
        assert len(files(folder, ".zst")) > 4

    def test_its_failure_is_nobodys(self, folder, started, monkeypatch):
        """No append fails because of it, and nothing is printed: the next run does it."""

        def fails(source, path):
            raise OSError(5, "the disk says no")

        monkeypatch.setattr(compaction, "_compress", fails)
        self.append(folder, compact_after_days=-1)
        started[0].join(60)
        assert len(files(folder, ".jsonl")) == 4

    def test_at_the_end_of_the_interpreter_it_is_left_out(self, folder, monkeypatch):
        """No thread can start there; the append is none the worse."""

        def refuse(thread):
            raise RuntimeError("can't create new thread at interpreter shutdown")

        monkeypatch.setattr(threading.Thread, "start", refuse)
        before = all_lines(folder)
        self.append(folder, compact_after_days=-1)
        assert all_lines(folder) == [*before, b"{}\n"]

"""Every whole line is read once, whatever writers, rotation and compaction do meanwhile."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time

import pytest

from quarterdeck.errors import NothingToRead, StateError
from quarterdeck.journal import Chunk, Journal, JournalReader, Place, Segment, compact, opened, reader
from quarterdeck.journal.opened import open_segment
from quarterdeck.journal.segments import listed, path_of, stamp
from tests.journal_worlds import Follower, all_lines, crash, files, numbered


@pytest.fixture
def folder(tmp_path):
    """Where the journal is."""
    return tmp_path / "journal"


@pytest.fixture
def journal(folder):
    """Of segments that are full after five lines."""
    with contextlib.closing(Journal(str(folder), rotate_bytes=200)) as journal:
        yield journal


def segment_of(folder, content, state="open"):
    """A segment with *content* that no journal has written; its name."""
    folder.mkdir(exist_ok=True)
    name = f"{stamp(time.time())}{len(files(folder)):06}-00000000"
    with open(path_of(str(folder), name, state), "wb") as file:
        file.write(content)
    return name


class TestChunks:
    def test_there_may_be_nothing(self, folder):
        """No folder, an empty one, an empty segment."""
        assert list(JournalReader(str(folder)).chunks({})) == []
        segment_of(folder, b"")
        assert list(JournalReader(str(folder)).chunks({})) == []

    def test_each_line_is_handed_out_once(self, journal, folder):
        """To whoever remembers the places; they are all there is to remember."""
        follower = Follower(folder)
        for round_ in range(7):
            journal.append_many(numbered(4, first=4 * round_))
            assert follower.read() == numbered(4, first=4 * round_)
            assert follower.read() == []
        assert all_lines(folder) == numbered(28)

    def test_a_line_waits_until_it_has_its_newline(self, folder):
        """It may be in the middle of a write, or torn for good."""
        name = segment_of(folder, b"[1]\n[2")
        follower = Follower(folder)
        assert follower.read() == [b"[1]\n"]
        assert follower.places == {name: Place(4, final=False)}
        with open(folder / f"{name}.open", "ab") as file:
            file.write(b"]\n")
        assert follower.read() == [b"[2]\n"]

    @pytest.mark.parametrize("max_bytes", [1, 7, 40, 41, 4096])
    def test_chunks_are_of_whole_lines_whatever_their_size(self, journal, folder, max_bytes):
        """One line at least, however small they are asked for."""
        lines = [*numbered(3), b"x" * 150 + b"\n", b"\n", *numbered(30, first=3)]
        journal.append_many(lines)
        assert Follower(folder).read(max_bytes) == lines

    def test_chunks_tell_where_they_are(self, folder):
        """Offsets are of bytes; the last news of a sealed segment is that it is final."""
        name = segment_of(folder, b"[1]\n[2]\n", "sealed")
        chunks = list(JournalReader(str(folder)).chunks({}, max_bytes=4))
        assert chunks == [
            Chunk(name, 0, b"[1]\n", final=False),
            Chunk(name, 4, b"[2]\n", final=False),
            Chunk(name, 8, b"", final=True),
        ]
        assert [chunk.place for chunk in chunks] == [(4, False), (8, False), (8, True)]

    def test_a_final_segment_is_not_looked_at_again(self, journal, folder, monkeypatch):
        """Not opened, not even asked for its status: a journal may have hundreds."""
        journal.append_many(numbered(30))
        journal.close()
        follower = Follower(folder)
        follower.read()
        looked_at = []
        for name in ("open", "stat", "lstat"):
            original = getattr(os, name)

            def seen(path, *rest, original=original, **options):
                looked_at.append(str(path))
                return original(path, *rest, **options)

            monkeypatch.setattr(os, name, seen)
        assert follower.read() == []
        monkeypatch.undo()
        assert {path.rpartition("/")[2] for path in looked_at} == set(files(folder, ".open"))

    def test_a_sealed_segment_is_final_only_when_its_lease_has_ended(self, folder):
        """A writer may be about to append: what is read then must not be taken for all there is."""
        name = segment_of(folder, b"[1]\n", "sealed")
        follower = Follower(folder)
        with open(folder / f"{name}.jsonl", "ab") as writer:
            fcntl.flock(writer, fcntl.LOCK_EX)
            assert follower.read() == [b"[1]\n"]
            assert not follower.places[name].final
            writer.write(b"[2]\n")
        assert follower.read() == [b"[2]\n"]
        assert follower.places[name].final

    def test_a_reader_stands_in_nobodys_way(self, journal, folder):
        """A chunk may be worked on for long: no lock is held meanwhile, and the writer goes on."""
        journal.append_many(numbered(12))
        chunks = JournalReader(str(folder)).chunks({}, max_bytes=1)
        assert next(chunks).lines == numbered(1)[0]
        sealed = files(folder, ".jsonl")
        assert compact(str(folder), older_than_days=-1) == [name.partition(".")[0] for name in sealed]
        journal.append_many(numbered(12, first=12))
        assert b"".join(chunk.lines for chunk in chunks).splitlines(keepends=True) == numbered(11, first=1)

    def test_a_torn_tail_that_is_cut_while_it_is_read_is_never_part_of_a_line(self, folder, monkeypatch):
        """Its first part read before the cut, its second part after: they do not belong together."""
        name = segment_of(folder, b"[1]\n" + b"torn" * 10)
        read = os.pread

        def cut_meanwhile(descriptor, size, offset):
            block = read(descriptor, size, offset)
            if block.startswith(b"torn"):
                monkeypatch.undo()
                with open(folder / f"{name}.open", "r+b") as file:
                    file.truncate(4)
                    file.seek(4)
                    file.write(b"[2, 22]\n[3, 33]\n")
            return block

        monkeypatch.setattr(os, "pread", cut_meanwhile)
        follower = Follower(folder)
        new = follower.read(max_bytes=6) + follower.read()
        assert new == [b"[1]\n", b"[2, 22]\n", b"[3, 33]\n"]


class TestDamage:
    def test_a_damaged_line_in_the_middle_is_one_line(self, folder):
        """Whatever it is: the lines before and after it are handed out as they are."""
        segment_of(folder, b"[1]\n\0\0\xff\0\n[2]\n")
        assert all_lines(folder) == [b"[1]\n", b"\0\0\xff\0\n", b"[2]\n"]

    def test_an_endless_line_is_passed_over(self, folder, monkeypatch):
        """Longer than any that was appended: it is told, not handed out, and never all in memory."""
        monkeypatch.setattr(reader, "MAX_LINE_BYTES", 1000)
        segment_of(folder, b"[1]\n" + b"x" * 1000 + b"\n[2]\n" + b"x" * 999 + b"\n")
        for max_bytes in (10, 100, 10_000):
            follower = Follower(folder)
            assert follower.read(max_bytes) == [b"[1]\n", b"[2]\n", b"x" * 999 + b"\n"]
            assert follower.skipped == [1001]
            assert follower.read() == []

    def test_an_endless_line_without_end_is_waited_for(self, folder, monkeypatch):
        """Its writer may be killed: the next one cuts it off, and writes on in its place."""
        monkeypatch.setattr(reader, "MAX_LINE_BYTES", 1000)
        name = segment_of(folder, b"[1]\n" + b"\0" * 100_000)
        follower = Follower(folder)
        assert follower.read() == [b"[1]\n"]
        assert follower.places[name] == Place(4)
        with contextlib.closing(Journal(str(folder))) as journal:
            journal.append(b"[2]\n")
        assert follower.read() == [b"[2]\n"]

    def test_a_long_line_costs_no_more_than_its_length(self, folder, monkeypatch):
        """The bytes that are read for it, however small the chunks, are a small multiple of it."""
        long = b"x" * 1_000_000 + b"\n"
        segment_of(folder, long)
        sizes = []
        original = os.pread

        def counted(descriptor, size, offset):
            block = original(descriptor, size, offset)
            sizes.append(len(block))
            return block

        monkeypatch.setattr(os, "pread", counted)
        assert Follower(folder).read(max_bytes=16) == [long]
        assert sum(sizes) < 4 * len(long)

    def test_what_cannot_be_read_is_told_after_all_that_can(self, folder, tmp_path):
        """A link in the place of one segment does not hide the others, and is not followed."""
        segment_of(folder, b"[1]\n", "sealed")
        (tmp_path / "secret").write_bytes(b"secret\n")
        name = segment_of(folder, b"")
        (folder / f"{name}.open").unlink()
        (folder / f"{name}.open").symlink_to(tmp_path / "secret")
        segment_of(folder, b"[2]\n")
        follower = Follower(folder)
        with pytest.raises(StateError, match=name) as raised:
            follower.read()
        assert "move it away" in raised.value.hint
        places = follower.places
        assert [place.offset for place in places.values()] == [4, 4]
        with pytest.raises(StateError):
            JournalReader(str(folder)).segments()

    def test_a_file_in_the_place_of_the_folder(self, folder):
        """An error of ours, with a hint."""
        folder.write_bytes(b"")
        with pytest.raises(StateError, match="journal"):
            list(JournalReader(str(folder)).chunks({}))


class TestRaces:
    @pytest.mark.parametrize("steps", [1, 2])
    def test_a_segment_may_be_renamed_between_listing_and_opening(self, folder, monkeypatch, steps):
        """Sealed, or sealed and compacted: it is found under its new name."""
        name = segment_of(folder, b"[1]\n")

        def renamed_meanwhile(place):
            states = listed(place)
            with contextlib.suppress(FileNotFoundError):
                os.rename(path_of(place, name, "open"), path_of(place, name, "sealed"))
                if steps == 2:
                    assert compact(place, older_than_days=-1) == [name]
            return states

        monkeypatch.setattr(reader, "listed", renamed_meanwhile)
        follower = Follower(folder)
        assert follower.read() == [b"[1]\n"]
        assert follower.places == {name: Place(4, final=True)}
        assert follower.reader.missing(follower.places) == []

    def test_a_segment_may_vanish_between_listing_and_opening(self, folder, monkeypatch):
        """It is passed over; `missing` tells of it to whoever had read it."""
        name = segment_of(folder, b"[1]\n")
        monkeypatch.setattr(reader, "listed", lambda place: {name: "open"})
        (folder / f"{name}.open").unlink()
        assert all_lines(folder) == []
        assert JournalReader(str(folder)).segments() == []

    def test_a_segment_may_be_compacted_while_it_is_read(self, folder):
        """The reader has it open; its place is true of the compressed one too."""
        name = segment_of(folder, b"".join(numbered(10)), "sealed")
        half = JournalReader(str(folder)).chunks({}, max_bytes=200)
        place = next(half).place
        compact(str(folder), older_than_days=-1)
        rest = [chunk.lines for chunk in JournalReader(str(folder)).chunks({name: place})]
        assert b"".join(rest) == b"".join(numbered(5, first=5))
        assert [chunk.lines for chunk in half] == [*rest]

    def test_a_segment_that_grows_while_it_is_read_ends_somewhere(self, journal, folder):
        """A fast writer does not keep a reader for ever."""
        fast = Journal(str(folder))
        fast.append(b"x\n")
        follower = Follower(folder)
        for chunk in follower.reader.chunks(follower.places, max_bytes=1):
            assert chunk.offset < 2
            fast.append(b"x\n")
        fast.close()

    def test_a_rename_in_mid_listing_shows_two_names_for_one(self, folder):
        """The later state counts."""
        name = segment_of(folder, b"[1]\n")
        segment = folder / f"{name}.open"
        os.link(segment, folder / f"{name}.jsonl")
        assert listed(str(folder)) == {name: "sealed"}
        assert all_lines(folder) == [b"[1]\n"]


class TestLine:
    def test_a_line_is_found_wherever_its_segment_is(self, journal, folder):
        """By what was remembered when it was read: before rotation, after it, and compacted."""
        follower = Follower(folder)
        journal.append_many([*numbered(12), b"x" * 9000 + b"\n"])
        follower.read()
        for _ in range(2):
            for line, (segment, offset) in follower.where.items():
                assert follower.reader.line(segment, offset) == line
            compact(str(folder), older_than_days=-1)

    def test_many_lines_of_a_segment_open_it_once(self, folder, monkeypatch):
        """So that a compacted one is decompressed once for lines in their order; any order is right."""
        lines = numbered(12)
        name = segment_of(folder, b"".join(lines), "sealed")
        compact(str(folder), older_than_days=-1)
        asked = []

        def noted(*which):
            asked.append(which)
            return open_segment(*which)

        monkeypatch.setattr(reader, "open_segment", noted)
        offsets = [sum(map(len, lines[:number])) for number in range(12)]
        with JournalReader(str(folder)).lookup() as lookup:
            for number in [*range(12), 3, 11, 0]:
                assert lookup.line(name, offsets[number]) == lines[number]
            with pytest.raises(NothingToRead):
                lookup.line("..", 0)
        assert len(asked) == 1

    @pytest.mark.parametrize("offset", [-1, 8, 9, 10_000, 2**63 - 1, 2**63])
    def test_where_no_line_is_there_is_nothing_to_read(self, folder, offset):
        """Beyond the end, and what has no newline."""
        name = segment_of(folder, b"[1]\n[2]\ntorn")
        with pytest.raises(NothingToRead, match=name):
            JournalReader(str(folder)).line(name, offset)

    @pytest.mark.parametrize("name", ["", "..", "../../etc/passwd", "20261122T/../../../../../etc/pas"])
    def test_a_name_that_is_none_leads_nowhere(self, folder, name):
        """It may come from the command line."""
        segment_of(folder, b"[1]\n")
        with pytest.raises(NothingToRead):
            JournalReader(str(folder)).line(name, 0)


class TestSegments:
    def test_segments_tell_their_state_and_size(self, journal, folder):
        """The size is that of the lines, compressed or not."""
        journal.append_many(numbered(7))
        journal.append_many(numbered(3))
        reader = JournalReader(str(folder))
        first, second = (name.partition(".")[0] for name in files(folder))
        assert reader.segments() == [Segment(first, "sealed", 200), Segment(second, "open", 200)]
        compact(str(folder), older_than_days=-1)
        assert reader.segments() == [Segment(first, "compacted", 200), Segment(second, "open", 200)]


class TestMissing:
    def test_what_a_place_knows_and_the_disk_does_not_is_missing(self, journal, folder):
        """Deleted by hand, or shortened by a power cut; final or not."""
        journal.append_many(numbered(23))
        follower = Follower(folder)
        follower.read()
        assert follower.reader.missing(follower.places) == []
        *sealed, last = list(follower.places)
        compact(str(folder), older_than_days=-1)
        assert follower.reader.missing(follower.places) == []
        (folder / f"{sealed[1]}.jsonl.zst").unlink()
        os.truncate(folder / f"{last}.open", 100)
        assert follower.reader.missing(follower.places) == [sealed[1], last]

    def test_a_sealed_segment_that_was_shortened_is_missing(self, journal, folder):
        """Its place is final, and still it is compared."""
        journal.append_many(numbered(7))
        follower = Follower(folder)
        follower.read()
        (sealed,) = files(folder, ".jsonl")
        os.truncate(folder / sealed, 199)
        assert follower.reader.missing(follower.places) == [sealed.partition(".")[0]]

    def test_a_torn_tail_that_was_cut_is_not_missing(self, folder):
        """It was never read."""
        journal = Journal(str(folder))
        journal.append(b"[1]\n")
        crash(journal, b"torn")
        follower = Follower(folder)
        follower.read()
        with contextlib.closing(Journal(str(folder))) as next_writer:
            next_writer.append(b"[2]\n")
        assert follower.reader.missing(follower.places) == []
        assert follower.read() == [b"[2]\n"]


def test_a_segment_that_is_gone_is_none(tmp_path):
    """Whatever state it was last seen in."""
    assert opened.open_segment(str(tmp_path), "20261122T204858583123-1f0c54d6", "open") is None

"""Reading a journal from where one left off, while others write, rotate and compact it."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from quarterdeck.errors import NothingToRead, StateError
from quarterdeck.files import failure
from quarterdeck.journal.model import MAX_LINE_BYTES, Chunk, Place, Segment
from quarterdeck.journal.opened import open_segment
from quarterdeck.journal.segments import is_name, listed, path_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quarterdeck.journal.model import State
    from quarterdeck.journal.opened import OpenedSegment

_START = Place()
_LINE_BYTES = 4096  # nearly every line fits
_SCAN_BYTES = 1 << 20
_FARTHEST = 1 << 60  # no segment is so long, and the system refuses to read much further


class JournalReader:
    """Whole lines of all segments, each once for who remembers the places.

    Takes no lock that a writer would wait for, changes nothing on disk, and keeps nothing open between
    calls. The order of lines is that of one segment; segments come oldest first.
    """

    def __init__(self, folder: str) -> None:
        self.folder = os.path.abspath(folder)

    def segments(self) -> list[Segment]:
        """All segments, oldest first; costs one file status each, one small read if compacted.

        Raises:
            StateError: the folder cannot be listed.
        """
        found = []
        for name, state in listed(self.folder).items():
            opened = open_segment(self.folder, name, state)
            if opened is not None:
                with opened:
                    found.append(Segment(name, opened.state, opened.size_bytes()))
        return found

    def chunks(self, places: Mapping[str, Place], *, max_bytes: int = 4 << 20) -> Iterator[Chunk]:
        """What *places* have not yet seen: whole lines, in chunks of about *max_bytes*.

        A last line without newline waits until it has one. A segment that has been read to its final end
        costs only its part of the folder's listing. What is appended meanwhile may or may not be seen.

        Raises:
            StateError, StoreCorrupt: a segment cannot be read; raised after everything else was handed out.
        """
        problem: StateError | None = None
        for name, state in listed(self.folder).items():
            place = places.get(name, _START)
            if place.final:
                continue
            try:
                opened = open_segment(self.folder, name, state)
                if opened is not None:
                    with opened:
                        yield from _chunks(opened, place.offset, min(max_bytes, MAX_LINE_BYTES))
            except StateError as error:
                problem = problem or error
        if problem is not None:
            raise problem

    def line(self, segment: str, offset: int) -> bytes:
        """The one line of *segment* that begins at *offset*, with its newline, wherever the segment is now.

        Raises:
            NothingToRead: there is no such segment, or no whole line at *offset*.
            StateError, StoreCorrupt: the segment cannot be read.
        """
        with self.lookup() as lookup:
            return lookup.line(segment, offset)

    def lookup(self) -> Lookup:
        """For several lines."""
        return Lookup(self.folder)

    def missing(self, places: Mapping[str, Place]) -> list[str]:
        """Segments that *places* know and that are gone, or shorter than their place: lost on disk.

        Costs a listing and the status of each file that is not compacted (those were verified).

        Raises:
            StateError: the folder cannot be listed, or something else stands in the place of a segment.
        """
        states = listed(self.folder)
        return [
            name
            for name, place in places.items()
            if (state := states.get(name, "open")) != "compacted"
            and self._size_bytes(name, state) < place.offset
        ]

    def _size_bytes(self, name: str, state: State) -> int:
        """Of segment *name*, last seen in *state*; 0 when it is gone."""
        try:
            return os.lstat(path_of(self.folder, name, state)).st_size
        except FileNotFoundError:  # renamed since, or gone
            opened = open_segment(self.folder, name, state) if is_name(name) else None
        except OSError as error:
            raise failure(error, self.folder) from error
        if opened is None:
            return 0
        with opened:
            return _end(opened)


class Lookup(contextlib.AbstractContextManager["Lookup"]):
    """Single lines, in any order; the segment of the last one stays open until the end.

    In a compacted segment going forward decompresses what lies between, going back all before the line.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._opened: OpenedSegment | None = None

    def __exit__(self, *exception: object) -> None:
        if self._opened is not None:
            self._opened.__exit__()
        self._opened = None

    def line(self, segment: str, offset: int) -> bytes:
        """As `JournalReader.line`."""
        if self._opened is None or self._opened.name != segment:
            self.__exit__()
            self._opened = open_segment(self._folder, segment, "open") if is_name(segment) else None
        if self._opened is not None and 0 <= offset < _FARTHEST:
            for want in (_LINE_BYTES, MAX_LINE_BYTES):
                line, newline, _ = self._opened.read(offset, want).partition(b"\n")
                if newline:
                    return line + newline
        raise NothingToRead(
            f"segment {segment!r} has no line at {offset}",
            hint=f"has {self._folder} lost data? Rebuild what was made of it",
        )


def _chunks(opened: OpenedSegment, offset: int, block_bytes: int) -> Iterator[Chunk]:
    """The whole lines of one segment from *offset* on, and whether that is all there will ever be.

    Every read begins where a line begins. Were a line put together from two reads, its first part might be
    torn, be cut off by the next writer, and its second part be of another line.
    """
    final = opened.is_final()  # before its end is looked at
    end = _end(opened)
    want = block_bytes
    while offset < end:
        block = opened.read(offset, min(want, end - offset))
        lines = block[: block.rfind(b"\n") + 1]
        if lines:
            yield Chunk(opened.name, offset, lines, final=False)
            offset += len(lines)
            want = block_bytes
        elif len(block) < want:
            break
        elif want < MAX_LINE_BYTES:
            want = min(2 * want, MAX_LINE_BYTES)
        else:
            following = _newline(opened, offset + want)
            if following < 0:
                break
            yield Chunk(opened.name, offset, b"", final=False, skipped_bytes=following - offset)
            offset = following
            want = block_bytes
    if final:
        yield Chunk(opened.name, offset, b"", final=True)


def _newline(opened: OpenedSegment, offset: int) -> int:
    """Where the first newline from *offset* on ends; -1 when there is none."""
    while block := opened.read(offset, _SCAN_BYTES):
        newline = block.find(b"\n") + 1
        if newline:
            return offset + newline
        offset += len(block)
    return -1


def _end(opened: OpenedSegment) -> int:
    """The segment's size at this moment, or more than that."""
    size = opened.size_bytes()
    return sys.maxsize if size is None else size

"""Reading a journal from where one left off, while others write, rotate and compact it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
from typing import TYPE_CHECKING

from quarterdeck.errors import NothingToRead, StateError, StoreCorrupt
from quarterdeck.journal.model import MAX_LINE_BYTES, Chunk, Place, Segment
from quarterdeck.journal.segments import SUFFIXES, failure, is_name, listed, locked, open_plain, path_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quarterdeck.journal.model import State

_START = Place()
_LINE_BLOCK_BYTES = 65_536


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
            opened = _open(self.folder, name, state)
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
                opened = _open(self.folder, name, state)
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
        opened = _open(self.folder, segment, "open") if is_name(segment) and offset >= 0 else None
        if opened is not None:
            with opened:
                parts = []
                for block in opened.blocks(offset, _LINE_BLOCK_BYTES):
                    newline = block.find(b"\n") + 1
                    parts.append(block[: newline or None])
                    if newline:
                        return b"".join(parts)
                    if len(parts) * _LINE_BLOCK_BYTES > MAX_LINE_BYTES:
                        break
        raise NothingToRead(
            f"segment {segment!r} has no line at {offset}",
            hint=f"has {self.folder} lost data? Rebuild what was made of it",
        )

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
        if not is_name(name):
            return 0
        try:
            return os.lstat(path_of(self.folder, name, state)).st_size
        except FileNotFoundError:  # renamed since, or gone
            opened = _open(self.folder, name, state)
        except OSError as error:
            raise failure(error, self.folder) from error
        if opened is None:
            return 0
        with opened:
            size = opened.size_bytes()
            return sys.maxsize if size is None else size


class _Opened(contextlib.AbstractContextManager["_Opened"]):
    """One segment, open for reading; it stays readable when it is renamed, compacted or deleted."""

    def __init__(self, name: str, state: State, path: str, descriptor: int) -> None:
        self.name = name
        self.state = state
        self._path = path
        self._file = os.fdopen(descriptor, "rb", buffering=0)

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def is_final(self) -> bool:
        """Whether nobody can append any more: it is sealed, and no writer is still in a write."""
        if self.state != "sealed":
            return self.state == "compacted"
        try:
            with locked(self._file.fileno(), fcntl.LOCK_SH) as free:
                return free
        except OSError:  # a file system without locks: it is read again each time, and nothing is missed
            return False

    def size_bytes(self) -> int | None:
        """Uncompressed; None for a compressed file that does not tell."""
        if self.state != "compacted":
            return os.fstat(self._file.fileno()).st_size
        from quarterdeck.journal.zstd import uncompressed_size

        return uncompressed_size(os.pread(self._file.fileno(), 64, 0))

    def blocks(self, offset: int, block_bytes: int) -> Iterator[bytes]:
        """The bytes from *offset* to where the segment ends at this moment."""
        if self.state == "compacted":
            yield from self._decompressed(offset, block_bytes)
            return
        try:
            end = os.fstat(self._file.fileno()).st_size
            while offset < end:
                block = os.pread(self._file.fileno(), min(block_bytes, end - offset), offset)
                if not block:  # cut meanwhile: it was torn
                    return
                yield block
                offset += len(block)
        except OSError as error:
            raise failure(error, self._path) from error

    def _decompressed(self, offset: int, block_bytes: int) -> Iterator[bytes]:
        from quarterdeck.journal.zstd import ZstdError, ZstdFile

        try:
            with ZstdFile(self._file) as plain:
                plain.seek(offset)
                while block := plain.read(block_bytes):
                    yield block
        except (ZstdError, EOFError) as error:
            raise StoreCorrupt(
                f"{self._path} is damaged: {error}",
                hint="restore it from a backup, or move it away to go on without it",
            ) from error
        except OSError as error:
            raise failure(error, self._path) from error


def _open(folder: str, name: str, state: State) -> _Opened | None:
    """Segment *name*, last seen in *state*, where it is now; None when it is gone.

    Raises:
        StateError: it may not be read, or something else stands in its place.
    """
    states = list(SUFFIXES)
    for later in states[states.index(state) :]:
        path = path_of(folder, name, later)
        try:
            return _Opened(name, later, path, open_plain(path, os.O_RDONLY))
        except FileNotFoundError:  # renamed meanwhile, and only ever forward
            continue
        except OSError as error:
            raise failure(error, path) from error
    return None


def _chunks(opened: _Opened, offset: int, block_bytes: int) -> Iterator[Chunk]:
    """The whole lines of one segment from *offset* on, and whether that is all there will ever be."""
    final = opened.is_final()  # before its end is looked for
    held: list[bytes] = []  # the beginning of a line whose newline has not been met yet
    held_bytes = 0
    for block in opened.blocks(offset, block_bytes):
        end = block.rfind(b"\n") + 1
        if end:
            first = block.find(b"\n") + 1 if held_bytes else 0
            if held_bytes + first > MAX_LINE_BYTES:
                yield Chunk(opened.name, offset, b"", final=False, skipped_bytes=held_bytes + first)
                offset += held_bytes + first
                held = []
            else:
                first = 0
            lines = b"".join((*held, block[first:end]))
            if lines:
                yield Chunk(opened.name, offset, lines, final=False)
                offset += len(lines)
            held, held_bytes = [], 0
        held_bytes += len(block) - end
        if held_bytes > MAX_LINE_BYTES:
            held = []  # only its end is of interest now
        else:
            held.append(block[end:])
    if final:
        yield Chunk(opened.name, offset, b"", final=True)

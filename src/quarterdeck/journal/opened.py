"""One segment, open for reading, whatever its state and whatever becomes of it meanwhile."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING

from quarterdeck.errors import StoreCorrupt
from quarterdeck.files import failure, open_plain
from quarterdeck.journal.segments import SUFFIXES, end_of_lines, locked, path_of

if TYPE_CHECKING:
    from quarterdeck.journal.model import State
    from quarterdeck.journal.zstd import ZstdFile


class OpenedSegment(contextlib.AbstractContextManager["OpenedSegment"]):
    """One segment, open for reading; it stays readable when it is renamed, compacted or deleted."""

    def __init__(self, name: str, state: State, path: str, descriptor: int) -> None:
        self.name = name
        self.state = state
        self._path = path
        self._file = os.fdopen(descriptor, "rb", buffering=0)
        self._plain: ZstdFile | None = None
        self._ahead = b""  # decompressed, from _ahead_offset on
        self._ahead_offset = 0
        self._damage: Exception | None = None

    def __exit__(self, *exception: object) -> None:
        if self._plain is not None:
            self._plain.close()
        self._file.close()

    def is_held(self) -> bool:
        """Whether a writer has its lease, or, when it is sealed, is still about to give it back."""
        try:
            with locked(self._file.fileno(), fcntl.LOCK_SH) as free:
                return not free
        except OSError:  # a file system without locks: it is read again each time, and nothing is missed
            return True

    def is_final(self) -> bool:
        """Whether nobody can append any more."""
        return self.state == "compacted" or (self.state == "sealed" and not self.is_held())

    def size_bytes(self) -> int | None:
        """Uncompressed; None for a compressed file that does not tell."""
        if self.state != "compacted":
            return self.disk_bytes()
        from quarterdeck.journal.zstd import HEADER_BYTES, uncompressed_size

        return uncompressed_size(os.pread(self._file.fileno(), HEADER_BYTES, 0))

    def disk_bytes(self) -> int:
        """The size of the file."""
        return os.fstat(self._file.fileno()).st_size

    def end_of_lines(self) -> int:
        """Where the last whole line ends; not for a compacted segment."""
        return end_of_lines(self._file.fileno())[0]

    def read(self, offset: int, size_bytes: int) -> bytes:
        """*size_bytes* from *offset* on, fewer where the segment ends.

        Raises:
            StoreCorrupt: it is compressed and damaged, and no whole line can be had from *offset* on.
            StateError: it cannot be read.
        """
        try:
            if self.state == "compacted":
                return self._decompress(offset, size_bytes)
            return os.pread(self._file.fileno(), size_bytes, offset)
        except OSError as error:
            raise failure(error, self._path) from error

    def _decompress(self, offset: int, size_bytes: int) -> bytes:
        """As `read`; going forward it keeps what it has decompressed, going back it begins again."""
        from quarterdeck.journal.zstd import ZstdError, ZstdFile

        if self._plain is None:
            self._plain = ZstdFile(self._file)
        skip = offset - self._ahead_offset
        if 0 <= skip <= len(self._ahead):
            self._ahead = self._ahead[skip:]
        else:
            self._plain.seek(offset)
            self._ahead = b""
        self._ahead_offset = offset
        parts, missing = [self._ahead], size_bytes - len(self._ahead)
        try:
            while self._damage is None and missing > 0 and (more := self._plain.read1(missing)):
                parts.append(more)
                missing -= len(more)
        except (ZstdError, EOFError) as error:
            self._damage = error
        self._ahead = b"".join(parts)
        if self._damage is not None and b"\n" not in self._ahead:
            raise StoreCorrupt(
                f"{self._path} is damaged: {self._damage}",
                hint="restore it from a backup, or move it away to go on without it",
            ) from self._damage
        return self._ahead[:size_bytes]


def open_segment(folder: str, name: str, state: State) -> OpenedSegment | None:
    """Segment *name*, last seen in *state*, where it is now; None when it is gone.

    Raises:
        StateError: it may not be read, or something else stands in its place.
    """
    states = list(SUFFIXES)
    for later in states[states.index(state) :]:
        path = path_of(folder, name, later)
        try:
            return OpenedSegment(name, later, path, open_plain(path))
        except FileNotFoundError:  # renamed meanwhile, and only ever forward
            continue
        except OSError as error:
            raise failure(error, path) from error
    return None

"""One file of a source, from where it was left: as whole lines, or all of it.

A last line that has no end yet is waited for, unless it is a complete JSON value: then it is handed out,
and once more when its end is written. Lines longer than `MAX_LINE_BYTES` are skipped, and reported where
they may have held something; memory is bounded by that, whatever the file holds.
"""

from __future__ import annotations

import copy
import errno
import hashlib
import os
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import msgspec

from quarterdeck import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from quarterdeck.journal.zstd import ZstdFile

BLOCK_BYTES = 4 << 20
MAX_LINE_BYTES = 32 << 20
MAX_UNPACKED_BYTES = 8 << 30
"""Of one compressed transcript; what lies beyond is not read."""

DIGESTED_BYTES = 4096

PADDING = b"\0 \t\r"
"""Around a line: a file system may leave zeros where a crash came between making room and writing."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """One line, without its end; *number* counts from 1."""

    number: int
    content: bytes


class Unread(NamedTuple):
    """A line that was not handed out, and why; line 0 is the whole file."""

    line: int
    reason: str


class Transcript:
    """The part of one file that has not been read yet.

    Attributes:
        path: of the file; only for messages and for what it says about the session.
        state: what the source wants to know when it goes on reading this file; JSON values only. Empty when
            the file is read from its start. It is noted together with the offset, between two blocks.
        offset: bytes read and done with, of the unpacked file; always the start of a line.
        line: how many lines that were.
        reading: the number of the line handed out last.
        unfinished: whether the file ends within a line, and that line is no value yet.
        problems: what could not be handed out.
    """

    def __init__(
        self,
        path: str,
        file: BinaryIO,
        *,
        offset: int = 0,
        line: int = 0,
        state: dict[str, Any] | None = None,
        mark: Callable[[], None] = lambda: None,
    ) -> None:
        """Read *file* from *offset* on.

        Args:
            path: where *file* is.
            file: open for reading in binary, unbuffered or not.
            offset: 0 for a compressed file.
            line: the number of lines before *offset*.
            state: what the source noted when it left off.
            mark: called after each block, when `offset` and `state` belong together.
        """
        self.path = path
        self.state: dict[str, Any] = {} if state is None else state
        self.offset = offset
        self.line = line
        self.reading = 0
        self.unfinished = False
        self.problems: list[Unread] = []
        self._mark = mark
        self._file: BinaryIO | ZstdFile = file
        self._damaged: tuple[type[Exception], ...] = ()
        if is_compressed(path):
            from quarterdeck.journal.zstd import ZstdError, ZstdFile

            self._file = ZstdFile(file)
            self._damaged = (EOFError, ZstdError)
        elif offset:
            file.seek(offset)

    def lines(self, *having: bytes) -> Iterator[Line]:
        """Each line that holds one of *having*, or each line; far quicker than looking at all of them."""
        rest = b""
        while fresh := self._read():
            block = rest + fresh
            end = block.rfind(b"\n") + 1
            if not end and len(block) > MAX_LINE_BYTES:
                block = self._skip_line(block, having)
                end = block.rfind(b"\n") + 1
            whole, rest = block[:end], block[end:]
            if whole:
                yield from self._lines_of(whole, having)
                self._done_with(end, whole.count(b"\n"))
        if _is_json(rest):
            kept = copy.deepcopy(self.state)  # this line is read again when it has its end
            yield from self._lines_of(rest, having)
            self.state = kept
        elif rest.strip(PADDING):
            self.unfinished = True

    def content(self, max_bytes: int) -> bytes:
        """The whole file; empty, with a problem noted, when it is longer than *max_bytes*.

        Raises:
            OSError: it cannot be read.
        """
        content = b""
        while len(content) <= max_bytes:
            fresh = self._read(max_bytes + 1 - len(content))
            if not fresh:
                return content
            content += fresh
        self.problems.append(Unread(0, f"longer than {max_bytes:,} bytes"))
        return b""

    def _read(self, size: int = 0) -> bytes:
        """The next bytes, at least one unless the file ends here."""
        if self._damaged and self.offset > MAX_UNPACKED_BYTES:
            raise OSError(errno.EFBIG, f"it unpacks to more than {MAX_UNPACKED_BYTES:,} bytes")
        try:
            return self._file.read(size or BLOCK_BYTES)
        except self._damaged as error:
            raise OSError(errno.EIO, "its compressed data is damaged") from error

    def _done_with(self, length: int, lines: int) -> None:
        self.offset += length
        self.line += lines
        self._mark()

    def _lines_of(self, block: bytes, having: tuple[bytes, ...]) -> Iterator[Line]:
        """The wanted lines of *block*, which starts where a line starts."""
        number, counted = self.line + 1, 0
        for start in _starts(block, having):
            number += block.count(b"\n", counted, start)
            counted = start
            end = block.find(b"\n", start)
            self.reading = number
            content = block[start : end if end >= 0 else None]
            yield Line(number, content.removeprefix(BYTE_ORDER_MARK).strip(PADDING))

    def _skip_line(self, block: bytes, having: tuple[bytes, ...]) -> bytes:
        """Read on to the end of the line that *block* begins; returns what follows it."""
        overlap = max(map(len, having), default=1)
        length, wanted = 0, False
        while block:
            end = block.find(b"\n") + 1
            line = block[:end] if end else block
            wanted = wanted or not having or any(needle in line for needle in having)
            if end:
                if wanted:
                    reason = f"longer than {MAX_LINE_BYTES:,} bytes"
                    self.problems.append(Unread(self.line + 1, reason))
                self._done_with(length + end, 1)
                return block[end:]
            length += max(len(block) - overlap, 0)
            fresh = self._read()
            block = block[-overlap:] + fresh if fresh else b""
        return b""  # the file ends within this line: it is looked at again when it has grown


def is_compressed(path: str) -> bool:
    """Whether its name says that it must be unpacked; such a file is always read from its start."""
    return path.endswith(".zst")


def open_plain(path: str) -> BinaryIO:
    """Open *path* for reading, if it is a regular file; never waits, never follows a link.

    Raises:
        OSError: it is something else, or cannot be opened.
    """
    return open(files.open_plain(path), "rb", buffering=0)


def identity(status: os.stat_result) -> str:
    """Which file it is, by any name."""
    return f"{status.st_dev}:{status.st_ino}"


def digest(descriptor: int, offset: int) -> str:
    """Of at most 4 kB at the start and 4 kB before *offset*: a file that was rewritten differs there.

    Raises:
        OSError: it cannot be read.
    """
    length = min(offset, DIGESTED_BYTES)
    head, seam = os.pread(descriptor, length, 0), os.pread(descriptor, length, offset - length)
    return hashlib.blake2b(head + seam, digest_size=16).hexdigest()


def _starts(block: bytes, having: tuple[bytes, ...]) -> list[int]:
    """Where the lines of *block* that hold one of *having* begin, in order."""
    starts: set[int] = set()
    for needle in having or (b"",):
        at = block.find(needle)
        while 0 <= at < len(block):
            starts.add(block.rfind(b"\n", 0, at) + 1)
            end = block.find(b"\n", at)
            at = block.find(needle, end + 1) if end >= 0 else -1
    return sorted(starts)


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text.removeprefix(BYTE_ORDER_MARK).strip(PADDING), type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True

"""What a reader of a journal hands out and takes back: places, chunks, segments, and the report."""

from __future__ import annotations

from typing import Literal, NamedTuple

MAX_LINE_BYTES = 16 << 20
"""No line is longer, its newline included; whatever is longer in a file is damage."""

State = Literal["open", "sealed", "compacted"]


class Place(NamedTuple):
    """How far a reader has come in one segment.

    Attributes:
        offset: the next unread byte, of uncompressed bytes.
        final: the segment is read to its end and will never grow.
    """

    offset: int = 0
    final: bool = False


class Chunk(NamedTuple):
    """Some whole lines of one segment, one after the other.

    Attributes:
        segment: its name, the same before and after rotation and compaction.
        offset: of the first byte of *lines*.
        lines: each ends with a newline; empty when there is only news about the segment's end.
        final: nothing follows, now or ever.
        skipped_bytes: length of one damaged line after *lines*, longer than `MAX_LINE_BYTES`; not handed out.
    """

    segment: str
    offset: int
    lines: bytes
    final: bool
    skipped_bytes: int = 0

    @property
    def place(self) -> Place:
        """Where to go on: what to remember in the same transaction as what was made of *lines*."""
        return Place(self.offset + len(self.lines) + self.skipped_bytes, self.final)


class Segment(NamedTuple):
    """One file of a journal.

    Attributes:
        name: sorts by creation.
        state: a writer may append to an *open* one; a *compacted* one is compressed.
        size_bytes: uncompressed; None where it is not known.
    """

    name: str
    state: State
    size_bytes: int | None

"""What a reader of a journal hands out and takes back: places, chunks, segments, and the report."""

from __future__ import annotations

from typing import Literal, NamedTuple

MAX_LINE_BYTES = 16 << 20
"""No line is longer, its newline included; whatever is longer in a file is damage."""

State = Literal["open", "sealed", "compacted"]
Durability = Literal["process", "power"]


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


class TornTail(NamedTuple):
    """What stood after a segment's last newline: the part of a line that a killed writer got written.

    Attributes:
        path: the file that holds it.
        segment: where it was or is.
        offset: its place there.
        size_bytes: how long it is.
    """

    path: str
    segment: str
    offset: int
    size_bytes: int


class JournalReport(NamedTuple):
    """What is in a journal's folder, for people who want to know whether it is well.

    Attributes:
        folder: its path.
        segments: all of them, oldest first.
        disk_bytes: what the segments take on disk, compressed where they are.
        orphans: names of open segments whose writer is gone; the next writer adopts them.
        torn: torn tails that are still where they were found: those of orphans.
        quarantined: torn tails that were cut off and set aside; nothing in them was ever acknowledged.
        unreadable: what cannot be read, and how to mend it; empty when all is well.
    """

    folder: str
    segments: tuple[Segment, ...]
    disk_bytes: int
    orphans: tuple[str, ...]
    torn: tuple[TornTail, ...]
    quarantined: tuple[TornTail, ...]
    unreadable: tuple[str, ...]

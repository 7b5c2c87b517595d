"""What was really used, written down as each answer is made up, and how lines get onto the disk."""

from __future__ import annotations

import json
import os
import random
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from quarterdeck.costs.model import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FIRST_DAY = datetime(2026, 9, 1, 8, tzinfo=UTC)
DAYS = 60
WORDS = (
    "the",
    "test",
    "of",
    "module",
    "reads",
    "then",
    "writes",
    "'quoted'",
    '"usage"',
    "\\",
    "ünïcödé",
    "漢字",
)

Line = dict[str, Any]


class Billed(NamedTuple):
    """Requests, and the sums of what they used."""

    requests: int
    usage: Usage


class Truth(NamedTuple):
    """What a right import must find.

    Attributes:
        billed: by source, UTC day (ISO), model and service tier.
        skipped: answers that are no requests (``<synthetic>``).
        corrupt: lines that show usage and cannot be understood.
        unfinished: files that end within a line.
    """

    billed: dict[tuple[str, str, str, str], Billed]
    skipped: int
    corrupt: int
    unfinished: int


class Books:
    """The truth in the making.

    Attributes:
        first_day: sessions begin on one of the `DAYS` from here on, within an hour of its time of day.
    """

    def __init__(self, first_day: datetime = FIRST_DAY) -> None:
        self.first_day = first_day
        self._sums: dict[tuple[str, str, str, str], Counter[str]] = {}
        self.skipped = 0
        self.corrupt = 0
        self.unfinished = 0

    def bill(self, source: str, at: datetime, model: str, tier: str, usage: Usage) -> None:
        """One request more."""
        sums = self._sums.setdefault((source, at.date().isoformat(), model, tier), Counter())
        sums["requests"] += 1
        sums.update(usage._asdict())

    def truth(self) -> Truth:
        """All of it, as it is now."""
        billed = {
            key: Billed(sums["requests"], Usage(*(sums[name] for name in Usage._fields)))
            for key, sums in sorted(self._sums.items())
        }
        return Truth(billed, self.skipped, self.corrupt, self.unfinished)


class Dice(random.Random):
    """Chance that is the same for the same seed."""

    def moments(self, first_day: datetime) -> Iterator[datetime]:
        """Times some seconds apart, by day: no answer is begun before midnight and ended after it."""
        now = first_day + timedelta(days=self.randrange(DAYS), seconds=self.randrange(3600))
        while True:
            now += timedelta(milliseconds=self.randrange(200, 9000))
            if now.hour >= 23:
                now += timedelta(hours=9)
            yield now

    def prose(self, words: int) -> str:
        """Text that is awkward to escape, cheap to make."""
        if words <= len(WORDS):
            return " ".join(self.choices(WORDS, k=words))
        part = " ".join(self.choices(WORDS, k=60))
        return "\n".join([part] * (words // 60 + 1))

    def hex(self, digits: int) -> str:
        """Random hexadecimal digits."""
        return f"{self.getrandbits(4 * digits):0{digits}x}"

    def uuid(self) -> str:
        """A random UUID (version 4)."""
        return f"{self.hex(8)}-{self.hex(4)}-4{self.hex(3)}-a{self.hex(3)}-{self.hex(12)}"


def stamp(at: datetime) -> str:
    """*at* as JavaScript writes it."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Layout(NamedTuple):
    """How lines are written.

    Attributes:
        spaced: as Python writes JSON, with a space after each colon and comma, and nothing but ASCII.
        end: of each line.
        mark: put at the start.
        tail: put at the end, with no end of line.
    """

    spaced: bool = False
    end: bytes = b"\n"
    mark: bytes = b""
    tail: bytes = b""


def write_lines(
    path: str,
    lines: Sequence[Line | bytes],
    layout: Layout = Layout(),  # noqa: B008 - frozen
) -> int:
    """Write *lines* to *path*, each a value or bytes that are taken as they are; returns the size."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    separators = (", ", ": ") if layout.spaced else (",", ":")
    encoder = json.JSONEncoder(ensure_ascii=layout.spaced, separators=separators)
    content = layout.mark
    content += b"".join(
        (line if isinstance(line, bytes) else encoder.encode(line).encode()) + layout.end for line in lines
    )
    content += layout.tail
    if path.endswith(".zst"):
        content = _packed(content)
    with open(path, "wb") as file:
        file.write(content)
    return len(content)


def _packed(content: bytes) -> bytes:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd.compress(content)

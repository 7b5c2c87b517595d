"""From the journal's lines to sums, incrementally: a pure function of the lines, in whatever order they come.

    lines after the last places ──decode──> records ──each answer once──> Gain ──┬─> cells, sessions
                                                                places, claims ──┘   in one transaction

What makes the sums independent of the order:

* of records with one response id the one with the most output counts; among equals one with a price, then one
  that tells apart what is cached for an hour, then the one that stands first (by segment, then offset). The
  others are dropped, and counted as dropped.
* a record that another one ``replaces`` does not count; of several that replace the same one, one counts, by
  the same rule.
* a line that is no record is rejected and listed, and costs nothing but itself.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck import forks, sqlite
from quarterdeck.costs.ledger.cells import SCHEMA, contents
from quarterdeck.costs.pricing import THRESHOLDS
from quarterdeck.errors import StateError, StoreCorrupt
from quarterdeck.journal import Place

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from quarterdeck.costs.ledger.calendar import Calendar, Choices
    from quarterdeck.costs.ledger.cells import Sums
    from quarterdeck.journal import Chunk, JournalReader

    Progress = Callable[[int, int], None]

FILE = "rollup.sqlite"
CHUNK_BYTES = 4 << 20
BATCH_BYTES = 16_000_000
"""Of the journal, taken in by one transaction: an interrupt loses no more work than that."""


class Contents(NamedTuple):
    """All the sums of a rollup.

    Attributes:
        cells, sessions: counts and cost by labels.
        places: how far of each segment they are the sums of.
    """

    cells: Sums
    sessions: Sums
    places: dict[str, Place]


class Rollup:
    """The sums of one journal, in one SQLite file that any process may bring up to date.

    May be shared by threads; after a fork the child opens the file anew.
    """

    def __init__(self, path: str, reader: JournalReader, calendar: Calendar, choices: Choices) -> None:
        """Nothing is opened yet.

        Args:
            path: the file, or `sqlite.IN_MEMORY`.
            reader: of the journal.
            calendar: what a day is.
            choices: the tags that have cells of their own; sums made with others are made anew.
        """
        self.path = path
        self._reader = reader
        self._calendar = calendar
        self._choices = choices
        self._made_with = repr((*choices, THRESHOLDS))
        self._whole = ""
        self._unreadable: set[str] = set()
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        forks.guard(self, Rollup.close)

    @property
    def lock(self) -> threading.RLock:
        """Held while a question is answered: one connection serves all threads."""
        return self._lock

    @property
    def connection(self) -> sqlite3.Connection:
        """This process's connection, opened when first asked for.

        Raises:
            QuarterdeckError: as `sqlite.connect`.
        """
        if self._connection is None:
            self._connection = sqlite.connect(self.path, [SCHEMA], holds="cache")
        return self._connection

    def refresh(
        self, progress: Progress | None = None, *, up_to: Mapping[str, Place] | None = None
    ) -> list[str]:
        """Take in every whole line that the journal has gained; returns what was amiss, for people.

        A segment that cannot be read costs what it holds, and is named in what is returned.

        Args:
            progress: told the bytes read and the bytes there are.
            up_to: no further than these places, and no other segments.

        Costs a listing of the journal's folder when there is nothing new; else about 4 µs a record, more for
        those with a response id. Waits for other processes that do the same.

        Raises:
            QuarterdeckError: as `sqlite.connect`, or the journal cannot be read.
        """
        with self._lock:
            try:
                return self._refresh(progress, up_to)
            except StoreCorrupt:
                if not self.discard_if_damaged():  # then it is the journal
                    raise
                return self._refresh(progress, up_to)

    def is_whole(self) -> bool:
        """Whether the sums are still those that `refresh` has brought up to date.

        False when somebody has begun to make them anew since: then they are a part. To be asked in the
        snapshot that is to be answered from.
        """
        return self._making() == self._whole != ""

    def _refresh(self, progress: Progress | None, up_to: Mapping[str, Place] | None) -> list[str]:
        self._unreadable.clear()
        lost = self._reader.missing(self._places())
        if lost:
            self._begin_without(lost)
        total = sum(segment.size_bytes or 0 for segment in self._reader.segments()) if progress else 0
        while (come_to := self._take_in_some(up_to)) is not None:
            if progress is not None:
                progress(min(come_to, total), total)
        if progress is not None:
            progress(total, total)
        return [*self._losses(), *sorted(self._unreadable)]

    def _begin_without(self, lost: Iterable[str]) -> None:
        """Forget every sum, and remember whose records are gone until somebody clears on purpose."""
        with sqlite.transaction(self.connection) as connection:
            known = connection.execute("SELECT segment FROM lost").fetchall()
            self._clear(connection)
            rows = [*known, *((segment,) for segment in lost)]
            connection.executemany("INSERT OR IGNORE INTO lost VALUES (?)", rows)

    def _losses(self) -> Iterator[str]:
        with sqlite.translated():
            lost = [segment for (segment,) in self.connection.execute("SELECT segment FROM lost")]
        if lost:
            yield (
                f"the journal has lost records of {', '.join(lost)}; the sums are those of what is there. "
                "Put the segment back, or read transcripts anew: qd costs import --full. "
                "This is said until qd costs rebuild"
            )

    def clear(self) -> None:
        """Forget every sum; the next `refresh` makes them anew."""
        with self._lock, sqlite.transaction(self.connection) as connection:
            self._clear(connection)

    def discard_if_damaged(self) -> bool:
        """Delete the file if SQLite finds it damaged, which costs a reading of it; whether it did."""
        with self._lock:
            try:
                with sqlite.translated():
                    (said,) = self.connection.execute("PRAGMA quick_check(1)").fetchone()
                damaged = bool(said != "ok")
            except StoreCorrupt:
                damaged = True
            if damaged:
                self.close()
                sqlite.discard(self.path)
            return damaged

    def close(self) -> None:
        """Give the file back; the next question opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def contents(self) -> Contents:
        """Every sum by its labels, as of the places with it: what two rollups of one journal agree on."""
        with self._lock, sqlite.snapshot(self.connection) as connection:
            cells, sessions = contents(connection)
            return Contents(cells, sessions, self._places())

    def _places(self) -> dict[str, Place]:
        with sqlite.translated():
            rows = self.connection.execute("SELECT segment, offset, final FROM places")
            return {segment: Place(offset, bool(final)) for segment, offset, final in rows}

    def _take_in_some(self, up_to: Mapping[str, Place] | None) -> int | None:
        """Take in about `BATCH_BYTES`; how far the sums have come, in bytes; None: nothing is new."""
        making = self._making()
        if making and next(self._chunks(up_to, max_bytes=1 << 16), None) is None:
            self._whole = making
            return None  # found out without a lock
        from quarterdeck.costs.ledger.batch import Batch  # with all that reads records: 25 ms

        with sqlite.transaction(self.connection) as connection, self._reader.lookup() as lookup:
            if not self._making():
                self._clear(connection)
            places = self._places()  # anew: another process may have been quicker
            batch = Batch(connection, lookup, self._calendar, self._choices.tags)
            taken = 0
            for chunk in self._chunks(up_to):
                batch.take(chunk)
                taken += len(chunk.lines)
                if taken >= BATCH_BYTES:
                    break
            batch.write()
        return sum(place.offset for place in places.values()) + taken

    def _making(self) -> str:
        """The name of the making that the sums are of; empty if it is by other days, tags or brackets."""
        with sqlite.translated():
            row = self.connection.execute("SELECT choices, making FROM made_with").fetchone()
        return str(row[1]) if row and row[0] == self._made_with else ""

    def _clear(self, connection: sqlite3.Connection) -> None:
        """Not by a new file: other processes may have this one open."""
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
        connection.execute("INSERT INTO made_with VALUES (?, ?)", (self._made_with, os.urandom(8).hex()))

    def _chunks(self, up_to: Mapping[str, Place] | None, *, max_bytes: int = CHUNK_BYTES) -> Iterator[Chunk]:
        """What the journal has beyond the places, up to *up_to*."""
        for chunk in self._readable(self._reader.chunks(self._places(), max_bytes=max_bytes)):
            if up_to is None or chunk.place == up_to.get(chunk.segment):
                yield chunk
            elif chunk.segment in up_to:
                room = up_to[chunk.segment].offset - chunk.offset
                if room >= chunk.place.offset - chunk.offset > 0:
                    yield chunk
                elif room > 0:  # a place is where a line ends, so this cuts none
                    yield chunk._replace(lines=chunk.lines[:room], final=False, skipped_bytes=0)

    def _readable(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        """*chunks*; the reader tells what it cannot read after everything else, and then it is noted."""
        try:
            yield from chunks
        except StateError as error:
            self._unreadable.add(error.message)

"""From the journal's lines to sums, incrementally: a pure function of the lines, in whatever order they come.

    lines after the last places ──decode──> records ──each answer once──> Gain ──┬─> cells, sessions
                                                                places, claims ──┘   in one transaction

What makes the sums independent of the order:

* of records with one response id the one with the most output counts; among equals one with a price, then the
  one that stands first (by segment, then offset). The others are dropped, and counted as dropped.
* a record that another one ``replaces`` does not count.
* a line that is no record is rejected and listed, and costs nothing but itself.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from quarterdeck import sqlite
from quarterdeck.costs.ledger.batch import Batch
from quarterdeck.costs.ledger.cells import SCHEMA, contents
from quarterdeck.costs.pricing import THRESHOLDS
from quarterdeck.journal import Place

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

    from quarterdeck.costs.ledger.calendar import Calendar, Choices
    from quarterdeck.journal import JournalReader

    Progress = Callable[[int, int], None]

FILE = "rollup.sqlite"
BATCH_BYTES = 16_000_000
"""Of the journal, taken in by one transaction: an interrupt loses no more work than that."""


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
            choices: the tags that have cells of their own; a file made with others is made anew.
        """
        self.path = path
        self._reader = reader
        self._calendar = calendar
        self._choices = choices
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._pid = 0

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
        if (
            self._connection is None or self._pid != os.getpid()
        ):  # one inherited is the parent's: not even closed
            made_with = (*self._choices, THRESHOLDS)
            migrations = [f"{SCHEMA}-- {made_with!r}\n"]
            self._connection = sqlite.connect(self.path, migrations, holds="cache")
            self._pid = os.getpid()
        return self._connection

    def refresh(self, progress: Progress | None = None) -> list[str]:
        """Take in every whole line that the journal has gained; returns what was amiss, for people.

        Costs a listing of the journal's folder when there is nothing new; else about 4 µs a record, more for
        those with a response id. Waits for other processes that do the same.

        Raises:
            QuarterdeckError: as `sqlite.connect`, or the journal cannot be read.
        """
        problems = []
        with self._lock:
            lost = self._reader.missing(self._places())
            if lost:
                problems.append(
                    f"the journal has lost records of {', '.join(sorted(lost))}; "
                    "the sums are those of what is there"
                )
                self.clear()
            total = sum(segment.size_bytes or 0 for segment in self._reader.segments()) if progress else 0
            while (come_to := self._take_in_some()) is not None:
                if progress is not None:
                    progress(min(come_to, total), total)
            if progress is not None:
                progress(total, total)
        return problems

    def clear(self) -> None:
        """Forget every sum; the next `refresh` makes them anew."""
        with self._lock, sqlite.transaction(self.connection) as connection:
            for (table,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
            ).fetchall():
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names

    def close(self) -> None:
        """Give the file back; the next question opens it again."""
        with self._lock:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None

    def contents(self) -> dict[str, Mapping[tuple[object, ...], tuple[int, ...]]]:
        """Every sum by its labels; what two rollups of one journal must agree on."""
        with self._lock, sqlite.snapshot(self.connection) as connection:
            return contents(connection)

    def _places(self) -> dict[str, Place]:
        with sqlite.translated():
            rows = self.connection.execute("SELECT segment, offset, final FROM places")
            return {segment: Place(offset, bool(final)) for segment, offset, final in rows}

    def _take_in_some(self) -> int | None:
        """Take in about `BATCH_BYTES` at most; how far the sums have come, in bytes; None: nothing is new."""
        if next(self._reader.chunks(self._places(), max_bytes=1 << 16), None) is None:
            return None  # found out without a lock
        with sqlite.transaction(self.connection) as connection:
            places = self._places()  # another process may have been quicker
            batch = Batch(connection, self._reader, self._calendar, self._choices.tags)
            taken = 0
            for chunk in self._reader.chunks(places):
                batch.take(chunk)
                taken += len(chunk.lines)
                if taken >= BATCH_BYTES:
                    break
            batch.write()
        return sum(place.offset for place in places.values()) + taken

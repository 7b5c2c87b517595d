"""The records that count, in the journal's order: what the sums are made of, one by one.

    rollup (which place counts for which answer) ─┐ one snapshot
    journal, from the places on ─────decode──────>┴─> records that count, in chunks with places to go on from

Nothing is decided here: the rollup has decided already, so what leaves here adds up to `Ledger.totals`.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck import sqlite
from quarterdeck.costs.ledger.batch import claim_key
from quarterdeck.costs.ledger.rollup import Rollup
from quarterdeck.costs.record import decode
from quarterdeck.errors import StateError
from quarterdeck.journal import Place

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping

    from quarterdeck.costs.ledger.ledger import Ledger
    from quarterdeck.costs.record import Record
    from quarterdeck.journal import Chunk, JournalReader

_COUNTS_FOR = "SELECT segment, offset FROM counted WHERE key = ?"
_LEFT_OUT = """
SELECT offset FROM rejected WHERE segment = ? AND offset >= ? AND offset < ? UNION
SELECT offset FROM replaced WHERE segment = ? AND offset >= ? AND offset < ?
"""  # a record that is replaced replaces none, nor does it answer to a response id


class CountedChunk(NamedTuple):
    """What counts among some lines of one segment.

    Attributes:
        segment: its name.
        records: offset and record, in their order.
        retired: places of records that lines of this chunk replace; an earlier reader may have met them.
        place: where to go on in the segment.
        size_bytes: of all the lines.
    """

    segment: str
    records: list[tuple[int, Record]]
    retired: list[tuple[str, int]]
    place: Place
    size_bytes: int


class Counting:
    """One state of the ledger: what is recorded meanwhile is not seen.

    Attributes:
        places: the end of each segment, in that state.
    """

    def __init__(self, connection: sqlite3.Connection, reader: JournalReader) -> None:
        """*connection* is in a transaction that reads; it lasts as long as the object is used."""
        self._connection = connection
        self._reader = reader
        self.places = {
            segment: Place(offset, bool(final))
            for segment, offset, final in connection.execute("SELECT segment, offset, final FROM places")
        }

    def chunks(
        self,
        after: Mapping[str, Place] | None = None,
        *,
        max_bytes: int = 1 << 20,
        problems: list[str] | None = None,
    ) -> Iterator[CountedChunk]:
        """What counts *after* those places, in chunks of about *max_bytes* of the journal.

        A record that counts now may take the place of one that was met before: that one has the same claim
        (`claim_key`), or stands among the *retired*.

        Args:
            after: how far the caller has come; None: nowhere.
            max_bytes: see above.
            problems: takes what is wrong with segments that cannot be read, instead of an error.

        Raises:
            StateError, StoreCorrupt: a segment cannot be read; raised after everything else was handed out.
        """
        chunks = self._reader.chunks(after or {}, max_bytes=max_bytes)
        while True:
            try:
                chunk = next(chunks, None)
            except StateError as error:
                if problems is None:
                    raise
                problems.append(error.message)
                return
            if chunk is None:
                return
            end = self.places.get(chunk.segment)
            if end is not None and chunk.offset <= end.offset:
                yield self._counted(chunk, end)

    def left(self, after: Mapping[str, Place]) -> int:
        """How many bytes of the journal `chunks` has to read."""
        return sum(
            max(0, end.offset - after.get(segment, Place()).offset) for segment, end in self.places.items()
        )

    def _counted(self, chunk: Chunk, end: Place) -> CountedChunk:
        """What counts in *chunk* as far as the rollup has come."""
        segment, offset = chunk.segment, chunk.offset
        whole = chunk.place.offset <= end.offset
        lines = chunk.lines if whole else chunk.lines[: end.offset - offset]
        span = (segment, offset, offset + len(lines))
        left_out = {found for (found,) in self._connection.execute(_LEFT_OUT, (*span, *span))}
        records: list[tuple[int, Record]] = []
        retired: list[tuple[str, int]] = []
        for line in lines.split(b"\n")[:-1]:
            if offset not in left_out:
                record = decode(line)
                if record.replaces:
                    retired.append(place_of(record.replaces))
                if self._counts(record, segment, offset):
                    records.append((offset, record))
            offset += len(line) + 1
        place = chunk.place if whole else Place(end.offset)
        return CountedChunk(segment, records, retired, place, len(lines))

    def _counts(self, record: Record, segment: str, offset: int) -> bool:
        """Whether *record*, which stands there, is the one that counts."""
        key = claim_key(record)
        if key is None:
            return True
        row: tuple[str, int] | None = self._connection.execute(_COUNTS_FOR, (key,)).fetchone()
        return row == (segment, offset)


@contextlib.contextmanager
def counting(ledger: Ledger) -> Iterator[Counting]:
    """The state of *ledger* at this moment, on a connection of its own: other questions may be asked inside.

    Raises:
        QuarterdeckError: as `Ledger.refresh`.
    """
    ledger.refresh()
    own = Rollup(ledger.rollup.path, ledger.reader, ledger.calendar, ledger.choices)
    with contextlib.closing(own), contextlib.ExitStack() as stack:
        while True:
            own.refresh()  # nothing, except where the sums are kept in memory
            connection = stack.enter_context(sqlite.snapshot(own.connection))
            if own.is_whole():
                break
            stack.close()
        yield Counting(connection, ledger.reader)


def place_of(replaces: str) -> tuple[str, int]:
    """Segment and offset of ``segment@offset``, as the rollup has admitted it."""
    segment, _, offset = replaces.rpartition("@")
    return segment, int(offset)

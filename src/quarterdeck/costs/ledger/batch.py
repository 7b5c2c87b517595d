"""A batch of the journal's lines on its way into the rollup, inside the caller's transaction."""

from __future__ import annotations

import json
from hashlib import blake2b
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.costs.ledger import cells
from quarterdeck.costs.ledger.cells import COUNTS, Gain
from quarterdeck.costs.model import MAX_COST_PICOUSD, MAX_TOKENS, Usage
from quarterdeck.costs.pricing import bracket_of
from quarterdeck.costs.record import RANKS_PER_OUTPUT, Record, decode
from quarterdeck.errors import NothingToRead

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from quarterdeck.costs.ledger.calendar import Calendar
    from quarterdeck.journal import Chunk, Lookup

_counts = attrgetter(*Usage._fields)
_WIDTH = len(COUNTS) + 1
_REASON_CHARS = 200
_OFFSET_DIGITS = 18  # SQLite keeps no more
_CLAIM = "SELECT rank, segment, offset FROM counted WHERE key = ?"
_REPLACED = "SELECT segment, offset FROM replaced WHERE segment = ? AND offset >= ? AND offset < ?"


class Claim(NamedTuple):
    """The record that counts for a response id.

    Attributes:
        rank: of the record; the higher one counts.
        segment, offset: where it stands; the first of equals counts.
    """

    rank: int
    segment: str
    offset: int

    def beats(self, other: Claim) -> bool:
        """Whether this one counts instead of *other*."""
        return (-self.rank, self.segment, self.offset) < (-other.rank, other.segment, other.offset)


class Batch:
    """Lines taken in, each answer once, and not yet written."""

    def __init__(
        self, connection: sqlite3.Connection, lookup: Lookup, calendar: Calendar, tags: Sequence[str]
    ) -> None:
        """The caller is in a write transaction on *connection*."""
        self._connection = connection
        self._lookup = lookup
        self._calendar = calendar
        self._tags = tags
        self._gain = Gain.nothing()
        self._claims: dict[bytes, Claim] = {}
        self._places: list[tuple[str, int, bool]] = []
        self._dropped: dict[str, int] = {}
        self._rejected: list[tuple[str, int, int, str]] = []
        self._here = ("", 0)
        self._replaced: set[tuple[str, int]] = set()  # by this batch, or before it where it has looked
        self._any_claims = connection.execute("SELECT 1 FROM counted LIMIT 1").fetchone() is not None

    def take(self, chunk: Chunk) -> None:
        """Take in every line of *chunk*."""
        segment, offset = chunk.segment, chunk.offset
        replaced = self._replaced
        replaced.update(self._connection.execute(_REPLACED, (segment, offset, offset + len(chunk.lines))))
        lines = chunk.lines.split(b"\n")
        lines.pop()  # what stands after the last line's end: nothing
        for line in lines:
            start = offset
            offset += len(line) + 1
            self._here = (segment, start)
            try:
                record = _admitted(line)
                day = self._calendar.day_of(record.at)
                if record.session:
                    self._widen(record)
                if replaced and (segment, start) in replaced:
                    continue
                if record.replaces:
                    self._replace(record)
                key = claim_key(record)
                if key is not None and not self._claim(key, record, segment, start):
                    continue
            except ValueError as error:
                self._rejected.append((segment, start, len(line), str(error)[:_REASON_CHARS]))
                continue
            self._add(record, day, 1)
        if chunk.skipped_bytes:
            self._rejected.append((segment, offset, chunk.skipped_bytes, "the line is too long"))
        self._places.append((segment, *chunk.place))

    def write(self) -> None:
        """Write all of it."""
        connection = self._connection
        cells.write(connection, self._gain)
        connection.executemany(
            "INSERT OR REPLACE INTO counted VALUES (?, ?, ?, ?)",
            sorted(
                (key, *claim) for key, claim in self._claims.items()
            ),  # in the order of the table: quicker
        )
        connection.executemany("INSERT OR IGNORE INTO replaced VALUES (?, ?)", self._replaced)
        connection.executemany("INSERT OR REPLACE INTO rejected VALUES (?, ?, ?, ?)", self._rejected)
        connection.executemany(
            "INSERT INTO dropped VALUES (?, ?) "
            "ON CONFLICT (source) DO UPDATE SET requests = requests + excluded.requests",
            self._dropped.items(),
        )
        connection.executemany("INSERT OR REPLACE INTO places VALUES (?, ?, ?)", self._places)

    def _add(self, record: Record, day: str, sign: int) -> None:
        """Add what *record* counts for, or take it out again."""
        label = (
            record.provider, record.model, record.task_type, record.tier, record.service_tier,
            record.project, record.source, self._tags_of(record) if self._tags else "",
        )  # fmt: skip
        bracket = bracket_of(record.input_tokens) if record.requests == 1 else 0
        cost = record.cost_picousd
        priced = 0 if cost is None else 1
        sums = self._gain.cells.get((day, label, bracket, priced))
        if sums is None:
            sums = self._gain.cells[day, label, bracket, priced] = [0] * _WIDTH
        gains = (record.requests, *_counts(record), cost or 0)
        for place, gained in enumerate(gains):
            if gained:
                sums[place] += sign * gained
        if record.session:
            sums = self._gain.sessions.get((record.session, label, priced))
            if sums is None:
                sums = self._gain.sessions[record.session, label, priced] = [0] * _WIDTH
            for place, gained in enumerate(gains):
                sums[place] += sign * gained

    def _tags_of(self, record: Record) -> str:
        """The chosen tags that *record* has, as JSON in their order; empty for none."""
        found = {
            name: value.replace("\0", "\ufffd")  # where SQLite's json_extract would end it
            for name in self._tags
            if (value := record.tags.get(name) or (record.user if name == "user" else ""))
        }
        return json.dumps(found, ensure_ascii=False, separators=(",", ":")) if found else ""

    def _widen(self, record: Record) -> None:
        """Let the session's span reach *record*, whether or not it counts."""
        session, at = record.session, record.at
        first, last = self._gain.spans.get(session, (at, at))
        self._gain.spans[session] = min(first, at), max(last, at)

    def _claim(self, key: bytes, record: Record, segment: str, offset: int) -> bool:
        """Whether *record* is what counts for *key* so far; the one it displaces is taken out."""
        claim = Claim(record.rank, segment, offset)
        held = self._claims.get(key)
        if held is None and self._any_claims:
            row = self._connection.execute(_CLAIM, (key,)).fetchone()
            held = row and Claim(*row)
        if held is None:
            self._claims[key] = claim
            return True
        if not claim.beats(held):
            self._drop(record)
            return False
        displaced = self._read(held.segment, held.offset)
        self._add(displaced, self._calendar.day_of(displaced.at), -1)
        self._drop(displaced)
        self._claims[key] = claim
        return True

    def _replace(self, record: Record) -> None:
        """Take out the record that *record* corrects, if no other one already has.

        Raises:
            ValueError: there is no such record, or it has a response id to be corrected by.
        """
        segment, _, offset = record.replaces.rpartition("@")
        if not offset.isdecimal() or len(offset) > _OFFSET_DIGITS or str(int(offset)) != offset:
            raise ValueError("it replaces what is no place")
        place = (segment, int(offset))
        if place in self._replaced or self._connection.execute(_REPLACED, (*place, place[1] + 1)).fetchone():
            return
        target = self._read(*place)
        if target.response_id or target.replaces:
            raise ValueError("it replaces a record that cannot be replaced")
        day = self._calendar.day_of(target.at)
        self._replaced.add(place)
        if self._passed(place):
            self._add(target, day, -1)

    def _passed(self, place: tuple[str, int]) -> bool:
        """Whether the line at *place* is already in the sums or in this batch."""
        segment, offset = place
        row = self._connection.execute("SELECT offset FROM places WHERE segment = ?", (segment,)).fetchone()
        ends = [end for name, end, _ in (*self._places, (*self._here, False)) if name == segment]
        return any(offset < end for end in (*ends, *(row or ())))

    def _read(self, segment: str, offset: int) -> Record:
        """The record that stands in the journal at that place.

        Raises:
            ValueError: there is none.
        """
        try:
            line = self._lookup.line(segment, offset)
        except NothingToRead as error:
            raise ValueError(error.message) from error
        return _admitted(line.removesuffix(b"\n"))

    def _drop(self, record: Record) -> None:
        self._dropped[record.source] = self._dropped.get(record.source, 0) + record.requests


def claim_key(record: Record) -> bytes | None:
    """What only one record may count for: an answer, else a record to replace; None: nothing but itself."""
    if record.response_id:
        return _key(record.response_id)
    return _key(record.replaces, person=b"replaces") if record.replaces else None


def known_outputs(connection: sqlite3.Connection, response_ids: Iterable[str]) -> dict[str, int]:
    """Of *response_ids*, those that count already, with the output tokens they count with."""
    found = {}
    for response_id in response_ids:
        row = connection.execute(_CLAIM, (_key(response_id),)).fetchone()
        if row:
            found[response_id] = row[0] // RANKS_PER_OUTPUT
    return found


def _key(name: str, *, person: bytes = b"") -> bytes:
    return blake2b(name.encode(errors="replace"), digest_size=16, person=person).digest()


def _most(requests: int) -> int:
    """Of one kind of token, for so many requests together; keeps a sum of many such records in 64 bits."""
    return min(MAX_TOKENS * requests, 1 << 50)


def _admitted(line: bytes) -> Record:
    """The record of *line*, its numbers in bounds.

    Raises:
        ValueError: it is none, or one of its numbers is out of bounds.
    """
    record = decode(line)
    counts = _counts(record)
    if min(counts) < 0 or not 1 <= record.requests <= MAX_TOKENS or max(counts) > _most(record.requests):
        raise ValueError("a count is out of bounds")
    if record.cost_picousd is not None and not 0 <= record.cost_picousd <= MAX_COST_PICOUSD:
        raise ValueError("cost_picousd is out of bounds")
    return record

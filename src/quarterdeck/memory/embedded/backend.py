"""Entries, logs and waiting over the two connections; every method is one transaction or one snapshot."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, cast

from quarterdeck.errors import StoreCorrupt, UsageError
from quarterdeck.memory.backend import Item, Listed, Put, Stored
from quarterdeck.memory.embedded.checkup import check
from quarterdeck.memory.embedded.database import Reader, Writer
from quarterdeck.memory.embedded.slots import IDENTITY, SlotsFile, stripe
from quarterdeck.memory.embedded.watch import ClockWatcher
from quarterdeck.memory.names import space_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from quarterdeck.memory.backend import Health, Mark, Watcher
    from quarterdeck.memory.embedded.slots import Slots

_GET = "SELECT n, slots, CAST(data AS BLOB), expires_us FROM clock LEFT JOIN entries ON name = ?"
_GET_ONE = "SELECT CAST(data AS BLOB), expires_us FROM entries WHERE name = ?"
_PUT = (
    "INSERT INTO entries (name, expires_us, data) VALUES (?, ?, ?)"
    " ON CONFLICT (name) DO UPDATE SET expires_us = excluded.expires_us, data = excluded.data"
)
_DELETE = "DELETE FROM entries WHERE name = ? AND (expires_us IS NULL OR expires_us > ?)"
_LISTING = (
    "SELECT name, length(CAST(data AS BLOB)), expires_us FROM entries"
    " WHERE name >= ? AND name < ? AND (expires_us IS NULL OR expires_us > ?) ORDER BY name LIMIT ?"
)
_ADD = "INSERT INTO items (id, log, score, expires_us, data) VALUES (?, ?, ?, ?, ?)"
_ITEMS = "SELECT id, score, CAST(data AS BLOB) FROM items WHERE log = ? AND score BETWEEN ? AND ?"
_OLDEST_FIRST = f"{_ITEMS} ORDER BY score, id LIMIT ?"
_NEWEST_FIRST = f"{_ITEMS} ORDER BY score DESC, id DESC LIMIT ?"
_MOVE = "UPDATE items SET score = ? WHERE id = ? AND log = ? AND score BETWEEN ? AND ?"
_REMOVE = "DELETE FROM items WHERE id = ? AND log = ? AND score BETWEEN ? AND ?"
_COUNT = "SELECT count(*) FROM items WHERE log = ? AND score BETWEEN ? AND ?"
_DROP_LOWEST = "DELETE FROM items WHERE id IN (SELECT id FROM items WHERE log = ? ORDER BY score, id LIMIT ?)"
_LOGS = """
WITH RECURSIVE found (log) AS (
    SELECT min(log) FROM items WHERE log >= ?1 AND log < ?2
    UNION ALL
    SELECT (SELECT min(log) FROM items WHERE log > found.log AND log < ?2)
    FROM found WHERE log IS NOT NULL
)
SELECT log FROM found WHERE log IS NOT NULL
"""
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1
_NOTHING = (None, None)
_CHUNK = 500
_COUNTS = 1000
_PATIENCE_S = 1.0
_FIRST_SURROGATE, _AFTER_SURROGATES = 0xD800, 0xE000
_AFTER_ALL = b""  # SQLite sorts every blob after every text


class EmbeddedBackend:
    """Agent memory in one SQLite file, for all processes of this machine; see `quarterdeck.memory.backend`.

    Opens on first use; the folder must be there. A mark is what the stripe of the entry said when it was
    read, with the slots it was read from.
    """

    kind = "embedded"

    def __init__(self, path: str, *, clock: Callable[[], float] = time.time) -> None:
        """Opens nothing yet.

        Args:
            path: the database; the slots file lies beside it.
            clock: seconds since the epoch, the same for all processes, so that a time to live survives them.
        """
        self.path = path
        self.now = clock
        self._slots = SlotsFile(f"{path.removesuffix('.sqlite')}.slots")
        self._reader = Reader(path)
        self._writer = Writer(path, self._slots, self._now_us)
        self._mend_after = 0.0  # on the monotonic clock
        self._counts: dict[str, tuple[Mark, int]] = {}

    # Entries

    def get(self, name: str) -> Stored:
        """See `Backend.get`; the copy may be kept if no change of its stripe was under way."""
        slots = self._slots.slots
        at = stripe(name)
        number = slots[at]
        n, identity, data, expires_us = self._reader.one(_GET, (name,))
        if identity != slots[IDENTITY] and self._has_remapped(identity):
            return self.get(name)
        mark = (slots, at, number) if n >= number and identity == slots[IDENTITY] else None
        return self._stored(data, expires_us, mark)

    def get_many(self, names: Sequence[str]) -> list[Stored]:
        """See `Backend.get_many`; one snapshot."""
        slots = self._slots.slots
        looks = [(slots, at := stripe(name), slots[at]) for name in names]
        with self._reader.snapshot() as connection:
            n, identity = self._reader.one("SELECT n, slots FROM clock")
            execute = connection.cursor().execute
            rows = [execute(_GET_ONE, (name,)).fetchone() or _NOTHING for name in names]
        ours = identity == slots[IDENTITY]
        if not ours and self._has_remapped(identity):
            return self.get_many(names)
        return [
            self._stored(data, expires_us, look if ours and n >= look[2] else None)
            for (data, expires_us), look in zip(rows, looks, strict=True)
        ]

    def put(self, name: str, data: bytes, ttl_ms: int | None = None) -> None:
        """See `Backend.put`."""
        with self._writer as change:
            change.announce((name,))
            change.execute(_PUT, (name, self._end_us(ttl_ms), _readable(data)))

    def put_many(self, puts: Sequence[Put]) -> None:
        """See `Backend.put_many`; all or none."""
        if puts:
            with self._writer as change:
                self._write(change, puts, ())

    def delete(self, names: Sequence[str]) -> int:
        """See `Backend.delete`; what has expired is not there."""
        if not names:
            return 0
        now_us = self._now_us()
        with self._writer as change:
            change.announce(names)
            return sum(change.execute(_DELETE, (name, now_us)).rowcount for name in names)

    def listing(self, prefix: str) -> Iterator[Listed]:
        """See `Backend.listing`; read a chunk at a time, so that no snapshot stays open in between."""
        low: str | None = prefix
        end = _after(prefix)
        while low is not None:
            rows = self._reader.all(_LISTING, (low, end, self._now_us(), _CHUNK))
            low = None
            for name, size_bytes, expires_us in rows:
                yield Listed(
                    name.decode(), size_bytes, None if expires_us is None else expires_us / 1_000_000
                )
            if len(rows) == _CHUNK:
                low = rows[-1][0].decode(errors="replace") + "\0"  # nothing sorts between a text and this

    def transact(
        self,
        checks: Mapping[str, bytes | None],
        puts: Sequence[Put] = (),
        deletes: Sequence[str] = (),
    ) -> bool:
        """See `Backend.transact`.

        Raises:
            UsageError: the names are not of one space; a cluster could not do it.
        """
        touched = (*checks, *(put.name for put in puts), *deletes)
        if len(set(map(space_of, touched))) > 1:
            raise UsageError(
                "a transaction cannot change entries of several spaces",
                hint="keep what changes together with one agent, in one bucket",
            )
        with self._writer as change:
            now_us = self._now_us()
            for name, expected in checks.items():
                data, expires_us = change.execute(_GET_ONE, (name,)).fetchone() or _NOTHING
                if (data if expires_us is None or expires_us > now_us else None) != expected:
                    return False
            if puts or deletes:
                self._write(change, puts, deletes)
        return True

    # Logs

    def add(
        self,
        log: str,
        items: Sequence[bytes],
        *,
        score: int | None = None,
        keep: int | None = None,
        ttl_ms: int | None = None,
    ) -> list[int]:
        """See `Backend.add`."""
        if not items:
            return []
        end_us = self._end_us(ttl_ms)
        with self._writer as change:
            count = None if keep is None else self._count(change, log)
            first = change.announce((log,), len(items))
            ids = list(range(first, first + len(items)))
            change.executemany(
                _ADD,
                [
                    (number, log, number if score is None else score, end_us, _readable(data))
                    for number, data in zip(ids, items, strict=True)
                ],
            )
            if count is not None and keep is not None:
                count += len(items)
                if count > keep:
                    change.execute(_DROP_LOWEST, (log, count - keep))
                    count = keep
        if count is not None:
            self._remember(log, ids[-1], count)
        return ids

    def items(
        self,
        log: str,
        *,
        low: int | None = None,
        high: int | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> list[Item]:
        """See `Backend.items`."""
        statement = _NEWEST_FIRST if newest_first else _OLDEST_FIRST
        return [
            Item(*row)
            for row in self._reader.all(statement, (log, *_span(low, high), -1 if limit is None else limit))
        ]

    def take(self, log: str, *, high: int | None = None, limit: int = 1) -> list[Item]:
        """See `Backend.take`."""
        with self._writer as change:
            items = _first(change, log, high, limit)
            if items:
                change.announce((log,), len(items))
                change.executemany("DELETE FROM items WHERE id = ?", [(item.id,) for item in items])
        return items

    def claim(self, log: str, *, high: int, score: int, limit: int = 1) -> list[Item]:
        """See `Backend.claim`."""
        with self._writer as change:
            items = _first(change, log, high, limit)
            if items:
                change.announce((log,), len(items))
                change.executemany(
                    "UPDATE items SET score = ? WHERE id = ?", [(score, item.id) for item in items]
                )
        return [item._replace(score=score) for item in items]

    def move(self, log: str, ids: Sequence[int], *, score: int, was: int | None = None) -> int:
        """See `Backend.move`."""
        return self._change_items(log, _MOVE, [(score, *row) for row in _rows(log, ids, was)])

    def remove(self, log: str, ids: Sequence[int], *, score: int | None = None) -> int:
        """See `Backend.remove`."""
        return self._change_items(log, _REMOVE, _rows(log, ids, score))

    def count(self, log: str, *, low: int | None = None, high: int | None = None) -> int:
        """See `Backend.count`; counts the items, O(n)."""
        (count,) = self._reader.one(_COUNT, (log, *_span(low, high)))
        return cast("int", count)

    def logs(self, prefix: str) -> list[str]:
        """See `Backend.logs`; one look into the index for each log."""
        return [log.decode(errors="replace") for (log,) in self._reader.all(_LOGS, (prefix, _after(prefix)))]

    def drop(self, logs: Sequence[str]) -> int:
        """See `Backend.drop`."""
        if not logs:
            return 0
        with self._writer as change:
            change.announce(logs)
            return sum(change.execute("DELETE FROM items WHERE log = ?", (log,)).rowcount > 0 for log in logs)

    # Time, coherence, waiting, upkeep

    def time_ms(self) -> int:
        """The clock of this machine, in milliseconds."""
        return self._now_us() // 1000

    def is_fresh(self, mark: Mark) -> bool:
        """Whether the stripe still says what it said; takes no lock."""
        slots, at, number = cast("tuple[Slots, int, int]", mark)
        return slots[at] == number and slots is self._slots.slots

    def watch(self, prefix: str) -> Watcher:
        """See `Backend.watch`; wakes for every change, whatever its name."""
        return ClockWatcher(self._reader)

    def health(self) -> Health:
        """See `Backend.health`."""
        return check(self, self.path, self._slots)

    def durability_problem(self) -> str:
        """None: what is in a file stays there."""
        return ""

    def verify(self) -> list[str]:
        """What is damaged, in SQLite's words; reads the whole file. Empty when nothing is."""
        try:
            rows = self._reader.all("PRAGMA quick_check")
        except StoreCorrupt as error:  # it cannot even be read
            return [error.message]
        return [said.decode(errors="replace") for (said,) in rows if said != b"ok"]

    def close(self) -> None:
        """Give back the connections and the slots file; the next use opens them anew."""
        self._reader.close()
        self._writer.close()
        self._slots.detach()

    def _now_us(self) -> int:
        return round(self.now() * 1_000_000)

    def _end_us(self, ttl_ms: int | None) -> int | None:
        return None if ttl_ms is None else self._now_us() + ttl_ms * 1000

    def _has_remapped(self, identity: int) -> bool:
        """Map the slots file of that identity, or have a new one made; False when there is none for now.

        A reader that cannot have one does without, and tries again after a while.
        """
        if self._slots.attach(identity):
            return True
        now = time.monotonic()
        if now < self._mend_after:
            return False
        self._mend_after = now + _PATIENCE_S
        return self._writer.mend_slots()

    def _stored(self, data: bytes | None, expires_us: int | None, mark: Mark | None) -> Stored:
        if expires_us is None:
            return Stored(data, None, mark)
        if expires_us <= self._now_us():
            return Stored(None, None, mark)
        return Stored(data, expires_us / 1_000_000, mark)

    def _change_items(self, log: str, statement: str, rows: list[tuple[object, ...]]) -> int:
        """Do *statement* with each of *rows*; how many items that has changed."""
        if not rows:
            return 0
        with self._writer as change:
            change.announce((log,))
            return change.executemany(statement, rows).rowcount

    def _write(self, change: Writer, puts: Sequence[Put], deletes: Sequence[str]) -> None:
        change.announce([*(put.name for put in puts), *deletes], max(1, len(puts)))
        now_us = self._now_us()
        change.executemany(
            _PUT,
            [
                (name, None if ttl_ms is None else now_us + ttl_ms * 1000, _readable(data))
                for name, data, ttl_ms in puts
            ],
        )
        change.executemany("DELETE FROM entries WHERE name = ?", [(name,) for name in deletes])

    def _count(self, change: Writer, log: str) -> int:
        """How many items a log has; counted anew only if somebody else has changed it since we did."""
        known = self._counts.get(log)
        if known is not None:
            mark, count = known
            if self.is_fresh(mark):
                return count
        (count,) = change.execute(_COUNT, (log, *_span(None, None))).fetchone()
        return cast("int", count)

    def _remember(self, log: str, number: int, count: int) -> None:
        if len(self._counts) >= _COUNTS:
            self._counts.clear()
        self._counts[log] = (self._slots.slots, stripe(log), number), count


def _first(change: Writer, log: str, high: int | None, limit: int) -> list[Item]:
    rows = change.execute(_OLDEST_FIRST, (log, *_span(None, high), limit)).fetchall()
    return [Item(*row) for row in rows]


def _rows(log: str, ids: Sequence[int], score: int | None) -> list[tuple[object, ...]]:
    """What finds these items of a log, with *score* only those that have it."""
    return [(number, log, *_span(score, score)) for number in set(ids) if 0 < number <= _HIGHEST]


def _readable(data: bytes) -> bytes | str:
    """As text if it is text, so that every SQL tool shows it."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _span(low: int | None, high: int | None) -> tuple[int, int]:
    """Both bounds of a range of scores, as SQLite's integers."""
    return (
        _LOWEST if low is None else max(_LOWEST, min(low, _HIGHEST)),
        _HIGHEST if high is None else max(_LOWEST, min(high, _HIGHEST)),
    )


def _after(prefix: str) -> str | bytes:
    """What every text that begins with *prefix* sorts before, and no other text does that sorts after it."""
    for at in range(len(prefix) - 1, -1, -1):
        code = ord(prefix[at]) + 1
        if code <= sys.maxunicode:
            return prefix[:at] + chr(_AFTER_SURROGATES if code == _FIRST_SURROGATE else code)
    return _AFTER_ALL

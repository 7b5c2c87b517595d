"""The entries of a memory in a file; every method is one transaction or one snapshot."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from quarterdeck.errors import UsageError
from quarterdeck.memory.backend import KEEP, Listed, Put, Stored
from quarterdeck.memory.embedded.connected import Connected, after, readable, text_of
from quarterdeck.memory.embedded.file import the_row
from quarterdeck.memory.embedded.slots import IDENTITY, stripe
from quarterdeck.memory.names import space_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from quarterdeck.memory.backend import Mark
    from quarterdeck.memory.embedded.database import Writer

_GET = "SELECT n, slots, CAST(data AS BLOB), expires_us FROM clock LEFT JOIN entries ON name = ?"
_GET_ONE = "SELECT CAST(data AS BLOB), expires_us FROM entries WHERE name = ?"
_PUT = (
    "INSERT INTO entries (name, expires_us, data) VALUES (?, ?, ?)"
    " ON CONFLICT (name) DO UPDATE SET expires_us = excluded.expires_us, data = excluded.data"
)
_PUT_AND_KEEP = (
    "INSERT INTO entries (name, data) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET"
    " expires_us = CASE WHEN expires_us > ?3 THEN expires_us END, data = excluded.data"
)
_DELETE = "DELETE FROM entries WHERE name = ? AND (expires_us IS NULL OR expires_us > ?)"
_LISTING = (
    "SELECT name, length(CAST(data AS BLOB)), expires_us FROM entries"
    " WHERE name >= CAST(? AS TEXT) AND name < ? AND (expires_us IS NULL OR expires_us > ?)"
    " ORDER BY name LIMIT ?"
)
_NOTHING = (None, None)
_CHUNK = 500


class Entries(Connected):
    """Those of `EmbeddedBackend`."""

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
            execute = connection.cursor().execute
            n, identity = the_row(execute("SELECT n, slots FROM clock"), self.path)
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
            change.execute(_PUT, (name, self._end_us(ttl_ms), readable(data)))

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
        low: bytes | None = prefix.encode()
        end = after(prefix)
        while low is not None:
            rows = self._reader.all(_LISTING, (low, end, self._now_us(), _CHUNK))
            for name, size_bytes, expires_us in rows:
                if (text := text_of(name)) is not None:
                    yield Listed(text, size_bytes, None if expires_us is None else expires_us / 1_000_000)
            low = rows[-1][0] + b"\0" if len(rows) == _CHUNK else None  # nothing sorts between the two

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

    def _stored(self, data: bytes | None, expires_us: int | None, mark: Mark | None) -> Stored:
        if expires_us is None:
            return Stored(data, None, mark)
        if expires_us <= self._now_us():
            return Stored(None, None, mark)
        return Stored(data, expires_us / 1_000_000, mark)

    def _write(self, change: Writer, puts: Sequence[Put], deletes: Sequence[str]) -> None:
        change.announce([*(put.name for put in puts), *deletes], max(1, len(puts)))
        now_us = self._now_us()
        for keeps, group in groupby(puts, lambda put: put.ttl_ms == KEEP):
            if keeps:
                change.executemany(_PUT_AND_KEEP, [(put.name, readable(put.data), now_us) for put in group])
            else:
                change.executemany(
                    _PUT,
                    [
                        (name, None if ttl_ms is None else now_us + ttl_ms * 1000, readable(data))
                        for name, data, ttl_ms in group
                    ],
                )
        change.executemany("DELETE FROM entries WHERE name = ?", [(name,) for name in deletes])

"""Facts by content: what was extracted once is never extracted again, in any worktree or branch.

    (content hash, language) -> Packed, with the time it cost to make

One SQLite file per user, in the cache folder. A row of another extractor version, or whose checksum
does not fit, is a miss; a damaged file is made anew. Rows that no scan has used for `KEEP_DAYS` are
dropped when the store is next written to.
"""

from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck import caches, sqlite
from quarterdeck.index.facts import EXTRACTOR_VERSION
from quarterdeck.index.packed import Packed

if TYPE_CHECKING:
    from collections.abc import Iterable

KEEP_DAYS = 90
FILE = "facts.sqlite"

_COLUMNS = ", ".join(Packed._fields)
_SCHEMA = f"""
CREATE TABLE fact (
    hash TEXT NOT NULL,         -- BLAKE2b-128 of the file's bytes, hex
    language TEXT NOT NULL,     -- the same bytes may be read as more than one language
    version INTEGER NOT NULL,   -- of the extractor that made the row
    cost_us INTEGER NOT NULL,   -- what it took to make, microseconds: what a hit saves
    used_on INTEGER NOT NULL,   -- day of the last scan that needed it, days since 1970
    checksum INTEGER NOT NULL,  -- CRC-32 of the row
    {_COLUMNS},
    PRIMARY KEY (hash, language)
) WITHOUT ROWID
"""


class Known(NamedTuple):
    """A fact that was found: its row, and the microseconds it once cost to make."""

    packed: Packed
    cost_us: int


class NewFact(NamedTuple):
    """A fact to keep."""

    hash: str
    language: str
    packed: Packed
    cost_us: int


class FactStore:
    """The user's facts. One object per process and thread; many processes may share the file.

    Attributes:
        path: of the file; empty when the store lives in memory.
    """

    def __init__(self, path: str) -> None:
        """Open the store at *path* (or `sqlite.IN_MEMORY`), making it anew when it is damaged.

        Raises:
            StoreFull, StoreBusy, StateError: it can be neither opened nor made.
        """
        self.path = "" if path == sqlite.IN_MEMORY else path
        self._connection = sqlite.connect(path, (_SCHEMA,), holds="cache")
        self._today = int(time.time() // 86_400)
        self._hits = self._misses = self._evictions = self._saved_us = 0
        caches.register("index.facts", self.stats)

    def is_empty(self) -> bool:
        """Whether looking anything up is pointless."""
        with sqlite.translated():
            return self._connection.execute("SELECT 1 FROM fact LIMIT 1").fetchone() is None

    def get(self, content_hash: str, language: str) -> Known | None:
        """What is known about these bytes; None for nothing that can be trusted. One indexed read."""
        with sqlite.translated():
            row = self._connection.execute(
                f"SELECT version, checksum, cost_us, {_COLUMNS} FROM fact WHERE hash = ? AND language = ?",  # noqa: S608
                (content_hash, language),
            ).fetchone()
        if row is None:
            return None
        version, checksum, cost_us, *rest = row
        if version != EXTRACTOR_VERSION or checksum != _checksum(content_hash, rest):
            return None
        return Known(Packed._make(rest), cost_us)

    def wirings(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """`Packed.wiring` of every (hash, language) that is known; the hot part of `get`."""
        found = {}
        with sqlite.translated():
            for key in set(keys):
                row = self._connection.execute(
                    "SELECT wiring FROM fact WHERE hash = ? AND language = ? AND version = ?",
                    (*key, EXTRACTOR_VERSION),
                ).fetchone()
                if row is not None:
                    found[key] = row[0]
        return found

    def put_many(self, facts: Iterable[NewFact]) -> None:
        """Keep *facts*, all or none, and drop what nothing has used for `KEEP_DAYS`.

        Raises:
            StoreFull, StoreBusy: nothing of this call is kept; what was there before is.
        """
        rows = [
            (
                fact.hash,
                fact.language,
                EXTRACTOR_VERSION,
                fact.cost_us,
                self._today,
                _checksum(fact.hash, fact.packed),
                *fact.packed,
            )
            for fact in facts
        ]
        if not rows:
            return
        marks = ", ".join("?" * len(rows[0]))
        with sqlite.transaction(self._connection) as connection:
            connection.executemany(f"INSERT OR REPLACE INTO fact VALUES ({marks})", rows)  # noqa: S608
            dropped = connection.execute("DELETE FROM fact WHERE used_on < ?", (self._today - KEEP_DAYS,))
            self._evictions += dropped.rowcount

    def touch(self, keys: Iterable[tuple[str, str]]) -> None:
        """Note that a scan of today needed these (hash, language) rows."""
        rows = [(self._today, *key, self._today) for key in keys]
        if rows:
            with sqlite.transaction(self._connection) as connection:
                connection.executemany(
                    "UPDATE fact SET used_on = ? WHERE hash = ? AND language = ? AND used_on < ?", rows
                )

    def count(self, *, hits: int, misses: int, saved_us: int) -> None:
        """Add to the counters: look-ups happen in worker processes, which report them."""
        self._hits += hits
        self._misses += misses
        self._saved_us += saved_us

    def clear(self) -> None:
        """Forget everything, for every project of this user."""
        with sqlite.transaction(self._connection) as connection:
            connection.execute("DELETE FROM fact")

    def stats(self) -> caches.CacheStats:
        """Counters of this object's life; the size is the file's, for all projects."""
        with sqlite.translated():
            (size,) = self._connection.execute("SELECT count(*) FROM fact").fetchone()
            (pages,) = self._connection.execute("PRAGMA page_count").fetchone()
            (page_bytes,) = self._connection.execute("PRAGMA page_size").fetchone()
        return caches.CacheStats(
            "index.facts",
            hits=self._hits,
            misses=self._misses,
            evictions=self._evictions,
            size=size,
            size_bytes=pages * page_bytes,
            time_saved_s=self._saved_us / 1e6,
        )

    def close(self) -> None:
        """Give the file back; the object cannot be used afterwards."""
        self._connection.close()


def _checksum(content_hash: str, packed: Iterable[object]) -> int:
    return zlib.crc32(repr((content_hash, *packed)).encode())

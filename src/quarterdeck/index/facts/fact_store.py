"""Facts by content: what was extracted once is never extracted again, in any worktree or branch.

    (content hash, language) -> Packed, with the time it cost to make

One SQLite file per user, in the cache folder. A row of another extractor version, or whose checksum
does not fit, is a miss; a damaged file is made anew. Rows that no scan has used for `KEEP_DAYS` are
dropped when the store is next written to.
"""

from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

from quarterdeck import caches, sqlite
from quarterdeck.errors import StoreCorrupt
from quarterdeck.index.facts.facts import EXTRACTOR_VERSION
from quarterdeck.index.facts.packed import Packed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
    checksum INTEGER NOT NULL,  -- CRC-32 of the row without its wiring
    wiring_checksum INTEGER NOT NULL,  -- of that alone: it is often read without the rest
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
        damaged: the file was found to be damaged: it answers nothing more and is to be made anew.
    """

    def __init__(self, path: str) -> None:
        """Open the store at *path* (or `sqlite.IN_MEMORY`), making it anew when it is damaged.

        Raises:
            StoreFull, StoreBusy, StateError: it can be neither opened nor made.
        """
        self.path = "" if path == sqlite.IN_MEMORY else path
        self.damaged = self._is_closed = self._has_pruned = False
        self._connection = sqlite.connect(path, (_SCHEMA,), holds="cache")
        self._today = int(time.time() // 86_400)
        self._hits = self._misses = self._evictions = self._saved_us = 0
        caches.register("index.facts", self.stats)

    def is_empty(self) -> bool:
        """Whether looking anything up is pointless."""
        return self._row("SELECT 1 FROM fact LIMIT 1") is None

    def get(self, content_hash: str, language: str) -> Known | None:
        """What is known about these bytes; None for nothing that can be trusted. One indexed read."""
        key = (content_hash, language)
        row = self._row(
            f"SELECT version, checksum, wiring_checksum, cost_us, {_COLUMNS} FROM fact"  # noqa: S608
            " WHERE hash = ? AND language = ?",
            key,
        )
        if row is None:
            return None
        version, *checksums, cost_us = row[:4]
        packed = Packed._make(row[4:])
        if version != EXTRACTOR_VERSION or checksums != _checksums(key, packed):
            return None
        return Known(packed, cost_us)

    def wirings(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """`Packed.wiring` of every (hash, language) that is known; the hot part of `get`."""
        found = {}
        for key in set(keys):
            row = self._row(
                "SELECT wiring, wiring_checksum FROM fact WHERE hash = ? AND language = ? AND version = ?",
                (*key, EXTRACTOR_VERSION),
            )
            if row is not None and row[1] == _crc(*key, row[0]):
                found[key] = row[0]
        return found

    def put_many(self, facts: Iterable[NewFact]) -> None:
        """Keep *facts*, all or none; the first call also drops what nothing has used for `KEEP_DAYS`.

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
                *_checksums((fact.hash, fact.language), fact.packed),
                *fact.packed,
            )
            for fact in facts
        ]
        if not rows:
            return
        marks = ", ".join("?" * len(rows[0]))
        with sqlite.transaction(self._connection) as connection:
            connection.executemany(f"INSERT OR REPLACE INTO fact VALUES ({marks})", rows)  # noqa: S608
            if not self._has_pruned:
                old = connection.execute("DELETE FROM fact WHERE used_on < ?", (self._today - KEEP_DAYS,))
                self._evictions += old.rowcount
        self._has_pruned = True

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
        """Counters of this object's life, also after it; the size is the file's, for all projects."""
        questions = ("SELECT count(*) FROM fact", "PRAGMA page_count", "PRAGMA page_size")
        size, pages, page_bytes = ((self._row(question) or (0,))[0] for question in questions)
        return caches.CacheStats(
            "index.facts",
            hits=self._hits,
            misses=self._misses,
            evictions=self._evictions,
            size=None if self._is_closed else size,
            size_bytes=None if self._is_closed else pages * page_bytes,
            time_saved_s=self._saved_us / 1e6,
        )

    def _row(self, question: str, values: Sequence[object] = ()) -> tuple[Any, ...] | None:
        """The first row; none from a damaged file, whose facts are as good as unknown."""
        if self._is_closed:
            return None
        try:
            with sqlite.translated():
                row: tuple[Any, ...] | None = self._connection.execute(question, values).fetchone()
        except StoreCorrupt:
            self.damaged = True
            return None
        return row

    def close(self) -> None:
        """Give the file back; the object cannot be used afterwards."""
        self._is_closed = True
        self._connection.close()


def _checksums(key: tuple[str, str], packed: Packed) -> list[int]:
    """Of the row without its wiring, and of its wiring."""
    *rest, wiring = packed
    return [_crc(*key, *rest), _crc(*key, wiring)]


def _crc(*values: object) -> int:
    return zlib.crc32(repr(values).encode())

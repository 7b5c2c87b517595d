"""The logs of a memory in a file; every method is one transaction or one snapshot."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

from quarterdeck.memory.backend import Item
from quarterdeck.memory.embedded.connected import Connected, after, readable, text_of
from quarterdeck.memory.embedded.slots import stripe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from quarterdeck.memory.backend import Mark
    from quarterdeck.memory.embedded.database import Writer

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
_COUNTS = 1000


class Logs(Connected):
    """Those of `EmbeddedBackend`."""

    def __init__(self, path: str, *, clock: Callable[[], float] = time.time) -> None:
        """See `Connected`."""
        super().__init__(path, clock=clock)
        self._counts: dict[str, tuple[Mark, int]] = {}

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
                    (number, log, number if score is None else score, end_us, readable(data))
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
        found = self._reader.all(_LOGS, (prefix, after(prefix)))
        return [text for (log,) in found if (text := text_of(log)) is not None]

    def drop(self, logs: Sequence[str]) -> int:
        """See `Backend.drop`."""
        if not logs:
            return 0
        with self._writer as change:
            change.announce(logs)
            return sum(change.execute("DELETE FROM items WHERE log = ?", (log,)).rowcount > 0 for log in logs)

    def _change_items(self, log: str, statement: str, rows: list[tuple[object, ...]]) -> int:
        """Do *statement* with each of *rows*; how many items that has changed."""
        if not rows:
            return 0
        with self._writer as change:
            change.announce((log,))
            return change.executemany(statement, rows).rowcount

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


def _span(low: int | None, high: int | None) -> tuple[int, int]:
    """Both bounds of a range of scores, as SQLite's integers."""
    return (
        _LOWEST if low is None else max(_LOWEST, min(low, _HIGHEST)),
        _HIGHEST if high is None else max(_LOWEST, min(high, _HIGHEST)),
    )

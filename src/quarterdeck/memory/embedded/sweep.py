"""Expired entries and items go a few at a time, at the expense of those who write.

Nobody sees an expired entry; this is only about space. An index by expiry would cost every write a page, and
a walk around the tables costs next to nothing: for every row written, `SHARE` rows are looked at. So as long
as as much expires as is written, what has expired and still lies about is a third of what lives. How far the
walk has come is in the database: the next process goes on from there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

STEP = 32
"""After how many changes the walk goes on."""

SHARE = 4

_LAST_ID = (1 << 63) - 1


def sweep(execute: Callable[..., sqlite3.Cursor], now_us: int, rows: int) -> list[str]:
    """Look at the next *rows* entries and items and remove those that have expired; in a transaction.

    Returns:
        The logs that have lost items.
    """
    entry, item = execute("SELECT swept_entries, swept_items FROM clock").fetchone()
    next_entry, next_item = _walk(execute, "entries", entry, rows), _walk(execute, "items", item, rows)
    execute(
        "DELETE FROM entries WHERE id > ? AND id <= ? AND expires_us <= ?",
        (entry, next_entry or _LAST_ID, now_us),
    )
    expired = (item, next_item or _LAST_ID, now_us)
    logs = execute(
        "SELECT DISTINCT log FROM items WHERE id > ? AND id <= ? AND expires_us <= ?", expired
    ).fetchall()
    if logs:
        execute("DELETE FROM items WHERE id > ? AND id <= ? AND expires_us <= ?", expired)
    execute("UPDATE clock SET swept_entries = ?, swept_items = ?", (next_entry, next_item))
    return [log.decode(errors="replace") for (log,) in logs]


def _walk(execute: Callable[..., sqlite3.Cursor], table: str, start: int, rows: int) -> int:
    """The id of the last of the next *rows* rows after *start*; 0 when there are fewer: begin again."""
    found = execute(
        f"SELECT id FROM {table} WHERE id > ? ORDER BY id LIMIT 1 OFFSET ?",  # noqa: S608 one of our two tables
        (start, rows - 1),
    ).fetchone()
    return found[0] if found else 0

"""What every change of a pattern leaves behind: a revision, and an act in its life."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quarterdeck.errors import StoreCorrupt
from quarterdeck.patterns.truth.rows import json_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from quarterdeck.patterns.truth.database import Database

_MARK = """
SELECT CASE WHEN ?1 BETWEEN 0 AND (SELECT coalesce(max(revision), 0) FROM changes)
       THEN (SELECT mark FROM eras WHERE revision <= ?1 ORDER BY revision DESC LIMIT 1) ELSE '' END
"""


def newest(cursor: sqlite3.Cursor) -> tuple[int, int]:
    """The newest revision, and how many patterns there are."""
    found = cursor.execute("SELECT revision, patterns FROM changes ORDER BY revision DESC LIMIT 1").fetchone()
    return found or (0, 0)


def mark_at(database: Database, revision: int) -> str:
    """The mark of the era that *revision* is of; empty: there is no such revision now.

    Raises:
        StoreCorrupt: it has none.
    """
    found = database.rows(_MARK, (revision,))
    if not found or found[0][0] is None:
        raise StoreCorrupt(
            f"{database.path} has lost rows of the table eras",
            hint="restore it from a backup, or move it away to start afresh",
        )
    mark: str = found[0][0]
    return mark


def touch(cursor: sqlite3.Cursor, numbers: Iterable[int], *, patterns: int = 0) -> None:
    """Give those that are there a new revision each; with each of them the library has *patterns* more."""
    revision, count = newest(cursor)
    for number in numbers:
        revision += 1
        count += patterns
        cursor.execute(
            "DELETE FROM changes WHERE revision = (SELECT revision FROM patterns WHERE number = ?)", (number,)
        )
        cursor.execute("INSERT INTO changes VALUES (?, ?, ?)", (revision, number, count))
        cursor.execute("UPDATE patterns SET revision = ? WHERE number = ?", (revision, number))


def add_origin(
    cursor: sqlite3.Cursor,
    number: int,
    now_us: int,
    act: str,
    agent_id: str,
    *,
    details: Mapping[str, Any],
) -> None:
    """One more act in the life of a pattern."""
    cursor.execute(
        "INSERT INTO origins SELECT ?1, coalesce(max(step) + 1, 0), ?2, ?3, ?4, '', ?5 "
        "FROM origins WHERE number = ?1",
        (number, now_us, act, agent_id, json_of(details)),
    )

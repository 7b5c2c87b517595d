"""Patterns that come, change and go: each a transaction, with a revision for every pattern it touches."""

from __future__ import annotations

import sqlite3
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec

from quarterdeck.errors import StoreBusy, UsageError
from quarterdeck.patterns.evidence import counted
from quarterdeck.patterns.model import Pattern
from quarterdeck.patterns.truth import links, rows
from quarterdeck.patterns.truth.revisions import add_origin, newest, touch
from quarterdeck.patterns.truth.rows import FROM_WHOLE, OWN, WHOLE, us_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from quarterdeck.patterns.truth.database import Database

_INSERT = f"INSERT INTO patterns (number, revision, {OWN}) VALUES (?, ?{', ?' * len(OWN.split(','))})"  # noqa: S608 our own names
_UPDATE = f"UPDATE patterns SET ({OWN}) = ({', '.join('?' * len(OWN.split(',')))}) WHERE number = ?"  # noqa: S608 our own names
_TAKEN = "SELECT id FROM patterns WHERE id IN ({marks}) LIMIT 1"
_KNOWN = """
SELECT id FROM patterns WHERE id IN ({marks})
UNION SELECT id FROM deleted WHERE source = ? AND id IN ({marks})
"""
_PATIENCE_S = 5.0
"""Others read for milliseconds; who takes longer is stuck, or another program."""
_MANY = 250
"""Values that one statement is given at most."""


def contribute(
    database: Database,
    patterns: Sequence[Pattern],
    now_us: int,
    *,
    act: str,
    agent_id: str,
    source: str,
) -> None:
    """Add all of *patterns*, or none.

    Raises:
        UsageError: an id is taken, or is there twice.
    """
    with database.writes() as cursor:
        add(cursor, patterns, now_us, act, agent_id, source)
        for each in patterns:
            if each.superseded_by is not None:
                links.retire(cursor, each.id, each.superseded_by, links.Told(now_us, agent_id))


def absorb(
    database: Database,
    patterns: Sequence[Pattern],
    now_us: int,
    *,
    log: str,
    cursor: str,
    act: str,
    agent_id: str,
    acts: Mapping[str, tuple[str, str]],
) -> int:
    """Add those that are not there, nor came from that *log* before, and remember its *cursor*.

    Returns:
        How many were added.
    """
    with database.writes() as write:
        new = {each.id: each for each in reversed(patterns)}  # the first of an id counts
        for known in _chunks(list(new)):
            marks = ", ".join("?" * len(known))
            for (each,) in write.execute(_KNOWN.format(marks=marks), (*known, log, *known)).fetchall():
                new.pop(each, None)
        added = reversed(new.values())
        for (its_act, agent), some in groupby(added, lambda each: acts.get(each.id, (act, agent_id))):
            add(write, list(some), now_us, its_act, agent, log)
        write.execute(
            "INSERT INTO absorbed VALUES (?, ?) ON CONFLICT DO UPDATE SET cursor = excluded.cursor",
            (log, cursor),
        )
        return len(new)


def update(
    database: Database, pattern_id: str, change: Callable[[Pattern], Pattern], now_us: int, agent_id: str
) -> Pattern:
    """Have *change* make another pattern of it.

    Raises:
        UsageError: there is no such pattern, or what *change* makes of it has another id.
    """
    with database.writes() as cursor:
        row = cursor.execute(f"SELECT {WHOLE} {FROM_WHOLE} WHERE p.id = ?", (pattern_id,)).fetchone()
        if row is None:
            raise rows.unknown(pattern_id)
        before = rows.pattern_of(row, database.path)
        after: object = change(before)
        if not isinstance(after, Pattern) or after.id != pattern_id:
            raise UsageError(
                f"an update of pattern {pattern_id} must give a Pattern with the same id",
                hint="contribute the other one, and delete this one or link the two",
            )
        after = msgspec.structs.replace(
            after,
            discovered_at=before.discovered_at,
            usage_count=before.usage_count,
            success_count=before.success_count,
            failure_count=before.failure_count,
            last_used=before.last_used,
            superseded_by=before.superseded_by,
        )
        if after == before:
            return before
        number = row[0]
        touch(cursor, [number])
        cursor.execute(_UPDATE, (*rows.row_of(after, now_us), number))
        if after.tags != before.tags:
            cursor.executemany(
                "DELETE FROM tags WHERE tag = ? AND number = ?", [(tag, number) for tag in before.tags]
            )
            cursor.executemany("INSERT INTO tags VALUES (?, ?)", [(tag, number) for tag in after.tags])
        changed = [name for name in after.__struct_fields__ if getattr(after, name) != getattr(before, name)]
        add_origin(cursor, number, now_us, "updated", agent_id, details={"fields": changed})
        return after


def delete(database: Database, pattern_id: str, now_us: int, agent_id: str) -> bool:
    """Remove all that is known of it; False when it is not there."""
    with database.writes() as cursor:
        found = cursor.execute("SELECT number, tags FROM patterns WHERE id = ?", (pattern_id,)).fetchone()
        if found is None:
            return False
        number, tags = found
        links.remove_all(cursor, number)
        (source,) = cursor.execute(
            "SELECT coalesce((SELECT source FROM origins WHERE number = ? ORDER BY step LIMIT 1), '')",
            (number,),
        ).fetchone()
        cursor.execute(
            "INSERT INTO deleted VALUES (?, ?, ?, ?, ?)", (number, pattern_id, source, now_us, agent_id)
        )
        try:
            pairs = [(tag, number) for tag in msgspec.json.decode(tags, type=list[str])]
        except msgspec.DecodeError:  # another program has changed the row; here one can get rid of it
            cursor.execute("DELETE FROM tags WHERE number = ?", (number,))
        else:
            cursor.executemany("DELETE FROM tags WHERE tag = ? AND number = ?", pairs)
        for table in ("outcomes", "tallies", "origins"):
            cursor.execute(f"DELETE FROM {table} WHERE number = ?", (number,))  # noqa: S608 our own names
        touch(cursor, [number], patterns=-1)
        cursor.execute("DELETE FROM patterns WHERE number = ?", (number,))
    database.empty_log()
    return True


def reset(database: Database, now_us: int) -> int:
    """Remove all patterns; what has been absorbed of other logs does not come back.

    Raises:
        StoreBusy: they are removed, but their text is still in the log.
    """
    with database.writes() as cursor:
        revision, count = newest(cursor)
        cursor.execute(
            "INSERT INTO deleted SELECT number, id, coalesce((SELECT source FROM origins AS o "
            "WHERE o.number = p.number ORDER BY step LIMIT 1), ''), ?, '' FROM patterns AS p",
            (now_us,),
        )
        cursor.execute("DELETE FROM changes WHERE number IN (SELECT number FROM patterns)")
        cursor.execute(
            "INSERT INTO changes SELECT ? + row_number() OVER (ORDER BY number), number, 0 FROM patterns",
            (revision,),
        )
        for table in ("patterns", "tags", "outcomes", "tallies", "links", "origins"):
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608 our own names
        cursor.execute("DELETE FROM eras")
        cursor.execute("INSERT INTO eras VALUES (0, lower(hex(randomblob(16))))")
    if not database.empty_log(_PATIENCE_S):
        raise StoreBusy(
            f"all patterns are removed, but others use {database.path}, and so its log still has their text",
            hint="when they have ended, reset it once more",
        )
    return count


def add(
    cursor: sqlite3.Cursor,
    patterns: Sequence[Pattern],
    now_us: int,
    act: str,
    agent_id: str,
    source: str,
) -> None:
    """Add all of *patterns*, the newest being the last; the transaction is over when it raises.

    Raises:
        UsageError: an id is taken, or is there twice.
    """
    try:
        _insert(cursor, patterns, now_us, act, agent_id, source)
    except sqlite3.IntegrityError as error:
        cursor.execute("ROLLBACK")  # or each of the batch would be there
        raise _taken(cursor, patterns) or error from None


def _insert(
    cursor: sqlite3.Cursor,
    patterns: Sequence[Pattern],
    now_us: int,
    act: str,
    agent_id: str,
    source: str,
) -> None:
    first, count = newest(cursor)
    first += 1
    numbered = list(enumerate(patterns, first))
    cursor.executemany(_INSERT, [(number, number, *rows.row_of(each, now_us)) for number, each in numbered])
    cursor.executemany(
        "INSERT INTO changes VALUES (?, ?, ?)",
        [(number, number, number - first + 1 + count) for number, _ in numbered],
    )
    cursor.executemany(
        "INSERT INTO tags VALUES (?, ?)", [(tag, number) for number, each in numbered for tag in each.tags]
    )
    cursor.executemany(
        "INSERT INTO origins VALUES (?, 0, ?, ?, ?, ?, '{}')",
        [(number, now_us, act, agent_id, source) for number, _ in numbered],
    )
    tried = [(number, each) for number, each in numbered if each.usage_count]
    if tried:
        cursor.executemany(
            "INSERT INTO tallies VALUES (?, ?, ?, ?, ?, ?)",
            [_tally_row(number, each, now_us) for number, each in tried],
        )


def _tally_row(number: int, pattern: Pattern, now_us: int) -> tuple[Any, ...]:
    at_us = now_us if pattern.last_used is None else min(us_of(pattern.last_used), now_us)
    tally = counted(pattern.success_count, pattern.failure_count, at_us / 1e6)
    return number, tally.successes, tally.failures, tally.good, tally.bad, at_us


def _taken(cursor: sqlite3.Cursor, patterns: Sequence[Pattern]) -> UsageError | None:
    """Which of the ids is taken; None: none, so it was something else that another program has put there."""
    ((found, times),) = Counter(each.id for each in patterns).most_common(1)
    if times > 1:
        return UsageError(f"pattern {found} is there {times} times", hint="give each an id of its own")
    for ids in _chunks([each.id for each in patterns]):
        taken = cursor.execute(_TAKEN.format(marks=", ".join("?" * len(ids))), ids).fetchone()
        if taken:
            return UsageError(
                f"there is a pattern {taken[0]} already",
                hint="change it with update_pattern, or give the new one another id",
            )
    return None


def _chunks(ids: list[str]) -> Iterable[list[str]]:
    return (ids[start : start + _MANY] for start in range(0, len(ids), _MANY))

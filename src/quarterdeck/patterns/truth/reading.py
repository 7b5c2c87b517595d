"""Patterns, tallies and changes, as they are asked for."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.errors import StoreCorrupt, UsageError
from quarterdeck.patterns import checks
from quarterdeck.patterns.evidence import LEAST_DOUBT
from quarterdeck.patterns.model import Pattern  # noqa: TC001  `Change` is made of it
from quarterdeck.patterns.truth.rows import FROM_WHOLE, WHOLE, pattern_of, tally_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from quarterdeck.patterns.evidence import Tally
    from quarterdeck.patterns.truth.database import Database, Row

SORTS = {
    "expected": (
        f"CASE WHEN t.number IS NULL THEN min(max(p.confidence, {LEAST_DOUBT}), {1 - LEAST_DOUBT}) "
        "ELSE expected(p.confidence, t.successes, t.failures, t.good, t.bad, t.at_us, :now_us) END DESC"
    ),
    "usage": "coalesce(t.successes + t.failures, 0) DESC",
    "confidence": "p.confidence DESC",
    "recent": "p.number DESC",
    "name": "p.name COLLATE NOCASE",
}
"""What `top` can sort by; what is equal, newest first."""

_SIZES = (1, 10, 64, 250)
_EVERY = f"SELECT {WHOLE} {FROM_WHOLE} WHERE p.number > ? AND p.number <= ? ORDER BY p.number LIMIT ?"
_CHANGES = f"""
SELECT c.number, c.revision,
       (SELECT mark FROM eras WHERE revision <= c.revision ORDER BY revision DESC LIMIT 1), {WHOLE}
FROM changes AS c
LEFT JOIN patterns AS p ON p.number = c.number LEFT JOIN tallies AS t ON t.number = p.number
WHERE c.revision > ? ORDER BY c.revision LIMIT ?
"""  # noqa: S608 our own names


class Change(NamedTuple):
    """The newest state of a pattern that was changed.

    Attributes:
        number: which.
        revision: of its newest change.
        mark: of the history up to that revision, see `Truth.mark`.
        pattern: None: it was deleted, or cannot be read.
        is_tried: whether it has outcomes.
    """

    number: int
    revision: int
    mark: str
    pattern: Pattern | None
    is_tried: bool


def read(database: Database, numbers: Sequence[int]) -> dict[int, Pattern]:
    """Those that are there, by number."""
    found = _among(database, f"SELECT {WHOLE} {FROM_WHOLE} WHERE p.number IN ", numbers)
    return {row[0]: pattern for row in found if (pattern := _readable(row, database))}


def get(database: Database, pattern_id: str) -> Pattern | None:
    """The pattern with that id.

    Raises:
        StoreCorrupt: it cannot be read.
    """
    found = database.rows(f"SELECT {WHOLE} {FROM_WHOLE} WHERE p.id = ?", (pattern_id,))
    return pattern_of(found[0], database.path) if found else None


def get_many(database: Database, ids: Sequence[str]) -> dict[str, Pattern]:
    """Those that are there, by id."""
    found = _among(database, f"SELECT {WHOLE} {FROM_WHOLE} WHERE p.id IN ", ids)
    return {row[1]: pattern for row in found if (pattern := _readable(row, database))}


def tallies(database: Database, numbers: Sequence[int]) -> dict[int, Tally]:
    """Of those that have outcomes, by number."""
    found = _among(
        database,
        "SELECT successes, failures, good, bad, at_us, number FROM tallies WHERE number IN ",
        numbers,
    )
    return {row[5]: tally_of(row[:5]) for row in found}


def find(
    database: Database, tag: str | None, pattern_type: str | None, agent_id: str | None, limit: int | None
) -> list[Pattern]:
    """All that have what is asked for, newest first."""
    asked = {"p.pattern_type": pattern_type, "p.agent_id": agent_id, "g.tag": tag}
    given = {column: value for column, value in asked.items() if value is not None}
    source, newest = FROM_WHOLE, "p.number"
    if tag is not None:
        source = (
            f"FROM tags AS g CROSS JOIN patterns AS p ON p.number = g.number {FROM_WHOLE.partition('p ')[2]}"
        )
        newest = "g.number"
    where = " AND ".join(f"{column} = ?" for column in given) or "1"
    found = database.rows(
        f"SELECT {WHOLE} {source} WHERE {where} ORDER BY {newest} DESC LIMIT ?",
        (*given.values(), -1 if limit is None else limit),
    )
    return [pattern for row in found if (pattern := _readable(row, database))]


def every(database: Database) -> Iterator[Pattern]:
    """Each that is there now, once, in the order they came; bounded memory."""
    after, ((last,),) = 0, database.rows("SELECT coalesce(max(number), 0) FROM patterns")
    while found := database.rows(_EVERY, (after, last, _SIZES[-1])):
        after = found[-1][0]
        yield from (pattern for row in found if (pattern := _readable(row, database)))


def top(database: Database, n: int, sort_by: str, now_us: int) -> list[Pattern]:
    """The first *n* of those that are neither expired nor superseded.

    Raises:
        UsageError: there is no such order.
    """
    if sort_by not in tuple(SORTS):  # it may be anything, also what cannot be hashed
        raise UsageError(
            f"patterns cannot be sorted by {checks.told(sort_by)}", hint=f"sort by one of {', '.join(SORTS)}"
        )
    found = database.rows(
        f"SELECT p.number {FROM_WHOLE} WHERE p.superseded_by IS NULL AND coalesce(p.expires_us > :now_us, 1) "
        f"ORDER BY {SORTS[sort_by]}, p.number DESC LIMIT :n",
        {"now_us": now_us, "n": n},
    )
    numbers = [number for (number,) in found]
    patterns = read(database, numbers)
    return [patterns[number] for number in numbers if number in patterns]


def due(database: Database, at_us: int, limit: int) -> list[Pattern]:
    """Those whose date of review is past at *at_us*, the longest overdue first."""
    found = database.rows(
        f"SELECT {WHOLE} {FROM_WHOLE} WHERE p.review_us <= ? ORDER BY p.review_us, p.number LIMIT ?",
        (at_us, limit),
    )
    return [pattern for row in found if (pattern := _readable(row, database))]


def changes(database: Database, after: int, at_most: int) -> list[Change]:
    """What has a revision above *after*, lowest first."""
    return [_change_of(row, database) for row in database.rows(_CHANGES, (after, at_most))]


def damaged(database: Database) -> int:
    """How many of the patterns that could not be read when somebody last tried still cannot."""
    suspects = list(database.damaged)
    database.damaged.clear()
    read(database, suspects)
    return len(database.damaged)


def _change_of(row: Row, database: Database) -> Change:
    number, revision, mark, is_there = row[:4]
    pattern = _readable(row[3:], database) if is_there is not None else None
    is_tried = pattern is not None and pattern.usage_count > 0
    return Change(number, revision, mark or "", pattern, is_tried)


def _readable(row: Row, database: Database) -> Pattern | None:
    """The pattern of a row of `WHOLE`; None: another program has damaged it, which is noted."""
    try:
        return pattern_of(row, database.path)
    except StoreCorrupt:
        database.damaged.add(row[0])
        return None


def _among(database: Database, statement: str, keys: Sequence[int] | Sequence[str]) -> Iterator[Row]:
    """The rows of those *keys*; few different statements, so that SQLite need not read each anew."""
    for start in range(0, len(keys), _SIZES[-1]):
        part = keys[start : start + _SIZES[-1]]
        size = next(size for size in _SIZES if size >= len(part))
        yield from database.rows(statement + _marks(size), [*part, *[part[0]] * (size - len(part))])


@lru_cache
def _marks(size: int) -> str:
    return f"({', '.join('?' * size)})"

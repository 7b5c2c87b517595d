"""What patterns are to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.errors import UsageError
from quarterdeck.patterns.model import Link, LinkKind
from quarterdeck.patterns.truth import rows
from quarterdeck.patterns.truth.revisions import add_origin, touch

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from quarterdeck.patterns.truth.database import Database

_BOTH_WAYS = frozenset({LinkKind.RELATED, LinkKind.CONTRADICTS})
_SUPERSEDED = """
WITH RECURSIVE below(number) AS (
    VALUES (?)
    UNION SELECT target FROM links JOIN below ON source = number WHERE kind = 'supersedes'
)
SELECT 1 FROM below WHERE number = ?
"""
_NEWEST_ABOVE = """
UPDATE patterns SET superseded_by = (
    SELECT above.id FROM links JOIN patterns AS above ON above.number = links.source
    WHERE links.target = patterns.number AND kind = 'supersedes'
    ORDER BY links.at_us DESC, above.number DESC LIMIT 1
) WHERE number = ?
"""
_LINKS_ON_ONE_SIDE = """
SELECT links.at_us, links.kind, s.id, t.id, links.agent_id FROM patterns AS asked
CROSS JOIN links ON links.{side} = asked.number
JOIN patterns AS s ON s.number = links.source JOIN patterns AS t ON t.number = links.target
WHERE asked.id IN ({{marks}})
"""
_LINKS = " UNION ".join(_LINKS_ON_ONE_SIDE.format(side=side) for side in ("source", "target"))
"""CROSS: from the patterns that are asked about to their links, never the other way."""
_NEIGHBOURS = """
SELECT target FROM links WHERE source = ? AND kind IN ({marks})
UNION SELECT source FROM links WHERE target = ? AND kind IN ({marks}) ORDER BY 1
"""
_MANY = 250
"""Patterns that one statement is asked about at most."""


def link(
    database: Database, source_id: str, target_id: str, kind: LinkKind, now_us: int, agent_id: str
) -> bool:
    """Link two patterns; False when they are linked so already.

    Raises:
        UsageError: one of them is not there, they are the same, or one would supersede itself.
    """
    if source_id == target_id:
        raise UsageError(f"pattern {source_id} cannot be linked to itself", hint="name another pattern")
    with database.writes() as cursor:
        source, target = _number(cursor, source_id), _number(cursor, target_id)
        if _is_there(cursor, source, target, kind):
            return False
        if kind is LinkKind.SUPERSEDES and cursor.execute(_SUPERSEDED, (target, source)).fetchone():
            raise UsageError(
                f"pattern {target_id} supersedes {source_id} already, so it cannot be superseded by it",
                hint="unlink them first, if it is the other way round",
            )
        cursor.execute(
            "INSERT INTO links VALUES (?, ?, ?, ?, ?)", (source, target, kind.value, now_us, agent_id)
        )
        if kind is LinkKind.SUPERSEDES:
            _renew(cursor, [target])
            add_origin(cursor, target, now_us, "superseded", agent_id, details={"by": source_id})
        return True


def unlink(database: Database, source_id: str, target_id: str, kind: LinkKind) -> bool:
    """Take a link away; False when there is none."""
    with database.writes() as cursor:
        pair = [
            cursor.execute("SELECT number FROM patterns WHERE id = ?", (each,)).fetchone()
            for each in (source_id, target_id)
        ]
        if None in pair:
            return False
        (source,), (target,) = pair
        removed = False
        for one, other in _ways(source, target, kind):
            cursor.execute(
                "DELETE FROM links WHERE source = ? AND target = ? AND kind = ?", (one, other, kind.value)
            )
            removed |= cursor.rowcount > 0
        if removed and kind is LinkKind.SUPERSEDES:
            _renew(cursor, [target])
        return removed


def remove_all(cursor: sqlite3.Cursor, number: int) -> None:
    """Take away all links of a pattern that is about to be deleted; those it superseded are back."""
    targets = cursor.execute(
        "SELECT target FROM links WHERE source = ? AND kind = 'supersedes'", (number,)
    ).fetchall()
    cursor.execute("DELETE FROM links WHERE source = ?", (number,))
    cursor.execute("DELETE FROM links WHERE target = ?", (number,))
    _renew(cursor, [target for (target,) in targets])


def links_of(database: Database, ids: Sequence[str]) -> list[Link]:
    """All links from or to one of *ids*, each once, oldest first."""
    found = set()
    for start in range(0, len(ids), _MANY):
        part = ids[start : start + _MANY]
        found.update(database.rows(_LINKS.format(marks=", ".join("?" * len(part))), (*part, *part)))
    try:
        return [
            Link(LinkKind(kind), source, target, rows.at_of(at_us), agent_id)
            for at_us, kind, source, target, agent_id in sorted(found)
        ]
    except (ValueError, OverflowError) as error:
        raise rows.damaged(database.path, "a link", error) from error


def related(
    database: Database, pattern_id: str, depth: int, kinds: Collection[LinkKind]
) -> list[tuple[str, int]]:
    """Ids that are at most *depth* links away, either way, with how many; nearest first.

    Raises:
        UsageError: there is no such pattern.
    """
    neighbours = _NEIGHBOURS.format(marks=", ".join("?" * len(kinds)))
    with database.snapshot():
        start = rows.number_of(database, pattern_id)
        if start is None:
            raise rows.unknown(pattern_id)
        away = {start: 0}
        edge = [start]
        for distance in range(1, depth + 1):
            found: dict[int, None] = {}
            for number in edge:
                for (other,) in database.rows(neighbours, (number, *kinds, number, *kinds)):
                    if other not in away:
                        found[other] = None
            if not found:
                break
            away.update(dict.fromkeys(found, distance))
            edge = list(found)
        del away[start]
        ids: list[tuple[str, int]] = []
        for number, distance in away.items():
            for (identity,) in database.rows("SELECT id FROM patterns WHERE number = ?", (number,)):
                ids.append((identity, distance))
        return ids


def _renew(cursor: sqlite3.Cursor, targets: Sequence[int]) -> None:
    touch(cursor, targets)
    cursor.executemany(_NEWEST_ABOVE, [(target,) for target in targets])


def _ways(source: int, target: int, kind: LinkKind) -> list[tuple[int, int]]:
    return [(source, target), (target, source)] if kind in _BOTH_WAYS else [(source, target)]


def _is_there(cursor: sqlite3.Cursor, source: int, target: int, kind: LinkKind) -> bool:
    return any(
        cursor.execute(
            "SELECT 1 FROM links WHERE source = ? AND target = ? AND kind = ?", (*way, kind.value)
        ).fetchone()
        for way in _ways(source, target, kind)
    )


def _number(cursor: sqlite3.Cursor, pattern_id: str) -> int:
    found = cursor.execute("SELECT number FROM patterns WHERE id = ?", (pattern_id,)).fetchone()
    if found is None:
        raise rows.unknown(pattern_id)
    number: int = found[0]
    return number

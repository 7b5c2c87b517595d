"""What patterns are to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.errors import UsageError
from quarterdeck.patterns.model import Link, LinkKind
from quarterdeck.patterns.truth import rows
from quarterdeck.patterns.truth.revisions import add_origin, touch
from quarterdeck.patterns.truth.rows import json_of

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
_SAYS_SO = "SELECT 1 FROM patterns WHERE id = ? AND superseded_by = ?"
_NEWEST_ABOVE = """
UPDATE patterns SET superseded_by = (
    SELECT above.id FROM links JOIN patterns AS above ON above.number = links.source
    WHERE links.target = patterns.number AND kind = 'supersedes'
    ORDER BY links.at_us DESC, above.number DESC LIMIT 1
) WHERE number = ?
"""
_IS_TOLD = "SELECT 1 FROM origins WHERE number = ? AND act = 'superseded' AND details = ?"
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


class Told(NamedTuple):
    """What the provenance of a pattern says of a link that retires it.

    Attributes:
        now_us: when it was said.
        agent_id: by whom.
        once: not again, if it is there.
    """

    now_us: int
    agent_id: str
    once: bool = False


def link(
    database: Database, source_id: str, target_id: str, kind: LinkKind, now_us: int, agent_id: str
) -> bool:
    """Link two patterns; False when they are linked so already.

    Raises:
        UsageError: one of them is not there, they are the same, or one would supersede itself.
    """
    with database.writes() as cursor:
        return _put(cursor, source_id, target_id, kind, now_us, agent_id, Told(now_us, agent_id))


def link_all(database: Database, links: Sequence[Link], now_us: int, agent_id: str) -> int:
    """Link all of these, or none, as of when they were made; those that are there stay as they are.

    Returns:
        How many were new.

    Raises:
        UsageError: as `link` does.
    """
    told = Told(now_us, agent_id, once=True)
    with database.writes() as cursor:
        return sum(
            _put(
                cursor, each.source, each.target, each.kind, rows.us_of(each.created_at), each.agent_id, told
            )
            for each in links
        )


def retire(cursor: sqlite3.Cursor, pattern_id: str, successor_id: str, told: Told | None) -> None:
    """Say of a new pattern what has taken its place, also if that is not here.

    Args:
        cursor: in a transaction.
        pattern_id: which.
        successor_id: which has taken its place.
        told: also link the two, if both are there; None: their link is to come.

    Raises:
        UsageError: it is itself, or one that it supersedes.
    """
    if successor_id == pattern_id:
        raise _to_itself(pattern_id)
    is_there = cursor.execute("SELECT 1 FROM patterns WHERE id = ?", (successor_id,)).fetchone()
    if told and is_there:
        _put(cursor, successor_id, pattern_id, LinkKind.SUPERSEDES, told.now_us, told.agent_id, told)
    else:
        cursor.execute("UPDATE patterns SET superseded_by = ? WHERE id = ?", (successor_id, pattern_id))


def unlink(database: Database, source_id: str, target_id: str, kind: LinkKind) -> bool:
    """Take a link away, and what a pattern says of a successor that is not here; False: neither was there."""
    with database.writes() as cursor:
        found = dict(
            cursor.execute("SELECT id, number FROM patterns WHERE id IN (?, ?)", (source_id, target_id))
        )
        removed = False
        if len(found) == 2:
            for one, other in _ways(found[source_id], found[target_id], kind):
                cursor.execute(
                    "DELETE FROM links WHERE source = ? AND target = ? AND kind = ?", (one, other, kind.value)
                )
                removed |= cursor.rowcount > 0
        if kind is LinkKind.SUPERSEDES and target_id in found:
            removed |= bool(cursor.execute(_SAYS_SO, (target_id, source_id)).fetchone())
            if removed:
                _renew(cursor, [found[target_id]])
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


def number_in(cursor: sqlite3.Cursor, pattern_id: str) -> int:
    """Of the pattern with that id, in a transaction.

    Raises:
        UsageError: there is no such pattern.
    """
    found = cursor.execute("SELECT number FROM patterns WHERE id = ?", (pattern_id,)).fetchone()
    if found is None:
        raise rows.unknown(pattern_id)
    number: int = found[0]
    return number


def _put(
    cursor: sqlite3.Cursor,
    source_id: str,
    target_id: str,
    kind: LinkKind,
    at_us: int,
    agent_id: str,
    told: Told,
) -> bool:
    """Link two patterns; False when they are linked so already."""
    if source_id == target_id:
        raise _to_itself(source_id)
    source, target = number_in(cursor, source_id), number_in(cursor, target_id)
    if _is_there(cursor, source, target, kind):
        return False
    if kind is LinkKind.SUPERSEDES and cursor.execute(_SUPERSEDED, (target, source)).fetchone():
        raise UsageError(
            f"pattern {target_id} supersedes {source_id} already, so it cannot be superseded by it",
            hint="unlink them first, if it is the other way round",
        )
    cursor.execute("INSERT INTO links VALUES (?, ?, ?, ?, ?)", (source, target, kind.value, at_us, agent_id))
    if kind is LinkKind.SUPERSEDES:
        _renew(cursor, [target])
        details = {"by": source_id}
        if not (told.once and cursor.execute(_IS_TOLD, (target, json_of(details))).fetchone()):
            add_origin(cursor, target, told.now_us, "superseded", told.agent_id, details=details)
    return True


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


def _to_itself(pattern_id: str) -> UsageError:
    return UsageError(f"pattern {pattern_id} cannot be linked to itself", hint="name another pattern")

"""Patterns with all that has become of them, on their way to another library, and into this one.

A long past comes in several records: the first has the pattern, and those that go on have none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.patterns.evidence import MOST_OUTCOMES
from quarterdeck.patterns.model import Link, LinkKind, Origin, Outcome, Pattern
from quarterdeck.patterns.truth import links, rows, writing
from quarterdeck.patterns.truth.revisions import newest
from quarterdeck.patterns.truth.rows import FROM_WHOLE, WHOLE, at_of, json_of, us_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterator, Sequence

    from quarterdeck.patterns.truth.database import Database, Row

_PATTERNS = 100
"""Patterns that are read at once."""
_OUTCOMES = 200
_LINKS = 1_000

_NUMBERS = "SELECT number FROM patterns WHERE number > ? AND number <= ? ORDER BY number LIMIT ?"
_CHOSEN = "SELECT number FROM patterns WHERE id IN (SELECT value FROM json_each(?)) ORDER BY number"
_READ = (
    f"SELECT {WHOLE}, t.good, t.bad {FROM_WHOLE} "  # noqa: S608 our own names
    "WHERE p.number IN (SELECT value FROM json_each(?)) ORDER BY p.number"
)
_ORIGINS = """
SELECT number, at_us, act, agent_id, source, details FROM origins
WHERE number IN (SELECT value FROM json_each(?)) ORDER BY number, step
"""
_OUTCOMES_OF = """
SELECT id, success, at_us, agent_id, note FROM outcomes
WHERE number = ? AND id > ? AND id <= ? ORDER BY id LIMIT ?
"""
_LINKS_AFTER = """
SELECT l.source, l.target, l.kind, s.id, t.id, l.at_us, l.agent_id FROM links AS l
CROSS JOIN patterns AS s ON s.number = l.source CROSS JOIN patterns AS t ON t.number = l.target
WHERE (l.source, l.target, l.kind) > (?, ?, ?) AND l.source <= ? AND l.target <= ?
ORDER BY l.source, l.target, l.kind LIMIT ?
"""
_LINKS_FROM = """
SELECT l.source, l.target, l.kind, s.id, t.id, l.at_us, l.agent_id FROM json_each(?) AS asked
CROSS JOIN links AS l ON l.source = asked.value
CROSS JOIN patterns AS s ON s.number = l.source CROSS JOIN patterns AS t ON t.number = l.target
ORDER BY l.source, l.target, l.kind
"""


class Record(NamedTuple):
    """A pattern with its past, or a further part of that past.

    Attributes:
        pattern_id: whose.
        pattern: None: these are more of the origins and outcomes of the record before.
        weights: of its successes and of its failures by now, by their age as of ``last_used``; None: unknown.
        origins: oldest first.
        outcomes: in the order they were recorded.
    """

    pattern_id: str
    pattern: Pattern | None
    weights: tuple[float, float] | None = None
    origins: tuple[Origin, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


def history(database: Database, ids: Collection[str] | None) -> Iterator[Record | Link]:
    """Patterns in the order they came, then the links among them; bounded memory.

    What others contribute meanwhile is not among them.

    Args:
        database: whose.
        ids: which; those that are not there are left out. None: all.
    """
    ((last,),) = database.rows("SELECT coalesce(max(number), 0) FROM patterns")
    if ids is None:
        yield from _records(database, _all_numbers(database, last))
        yield from _all_links(database, last)
        return
    chosen = [number for (number,) in database.rows(_CHOSEN, (json_of(list(ids)),))]
    pages = [chosen[start : start + _PATTERNS] for start in range(0, len(chosen), _PATTERNS)]
    yield from _records(database, iter(pages))
    among = frozenset(chosen)
    for page in pages:
        found = database.rows(_LINKS_FROM, (json_of(page),))
        yield from (_link_of(row, database) for row in found if row[1] in among)


def restore(
    database: Database, records: Sequence[Record], now_us: int, *, agent_id: str, source: str
) -> None:
    """Add patterns with their past, or none of them; the last of their origins is that they were imported.

    Args:
        database: where to.
        records: those without a pattern go on with one that is there.
        now_us: nothing in their past is later.
        agent_id: who imports them.
        source: from where.

    Raises:
        UsageError: an id is taken, or is there twice; or a pattern has taken its own place.
    """
    patterns = [each.pattern for each in records if each.pattern is not None]
    with database.writes() as cursor:
        first = newest(cursor)[0] + 1
        writing.add(cursor, patterns, now_us, "imported", agent_id, source)
        numbers = {each.id: number for number, each in enumerate(patterns, first)}
        for each in records:
            number = numbers.get(each.pattern_id) or links.number_in(cursor, each.pattern_id)
            _add_origins(cursor, number, each, now_us)
            cursor.executemany(
                "INSERT INTO outcomes (number, success, at_us, agent_id, note) VALUES (?, ?, ?, ?, ?)",
                [
                    (number, int(one.success), min(us_of(one.at), now_us), one.agent_id, one.note)
                    for one in each.outcomes
                ],
            )
            if each.pattern is not None:
                _weigh(cursor, number, each)
                if each.pattern.superseded_by is not None:
                    links.retire(cursor, each.pattern_id, each.pattern.superseded_by, None)


def _all_numbers(database: Database, last: int) -> Iterator[list[int]]:
    after = 0
    while found := database.rows(_NUMBERS, (after, last, _PATTERNS)):
        page = [number for (number,) in found]
        after = page[-1]
        yield page


def _records(database: Database, pages: Iterator[list[int]]) -> Iterator[Record]:
    for page in pages:
        asked = (json_of(page),)
        with database.snapshot():
            found = database.rows(_READ, asked)
            acts = database.rows(_ORIGINS, asked)
            ((newest_outcome,),) = database.rows("SELECT coalesce(max(id), 0) FROM outcomes")
        origins: dict[int, list[Row]] = {}
        for number, *act in acts:
            origins.setdefault(number, []).append(tuple(act))
        for *row, good, bad in found:
            pattern = rows.pattern_of(tuple(row), database.path)
            past = tuple(rows.origin_of(act, pattern.id, database.path) for act in origins.get(row[0], ()))
            if good is None:
                yield Record(pattern.id, pattern, None, past)
                continue
            outcomes = _outcomes_of(database, row[0], pattern.id, newest_outcome)
            yield Record(pattern.id, pattern, (good, bad), past, next(outcomes, ()))
            for more in outcomes:
                yield Record(pattern.id, None, outcomes=more)


def _outcomes_of(
    database: Database, number: int, pattern_id: str, last: int
) -> Iterator[tuple[Outcome, ...]]:
    """They are only ever added, so those up to the *last* are those that its tally counts."""
    after = 0
    while found := database.rows(_OUTCOMES_OF, (number, after, last, _OUTCOMES)):
        after = found[-1][0]
        try:
            yield tuple(
                Outcome(pattern_id, bool(success), at_of(at_us), agent_id, note)
                for _, success, at_us, agent_id, note in found
            )
        except OverflowError as error:
            raise rows.damaged(database.path, f"an outcome of pattern {pattern_id!r}", error) from error


def _all_links(database: Database, last: int) -> Iterator[Link]:
    after = (0, 0, "")
    while found := database.rows(_LINKS_AFTER, (*after, last, last, _LINKS)):
        after = found[-1][:3]
        yield from (_link_of(row, database) for row in found)


def _link_of(row: Row, database: Database) -> Link:
    _, _, kind, source, target, at_us, agent_id = row
    try:
        return Link(LinkKind(kind), source, target, at_of(at_us), agent_id)
    except (ValueError, OverflowError) as error:
        raise rows.damaged(database.path, "a link", error) from error


def _add_origins(cursor: sqlite3.Cursor, number: int, record: Record, now_us: int) -> None:
    """Put them before the one of the import; further ones come after it."""
    if record.pattern is not None:
        step = 0
        cursor.execute("UPDATE origins SET step = ? WHERE number = ?", (len(record.origins), number))
    else:
        ((step,),) = cursor.execute("SELECT max(step) + 1 FROM origins WHERE number = ?", (number,))
    cursor.executemany(
        "INSERT INTO origins VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (number, at, min(us_of(act.at), now_us), act.act, act.agent_id, act.source, json_of(act.details))
            for at, act in enumerate(record.origins, step)
        ],
    )


def _weigh(cursor: sqlite3.Cursor, number: int, record: Record) -> None:
    """Let its outcomes count what they counted where it comes from; no more than there are."""
    if record.weights is None or record.pattern is None:
        return
    good = min(max(0.0, record.weights[0]), record.pattern.success_count, MOST_OUTCOMES)
    bad = min(max(0.0, record.weights[1]), record.pattern.failure_count, MOST_OUTCOMES)
    cursor.execute("UPDATE tallies SET good = ?, bad = ? WHERE number = ?", (good, bad, number))

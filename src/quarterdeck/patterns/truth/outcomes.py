"""What came of using patterns: every outcome is kept, and their tally is always the sum of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.patterns.evidence import NO_OUTCOMES
from quarterdeck.patterns.model import Origin, Outcome
from quarterdeck.patterns.truth import rows
from quarterdeck.patterns.truth.revisions import touch
from quarterdeck.patterns.truth.rows import at_of, tally_of, us_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quarterdeck.patterns.truth.database import Database

_TALLY = "SELECT successes, failures, good, bad, at_us FROM tallies WHERE number = ?"
_KEEP = "INSERT OR REPLACE INTO tallies VALUES (?, ?, ?, ?, ?, ?)"


def record(database: Database, outcomes: Sequence[Outcome], now_us: int, half_life_s: float) -> None:
    """Add all *outcomes*, or none; the first one of a pattern changes it.

    None is of later than *now_us*: all that comes would weigh nothing until then.

    Raises:
        UsageError: there is no such pattern.
    """
    with database.writes() as cursor:
        numbers: dict[str, int] = {}
        tallies = {}
        for each in outcomes:
            if each.pattern_id in numbers:
                continue
            found = cursor.execute("SELECT number FROM patterns WHERE id = ?", (each.pattern_id,)).fetchone()
            if found is None:
                raise rows.unknown(each.pattern_id)
            (numbers[each.pattern_id],) = found
            row = cursor.execute(_TALLY, found).fetchone()
            tallies[found[0]] = NO_OUTCOMES if row is None else tally_of(row).known_by(now_us / 1e6)
        first = [number for number, tally in tallies.items() if tally is NO_OUTCOMES]
        if first:
            touch(cursor, first)
        for each in outcomes:
            number = numbers[each.pattern_id]
            at_us = min(us_of(each.at), now_us)
            tallies[number] = tallies[number].after(each.success, at_us / 1e6, half_life_s)
        cursor.executemany(
            "INSERT INTO outcomes (number, success, at_us, agent_id, note) VALUES (?, ?, ?, ?, ?)",
            [
                (
                    numbers[each.pattern_id],
                    int(each.success),
                    min(us_of(each.at), now_us),
                    each.agent_id,
                    each.note,
                )
                for each in outcomes
            ],
        )
        cursor.executemany(
            _KEEP, [(number, *tally[:4], round(tally.at_s * 1e6)) for number, tally in tallies.items()]
        )


def outcomes_of(database: Database, pattern_id: str, limit: int) -> list[Outcome]:
    """The newest *limit* of them, newest first; none for an id that is not there."""
    found = database.rows(
        "SELECT o.success, o.at_us, o.agent_id, o.note FROM outcomes AS o "
        "JOIN patterns AS p ON p.number = o.number WHERE p.id = ? ORDER BY o.id DESC LIMIT ?",
        (pattern_id, limit),
    )
    try:
        return [Outcome(pattern_id, bool(row[0]), at_of(row[1]), row[2], row[3]) for row in found]
    except OverflowError as error:
        raise rows.damaged(database.path, f"an outcome of pattern {pattern_id!r}", error) from error


def origins_of(database: Database, pattern_id: str) -> list[Origin]:
    """What was done to the patterns that ever had this id, oldest first."""
    found = database.rows(
        "SELECT o.number, o.step, o.at_us, o.act, o.agent_id, o.source, o.details "
        "FROM origins AS o JOIN patterns AS p ON p.number = o.number WHERE p.id = ?1 "
        "UNION ALL SELECT number, 0, at_us, 'deleted', agent_id, '', '{}' FROM deleted WHERE id = ?1 "
        "ORDER BY 1, 2",
        (pattern_id,),
    )
    return [rows.origin_of(row[2:], pattern_id, database.path) for row in found]

"""What is in a library, in numbers."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.patterns.truth.reading import damaged
from quarterdeck.sqlite import IN_MEMORY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quarterdeck.patterns.truth.database import Database

_TAGS = 20


class LibraryCounts(NamedTuple):
    """What is in a library, in numbers.

    Attributes:
        patterns: all, also superseded and expired ones.
        agents: who have contributed one of them.
        by_type, by_lesson: how many of each, most first.
        tags: the most used, with how many patterns have them, most first.
        outcomes, successes: all that were ever recorded of these patterns, also elsewhere.
        links: of any kind.
        superseded, expired, due_for_review: patterns.
        size_bytes: of the file and its log.
        revision: of the newest change.
        damaged: patterns that cannot be read, of all that this object has come across; they are left out.
        mean_confidence: as their authors stated it; 0 of none.
    """

    patterns: int
    agents: int
    by_type: Mapping[str, int]
    by_lesson: Mapping[str, int]
    tags: Mapping[str, int]
    outcomes: int
    successes: int
    links: int
    superseded: int
    expired: int
    due_for_review: int
    size_bytes: int
    revision: int
    damaged: int
    mean_confidence: float


def newest(database: Database) -> tuple[int, int]:
    """The newest revision, and how many patterns there are; 0 and 0 of a new file."""
    found = database.rows("SELECT revision, patterns FROM changes ORDER BY revision DESC LIMIT 1")
    return found[0] if found else (0, 0)


def stats(database: Database, now_us: int) -> LibraryCounts:
    """All of it, of one state; reads whole indexes."""
    with database.snapshot():
        revision, patterns = newest(database)
        avoid = _one(database, "SELECT count(*) FROM patterns WHERE lesson <> 'do'")
        ((outcomes, successes),) = database.rows(
            "SELECT coalesce(sum(successes + failures), 0), coalesce(sum(successes), 0) FROM tallies"
        )
        return LibraryCounts(
            patterns=patterns,
            agents=_one(database, "SELECT count(DISTINCT agent_id) FROM patterns"),
            by_type=dict(
                database.rows(
                    "SELECT pattern_type, count(*) FROM patterns GROUP BY pattern_type ORDER BY 2 DESC, 1"
                )
            ),
            by_lesson={"do": patterns - avoid, "avoid": avoid},
            tags=dict(
                database.rows(
                    "SELECT tag, count(*) FROM tags GROUP BY tag ORDER BY 2 DESC, 1 LIMIT ?", (_TAGS,)
                )
            ),
            outcomes=outcomes,
            successes=successes,
            links=_one(database, "SELECT count(*) FROM links"),
            superseded=_one(database, "SELECT count(DISTINCT target) FROM links WHERE kind = 'supersedes'"),
            expired=_one(database, "SELECT count(*) FROM patterns WHERE expires_us <= ?", now_us),
            due_for_review=_one(database, "SELECT count(*) FROM patterns WHERE review_us <= ?", now_us),
            size_bytes=_size_bytes(database.path),
            revision=revision,
            damaged=damaged(database),
            mean_confidence=database.rows("SELECT coalesce(avg(confidence), 0.0) FROM patterns")[0][0],
        )


def _one(database: Database, statement: str, *given: int) -> int:
    ((value,),) = database.rows(statement, given)
    number: int = value
    return number


def _size_bytes(path: str) -> int:
    total = 0
    if path != IN_MEMORY:
        for each in (path, f"{path}-wal"):
            with contextlib.suppress(FileNotFoundError):
                total += os.stat(each).st_size
    return total

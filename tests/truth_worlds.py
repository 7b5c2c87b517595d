"""Patterns, and the file they are kept in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from quarterdeck.patterns.model import Outcome, Pattern
from quarterdeck.patterns.truth import Truth

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
HALF_LIFE_S = 90 * 86400.0
PROJECT = Path(__file__).resolve().parent.parent
"""From there a child can import ``tests``."""


def a_pattern(pattern_id: str = "p", **fields: object) -> Pattern:
    """A pattern that is typical but for *fields*."""
    typical: dict[str, object] = {
        "agent_id": "ada",
        "pattern_type": "conditional",
        "name": "Retry when the database is locked",
        "description": "SQLite says SQLITE_BUSY:\nwait a little, then try again.",
        "context": {"language": "python", "retries": 3},
        "tags": ["sqlite", "locks"],
    }
    return Pattern(id=pattern_id, **(typical | fields))  # type: ignore[arg-type]


def an_outcome(pattern_id: str = "p", *, success: bool = True, days: float = 0.0) -> Outcome:
    """An outcome so many days after `NOW`."""
    return Outcome(pattern_id, success, NOW + timedelta(days=days), "bob", "in the nightly run")


def open_truth(path: object) -> Truth:
    """The truth in that file, whose clock stands at `NOW`."""
    return Truth(str(path), half_life_s=HALF_LIFE_S, clock=NOW.timestamp)


def contribute(truth: Truth, *patterns: Pattern) -> None:
    """Add them in one batch."""
    truth.contribute(patterns, act="contributed", agent_id="ada", source="a run")

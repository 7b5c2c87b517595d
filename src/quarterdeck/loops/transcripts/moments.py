"""Times as transcripts write them; one that cannot be read is unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from quarterdeck.costs.importers.decoding import time_of
from quarterdeck.costs.line import EARLIEST, LATEST

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(value: object) -> datetime | None:
    """The time that ISO 8601 text says, aware."""
    try:
        return _within(time_of(value))
    except (ValueError, OverflowError):
        return None


def since_epoch(value: object, per_second: int) -> datetime | None:
    """The time that a number, or its digits, counts from 1970."""
    try:
        counted = int(value) if isinstance(value, int | float | str) else 0
        return _within(_EPOCH + timedelta(seconds=counted / per_second)) if counted else None
    except (ValueError, OverflowError):
        return None


def stamp(at: datetime | None) -> str:
    """*at* so that `moment` reads it; empty for None."""
    return at.isoformat() if at else ""


def _within(at: datetime) -> datetime | None:
    """*at*, if it can be the time of anything that an agent did: then sums and zones cannot overflow."""
    return at if EARLIEST <= at < LATEST else None

"""Points in time, as callers have them (aware datetimes) and as logs keep them (whole milliseconds)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from quarterdeck.errors import UsageError
from quarterdeck.memory.seat import told

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
FIRST_MS = (datetime.min.replace(tzinfo=UTC) - EPOCH) // MILLISECOND
LAST_MS = (datetime.max.replace(tzinfo=UTC) - EPOCH) // MILLISECOND


def moment(at_ms: int) -> datetime:
    """Milliseconds since the epoch as an aware datetime; the nearest there is for what lies beyond."""
    return EPOCH + min(max(at_ms, FIRST_MS), LAST_MS) * MILLISECOND


def milliseconds(at: object, what: str) -> int:
    """*at* in whole milliseconds since the epoch, rounded down.

    Raises:
        UsageError: it is no datetime, or one without a time zone.
    """
    if not isinstance(at, datetime) or at.tzinfo is None or at.utcoffset() is None:
        raise UsageError(
            f"{what} must be a datetime with a time zone, got {told(at)}",
            hint="take datetime.now(UTC), or give it a zone: at.astimezone()",
        )
    return (at - EPOCH) // MILLISECOND

"""A pattern as a row of its table, and back."""

from __future__ import annotations

import re
from copy import copy
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import force_setattr

from quarterdeck.errors import StoreCorrupt, UsageError
from quarterdeck.patterns import checks
from quarterdeck.patterns.evidence import Tally
from quarterdeck.patterns.frozen import FrozenDict, FrozenList
from quarterdeck.patterns.model import Origin, Pattern
from quarterdeck.words import harmless

if TYPE_CHECKING:
    from quarterdeck.patterns.truth.database import Database, Row

OWN = (
    "id, agent_id, pattern_type, lesson, confidence, discovered_us, expires_us, review_us, "
    "name, tags, context, source, description, code"
)
"""The columns that `row_of` fills."""

WHOLE = f"p.number, p.{OWN.replace(', ', ', p.')}, p.superseded_by, t.successes, t.failures, t.at_us"
"""What `pattern_of` is given."""

FROM_WHOLE = "FROM patterns AS p LEFT JOIN tallies AS t ON t.number = p.number"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_WRONG = (UsageError, msgspec.DecodeError, TypeError, ValueError, OverflowError, RecursionError)
"""What reading a row that is not ours may raise."""

_BLANK = Pattern(id="blank", agent_id="-", pattern_type="-", name="-")
_PLAIN_TAGS = re.compile(r'\[(?:"[^\s"\\][^"\\]*"(?:,"[^\s"\\][^"\\]*")*)?\]')
_PLAIN_CONTEXT = re.compile(r"(?!.*\d{19})\{[^][{}\\]*\}")
_SHORT = 100_000
"""Characters that are certainly not more than `checks.MAX_TEXT_BYTES`."""


def row_of(pattern: Pattern, now_us: int) -> Row:
    """The values of `OWN`; a pattern that does not say when it was discovered is so now."""
    return (
        pattern.id,
        pattern.agent_id,
        pattern.pattern_type,
        pattern.lesson,
        pattern.confidence,
        now_us if pattern.discovered_at is None else us_of(pattern.discovered_at),
        None if pattern.expires_at is None else us_of(pattern.expires_at),
        None if pattern.review_at is None else us_of(pattern.review_at),
        pattern.name,
        json_of(pattern.tags),
        json_of(pattern.context),
        pattern.source,
        pattern.description,
        pattern.code,
    )


def pattern_of(row: Row, path: str) -> Pattern:
    """The pattern of a row of `WHOLE`.

    Raises:
        StoreCorrupt: another program has changed the row to what is no pattern.
    """
    try:
        return _pattern_of(row)
    except _WRONG as error:
        raise damaged(path, f"pattern {row[1]!r:.100} (number {row[0]})", error) from error


def tally_of(row: Row) -> Tally:
    """The tally of a row of ``successes, failures, good, bad, at_us``."""
    successes, failures, good, bad, at_us = row
    return Tally(successes, failures, good, bad, at_us / 1e6)


def origin_of(row: Row, pattern_id: str, path: str) -> Origin:
    """The origin of a row of ``at_us, act, agent_id, source, details``.

    Raises:
        StoreCorrupt: another program has changed the row to what is no origin.
    """
    at_us, act, agent_id, source, details = row
    try:
        return Origin(at_of(at_us), act, agent_id, source, msgspec.json.decode(details, type=dict[str, Any]))
    except _WRONG as error:
        raise damaged(path, f"an origin of pattern {pattern_id!r:.100}", error) from error


def us_of(at: datetime) -> int:
    """Microseconds since the epoch, exactly."""
    return (at - _EPOCH) // _MICROSECOND


def at_of(us: int) -> datetime:
    """The moment so many microseconds after the epoch.

    Raises:
        OverflowError: it is in no year from 1 to 9999.
    """
    return _EPOCH + timedelta(0, 0, us)


def json_of(value: object) -> str:
    """*value* as JSON, on one line."""
    return msgspec.json.encode(value).decode()


def number_of(database: Database, pattern_id: str) -> int | None:
    """The number of a pattern; None for one that is not there."""
    rows = database.rows("SELECT number FROM patterns WHERE id = ?", (pattern_id,))
    return rows[0][0] if rows else None


def unknown(pattern_id: str) -> UsageError:
    """What to say of an id that no pattern has."""
    return UsageError(
        f"there is no pattern {checks.told(pattern_id)} in this library",
        hint="search for it, or list what is there: qd patterns top",
    )


def damaged(path: str, what: str, error: Exception) -> StoreCorrupt:
    """What to say of a row that is not what we wrote."""
    said = error.message if isinstance(error, UsageError) else str(error)
    return StoreCorrupt(
        f"{path}: {harmless(what)} is damaged: {harmless(said)[:300]}",
        hint="mend or delete that row with an SQLite tool, or restore the file from a backup",
    )


def _pattern_of(row: Row) -> Pattern:
    (
        _,
        identity,
        agent_id,
        pattern_type,
        lesson,
        confidence,
        discovered_us,
        expires_us,
        review_us,
        name,
        tags_json,
        context_json,
        source,
        description,
        code,
        superseded_by,
        successes,
        failures,
        last_us,
    ) = row
    tags, context = msgspec.json.decode(tags_json), msgspec.json.decode(context_json)
    fields = {
        "id": identity,
        "agent_id": agent_id,
        "pattern_type": pattern_type,
        "name": name,
        "description": description,
        "context": context,
        "code": code,
        "confidence": confidence,
        "tags": tags,
        "lesson": lesson,
        "source": source,
        "expires_at": None if expires_us is None else at_of(expires_us),
        "review_at": None if review_us is None else at_of(review_us),
        "discovered_at": at_of(discovered_us),
        "superseded_by": superseded_by,
    }
    if successes is not None:
        fields["usage_count"] = successes + failures
        fields["success_count"] = successes
        fields["failure_count"] = failures
        fields["last_used"] = at_of(last_us)
    words = (agent_id, pattern_type, name)
    lines = f"{agent_id}{pattern_type}{name}{source}{tags_json}{context_json}"
    text = description if code is None else description + code
    is_plain = (
        all(map(str.strip, words))
        and len(lines) <= checks.MAX_LINE
        and lines.isprintable()
        and len(text) <= _SHORT
        and text.replace("\n", "").isprintable()
        and _PLAIN_TAGS.fullmatch(tags_json)
        and _PLAIN_CONTEXT.fullmatch(context_json)
        and len(set(tags)) == len(tags) <= checks.MAX_TAGS
        and lesson in {"do", "avoid"}
        and 0 <= confidence <= 1
        and superseded_by is None
        and (successes is None or (successes >= 0 and failures >= 0))
    )
    return _unchecked(fields) if is_plain else Pattern(**fields)


def _unchecked(fields: dict[str, Any]) -> Pattern:
    """A pattern of fields that are plainly right; to check each of them takes four times as long."""
    checks.identity(fields["id"])
    fields["tags"] = FrozenList(fields["tags"])
    fields["context"] = FrozenDict(fields["context"])
    pattern: Pattern = copy(_BLANK)
    for name, value in fields.items():
        force_setattr(pattern, name, value)
    return pattern

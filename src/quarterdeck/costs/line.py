"""Writing one line of the ledger's journal; `quarterdeck.costs.record` reads it.

    {"v":1,"at":"2026-11-22T20:28:28.583+00:00","model":"claude-haiku-4-5","provider":"anthropic",
     "task_type":"summarize","tier":"cheap","card":"1f0c54d6a90b","input_tokens":1000,"output_tokens":500,
     "cost_picousd":3500000000}

A field that has its default is left out, except the two token totals. Times are UTC, to the millisecond.
The line says what was charged and by which card: nobody has to know prices to add it up.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from quarterdeck.errors import UsageError

if TYPE_CHECKING:
    from quarterdeck.costs.model import Request

VERSION = 1

REPORTED = "reported"
"""Stands where the card's name would, when the price is what the source stated."""

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)


def timestamp(at: datetime) -> str:
    """*at* as the journal writes it.

    Raises:
        UsageError: it is no datetime, has no time zone, or lies outside `EARLIEST` to `LATEST`.
    """
    given: object = at
    if not isinstance(given, datetime) or given.utcoffset() is None:
        raise UsageError(
            f"at must be a datetime with a time zone, got {at!r:.60}",
            hint="pass an aware datetime, such as datetime.now(UTC)",
        )
    try:
        utc = at.astimezone(UTC)
    except (OverflowError, ValueError):  # at the very ends of the calendar
        utc = datetime.min.replace(tzinfo=UTC)
    if not EARLIEST <= utc < LATEST:
        raise UsageError(
            f"at is {at.isoformat()}, no time of a request to a model", hint="is it in the wrong unit?"
        )
    return utc.isoformat(timespec="milliseconds")


def encode(
    request: Request, *, at: str, provider: str, tier: str, card: str, cost_picousd: int | None
) -> bytes:
    """The line of *request*, priced; *card* is empty and *cost_picousd* None where it has no price."""
    fields: dict[str, object] = {"v": VERSION, "at": at, "model": request.model}
    labels = {
        "provider": provider,
        "task_type": "" if request.task_type == "unknown" else request.task_type,
        "tier": tier,
        "service_tier": request.service_tier,
        "session": request.session,
        "project": request.project,
        "user": request.user,
        "source": request.source,
        "response_id": request.response_id,
        "replaces": request.replaces,
        "tags": dict(request.tags),
        "card": card,
    }
    fields |= {name: value for name, value in labels.items() if value}
    if request.requests != 1:
        fields["requests"] = request.requests
    usage = request.usage
    fields["input_tokens"] = usage.input_tokens
    fields["output_tokens"] = usage.output_tokens
    if any(usage[2:]):
        fields |= {name: count for name, count in zip(usage._fields[2:], usage[2:], strict=True) if count}
    if cost_picousd is not None:
        fields["cost_picousd"] = cost_picousd
    line = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return line.encode(errors="replace") + b"\n"  # half a surrogate pair is no text

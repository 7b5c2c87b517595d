"""The records that count, of some days and with some labels, as rows that every file format shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.costs.ledger.counted import counting
from quarterdeck.costs.model import Usage
from quarterdeck.costs.money import PICO
from quarterdeck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import date

    from quarterdeck.costs.ledger import Ledger
    from quarterdeck.costs.record import Record

    Progress = Callable[[int, int], None]

LABELS = (
    "model", "provider", "task_type", "tier", "service_tier", "session", "project", "user", "source",
    "response_id", "replaces", "card",
)  # fmt: skip
COUNTS = ("requests", *Usage._fields)
COLUMNS = ("place", "day", "at", *LABELS, *COUNTS, "cost_usd", "cost_picousd", "tags")
"""Every field of a `Record` but the version of its line; where it stands, its day, its cost in dollars."""

TAG = "tag:"


class Row(NamedTuple):
    """One record that counts.

    Attributes:
        place: where it stands in the journal, ``segment@offset``; no other record has it.
        day: of the ledger's calendar, ``2026-11-22``.
    """

    place: str
    day: str
    record: Record


def selected(
    ledger: Ledger,
    *,
    since: date | None,
    until: date | None,
    where: Mapping[str, str] | None,
    progress: Progress | None,
) -> Iterator[Row]:
    """The rows from *since* to *until*, both included, with all labels of *where*, in the journal's order.

    Reads the journal once, whatever is asked for; keeps one chunk of it in memory.

    Args:
        ledger: whose records.
        since: a day of the ledger's calendar; None: the first.
        until: likewise; None: the last.
        where: values by ``day``, ``month``, the name of a label, or ``tag:NAME`` (any tag).
        progress: called with the bytes read so far and those there are to read.

    Raises:
        UsageError: *where* names something that records do not have.
        StateError: the journal cannot be read.
    """
    wanted = [(_reader_of(name), value) for name, value in (where or {}).items()]
    first = since.isoformat() if since else ""
    last = until.isoformat() if until else "9"  # comes after every day
    with counting(ledger) as state:
        day_of = ledger.calendar.day_of
        total, done = state.left({}), 0
        for chunk in state.chunks():
            for offset, record in chunk.records:
                day = day_of(record.at)
                if first <= day <= last:
                    row = Row(f"{chunk.segment}@{offset}", day, record)
                    if all(read(row) == value for read, value in wanted):
                        yield row
            done += chunk.size_bytes
            if progress is not None:
                progress(done, total)


def dollars(picousd: int | None) -> str:
    """*picousd* in dollars, exactly, in up to twelve decimals; empty for no price."""
    if picousd is None:
        return ""
    whole, pico = divmod(picousd, PICO)
    return f"{whole}.{pico:012d}".rstrip("0") if pico else str(whole)


def _reader_of(name: str) -> Callable[[Row], str]:
    """What reads the value of *name* from a row, as `Ledger.totals` understands it."""
    tag = name.removeprefix(TAG) if name.startswith(TAG) else ""
    if name == "user" or tag == "user":
        return lambda row: row.record.tags.get("user") or row.record.user
    if tag:
        return lambda row: row.record.tags.get(tag, "")
    if name == "day":
        return lambda row: row.day
    if name == "month":
        return lambda row: row.day[:7]
    if name in LABELS:
        return lambda row: str(getattr(row.record, name))
    raise UsageError(
        f"records have no {name!r:.60}",
        hint=f"choose from day, month, {', '.join(LABELS)}, or a tag as tag:NAME",
    )

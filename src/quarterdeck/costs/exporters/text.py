"""CSV for spreadsheets and JSON Lines for programs, one line for each record that counts.

A spreadsheet executes a cell that begins like a formula, and labels come from strangers (a model's name, the
title of a session). So a text that begins with one of `FORMULA` gets an apostrophe before it; one that begins
with an apostrophe gets another. Taking one leading apostrophe off such a cell gives the exact text back
(`undefused`). Numbers, times and tags (a JSON object) never begin like that. JSON Lines has texts as they
are.
"""

from __future__ import annotations

import csv
from operator import attrgetter
from typing import TYPE_CHECKING, TextIO

import msgspec

from quarterdeck.costs.exporters.selected import COLUMNS, COUNTS, LABELS, Row, dollars, selected

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from quarterdeck.costs.ledger import Ledger

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What begins a formula; the last four are wide forms, which Japanese spreadsheets take as well."""

APOSTROPHE = "'"

_labels = attrgetter(*LABELS)
_counts = attrgetter(*COUNTS)


def export_csv(
    ledger: Ledger,
    file: TextIO,
    *,
    since: date | None = None,
    until: date | None = None,
    where: Mapping[str, str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write the records that count to *file*, opened with ``newline=""``; returns how many.

    The first line names the columns. ``cost_usd`` is exact, in up to twelve decimals; it and ``cost_picousd``
    are empty for a record without a price. ``tags`` is a JSON object. Labels are defused, see the module.

    Args:
        ledger: whose records.
        file: takes text; `export_file` gives one that appears whole.
        since: a day of the ledger's calendar; None: the first.
        until: likewise, included; None: the last.
        where: values by ``day``, ``month``, the name of a label, or ``tag:NAME``.
        progress: called with the bytes of the journal read so far and those there are to read.

    Raises:
        UsageError: *where* names something that records do not have.
        StateError: the journal cannot be read.
    """
    writer = csv.writer(file)
    written = 0
    writer.writerow(COLUMNS)
    for row in selected(ledger, since=since, until=until, where=where, progress=progress):
        writer.writerow(_cells(row))
        written += 1
    return written


def export_jsonl(
    ledger: Ledger,
    file: TextIO,
    *,
    since: date | None = None,
    until: date | None = None,
    where: Mapping[str, str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """As `export_csv`, one JSON object a line, with the same names; returns how many.

    ``cost_usd`` is a string, so that no reader makes a float of it; it and ``cost_picousd`` are null for a
    record without a price. ``tags`` is an object.
    """
    encode = msgspec.json.Encoder().encode
    written = 0
    for row in selected(ledger, since=since, until=until, where=where, progress=progress):
        file.write(encode(_object(row)).decode() + "\n")
        written += 1
    return written


def defused(text: str) -> str:
    """*text* as no spreadsheet takes it for a formula."""
    return APOSTROPHE + text if text.startswith((*FORMULA, APOSTROPHE)) else text


def undefused(cell: str) -> str:
    """The text that `defused` made *cell* of."""
    return cell.removeprefix(APOSTROPHE)


def _cells(row: Row) -> tuple[str | int | None, ...]:
    record = row.record
    tags = msgspec.json.encode(record.tags, order="deterministic").decode()
    labels = map(defused, _labels(record))
    cost = record.cost_picousd
    return (row.place, row.day, record.at, *labels, *_counts(record), dollars(cost), cost, tags)


def _object(row: Row) -> dict[str, object]:
    record = row.record
    values = (
        row.place, row.day, record.at, *_labels(record), *_counts(record),
        dollars(record.cost_picousd) or None, record.cost_picousd, record.tags,
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))

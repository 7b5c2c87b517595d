"""Parquet for data tools: typed columns, exact dollars. The only module that knows pyarrow."""

from __future__ import annotations

from datetime import date, datetime
from itertools import islice
from typing import TYPE_CHECKING

from quarterdeck.costs.exporters.selected import COUNTS, LABELS, Row, selected
from quarterdeck.costs.exporters.target import export_file
from quarterdeck.costs.money import to_decimal
from quarterdeck.errors import MissingExtra

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    import pyarrow  # type: ignore[import-untyped]

    from quarterdeck.costs.ledger import Ledger

ROWS_PER_GROUP = 50_000
"""Held in memory at once."""

_UNIQUE = frozenset({"response_id", "replaces"})
"""Labels of which a dictionary would be as long as the column."""


def export_parquet(
    ledger: Ledger,
    path: str | os.PathLike[str],
    *,
    since: date | None = None,
    until: date | None = None,
    where: Mapping[str, str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write the records that count to *path*, which appears whole or not at all; returns how many.

    Columns are those of the CSV: ``day`` is a date, ``at`` a timestamp in UTC with milliseconds, labels are
    dictionary-encoded, ``cost_usd`` is a decimal(38, 12) and ``cost_picousd`` an int64 (both null without a
    price), ``tags`` a map. The rest is as `export_csv` has it.

    Raises:
        MissingExtra: pyarrow is not installed.
        StateError, StoreFull: the file cannot be written, or the journal not be read.
        UsageError: *where* names something that records do not have.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtra(
            "writing Parquet needs pyarrow", hint="pip install 'quarterdeck[parquet]'"
        ) from error

    schema = _schema(pa)
    rows = selected(ledger, since=since, until=until, where=where, progress=progress)
    written = 0
    with export_file(path) as file, parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        while group := list(islice(rows, ROWS_PER_GROUP)):
            writer.write_table(_table(pa, schema, group))
            written += len(group)
    return written


def _schema(pa: pyarrow) -> pyarrow.Schema:
    text = pa.string()
    repeated = pa.dictionary(pa.int32(), text)
    return pa.schema(
        [
            pa.field("place", text, nullable=False),
            pa.field("day", pa.date32(), nullable=False),
            pa.field("at", pa.timestamp("ms", tz="UTC"), nullable=False),
            *(pa.field(name, text if name in _UNIQUE else repeated, nullable=False) for name in LABELS),
            *(pa.field(name, pa.int64(), nullable=False) for name in COUNTS),
            pa.field("cost_usd", pa.decimal128(38, 12)),
            pa.field("cost_picousd", pa.int64()),
            pa.field("tags", pa.map_(text, text), nullable=False),
        ]
    )


def _table(pa: pyarrow, schema: pyarrow.Schema, group: list[Row]) -> pyarrow.Table:
    records = [row.record for row in group]
    costs = [record.cost_picousd for record in records]
    columns = [
        [row.place for row in group],
        [date.fromisoformat(row.day) for row in group],
        [datetime.fromisoformat(record.at) for record in records],
        *([getattr(record, name) for record in records] for name in (*LABELS, *COUNTS)),
        [None if cost is None else to_decimal(cost) for cost in costs],
        costs,
        [sorted(record.tags.items()) for record in records],
    ]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)

"""Parquet, read back by DuckDB: the same records, typed, and the same money."""

from __future__ import annotations

import os
import stat
import sys
from datetime import date, datetime

import duckdb
import pytest
from pyarrow import parquet  # type: ignore[import-untyped]

from quarterdeck.costs.exporters import export_parquet
from quarterdeck.costs.exporters import parquet as exporter
from quarterdeck.costs.exporters.selected import COLUMNS, LABELS
from quarterdeck.costs.ledger.counted import counting
from quarterdeck.costs.money import to_decimal
from quarterdeck.errors import MissingExtra, StateError
from tests.exporter_worlds import lived, opened


def ask(path, question):
    with duckdb.connect() as database:
        return database.execute(question.format(file=f"read_parquet('{path}')")).fetchall()


def test_duckdb_finds_the_totals(tmp_path):
    """Sums of pico-dollars, of decimal dollars and of requests, by day and model, equal the ledger's."""
    ledger = lived(tmp_path / "ledger")
    path = tmp_path / "costs.parquet"
    written = export_parquet(ledger, path)
    question = (
        "SELECT day, model, sum(requests), sum(output_tokens), sum(cost_picousd), sum(cost_usd) "
        "FROM {file} GROUP BY 1, 2 ORDER BY 1, 2"
    )
    found = [
        (str(day), model, requests, output, picousd or 0, usd or 0)
        for day, model, requests, output, picousd, usd in ask(path, question)
    ]
    expected = [
        (
            *total.key,
            total.requests,
            total.usage.output_tokens,
            total.cost_picousd,
            to_decimal(total.cost_picousd),
        )
        for total in ledger.totals(by=("day", "model"))
    ]
    assert found == expected
    assert ask(path, "SELECT count(*) FROM {file}") == [(written,)]


def test_every_value_comes_back(tmp_path, monkeypatch):
    """Labels with anything in them, tags, times: DuckDB reads what was recorded, over many row groups."""
    monkeypatch.setattr(exporter, "ROWS_PER_GROUP", 7)
    ledger = lived(tmp_path / "ledger")
    path = tmp_path / "costs.parquet"
    export_parquet(ledger, path)
    labels = ", ".join(f'"{name}"' for name in LABELS)
    found = ask(path, f'SELECT place, epoch_ms("at"), tags, cost_picousd, {labels} FROM {{file}}')
    with counting(ledger) as state:
        records = [
            (f"{chunk.segment}@{offset}", record)
            for chunk in state.chunks()
            for offset, record in chunk.records
        ]
    assert len(found) == len(records) > 7
    for (place, at_ms, tags, picousd, *told), (expected_place, record) in zip(found, records, strict=True):
        assert place == expected_place
        assert at_ms == datetime.fromisoformat(record.at).timestamp() * 1000
        assert tags == record.tags
        assert picousd == record.cost_picousd
        assert told == [getattr(record, name) for name in LABELS]
    assert parquet.ParquetFile(path).num_row_groups == -(-len(records) // 7)


def test_columns_have_types(tmp_path):
    """Money is decimal and nullable, times know UTC, repeated labels are a dictionary."""
    path = tmp_path / "costs.parquet"
    export_parquet(lived(tmp_path / "ledger", answers=5), path)
    schema = parquet.read_schema(path)
    assert schema.names == list(COLUMNS)
    types = {name: str(schema.field(name).type) for name in COLUMNS}
    assert types["cost_usd"] == "decimal128(38, 12)"
    assert types["cost_picousd"] == types["input_tokens"] == "int64"
    assert types["at"] == "timestamp[ms, tz=UTC]"
    assert types["day"] == "date32[day]"
    assert types["model"].startswith("dictionary<values=string")
    assert types["tags"].startswith("map<string, string")
    assert schema.field("cost_usd").nullable
    assert not schema.field("model").nullable


def test_a_selection_is_written(tmp_path):
    """Days and labels select as they do for CSV."""
    ledger = lived(tmp_path / "ledger")
    path = tmp_path / "costs.parquet"
    day = date(2026, 11, 3)
    export_parquet(ledger, path, since=day, until=day, where={"model": "gpt-5-mini"})
    assert ask(path, "SELECT DISTINCT day, model FROM {file}") == [(day, "gpt-5-mini")]


def test_the_file_appears_whole_or_not_at_all(tmp_path):
    """An interrupt in the middle leaves the old file and nothing else; a finished file is private."""
    ledger = lived(tmp_path / "ledger")
    folder = tmp_path / "out"
    folder.mkdir()
    path = folder / "costs.parquet"
    path.write_bytes(b"old")

    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_parquet(ledger, path, progress=interrupt)
    assert [path.read_bytes(), os.listdir(folder)] == [b"old", ["costs.parquet"]]
    export_parquet(ledger, path)
    assert os.listdir(folder) == ["costs.parquet"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_empty_ledger_gives_a_table_without_rows(tmp_path):
    """The columns are there all the same, so that a query over it works."""
    path = tmp_path / "costs.parquet"
    assert export_parquet(opened(tmp_path / "none", timezone=""), path) == 0
    assert ask(path, "SELECT count(*), sum(cost_usd) FROM {file}") == [(0, None)]


def test_a_folder_that_is_not_there_is_said_so(tmp_path):
    """The error names the file."""
    with pytest.raises(StateError, match=r"missing/costs\.parquet"):
        export_parquet(lived(tmp_path / "ledger", answers=1), tmp_path / "missing" / "costs.parquet")


def test_without_pyarrow_the_error_says_what_to_install(tmp_path, monkeypatch):
    """The extra is named, and no file is begun."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra) as caught:
        export_parquet(lived(tmp_path / "ledger", answers=1), tmp_path / "costs.parquet")
    assert "quarterdeck[parquet]" in caught.value.hint
    assert not (tmp_path / "costs.parquet").exists()

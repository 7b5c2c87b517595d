"""``qd costs export`` and ``qd costs ship``: what goes elsewhere."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import subprocess
import sys
from decimal import Decimal

import pytest


def spent(rows: list[dict[str, str]]) -> Decimal:
    """The sum of what has a price."""
    return sum((Decimal(row["cost_usd"]) for row in rows if row["cost_usd"]), Decimal())


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize("name", ["costs.csv", "COSTS.CSV"])
def test_a_file_is_written_whole_by_its_name(qd, tmp_path, name: str):
    """For the owner's eyes, and nothing beside it; the sums are those of the ledger."""
    target = tmp_path / name
    assert qd("costs", "export", "--to", str(target)) == (0, f"5 records written to {target}\n", "")
    rows = list(csv.DictReader(io.StringIO(target.read_text())))
    assert spent(rows) == Decimal("8.2")
    assert os.listdir(tmp_path) == [name]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


@pytest.mark.usefixtures("ledger")
def test_standard_output_gets_nothing_but_the_records(qd):
    """For a pipe, narrowed and dated as every question."""
    options = ("--to", "-", "--format", "jsonl", "--project", "/srv/a", "--days", "7")
    result = qd("costs", "export", *options)
    assert (result.code, result.err) == (0, "")
    rows = [json.loads(line) for line in result.out.splitlines()]
    assert [(row["model"], row["cost_usd"]) for row in rows] == [("fair", "1"), ("dear", "2")]
    text = qd("costs", "export", "--to", "-", "--format", "csv", "--month", "2026-01").out
    assert spent(list(csv.DictReader(io.StringIO(text)))) == Decimal("8.2")


@pytest.mark.usefixtures("ledger")
def test_parquet_is_a_file_of_its_own(qd, tmp_path):
    """With as many rows as were said."""
    from pyarrow import parquet  # type: ignore[import-untyped]

    answer = qd("costs", "export", "--to", str(tmp_path / "costs.parquet"), "--json").json
    assert answer["schema"] == "quarterdeck.costs.export/1"
    assert (answer["format"], answer["records"]) == ("parquet", 5)
    assert parquet.read_table(answer["file"]).num_rows == 5


@pytest.mark.usefixtures("ledger")
def test_where_nothing_can_be_written_it_is_said(qd, tmp_path):
    """No half of a file, and what was there stays."""
    assert qd("costs", "export", "--to", str(tmp_path / "missing" / "x.csv")).code == 1
    (tmp_path / "x.csv").mkdir()
    assert qd("costs", "export", "--to", str(tmp_path / "x.csv")).code == 1
    assert os.listdir(tmp_path) == ["x.csv"]


@pytest.mark.usefixtures("hostile")
def test_on_a_terminal_records_are_harmless_too(qd, monkeypatch):
    """On a pipe they are as they were recorded."""
    assert "\x1b" in qd("costs", "export", "--to", "-", "--format", "csv").out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    shown = qd("costs", "export", "--to", "-", "--format", "csv").out
    assert shown.replace("\n", "").isprintable()


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_empty_ledger_is_an_empty_file(qd, tmp_path, form: str):
    """No error: the next step of a script finds its file."""
    target = tmp_path / f"costs.{form}"
    assert qd("costs", "export", "--to", str(target)).code == 0
    assert len(target.read_text().splitlines()) == (form == "csv")


@pytest.mark.usefixtures("ledger")
def test_a_closed_pipe_ends_an_export_quietly():
    """``qd costs export --to - | head``."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", "from quarterdeck.cli import main; main()", "costs", "export"]
    ran = subprocess.run(
        [*command, "--to", "-", "--format", "csv"], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (141, b"")


@pytest.mark.parametrize("way", ["option", "whole", "libpq"])
@pytest.mark.usefixtures("ledger")
def test_the_server_is_named_in_one_of_three_ways(qd, monkeypatch, tmp_path, way: str):
    """Nobody listens there: the error says so, and never the password."""
    dsn = f"postgresql://ada:s3cret@/costs?host={tmp_path}&port=5999"
    if way == "whole":
        monkeypatch.setenv("QUARTERDECK_POSTGRES_DSN", dsn)
    elif way == "libpq":
        for name, value in (("PGHOST", str(tmp_path)), ("PGPORT", "5999"), ("PGPASSWORD", "s3cret")):
            monkeypatch.setenv(name, value)
    result = qd("costs", "ship", *(["--dsn", dsn] if way == "option" else []))
    assert (result.code, result.out) == (1, "")
    assert "no connection to PostgreSQL" in result.err
    assert str(tmp_path) in result.err
    assert "s3cret" not in result.err

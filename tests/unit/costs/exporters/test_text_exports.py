"""CSV and JSON Lines: exactly what counts, exact money, and nothing a spreadsheet would execute."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from decimal import Decimal

import pytest

from quarterdeck.costs.exporters import export_csv, export_jsonl
from quarterdeck.costs.exporters.selected import COLUMNS, LABELS, dollars
from quarterdeck.costs.exporters.text import defused, undefused
from quarterdeck.costs.model import Request, Usage
from quarterdeck.costs.record import Record
from quarterdeck.errors import UsageError
from tests.exporter_worlds import HOSTILE, START, lived, opened


def rows_of(ledger, **options):
    file = io.StringIO(newline="")
    written = export_csv(ledger, file, **options)
    rows = list(csv.DictReader(io.StringIO(file.getvalue(), newline="")))
    assert len(rows) == written
    return rows


def objects_of(ledger, **options):
    file = io.StringIO()
    written = export_jsonl(ledger, file, **options)
    objects = [json.loads(line) for line in file.getvalue().splitlines()]
    assert len(objects) == written
    return objects


def test_the_rows_add_up_to_the_totals(tmp_path):
    """The pico-dollars, the decimal dollars and the requests of the rows are those of the ledger."""
    ledger = lived(tmp_path)
    rows = rows_of(ledger)
    (total,) = ledger.totals()
    assert sum(int(row["cost_picousd"] or 0) for row in rows) == total.cost_picousd > 0
    assert sum(Decimal(row["cost_usd"] or 0) * 10**12 for row in rows) == total.cost_picousd
    assert sum(int(row["requests"]) for row in rows) == total.requests
    assert sum(int(row["requests"]) for row in rows if not row["cost_usd"]) == total.unpriced_requests > 0
    assert sum(int(row["cache_read_input_tokens"]) for row in rows) == total.usage.cache_read_input_tokens


def test_every_field_of_a_record_has_a_column():
    """What a record says can be read from its row; only the version of its line is left out."""
    assert set(COLUMNS) == {*Record.__struct_fields__} - {"v"} | {"place", "day", "cost_usd"}


def test_both_formats_say_the_same(tmp_path):
    """A row of CSV, its labels undefused, is the object of JSON Lines in the same order."""
    ledger = lived(tmp_path)
    for row, found in zip(rows_of(ledger), objects_of(ledger), strict=True):
        assert list(found) == list(COLUMNS)
        assert {name: undefused(row[name]) for name in LABELS} == {name: found[name] for name in LABELS}
        assert json.loads(row["tags"]) == found["tags"]
        assert row["cost_usd"] == (found["cost_usd"] or "")
        assert [row["place"], row["day"], row["at"]] == [found["place"], found["day"], found["at"]]


def test_no_cell_begins_like_a_formula(tmp_path):
    """Labels come from strangers; a spreadsheet executes what begins with = + - @, a tab or a line's end."""
    ledger = lived(tmp_path, answers=200)
    cells = [cell for row in rows_of(ledger) for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"))]
    assert any(cell.startswith("'=") for cell in cells)


@pytest.mark.parametrize("text", [*HOSTILE, "'", "'=x", "''=x"])
def test_defusing_can_be_undone(text):
    """One apostrophe taken off gives the exact text back."""
    assert undefused(defused(text)) == text


@pytest.mark.parametrize(
    "picousd, text",
    [
        (None, ""),
        (0, "0"),
        (1, "0.000000000001"),
        (1_500_000_000_000, "1.5"),
        (10**18, "1000000"),
        ((1 << 62) - 1, "4611686.018427387903"),
    ],
)
def test_dollars_are_exact(picousd, text):
    """All twelve decimals, never a float, and nothing for what has no price."""
    assert dollars(picousd) == text


def test_days_are_the_ledgers_own(tmp_path):
    """A selection of days takes what `totals` takes, in the ledger's time zone, both ends included."""
    ledger = lived(tmp_path)
    since, until = date(2026, 11, 2), date(2026, 11, 4)
    rows = rows_of(ledger, since=since, until=until)
    by_day = {total.key[0]: total.requests for total in ledger.totals(since, until, by=("day",))}
    assert sorted(by_day) == ["2026-11-02", "2026-11-03", "2026-11-04"]
    for day, requests in by_day.items():
        assert sum(int(row["requests"]) for row in rows if row["day"] == day) == requests
    assert {row["day"] for row in rows} == set(by_day)


@pytest.mark.parametrize(
    "where",
    [
        {"model": "gpt-5-mini"},
        {"tag:team": "plain", "month": "2026-11"},
        {"day": "2026-11-03", "provider": "anthropic"},
        {"project": "=1+1"},
    ],
)
def test_labels_select_what_the_totals_have_by_them(tmp_path, where):
    """A selection by labels adds up to the ledger's total of the same labels."""
    ledger = lived(tmp_path, answers=300)
    found = objects_of(ledger, where=where)
    (total,) = ledger.totals(where=where)
    assert sum(each["requests"] for each in found) == total.requests > 0
    assert sum(each["cost_picousd"] or 0 for each in found) == total.cost_picousd


def test_the_user_may_be_a_label_or_a_tag(tmp_path):
    """A selection by user finds both, the tag first, as the ledger's sums do."""
    ledger = opened(tmp_path)
    usage = Usage(1, 1)
    ledger.record(Request("m", usage, at=START, user="ann"))
    ledger.record(Request("m", usage, at=START, tags={"user": "ann"}))
    ledger.record(Request("m", usage, at=START, user="ann", tags={"user": "bob"}))
    assert len(objects_of(ledger, where={"user": "ann"})) == 2
    assert len(objects_of(ledger, where={"tag:user": "bob"})) == 1


def test_a_selection_by_what_no_record_has_is_refused(tmp_path):
    """The error names what there is."""
    ledger = lived(tmp_path, answers=1)
    with pytest.raises(UsageError, match="colour") as caught:
        objects_of(ledger, where={"colour": "red"})
    assert "tag:NAME" in caught.value.hint


def test_progress_reaches_the_end(tmp_path):
    """The last call says that all bytes are read."""
    calls: list[tuple[int, int]] = []
    export_jsonl(lived(tmp_path), io.StringIO(), progress=lambda *call: calls.append(call))
    assert calls[-1][0] == calls[-1][1] > 0
    assert calls == sorted(calls)


def test_an_empty_ledger_has_only_a_head(tmp_path):
    """The columns are named, and nothing is made on disk."""
    file = io.StringIO(newline="")
    assert export_csv(opened(tmp_path / "none", timezone=""), file) == 0
    assert file.getvalue() == ",".join(COLUMNS) + "\r\n"
    assert not (tmp_path / "none").exists()

"""``qd costs report`` and ``qd costs sessions``: what was spent, divided by labels."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from quarterdeck.costs.money import parse_usd

A, B = "/srv/a", "/srv/b"


def keys(answer: dict[str, Any]) -> list[tuple[str, ...]]:
    """The labels of the rows of a report, in their order."""
    return [tuple(row["key"].values()) for row in answer["rows"]]


@pytest.mark.usefixtures("ledger")
def test_a_week_is_divided_by_model_unless_asked_otherwise(qd):
    """The dearest first; the sum of all stands last."""
    result = qd("costs", "report")
    assert (result.code, result.err) == (0, "")
    said = [line.split() for line in result.out.splitlines()]
    assert said[0] == ["costs", "from", "2026-01-09", "to", "2026-01-15"]
    assert said[2] == ["model", "requests", "unpriced", "input", "cached", "output", "cost", "%"]
    assert said[3:] == [
        ["dear", "1", "0", "100,000", "0", "10,000", "$2.00", "62.5"],
        ["fair", "2", "0", "1,100,000", "0", "10,000", "$1.20", "37.5"],
        ["nobody", "1", "1", "1,000", "0", "100", "–", "0.0"],
        ["total", "4", "1", "1,201,000", "0", "20,100", "$3.20", "100.0"],
    ]


@pytest.mark.parametrize(
    "options, rows",
    [
        (("--by", "day"), [("2026-01-12",), ("2026-01-15",)]),
        (("--by", "project"), [(A,), (B,), ("",)]),
        (("--by", "project", "--by", "model"), [(A, "dear"), (A, "fair"), (B, "fair"), ("", "nobody")]),
        (("--by", "task_type", "--days", "1"), [("code",), ("unknown",)]),
        (("--by", "source", "--model", "nobody"), [("here",)]),
        (("--by", "month", "--days", "30"), [("2026-01",)]),
        (("--by", "session"), [("s1",), ("s2",), ("s3",)]),
        (("--by", "session", "--project", A, "--days", "30"), [("s0",), ("s1",)]),
        (("--by", "session", "--model", "fair", "--since", "2026-01-13"), [("s1",), ("s2",)]),
        (("--by", "session", "--source", "here"), [("s3",)]),
        (("--by", "session", "--until", "2026-01-11"), [("s0",)]),
    ],
    ids=str,
)
@pytest.mark.usefixtures("ledger")
def test_it_is_divided_by_any_label(qd, options: tuple[str, ...], rows: list[tuple[str, ...]]):
    """By time in its order, by anything else the dearest first."""
    assert keys(qd("costs", "report", *options, "--json").json) == rows


@pytest.mark.parametrize(
    "options, cost",
    [
        (("--days", "1"), 2.2),
        (("--days", "11"), 8.2),
        (("--since", "2026-01-05", "--until", "2026-01-12"), 6.0),
        (("--since", "2026-01-06"), 3.2),
        (("--until", "2026-01-05"), 5.0),
        (("--month", "2026-01"), 8.2),
        (("--month", "2025-12"), 0.0),
    ],
    ids=str,
)
@pytest.mark.usefixtures("ledger")
def test_the_days_can_be_chosen(qd, options: tuple[str, ...], cost: float):
    """First and last are included."""
    assert qd("costs", "report", *options, "--json").json["total"]["cost_usd"] == cost


@pytest.mark.usefixtures("ledger")
def test_a_month_ends_with_its_last_day(qd):
    """Also February."""
    answer = qd("costs", "report", "--month", "2024-02", "--json").json
    assert (answer["since"], answer["until"]) == ("2024-02-01", "2024-02-29")


@pytest.mark.usefixtures("ledger")
def test_a_tag_is_asked_for_once_it_has_sums(qd):
    """Until then the answer says how to give it some."""
    result = qd("costs", "report", "--by", "tag:team")
    assert result.code == 2
    assert "qd costs rebuild --tag team" in result.err
    assert qd("costs", "rebuild", "--tag", "team", "--tag", "user").code == 0
    by_team = qd("costs", "report", "--by", "tag:team", "--json").json
    assert keys(by_team) == [("search",), ("",)]
    assert qd("costs", "report", "--tag", "team=search", "--json").json["total"]["cost_usd"] == 2.0
    assert qd("costs", "report", "--tag", "user=ada", "--json").json["total"]["cost_usd"] == 0.2
    assert qd("costs", "--tag", "user=ada", "--json").json["week"]["cost_usd"] == 0.2


@pytest.mark.usefixtures("ledger")
def test_both_ways_to_ask_for_json_are_one(qd):
    """The schema, the ledger, what was asked, and the sums."""
    answer = qd("costs", "report", "--format", "json", "--model", "fair").json
    assert answer == qd("costs", "report", "--json", "--model", "fair").json
    assert answer["schema"] == "quarterdeck.costs.report/1"
    assert (answer["by"], answer["where"]) == (["model"], {"model": "fair"})
    assert answer["rows"][0]["key"] == {"model": "fair"}
    assert answer["rows"][0]["cost_picousd"] == parse_usd("1.20")


@pytest.mark.usefixtures("ledger")
def test_csv_has_exact_amounts_and_nothing_else(qd):
    """No total, so that a column can be summed; no price is an empty cell."""
    rows = list(csv.DictReader(io.StringIO(qd("costs", "report", "--format", "csv", "--by", "project").out)))
    assert [(row["project"], row["requests"], row["cost_usd"]) for row in rows] == [
        (A, "2", "3"),
        (B, "1", "0.2"),
        ("", "1", ""),
    ]


@pytest.mark.usefixtures("ledger")
def test_markdown_is_a_table(qd):
    """With numbers to the right, and amounts as people read them."""
    lines = qd("costs", "report", "--format", "markdown").out.splitlines()
    assert lines[0] == "| model | requests | unpriced | input | cached | output | cost | % |"
    assert lines[1] == "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    assert lines[2] == "| dear | 1 | 0 | 100,000 | 0 | 10,000 | $2.00 | 62.5 |"


@pytest.mark.usefixtures("hostile")
def test_no_label_becomes_markup(qd):
    """Its bars, brackets and stars are escaped, and it stays one cell."""
    lines = qd("costs", "report", "--format", "markdown", "--by", "project").out.splitlines()
    assert len(lines) == 4
    assert lines[2].startswith(r"| a\\x1b\[2Jb\\nc\\u202ed\|=\* | 1 |")


def test_no_label_becomes_a_formula(qd, empty_ledger):
    """A spreadsheet would run it."""
    empty_ledger.log_request("=1+1", 1, 1)
    text = qd("costs", "report", "--format", "csv", "--since", "2020-01-01").out
    assert [row[0] for row in csv.reader(io.StringIO(text))] == ["model", "'=1+1"]


@pytest.mark.usefixtures("ledger")
def test_a_column_of_unpriced_requests_is_there_when_there_are_any(qd):
    """Else it would be noise."""
    assert "unpriced" not in qd("costs", "report", "--project", A).out
    assert "unpriced" in qd("costs", "report").out


@pytest.mark.parametrize("command", [("report",), ("report", "--by", "session"), ("sessions",)], ids=str)
def test_an_empty_ledger_has_no_rows(qd, command: tuple[str, ...]):
    """It is said in words, and an empty list for programs; no error."""
    result = qd("costs", *command)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("no ")
    answer = qd("costs", *command, "--json").json
    assert answer.get("rows", answer.get("sessions")) == []


@pytest.mark.usefixtures("ledger")
def test_the_latest_sessions_come_first(qd):
    """When, where, on which models, and what each came to; as many as are asked for."""
    result = qd("costs", "sessions", "-n", "3")
    lines = result.out.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["s1", "s2", "s3"]
    assert "2026-01-12 09:00  2026-01-15 12:00  /srv/a" in lines[1]
    assert lines[1].split()[-4:] == ["dear,", "fair", "2", "$3.00"]
    assert lines[-1] == "3 of 4 sessions; -n 0 lists all"
    answer = qd("costs", "sessions", "-n", "1", "--json").json
    assert answer["total"] == 4
    assert [each["session"] for each in answer["sessions"]] == ["s1"]
    assert answer["sessions"][0]["models"] == ["dear", "fair"]
    assert answer["sessions"][0]["total"]["cost_usd"] == 3.0


@pytest.mark.usefixtures("ledger")
def test_a_session_counts_as_a_whole(qd):
    """Also what it cost before the days that were asked for."""
    answer = qd("costs", "sessions", "--days", "1", "--project", A, "--json").json
    assert [(each["session"], each["total"]["cost_usd"]) for each in answer["sessions"]] == [("s1", 3.0)]
    assert qd("costs", "sessions", "--month", "2025-01").out == "no session in these days\n"

"""What the old tool's files say, whatever is in them."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from quarterdeck.costs.importers import legacy_files
from quarterdeck.costs.importers.legacy_files import Folder, Sums, read_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BERLIN = ZoneInfo("Europe/Berlin")


def entry(**changes: object) -> dict[str, object]:
    """A request as the old tool writes it."""
    return {
        "timestamp": "2026-01-02T03:04:05.678901",
        "model": "cheap",
        "tier": "capable",
        "task_type": "review",
        "input_tokens": 1000,
        "output_tokens": 500,
        "actual_cost": 0.000875,
        "baseline_cost": 0.0525,
        "savings": 0.051625,
    } | changes


def totals(**days: Mapping[str, object]) -> dict[str, object]:
    return {"daily_totals": {name.replace("_", "-").removeprefix("d"): sums for name, sums in days.items()}}


DAY = {"requests": 1, "input_tokens": 1000, "output_tokens": 500, "actual_cost": 0.000875}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app" / ".empathy").mkdir(parents=True)
    return tmp_path / "app" / ".empathy"


def write(folder: Path, name: str, *values: object) -> None:
    """Each value on a line; bytes as they are."""
    (folder / name).write_bytes(
        b"".join(
            value if isinstance(value, bytes) else json.dumps(value).encode() + b"\n" for value in values
        )
    )


def read(folder: Path) -> Folder:
    return read_folder(str(folder), BERLIN)


def names(found: Folder) -> list[str]:
    return [request.response_id for request in found.requests]


def test_a_request_is_what_was_reported_then(folder):
    """The model as it stands there, an alias too; the time in the given zone; the price to its last digit."""
    write(folder, "costs.jsonl", entry(actual_cost=0.000000123456))
    found = read(folder)
    [request] = found.requests
    assert (request.model, request.tier, request.task_type, request.source) == (
        "cheap",
        "capable",
        "review",
        "legacy",
    )
    assert request.at is not None
    assert request.at.isoformat() == "2026-01-02T03:04:05.678901+01:00"
    assert request.cost_picousd == 123_456
    assert request.project == str(folder.parent)
    assert found.problems == []


def test_a_price_finer_than_a_pico_dollar_is_rounded(folder):
    """It is read as the digits that stand there, never as a binary fraction."""
    write(folder, "costs.jsonl", json.dumps(entry()).replace("0.000875", "1.0000000000005000000001").encode())
    assert read(folder).requests[0].cost_picousd == 1_000_000_000_001


def test_equal_lines_are_requests_of_their_own(folder):
    """Each line was appended for one request; their names differ, and are the same each time."""
    write(folder, "costs.jsonl", entry(), entry(), entry(input_tokens=1))
    assert len(set(names(read(folder)))) == 3
    assert names(read(folder)) == names(read(folder))


def test_what_both_files_list_is_one_request(folder):
    """Spacing and order make no difference; the list repeats what was written last, some of it twice."""
    backwards = dict(reversed(entry().items()))
    write(folder, "costs.jsonl", entry(), entry(input_tokens=2))
    write(
        folder,
        "costs.json",
        {"requests": [backwards, backwards, entry(input_tokens=3), entry(input_tokens=3)]},
    )
    assert [request.usage.input_tokens for request in read(folder).requests] == [1000, 2, 3]


def test_a_name_does_not_depend_on_the_file_or_the_folder(folder, tmp_path):
    """A project that is moved, or whose old tool changed its format, does not count twice."""
    write(folder, "costs.jsonl", entry())
    write(tmp_path, "costs.json", {"requests": [entry()]})
    assert names(read(folder)) == names(read(tmp_path))


def test_the_summary_knows_a_day_better_than_the_list(folder):
    """It is written more often; a day that only the list has counts all the same."""
    write(folder, "costs.json", totals(d2026_01_01=DAY, d2026_01_02=DAY))
    write(folder, "costs_summary.json", totals(d2026_01_02=DAY | {"requests": 9}))
    assert read(folder).totals == {
        "2026-01-01": Sums(1, 1000, 500, 875_000_000),
        "2026-01-02": Sums(9, 1000, 500, 875_000_000),
    }


def test_a_folder_keeps_its_name_when_it_is_moved(folder, tmp_path):
    """By the time it was made, which its files tell."""
    for place in (folder, tmp_path):
        write(place, "costs_summary.json", totals(d2026_01_02=DAY) | {"created_at": "2026-01-01T00:00:00"})
    assert read(folder).name == read(tmp_path).name
    write(folder, "costs_summary.json", totals(d2026_01_02=DAY))
    assert read(folder).name != read(tmp_path).name


@pytest.mark.parametrize(
    "line",
    [
        b'{"timestamp": "2026-01-\n',
        b"[" * 100_000 + b"\n",
        b"\xff\xfe{\n",
        json.dumps(entry()).encode("utf-16") + b"\n",
        b"[]\n",
        b"null\n",
        b"1" * 5000 + b"\n",
        *(
            json.dumps(entry()).replace("1000", text).encode() + b"\n"
            for text in ("NaN", "Infinity", "-1", "1e400", '"1000"', "true", "null", "1000.0", "9" * 30)
        ),
        *(
            json.dumps(entry()).replace("0.000875", text).encode() + b"\n"
            for text in (
                "NaN",
                "-Infinity",
                "-0.1",
                "1e400",
                "1e99999999999",
                '"1"',
                "null",
                "4000000000",
                "9" * 4000,
            )
        ),
        *(
            json.dumps(entry(**change)).encode() + b"\n"
            for change in (
                {"timestamp": "now"},
                {"timestamp": 5},
                {"timestamp": "0001-01-01"},
                {"timestamp": "9999-12-31T23:59:59"},
                {"model": ""},
                {"model": None},
                {"model": "x" * 5000},
                {"tier": 3},
            )
        ),
    ],
    ids=lambda line: repr(line[:12] + line[-60:]),
)
def test_a_broken_line_costs_only_itself(folder, line: bytes):
    """It is a problem with its file, its number and a reason; what stands around it is taken."""
    write(folder, "costs.jsonl", entry(input_tokens=1), b"\n", line, entry(input_tokens=2))
    found = read(folder)
    assert [request.usage.input_tokens for request in found.requests] == [1, 2]
    [problem] = found.problems
    assert (problem.path, problem.line) == (str(folder / "costs.jsonl"), 3)
    assert problem.reason


def test_half_a_character_is_no_reason_to_lose_a_request(folder):
    """JSON can hold one half of a surrogate pair, which cannot be written again."""
    write(folder, "costs.jsonl", entry(model="m\ud83d"))
    assert read(folder).requests[0].model == "m?"


def test_a_line_without_an_end_is_taken_when_it_is_whole(folder):
    """A writer that was killed leaves a torn one: a problem."""
    write(folder, "costs.jsonl", entry(), json.dumps(entry(input_tokens=2)).encode())
    assert len(read(folder).requests) == 2
    write(folder, "costs.jsonl", entry(), json.dumps(entry(input_tokens=2)).encode()[:-1])
    found = read(folder)
    assert (len(found.requests), len(found.problems)) == (1, 1)


def test_an_endless_line_is_skipped(folder, monkeypatch):
    """Memory is bounded, whatever the file holds; the line after it is taken."""
    monkeypatch.setattr(legacy_files, "MAX_LINE_BYTES", 1000)
    exactly = json.dumps(entry(input_tokens=7)).encode().ljust(999) + b"\n"
    write(folder, "costs.jsonl", b"x" * 123_456 + b"\n", entry(), exactly, b"y" * 1000)
    found = read(folder)
    assert [request.usage.input_tokens for request in found.requests] == [1000, 7]
    assert [problem.line for problem in found.problems] == [1, 4]


def test_an_endless_document_is_a_problem(folder, monkeypatch):
    """The other files are taken."""
    monkeypatch.setattr(legacy_files, "MAX_DOCUMENT_BYTES", 1000)
    write(folder, "costs.json", b"[" * 1001)
    write(folder, "costs.jsonl", entry())
    found = read(folder)
    assert (len(found.requests), len(found.problems)) == (1, 1)


@pytest.mark.parametrize(
    "document",
    [b"{", b"[]", b"", b"\xff", b"null", b'{"requests": 3, "daily_totals": {}}', b'{"daily_totals": []}'],
    ids=repr,
)
def test_a_broken_document_is_a_problem(folder, document: bytes):
    """A list or a summary that was being written when we read it, or that somebody edited."""
    write(folder, "costs_summary.json", totals(d2026_01_02=DAY))
    write(folder, "costs.json", document)
    found = read(folder)
    assert len(found.problems) == 1
    assert found.totals.keys() == {"2026-01-02"}


@pytest.mark.parametrize(
    "sums",
    [None, [], {}, DAY | {"requests": -1}, DAY | {"actual_cost": "1"}, DAY | {"input_tokens": 1.5}],
    ids=repr,
)
def test_broken_totals_cost_only_their_day(folder, sums: dict[str, object]):
    """And a day that is none is a problem as well."""
    write(folder, "costs.json", totals(d2026_01_01=sums, d2026_01_02=DAY, yesterday=DAY))
    found = read(folder)
    assert found.totals.keys() == {"2026-01-02"}
    assert len(found.problems) == 2


@pytest.mark.parametrize("name", ["costs.jsonl", "costs.json", "costs_summary.json"])
def test_what_is_no_plain_file_is_not_read(folder, tmp_path, name: str):
    """No link is followed, no pipe waited for."""
    write(tmp_path, "secret", entry())
    for make in (
        lambda path: path.symlink_to(tmp_path / "secret"),
        lambda path: os.mkfifo(path),
        lambda path: path.mkdir(),
    ):
        make(folder / name)
        found = read(folder)
        assert found.requests == []
        assert [problem.path for problem in found.problems] == [str(folder / name)]
        (folder / name).rmdir() if (folder / name).is_dir() else (folder / name).unlink()

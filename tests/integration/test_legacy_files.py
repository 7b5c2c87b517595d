"""The old tool's own files, written by empathy-framework 4.8.0, become records of a real ledger, once."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from quarterdeck.costs.importers import legacy
from quarterdeck.costs.importers.legacy import REMAINDER_MODEL, migrate
from quarterdeck.costs.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = Path(__file__).parents[1] / "data" / "legacy"
"""``small``: 12 requests in batches of 5. ``fallback``: of 3 batches one could not be appended."""


def _crash(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(str(tmp_path / "ledger"))
    yield ledger
    ledger.close()


@pytest.fixture(params=["small", "fallback"])
def storage(request, tmp_path: Path) -> Path:
    """A copy of what the old tool wrote."""
    return Path(shutil.copytree(DATA / request.param, tmp_path / "app" / ".empathy"))


def told(storage: Path) -> tuple[int, int, int, int]:
    """The sums that the old tool itself shows: requests, tokens in and out, millionths of a dollar."""
    days = json.loads((storage / "costs_summary.json").read_text())["daily_totals"].values()
    names = ("requests", "input_tokens", "output_tokens")
    return (
        *(sum(day[name] for day in days) for name in names),
        round(sum(day["actual_cost"] for day in days) * 1e6),
    )


def kept(ledger: Ledger, **where: str) -> tuple[int, int, int, int]:
    """The same sums, as the ledger has them."""
    [total] = ledger.totals(where={"source": "legacy"} | where)
    cost, finer = divmod(total.cost_picousd, 10**6)
    assert finer == 0
    return total.requests, total.usage.input_tokens, total.usage.output_tokens, cost


def log(storage: Path, **changes: object) -> None:
    """One request more, written as the old tool writes it: appended, and added to the day's totals."""
    lines = (storage / "costs.jsonl").read_text().splitlines()
    entry = json.loads(lines[0]) | changes
    with (storage / "costs.jsonl").open("a") as file:
        file.write(json.dumps(entry) + "\n")
    summary = json.loads((storage / "costs_summary.json").read_text())
    day = summary["daily_totals"][entry["timestamp"][:10]]
    day["requests"] += 1
    for name in ("input_tokens", "output_tokens", "actual_cost"):
        day[name] = round(day[name] + entry[name], 6)
    (storage / "costs_summary.json").write_text(json.dumps(summary))


def test_the_sums_are_those_of_the_old_tool(ledger, storage):
    """To the last digit, in one record for each request; not a byte of the files changes."""
    before = {path.name: path.read_bytes() for path in storage.iterdir()}
    migrated = migrate(str(storage), ledger)
    assert kept(ledger) == told(storage)
    assert (migrated.records, migrated.problems) == (told(storage)[0], ())
    assert {path.name: path.read_bytes() for path in storage.iterdir()} == before


def test_a_price_is_what_was_reported_then(ledger, storage):
    """Also where a price is published for the model today."""
    migrate(str(storage), ledger)
    assert {record.card for _, record in ledger.records()} == {"reported"}


def test_unchanged_files_are_not_opened(ledger, storage, monkeypatch):
    """A second look costs one ``lstat`` for each."""
    migrate(str(storage), ledger)
    monkeypatch.setattr(legacy, "read_folder", None)
    assert migrate(str(storage), ledger) == legacy.Migrated()


def test_a_folder_without_old_files_leaves_no_trace(ledger, tmp_path):
    """Nothing is made, not even the ledger."""
    assert migrate(str(tmp_path), ledger) == legacy.Migrated()
    assert migrate(str(tmp_path / "missing"), ledger) == legacy.Migrated()
    assert list(tmp_path.iterdir()) == []


def test_what_an_old_process_adds_is_taken_the_next_time(ledger, storage):
    """It may go on writing for as long as it likes; equal requests are requests all the same."""
    migrate(str(storage), ledger)
    for changes in ({}, {}, {"input_tokens": 5}):
        log(storage, **changes)
        assert migrate(str(storage), ledger).records == 1
    assert kept(ledger) == told(storage)


def test_what_no_list_holds_becomes_one_record_a_day(ledger, storage):
    """The lines are gone, only the totals know."""
    (storage / "costs.jsonl").unlink()
    migrate(str(storage), ledger)
    assert kept(ledger) == told(storage)
    listed = 10 if (storage / "costs.json").exists() else 0
    assert kept(ledger, model=REMAINDER_MODEL)[0] == told(storage)[0] - listed
    assert len(list(ledger.records())) == listed + 1


@pytest.mark.parametrize("forget", [False, True], ids=["", "marks lost"])
def test_lists_that_vanish_after_they_were_taken_change_nothing(ledger, storage, forget: bool):
    """The ledger has those requests; the totals must not bring them in a second time."""
    migrate(str(storage), ledger)
    (storage / "costs.jsonl").unlink()
    if forget:
        shutil.rmtree(Path(ledger.folder) / "legacy")
    assert migrate(str(storage), ledger).records == 0
    assert kept(ledger) == told(storage)


def test_a_moved_folder_does_not_count_twice(ledger, storage, tmp_path):
    """Neither its requests nor the rest of its days."""
    lines = (storage / "costs.jsonl").read_text().splitlines(keepends=True)
    (storage / "costs.jsonl").write_text("".join(lines[5:]))
    migrate(str(storage), ledger)
    moved = storage.rename(tmp_path / "elsewhere")
    assert migrate(str(moved), ledger).records == 0
    assert kept(ledger) == told(moved)


def test_a_second_project_counts_for_itself(ledger, storage, tmp_path):
    """Two folders with totals of the same day, and no lists."""
    other = Path(shutil.copytree(storage, tmp_path / "other" / ".empathy"))
    summary = json.loads((other / "costs_summary.json").read_text())
    (other / "costs_summary.json").write_text(json.dumps(summary | {"created_at": "2026-01-01T00:00:00"}))
    for folder in (storage, other):
        (folder / "costs.jsonl").unlink()
        (folder / "costs.json").unlink(missing_ok=True)
        migrate(str(folder), ledger)
    assert kept(ledger) == tuple(2 * one for one in told(storage))
    assert kept(ledger, project=str(tmp_path / "other")) == told(other)


def test_a_rest_that_has_grown_is_still_one_record(ledger, storage):
    """The old tool went on, and its lists were deleted again."""
    for _ in range(2):
        (storage / "costs.jsonl").unlink(missing_ok=True)
        migrate(str(storage), ledger)
        assert kept(ledger) == told(storage)
        summary = json.loads((storage / "costs_summary.json").read_text())
        for day in summary["daily_totals"].values():
            day |= {"requests": day["requests"] + 1, "output_tokens": day["output_tokens"] + 7}
        (storage / "costs_summary.json").write_text(json.dumps(summary))


def test_lists_that_come_back_are_a_problem(ledger, storage):
    """The rest of the day was recorded without them, and cannot be taken back: that is said."""
    lines = (storage / "costs.jsonl").read_bytes()
    (storage / "costs.jsonl").unlink()
    migrate(str(storage), ledger)
    (storage / "costs.jsonl").write_bytes(lines)
    [problem] = migrate(str(storage), ledger).problems
    assert "do not fit" in problem.reason


@pytest.mark.parametrize("name", ["costs.jsonl", "costs_summary.json"])
def test_no_rest_is_taken_while_a_file_cannot_be_read(ledger, storage, name: str):
    """What it lists would count twice when it can be read again."""
    text = (storage / name).read_bytes()
    (storage / name).unlink()
    (storage / name).mkdir()
    assert len(migrate(str(storage), ledger).problems) == 1
    (storage / name).rmdir()
    (storage / name).write_bytes(text)
    assert migrate(str(storage), ledger).problems == ()
    assert kept(ledger) == told(storage)


def test_totals_that_know_less_than_the_lists_are_left_out(ledger, storage):
    """Two old processes overwrote each other's totals: the requests count, and it is said."""
    whole = told(storage)
    summary = json.loads((storage / "costs_summary.json").read_text())
    for day in summary["daily_totals"].values():
        day["requests"] -= 1
        day["actual_cost"] += 1
    (storage / "costs_summary.json").write_text(json.dumps(summary))
    [problem] = migrate(str(storage), ledger).problems
    assert "daily_totals of 2026-11-22" in problem.reason
    assert kept(ledger) == whole


def test_a_torn_line_is_a_problem_whose_request_the_totals_still_know(ledger, storage):
    """An old process was killed in mid-write: the sums are right all the same."""
    text = (storage / "costs.jsonl").read_bytes()
    (storage / "costs.jsonl").write_bytes(text[:-40])
    [problem] = migrate(str(storage), ledger).problems
    assert problem.line == text.count(b"\n")
    assert kept(ledger) == told(storage)


def test_a_crash_before_the_end_is_made_up_for(ledger, storage, monkeypatch):
    """Records were written, but not that they were."""
    with monkeypatch.context() as patched:
        patched.setattr(legacy, "write_atomically", _crash)
        with pytest.raises(KeyboardInterrupt):
            migrate(str(storage), ledger)
    log(storage, input_tokens=5)
    assert migrate(str(storage), ledger).records == 1
    assert kept(ledger) == told(storage)


def _migrate_elsewhere(storage: str, folder: str) -> None:
    ledger = Ledger(folder)
    migrate(storage, ledger)
    ledger.close()


def test_processes_that_start_together_take_it_once(ledger, storage):
    """Each opens the same folder first thing; no record is written twice."""
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=_migrate_elsewhere, args=(str(storage), ledger.folder)) for _ in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert kept(ledger) == told(storage)
    assert ledger.dropped() == {}


def test_another_process_that_takes_forever_is_a_problem(ledger, storage, monkeypatch):
    """It may have been stopped; opening a tracker does not wait for it for ever."""
    from quarterdeck.files import Lease, private_folder

    monkeypatch.setattr(legacy, "_PATIENCE_S", 0.0)
    with Lease.wait(os.path.join(private_folder(os.path.join(ledger.folder, "legacy")), "lock"), 1):
        [problem] = migrate(str(storage), ledger).problems
    assert "held by somebody else" in problem.reason

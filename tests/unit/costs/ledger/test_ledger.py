"""Recording and asking, where the disk, the choices or the lines are not as they should be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from quarterdeck.costs.ledger.calendar import Choices
from quarterdeck.costs.ledger.ledger import Ledger
from quarterdeck.costs.model import MAX_COST_PICOUSD, Request, Usage
from quarterdeck.costs.settings import CostsConfig
from quarterdeck.errors import ConfigError, StoreBusy, StoreCorrupt, StoreTooNew, UsageError

REQUEST = Request("claude-haiku-4-5", Usage(1000, 500), at=datetime(2026, 5, 6, 20, tzinfo=UTC))
FULL = """
import resource, signal, sys
from quarterdeck.costs.ledger.ledger import Ledger
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
ledger = Ledger(sys.argv[1])
for _ in range(2):
    asked = ledger.totals()[0].requests, len(ledger.sessions()), ledger.calendar.today().year > 2000
    print(*asked, *ledger.problems)
"""


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "ledger"


@pytest.fixture
def ledger(folder):
    ledger = Ledger(str(folder))
    yield ledger
    ledger.close()


def test_asking_where_nothing_is_recorded_makes_no_files(ledger, folder):
    """Not even the folder; and the first record is seen at the next question."""
    assert ledger.totals()[0].requests == 0
    assert (ledger.sessions(), ledger.rejected(), ledger.dropped(), ledger.counted(["x"])) == ([], [], {}, {})
    assert not folder.exists()
    ledger.record(REQUEST)
    assert ledger.totals()[0].requests == 1
    assert (folder / "rollup.sqlite").exists()
    assert ledger.problems == []


def test_recording_touches_the_journal_alone(ledger, folder):
    """No database, no choices."""
    ledger.record(REQUEST)
    assert [path.name for path in folder.iterdir()] == ["journal"]
    assert ledger.record_many([REQUEST] * 1200) == 1200
    assert ledger.totals()[0].requests == 1201


def test_a_folder_that_cannot_be_written_to_is_summed_up_in_memory(ledger, folder):
    """With a note at every question, with and without choices; a full disk is the surest such folder."""
    ledger.record(REQUEST._replace(session="s"))
    ledger.close()
    for _ in range(2):
        ran = subprocess.run(
            [sys.executable, "-c", FULL, str(folder)], capture_output=True, text=True, check=True
        )
        for line in ran.stdout.splitlines():
            assert line.startswith("1 1 True sums are kept in memory this time: ")
        assert len(ran.stdout.splitlines()) == 2
        assert (ledger.totals()[0].requests, ledger.problems) == (1, [])
        ledger.close()
        for path in folder.glob("rollup.sqlite*"):
            path.unlink()


def test_a_rollup_that_is_locked_for_too_long_is_an_error(ledger, monkeypatch):
    """Whoever holds it is at work on the same sums."""
    ledger.record(REQUEST)
    ledger.refresh()

    def busy(*_, **__):
        raise StoreBusy("locked", hint="wait")

    monkeypatch.setattr(ledger.rollup, "refresh", busy)
    with pytest.raises(StoreBusy):
        ledger.totals()


@pytest.mark.parametrize(
    "text,error",
    [(b"{", StoreCorrupt), (b'{"version": 9, "timezone": "UTC", "tags": []}', StoreTooNew)],
)
def test_choices_that_cannot_be_used_are_an_error_but_stop_no_record(ledger, folder, text, error):
    """What was spent is written down whatever became of them."""
    ledger.record(REQUEST)
    (folder / "ledger.json").write_bytes(text)
    for ask in (ledger.totals, ledger.sessions, ledger.refresh, lambda: ledger.calendar):
        with pytest.raises(error):
            ask()
    ledger.record(REQUEST)
    (folder / "ledger.json").unlink()
    assert ledger.totals()[0].requests == 2


def test_what_another_process_chooses_holds_at_once(ledger, folder):
    """A day is not one thing here and another there; and the choice outlives the process."""
    ledger.choose(Choices("UTC"))
    ledger.record(REQUEST._replace(tags={"team": "x"}))
    assert ledger.totals(by=["day"])[0].key == ("2026-05-06",)
    other = Ledger(str(folder))
    other.choose(Choices("Asia/Kathmandu", ("team",)))
    for _ in range(2):
        for each in (other, ledger, Ledger(str(folder))):
            assert each.totals(by=["day", "tag:team"])[0].key == ("2026-05-07", "x")
            assert each.choices == Choices("Asia/Kathmandu", ("team",))
    other.close()


def test_what_cannot_be_chosen_changes_nothing(ledger, folder):
    """The zone there was stays."""
    ledger.choose(Choices("UTC"))
    for choices in (Choices("Nowhere"), Choices("UTC", ("a'",))):
        with pytest.raises(UsageError):
            ledger.choose(choices)
    assert ledger.choices == Choices("UTC")


def test_choices_made_before_the_first_record_hold(ledger, folder):
    """And make no database."""
    ledger.choose(Choices("Asia/Tokyo"))
    assert ledger.totals()[0].requests == 0
    assert [path.name for path in folder.iterdir()] == ["ledger.json"]
    ledger.record(REQUEST)
    assert ledger.totals(by=["day"])[0].key == ("2026-05-07",)


def test_lines_that_are_no_records_cost_only_themselves(ledger, folder):
    """They are listed with a reason, wherever they stand."""
    good = {
        "v": 1,
        "at": "2026-05-06T20:00:00.000+00:00",
        "model": "m",
        "input_tokens": 1,
        "output_tokens": 1,
    }
    bad = [
        {}, {**good, "v": 2}, {**good, "input_tokens": -1}, {**good, "output_tokens": 10**9 + 1},
        {**good, "cost_picousd": -1}, {**good, "cost_picousd": MAX_COST_PICOUSD + 1}, {**good, "requests": 0},
        {**good, "at": "yesterday"}, {**good, "at": "2026-02-31T20:00:00.000+00:00"},
        {**good, "replaces": "x"}, {**good, "replaces": "@"},
        {**good, "replaces": "20261122T204858583123-1f0c54d6@0"},
        {**good, "replaces": f"../../etc/passwd@{'9' * 5000}"}, {**good, "replaces": "\x00@-1"},
        {**good, "replaces": "@\u0663"},
    ]  # fmt: skip
    ledger.record(REQUEST)
    [segment] = ledger.reader.segments()
    bad += [{**good, "replaces": f"{segment.name}@{far}"} for far in (10**15, 2**63 - 1, 2**63, 10**30)]
    for body in bad:
        ledger.journal.append(json.dumps(body).encode() + b"\n")
        ledger.journal.append(json.dumps(good).encode() + b"\n")
    ledger.journal.append(b"\xff\xfe\n")
    ledger.journal.append(b"\n")
    assert ledger.totals()[0].requests == 1 + len(bad)
    rejected = ledger.rejected()
    assert len(rejected) == len(bad) + 2
    assert all(reason and len(reason) <= 200 for _, _, reason in rejected)
    assert len(ledger.rejected(limit=2)) == 2
    assert {ledger.reader.line(segment, offset)[-1:] for segment, offset, _ in rejected} == {b"\n"}


def test_a_correction_counts_in_place_of_what_it_corrects(ledger):
    """Once, however many there are; and not at all where there is nothing to correct."""
    ledger.record(REQUEST._replace(model="no-such-model"))
    (place, record), = ledger.records()  # fmt: skip
    assert record.cost_picousd is None
    correction = REQUEST._replace(replaces=place)
    for _ in range(2):
        ledger.record(correction)
        (total,) = ledger.totals()
        assert (total.requests, total.unpriced_requests, total.cost_picousd) == (1, 0, 3_500_000_000)
    assert ledger.dropped() == {"": 1}


def test_of_one_response_the_record_with_more_output_counts(ledger):
    """Across sources, and `counted` says with how many."""
    for output, source in ((5, "a"), (9, "b"), (9, "c"), (1, "a")):
        ledger.record(REQUEST._replace(usage=Usage(1, output), response_id="r", source=source))
    (total,) = ledger.totals(by=["source"])
    assert (total.key, total.usage.output_tokens) == (("b",), 9)
    assert ledger.counted(["r", "other", "\ud800"]) == {"r": 9}
    assert ledger.dropped() == {"a": 2, "c": 1}


def test_a_stated_price_counts_only_where_none_is_published(ledger):
    """Except for what legacy files say."""
    stated = REQUEST._replace(cost_picousd=7)
    assert ledger.record(stated).cost_picousd == 3_500_000_000
    assert ledger.record(stated._replace(model="no-such-model"))[3:] == ("reported", 7)
    assert ledger.record(stated._replace(card="abc"))[3:] == ("abc", 7)


def test_records_come_with_their_places(ledger):
    """Duplicates included."""
    ledger.record_many([REQUEST._replace(response_id="r")] * 3)
    for place, record in ledger.records():
        segment, _, offset = place.rpartition("@")
        assert (
            json.loads(ledger.reader.line(segment, int(offset)))["response_id"] == record.response_id == "r"
        )


def test_many_threads_may_ask_and_record(ledger):
    """One connection serves them all."""
    ledger.choose(Choices("UTC"))
    failures = []

    def work():
        try:
            for _ in range(20):
                ledger.record(REQUEST)
                assert ledger.totals()[0].requests >= 1
                ledger.sessions()
        except BaseException as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert ledger.totals()[0].requests == 80


def test_files_are_for_the_owner_alone(ledger, folder):
    """Whatever the umask."""
    before = os.umask(0)
    try:
        ledger.record(REQUEST)
        ledger.refresh()
    finally:
        os.umask(before)
    for path in [folder, *Path(folder).rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_own_prices_that_cannot_be_meant_are_refused_at_once(folder):
    """Not at the first request."""
    with pytest.raises(ConfigError):
        Ledger(str(folder), config=CostsConfig(prices={"m": {"input_per_mtok": "x"}}))


def test_sums_that_are_being_made_anew_are_no_answer(tmp_path, monkeypatch):
    """Whoever asks between the clearing and the filling gets the whole sum, not the part."""
    ours, theirs = Ledger(str(tmp_path)), Ledger(str(tmp_path))
    ours.record(Request("m", Usage(), cost_picousd=7))
    assert theirs.totals()[0].requests == 1
    refresh = ours.refresh
    cleared: list[str] = []

    def refresh_then_lose(progress=None):
        refresh(progress)
        if not cleared:
            theirs.rollup.clear()
            cleared.append("by another process")

    monkeypatch.setattr(ours, "refresh", refresh_then_lose)
    assert ours.totals()[0].cost_picousd == 7
    assert cleared


def test_a_segment_that_cannot_be_read_costs_what_it_holds(tmp_path):
    """Every question goes on, and says which segment it had to do without."""
    ledger = Ledger(str(tmp_path))
    ledger.record(Request("m", Usage(), cost_picousd=7))
    (tmp_path / "journal" / "20200101T000000000000-00000000.jsonl.zst").write_bytes(b"no such thing")
    assert ledger.totals()[0].requests == 1
    assert any("20200101T000000000000-00000000" in problem for problem in ledger.problems)

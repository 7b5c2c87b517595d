"""Prices for what had none: each request once, exactly, and by appending only."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from quarterdeck.costs.advice import reprice as module
from quarterdeck.costs.advice.reprice import Repriced, reprice
from quarterdeck.costs.advice.verify import verify
from quarterdeck.costs.ledger import Ledger
from quarterdeck.costs.model import Request, Usage
from quarterdeck.costs.money import PICO
from quarterdeck.costs.settings import CostsConfig
from quarterdeck.errors import StateError, StoreBusy
from quarterdeck.files import Lease
from tests.budget_worlds import ended, start

MODEL = "a-model-of-the-house"
PRICED = CostsConfig(prices={MODEL: {"input_per_mtok": 1, "output_per_mtok": 2}})
AT = datetime(2026, 11, 3, 4, 5, 6, 789_000, tzinfo=UTC)


@pytest.fixture
def unpriced(tmp_path):
    """A ledger by whose settings the model has no price."""
    ledger = Ledger(str(tmp_path / "ledger"))
    yield ledger
    ledger.close()


@pytest.fixture
def priced(unpriced):
    """The same by settings that have one."""
    ledger = Ledger(unpriced.folder, config=PRICED)
    yield ledger
    ledger.close()


def asked(output=1_000_000, model=MODEL, **fields):
    return Request(model, Usage(1_000_000, output), at=AT, **fields)


def sums(ledger):
    (total,) = ledger.totals()
    return total.requests, total.unpriced_requests, total.cost_picousd / PICO


@pytest.mark.parametrize("response_id", ["", "r1"], ids=["by-place", "by-response-id"])
def test_it_counts_once_with_its_price(unpriced, priced, response_id):
    """Known by its answer's name or by its place, the priced record takes the first one's place."""
    unpriced.record(asked(response_id=response_id))
    assert sums(unpriced) == (1, 1, 0)
    assert reprice(priced) == Repriced(1, {}, 3 * PICO)
    assert sums(unpriced) == (1, 0, 3)
    assert verify(unpriced).ok


def test_the_second_time_there_is_nothing_to_do(unpriced, priced):
    """And nothing is written."""
    unpriced.record_many([asked(), asked(response_id="r1")])
    reprice(priced)
    lines = len(list(priced.records()))
    assert reprice(priced) == Repriced(0, {}, 0)
    assert len(list(priced.records())) == lines == 4


def test_all_that_it_was_labelled_with_stays(unpriced, priced):
    """Its time, its labels and its tags; only the price is new, and what follows from it."""
    fields = {
        "task_type": "test", "tier": "own", "provider": "house", "service_tier": "batch", "session": "s",
        "project": "p", "user": "ann", "source": "agent", "tags": {"team": "search"}, "requests": 3,
    }  # fmt: skip
    unpriced.record(asked(**fields))
    assert reprice(priced).priced == 3
    (before, after) = [record for _, record in priced.records()]
    assert (before.cost_picousd, after.cost_picousd) == (None, 3 * PICO)
    assert {name: getattr(after, name) for name in fields} == fields
    assert (after.at, after.usage) == (before.at, before.usage)


def test_what_was_written_before_is_not_touched(unpriced, priced):
    """The journal is only appended to."""
    unpriced.record_many([asked(), asked(response_id="r1")])
    unpriced.close()
    (path,) = Path(unpriced.journal_folder).glob("*.open")
    before = path.read_bytes()
    reprice(priced)
    assert path.read_bytes().startswith(before)


def test_only_the_answer_that_counts_is_priced(unpriced, priced):
    """Of three records of one answer the longest; one that is priced already is left as it is."""
    unpriced.record_many([asked(output, response_id="r1") for output in (0, 2_000_000, 1_000_000)])
    unpriced.record(asked(0, response_id="r2"))
    priced.record(asked(1_000_000, response_id="r2"))
    assert reprice(priced) == Repriced(1, {}, 5 * PICO)
    assert sums(priced) == (2, 0, 8)


def test_a_correction_without_a_price_gets_one(unpriced, priced):
    """It is priced in the place of what it corrects: that one does not come back."""
    unpriced.record(asked(9_000_000))
    ((place, _),) = unpriced.records()
    unpriced.record(asked(replaces=place))
    assert reprice(priced) == Repriced(1, {}, 3 * PICO)
    assert sums(priced) == (1, 0, 3)
    assert reprice(priced) == Repriced(0, {}, 0)
    assert verify(priced).rejected == []


def test_what_still_has_no_price_is_told_by_model(unpriced, priced):
    """Its requests are counted, and stay as they are."""
    unpriced.record_many([asked(), asked(model="nobody-knows-a"), asked(model="nobody-knows-a", requests=4)])
    assert reprice(priced) == Repriced(1, {"nobody-knows-a": 5}, 3 * PICO)
    assert sums(priced) == (6, 5, 3)


def test_a_price_that_the_source_stated_stays(unpriced, priced):
    """It has one."""
    unpriced.record(asked(cost_picousd=7 * PICO))
    assert reprice(priced) == Repriced(0, {}, 0)
    assert sums(priced) == (1, 0, 7)


@pytest.mark.parametrize(
    "line",
    [
        b'{"v":1,"at":"no time","model":"%s","input_tokens":1,"output_tokens":1}\n',
        b'{"v":1,"at":"2026-11-03T04:05:06.789+00:00","model":"%s","input_tokens":-1,"output_tokens":1}\n',
        b"?\n",
    ],
)
def test_a_line_that_is_no_record_is_not_priced(unpriced, priced, line):
    """What the sums reject stays rejected, and stops nobody."""
    unpriced.record(asked())
    unpriced.journal.append(line.replace(b"%s", MODEL.encode()))
    assert reprice(priced) == Repriced(1, {}, 3 * PICO)
    assert len(priced.rejected()) == 1


def test_a_record_nobody_could_have_been_charged_for_stops_nobody(unpriced, priced):
    """Another program wrote parts that exceed their total: it stays without a price."""
    unpriced.record(asked())
    unpriced.journal.append(
        b'{"v":1,"at":"2026-11-03T04:05:06.789+00:00","model":"%s","input_tokens":1,"output_tokens":1,'
        b'"cache_read_input_tokens":5}\n' % MODEL.encode()
    )
    assert reprice(priced) == Repriced(1, {MODEL: 1}, 3 * PICO)


def test_a_ledger_without_records_stays_without_files(tmp_path):
    """There is nothing to price, and nothing to lock."""
    assert reprice(Ledger(str(tmp_path / "none"))) == Repriced(0, {}, 0)
    assert not (tmp_path / "none").exists()


def test_while_another_process_is_at_it_one_waits_and_then_says_so(monkeypatch, unpriced, priced):
    """Nothing is written meanwhile."""
    monkeypatch.setattr(module, "WAIT_S", 0.01)
    unpriced.record(asked())
    with Lease.wait(os.path.join(priced.folder, module.LOCK), 1), pytest.raises(StoreBusy):
        reprice(priced)
    assert sums(priced) == (1, 1, 0)
    assert reprice(priced).priced == 1


def test_where_nothing_can_be_locked_it_says_so(unpriced, priced):
    """A link stands in the place of the lock."""
    unpriced.record(asked())
    os.symlink("/nowhere", os.path.join(priced.folder, module.LOCK))
    with pytest.raises(StateError, match="cannot be locked"):
        reprice(priced)


AGAIN = """
import sys
from quarterdeck.costs.advice.reprice import reprice
from quarterdeck.costs.ledger import Ledger
from quarterdeck.costs.settings import CostsConfig
prices = {sys.argv[2]: {"input_per_mtok": 1, "output_per_mtok": 2}}
print(reprice(Ledger(sys.argv[1], config=CostsConfig(prices=prices))).priced)
"""


def test_two_processes_at_once_price_each_request_once(unpriced):
    """Together they price all of them, and the sum is that of one."""
    unpriced.record_many(asked(response_id=f"r{n}" if n % 2 else "") for n in range(600))
    children = [start(AGAIN, unpriced.folder, MODEL) for _ in range(2)]
    assert sorted(int(ended(child)) for child in children) == [0, 600]
    assert sums(unpriced) == (600, 0, 1800)
    assert len(list(unpriced.records())) == 1200

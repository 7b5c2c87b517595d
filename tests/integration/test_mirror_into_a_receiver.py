"""From one ledger to another over OTLP: the mirror talks to our own receiver."""

from __future__ import annotations

import io
import json
import random
import threading

import pytest

from quarterdeck.costs.capture.otlp import OtlpReceiver
from quarterdeck.costs.exporters import export_jsonl, mirror
from quarterdeck.costs.ledger import Ledger
from quarterdeck.costs.model import Request, Usage
from quarterdeck.costs.pricing import PriceBook
from tests.exporter_worlds import HOSTILE, START, opened, request

EVERY_COUNT = Usage(10_000, 900, 4_000, 3_000, 2_000, 300, 1_100, 200, 600, 700, 100, 5)


@pytest.fixture
def received(tmp_path):
    """A ledger that records what its receiver is sent, and the receiver's address."""
    ledger = Ledger(str(tmp_path / "received"))
    receiver = OtlpReceiver(ledger, port=0)
    thread = threading.Thread(target=receiver.serve_forever)
    thread.start()
    yield ledger, f"http://127.0.0.1:{receiver.port}"
    receiver.close()
    thread.join()


def test_two_ledgers_agree_and_stay_so(tmp_path, received):
    """Requests, tokens and pico-dollars by provider and model, also after better answers have followed."""
    target, endpoint = received
    source = opened(tmp_path / "source")
    dice = random.Random(5)
    by = ("provider", "model")
    for _ in range(3):
        for number in range(60):
            source.record(request(dice, f"answer-{number}" if number % 2 else ""))
        report = mirror(source, endpoint)
        assert (report.rejected, report.problems) == (0, ())
        assert [total[:5] for total in target.totals(by=by)] == [total[:5] for total in source.totals(by=by)]
    assert len(rows(source)) == len(rows(target)) == 30 * 3 + 30


@pytest.mark.parametrize(
    "asked",
    [
        Request("claude-haiku-4-5", EVERY_COUNT, provider="anthropic", response_id="short"),
        Request("claude-haiku-4-5", Usage(9, 5, 0, 8, 7), tier="mine", service_tier="batch", user="ann"),
        Request("gpt-5-mini", Usage(5, 5), provider="vertex", task_type="t", session="s", project="p"),
        Request("claude-opus-4-5", Usage(5, 5), source="claude-code", response_id="x" * 4096),
        Request("claude-opus-4-5", Usage(), source="nothing was used, and it was a request all the same"),
        Request("nobody-knows-this-model", Usage(5, 5), cost_picousd=123_456_789_012),
        Request("nobody-knows-this-model", Usage(5, 5), tags=dict.fromkeys((*HOSTILE, "service"), "a tag")),
        Request("nobody-knows-this-model", Usage(5, 5), tags={f"tag.{n}": HOSTILE[n] for n in range(20)}),
        Request(
            "legacy-total", Usage(10**9, 10**9), source="legacy", cost_picousd=(1 << 62) - 1, requests=4_000
        ),
        Request("claude-haiku-4-5", Usage(5, 5), source="legacy", cost_picousd=1, requests=2, project="/old"),
    ],
    ids=lambda asked: f"{asked.model} {asked.source}"[:40],
)
def test_nothing_of_a_record_is_lost(tmp_path, received, asked):
    """Counts, labels, tags, time and cost; of a record without a response id, the span's name becomes it."""
    target, endpoint = received
    source = opened(tmp_path / "source")
    source.record(asked._replace(at=START))
    assert mirror(source, endpoint).problems == ()
    (sent,), (came,) = rows(source), rows(target)
    if not asked.response_id:
        assert came.pop("response_id")
        sent.pop("response_id")
    assert came == sent


def test_what_the_sender_charged_stands_where_the_receiver_knows_no_price(tmp_path, received):
    """Also at a price of the sender's own."""
    target, endpoint = received
    own = PriceBook(None, {"my-model": {"input_per_mtok": 1.5, "output_per_mtok": 6}})
    source = Ledger(str(tmp_path / "source"), prices=own)
    source.record(Request("my-model", Usage(1_000, 100), response_id="my-answer"))
    mirror(source, endpoint)
    assert target.totals()[0].cost_picousd == source.totals()[0].cost_picousd == 2_100_000_000


def test_a_price_found_later_follows(tmp_path, received):
    """A record that corrects another one's lack of a price takes its place at the receiver, too."""
    target, endpoint = received
    source = opened(tmp_path / "source")
    source.record(Request("my-model", Usage(1_000, 100)))
    mirror(source, endpoint)
    (place,) = (place for place, _ in source.records())
    source.record(Request("my-model", Usage(1_000, 100), cost_picousd=7, replaces=place))
    mirror(source, endpoint)
    assert target.totals()[0][:5] == source.totals()[0][:5]
    assert target.totals()[0].cost_picousd == 7


def test_sending_everything_again_changes_nothing(tmp_path, received):
    """A mirror without its checkpoint sends the same ids."""
    target, endpoint = received
    source = opened(tmp_path / "source")
    dice = random.Random(6)
    source.record_many([request(dice, "") for _ in range(50)])
    first = mirror(source, endpoint)
    before = target.totals()
    for path in (tmp_path / "source").glob("mirror-*.json"):
        path.unlink()
    assert mirror(source, endpoint).spans == first.spans == 50
    assert target.totals() == before


def rows(ledger):
    """The records that count, without what the two ledgers cannot share: places and days."""
    written = io.StringIO()
    export_jsonl(ledger, written)
    found = [json.loads(line) for line in written.getvalue().splitlines()]
    return [{name: row[name] for name in row.keys() - {"place", "day"}} for row in found]

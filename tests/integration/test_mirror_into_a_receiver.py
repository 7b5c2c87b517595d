"""From one ledger to another over OTLP: the mirror talks to our own receiver."""

from __future__ import annotations

import random
import threading

import pytest

from quarterdeck.costs.capture.otlp import OtlpReceiver
from quarterdeck.costs.exporters import mirror
from quarterdeck.costs.ledger import Ledger
from tests.exporter_worlds import opened, request


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
            response_id = f"response-number-{number:08}" if number % 2 else ""
            # A span stands for one request, and one without any tokens tells a receiver nothing.
            asked = request(dice, response_id)._replace(requests=1)
            source.record(
                asked._replace(usage=asked.usage._replace(output_tokens=asked.usage.output_tokens + 1))
            )
        report = mirror(source, endpoint)
        assert (report.rejected, report.problems) == (0, ())
        assert [total[:5] for total in target.totals(by=by)] == [total[:5] for total in source.totals(by=by)]
    assert source.totals()[0].requests == 30 * 3 + 30


def test_sending_everything_again_changes_nothing(tmp_path, received):
    """A mirror without its checkpoint sends the same ids."""
    target, endpoint = received
    source = opened(tmp_path / "source")
    dice = random.Random(6)
    source.record_many([request(dice, "")._replace(requests=1) for _ in range(50)])
    first = mirror(source, endpoint)
    before = target.totals()
    for path in (tmp_path / "source").glob("mirror-*.json"):
        path.unlink()
    assert mirror(source, endpoint).spans == first.spans == 50
    assert target.totals() == before

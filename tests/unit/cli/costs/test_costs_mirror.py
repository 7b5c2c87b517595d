"""`qd costs mirror`: spans to a real receiver on this machine."""

from __future__ import annotations

import threading

import pytest

from quarterdeck.costs import CostTracker
from quarterdeck.costs.capture.otlp import OtlpReceiver


class Taken:
    """A recorder that keeps what it is given."""

    def __init__(self) -> None:
        self.requests: list[object] = []

    def record_many(self, requests):
        """As the ledger does it, in memory."""
        taken = list(requests)
        self.requests += taken
        return len(taken)


@pytest.fixture
def receiver():
    """A receiver that wants a token, and what it has taken."""
    taken = Taken()
    server = OtlpReceiver(taken, port=0, token="t" * 32)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server, taken
    server.close()
    thread.join()


def test_what_is_new_is_sent_and_only_once(qd, receiver, monkeypatch):
    """The second run has nothing to send."""
    server, taken = receiver
    tracker = CostTracker()
    tracker.log_request("gpt-5", 1000, 100)
    tracker.close()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"authorization=Bearer%20{'t' * 32}")
    url = f"http://127.0.0.1:{server.port}"
    first = qd("costs", "mirror", url, "--json")
    again = qd("costs", "mirror", url)
    assert first.json["spans"] == 1
    assert again.out == "0 spans sent, 0 rejected\n"
    assert len(taken.requests) == 1


def test_without_its_token_the_receiver_refuses(qd, receiver):
    """The error says so, and nothing counts as sent."""
    server, taken = receiver
    tracker = CostTracker()
    tracker.log_request("gpt-5", 1000, 100)
    tracker.close()
    refused = qd("costs", "mirror", f"http://127.0.0.1:{server.port}")
    assert refused.code == 1
    assert "401" in refused.err
    assert not taken.requests


def test_it_must_be_said_where_to(qd):
    """No endpoint, no guess."""
    asked = qd("costs", "mirror")
    assert asked.code == 2
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in asked.err

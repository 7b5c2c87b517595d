"""A receiver that cannot be had: who is asked again, and who is not."""

from __future__ import annotations

import http.client
import ssl

import pytest

from quarterdeck.costs.exporters.delivery import ATTEMPTS, Delivery
from quarterdeck.errors import StateError

UNTRUSTED = ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate")


@pytest.mark.parametrize(
    "failure, asked, said",
    [
        (ConnectionRefusedError("nobody there"), ATTEMPTS, "cannot be reached"),
        (ssl.SSLError(1, "handshake failure"), ATTEMPTS, "cannot be reached"),
        (UNTRUSTED, 1, "cannot be trusted"),
    ],
)
def test_only_what_may_pass_is_tried_again(monkeypatch, failure, asked, said):
    """A certificate that does not fit today does not fit in a minute."""
    attempts = []

    def connect(connection):
        attempts.append(connection.host)
        raise failure

    monkeypatch.setattr(http.client.HTTPSConnection, "connect", connect)
    delivery = Delivery("https://collector.example", {}, default_path="/v1/traces", wait=lambda seconds: None)
    with pytest.raises(StateError, match=said):
        delivery.post(b"{}")
    assert attempts == ["collector.example"] * asked

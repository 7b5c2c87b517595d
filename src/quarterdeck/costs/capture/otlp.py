"""A receiver of OpenTelemetry on loopback: what agents and SDKs export becomes records.

    POST /v1/traces     spans of requests to models                    spans
    POST /v1/logs       Claude Code's events                           claude_code_events
    POST /v1/metrics    taken and let go: sums have no identity, so they would count twice

OTLP over HTTP as JSON, for example from Claude Code:

    CLAUDE_CODE_ENABLE_TELEMETRY=1 OTEL_LOGS_EXPORTER=otlp
    OTEL_EXPORTER_OTLP_PROTOCOL=http/json OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318

What could not be written to the ledger is answered with 503: exporters send it again, and what was written
of it the first time counts once.
"""

from __future__ import annotations

import ipaddress
import json
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING

from quarterdeck.costs.capture.claude_code_events import read_events
from quarterdeck.costs.capture.http_server import HttpServer, Limits, Refused
from quarterdeck.costs.capture.spans import Nesting, read_spans
from quarterdeck.errors import QuarterdeckError, UsageError

if TYPE_CHECKING:
    from quarterdeck.costs.capture import Recorder

REJECTED = {"/v1/traces": "rejectedSpans", "/v1/logs": "rejectedLogRecords", "/v1/metrics": ""}
"""The paths, and how the answer to each names what was not taken."""


class OtlpReceiver:
    """Listens from its construction on; `serve_forever` answers until `close`.

    Attributes:
        port: the one it listens on.
    """

    def __init__(
        self,
        recorder: Recorder,
        host: str = "127.0.0.1",
        port: int = 4318,
        token: str | None = None,
        *,
        limits: Limits | None = None,
    ) -> None:
        """Open the port.

        Args:
            recorder: the ledger.
            host: an address of this machine; other than loopback only with a *token*.
            port: 0: any free one.
            token: what every request must bear (``OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer <token>``).
            limits: how much is taken, from how many at once.

        Raises:
            UsageError: no token where one is needed, or the port cannot be opened.
        """
        local = _is_loopback(host)
        if not local and not token:
            raise UsageError(
                f"{host!r:.60} can be reached from other machines, and no token is set",
                hint="give it a token of 32 random characters or more, or listen on 127.0.0.1",
            )
        self._recorder = recorder
        self._nesting = Nesting()
        self._reading = threading.Lock()
        try:
            self._server = HttpServer(
                host, port, self._answer, token=token or "", only_local_names=local, limits=limits or Limits()
            )
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"cannot listen on {host:.60} port {port}: {error}",
                hint="choose another port; 0: any free one",
            ) from error
        self.port: int = self._server.server_address[1]

    def serve_forever(self) -> None:
        """Answer, in this thread, until another one calls `close`."""
        self._server.serve()

    def close(self) -> None:
        """Stop answering and give the port back; what is being answered is finished first."""
        self._server.stop()

    def _answer(self, path: str, body: bytes) -> bytes:
        """The answer to an export; one at a time, for JSON may take fifty times its length of memory.

        Raises:
            Refused: it is no export, or cannot be written down.
        """
        if path not in REJECTED:
            raise Refused(HTTPStatus.NOT_FOUND, f"there is {', '.join(REJECTED)}")
        with self._reading:
            try:
                document = json.loads(body)
            except (ValueError, RecursionError) as error:
                raise Refused(HTTPStatus.BAD_REQUEST, "the body is not JSON") from error
            if not isinstance(document, dict):
                raise Refused(HTTPStatus.BAD_REQUEST, "the body is not a JSON object")
            if not REJECTED[path]:
                return b"{}"
            reading = read_events(document) if path == "/v1/logs" else read_spans(document, self._nesting)
            try:
                self._recorder.record_many(reading.requests)
            except UsageError as error:
                raise Refused(HTTPStatus.BAD_REQUEST, error.message) from error
            except QuarterdeckError as error:
                raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, error.message) from error
        if not reading.message:
            return b"{}"
        partial = {REJECTED[path]: str(reading.rejected), "errorMessage": reading.message}
        return json.dumps({"partialSuccess": partial}).encode()


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

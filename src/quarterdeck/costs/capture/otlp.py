"""A receiver of OpenTelemetry on loopback: what agents and SDKs export becomes records.

    POST /v1/traces     spans of requests to models                    spans
    POST /v1/logs       Claude Code's events                           claude_code_events
    POST /v1/metrics    taken and let go: sums have no identity, so they would count twice

OTLP over HTTP as JSON, compressed with gzip or not, with a length or in chunks (exporters of JavaScript send
chunks). Everything is bounded: the body as sent and unpacked, the time one connection may take, and how many
there are at once. What could not be written to the ledger is answered with 503, and exporters send it again.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import socket
import threading
import time
import zlib
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NoReturn

from quarterdeck.costs.capture.claude_code_events import read_events
from quarterdeck.costs.capture.reading import Reading
from quarterdeck.costs.capture.spans import Nesting, read_spans
from quarterdeck.errors import QuarterdeckError, UsageError

if TYPE_CHECKING:
    from quarterdeck.costs.capture import Recorder

MAX_BODY_BYTES = 16 << 20
"""As sent, and again unpacked."""

MAX_CONNECTIONS = 32
CONNECTION_TIMEOUT_S = 15.0
"""From accepting a connection to the end of its only request."""

MAX_CHUNK_LINE_BYTES = 1024
SIGNALS = {"/v1/traces": "rejectedSpans", "/v1/logs": "rejectedLogRecords", "/v1/metrics": "rejectedDataPoints"}

_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Refused(Exception):
    """A request that is answered with *status* and *message*."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


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
        max_connections: int = MAX_CONNECTIONS,
        connection_timeout_s: float = CONNECTION_TIMEOUT_S,
    ) -> None:
        """Open the port.

        Args:
            recorder: the ledger.
            host: an address of this machine; other than loopback only with a *token*.
            port: 0: any free one.
            token: what every request must bear (``OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer%20…``).
            max_connections: more at once are told to come again.
            connection_timeout_s: slower ones are cut off.

        Raises:
            UsageError: no token where one is needed, or the port cannot be opened.
        """
        local = _is_loopback(host)
        if not local and not token:
            raise UsageError(
                f"{host!r:.60} can be reached from other machines, and no token is set",
                hint="pass token=… (32 random characters or more), or listen on 127.0.0.1",
            )
        try:
            self._server = _Server(recorder, host, port, max_connections, connection_timeout_s)
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"cannot listen on {host:.60} port {port}: {error}", hint="choose another port; 0: any free one"
            ) from error
        self._server.token = token.encode() if token else b""
        self._server.local = local
        self.port: int = self._server.server_address[1]

    def serve_forever(self) -> None:
        """Answer, in this thread, until another one calls `close`."""
        self._server.serve_forever(poll_interval=0.1)

    def close(self) -> None:
        """Stop answering and give the port back; requests being answered are finished first."""
        self._server.shutdown()
        self._server.server_close()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Server(ThreadingHTTPServer):
    """Threads as many as there are slots; a connection holds one until it is closed, or cut off."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 64

    def __init__(
        self, recorder: Recorder, host: str, port: int, max_connections: int, connection_timeout_s: float
    ) -> None:
        self.recorder = recorder
        self.nesting = Nesting()
        self.token = b""
        self.local = True
        self._slots = threading.BoundedSemaphore(max_connections)
        self._timeout_s = connection_timeout_s
        self._lock = threading.Lock()
        self._open: dict[socket.socket, float] = {}
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """As the base, which would also ask the name service who we are."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address[:2]

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the base has it
        """Give the connection a thread of its own, if there is one left."""
        if not self._slots.acquire(blocking=False):
            request.settimeout(0)
            _send_quietly(request, _BUSY)
            self.shutdown_request(request)
            return
        with self._lock:
            self._open[request] = time.monotonic() + self._timeout_s
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no more threads
            self._forget(request)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the base
        """As the base, and the slot is given back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._forget(request)

    def _forget(self, request: socket.socket) -> None:
        with self._lock:
            del self._open[request]
        self._slots.release()

    def service_actions(self) -> None:
        """Cut off connections that are too slow; called some times a second."""
        now = time.monotonic()
        with self._lock:
            slow = [request for request, deadline in self._open.items() if deadline < now]
        for request in slow:
            _hang_up(request)

    def shutdown(self) -> None:
        """Stop, and do not wait for those that say nothing."""
        super().shutdown()
        with self._lock:
            waiting = list(self._open)
        for request in waiting:
            _hang_up(request, socket.SHUT_RD)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the base has it
        """A client that went away is no error of ours; anything else is one."""
        import sys

        if not isinstance(sys.exception() if sys.version_info >= (3, 11) else None, OSError):
            super().handle_error(request, client_address)

"""A small HTTP server for JSON from strangers: one POST for each connection, and a bound on everything.

Bounded are the body, as sent and unpacked, the connections at once, and the time each may take from its
acceptance to its end, however slowly it sends. Bodies may have a length or come in chunks (exporters of
JavaScript send chunks), and may be packed with gzip. A web page cannot use it: the names by which it may be
called on loopback are known (DNS rebinding), and a page must ask before it sends JSON elsewhere (CORS).
"""

from __future__ import annotations

import contextlib
import hmac
import json
import socket
import sys
import threading
import time
import zlib
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

JSON = "application/json"
PROTOBUF = "application/x-protobuf"
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
PIECE_BYTES = 64 << 10
CHUNK_HEADER_BYTES = 1024
MAX_TRAILERS = 100
POLL_S = 0.1
LINGER_S = 1.0
"""How long a sender that was refused may pause in sending on: cut off at once, it would not read why."""

_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


class Limits(NamedTuple):
    """How much is taken.

    Attributes:
        body_bytes: of one body as sent, and again unpacked.
        connections: at once; further ones are told to come again.
        connection_s: from accepting a connection to its end.
    """

    body_bytes: int = 16 << 20
    connections: int = 32
    connection_s: float = 15.0


class Refused(Exception):
    """A request that is answered with *status* and *message*."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message


class HttpServer(ThreadingHTTPServer):
    """Answers each POST with what *answer* makes of its path and body; a thread for each connection."""

    daemon_threads = False  # server_close waits for them
    request_queue_size = 64

    def __init__(
        self,
        host: str,
        port: int,
        answer: Callable[[str, bytes], bytes],
        *,
        token: str,
        only_local_names: bool,
        limits: Limits,
    ) -> None:
        """Open the port.

        Args:
            host: an address of this machine.
            port: 0: any free one.
            answer: makes JSON of a path and a body, or raises `Refused`.
            token: what a request must bear; empty: nothing.
            only_local_names: whether the Host a request names must be one of `LOCAL_NAMES`.
            limits: how much is taken.

        Raises:
            OSError: the port cannot be opened.
        """
        self.answer = answer
        self.token = token.encode()
        self.only_local_names = only_local_names
        self.limits = limits
        self._free = threading.BoundedSemaphore(limits.connections)
        self._lock = threading.Lock()
        self._open: dict[socket.socket, float] = {}
        self._serving = self._stopped = False
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """As the base, which would also ask the name service who we are."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def serve(self) -> None:
        """Answer until `stop`."""
        with self._lock:
            if self._stopped:
                return
            self._serving = True
        self.serve_forever(POLL_S)

    def stop(self) -> None:
        """Stop listening; who is being answered gets the answer, who has not sent everything does not."""
        with self._lock:
            self._stopped = True
        if self._serving:
            self.shutdown()
        with self._lock:
            waiting = list(self._open)
        for connection in waiting:
            _end(connection, socket.SHUT_RD)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the base has it
        """A thread for this connection, if one is free."""
        if not self._free.acquire(blocking=False):
            with contextlib.suppress(OSError):
                request.setblocking(False)
                request.sendall(_BUSY)
            self.shutdown_request(request)
            return
        with self._lock:
            self._open[request] = time.monotonic() + self.limits.connection_s
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as the base has it
        """As the base, whose last step with each connection this is; its place is free again."""
        super().shutdown_request(request)
        with self._lock:
            held = self._open.pop(request, None) is not None
        if held:
            self._free.release()

    def service_actions(self) -> None:
        """Cut off those whose time is over; the base calls it ten times a second."""
        now = time.monotonic()
        with self._lock:
            late = [connection for connection, until in self._open.items() if until < now]
        for connection in late:
            _end(connection, socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the base has it
        """A client that went away is no error; anything else is, and is printed as the base does."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _end(connection: socket.socket, how: int) -> None:
    with contextlib.suppress(OSError):  # it has ended by itself
        connection.shutdown(how)


class _Handler(BaseHTTPRequestHandler):
    server: HttpServer
    protocol_version = "HTTP/1.1"
    server_version = "quarterdeck"
    sys_version = ""

    def setup(self) -> None:
        super().setup()
        self.connection.settimeout(self.server.limits.connection_s)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base calls it so
        """Nothing: what is amiss is answered."""

    def do_POST(self) -> None:
        try:
            self._check_sender()
            self._check_type()
            path = self.path.partition("?")[0].rstrip("/")
            self._reply(HTTPStatus.OK, self.server.answer(path, self._body()))
        except Refused as refusal:
            self._reply(refusal.status, json.dumps({"message": refusal.message}).encode())
            self._linger()

    def do_GET(self) -> None:
        self._reply(HTTPStatus.METHOD_NOT_ALLOWED, b'{"message": "only POST"}')
        self._linger()

    do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_GET  # noqa: N815 - as above

    def _check_sender(self) -> None:
        if self.server.only_local_names:
            name, _, port = self.headers.get("Host", "").lower().rpartition(":")
            if (name if port.isdigit() else f"{name}:{port}".removeprefix(":")) not in LOCAL_NAMES:
                raise Refused(HTTPStatus.FORBIDDEN, "call it by the name localhost, 127.0.0.1 or [::1]")
        borne = self.headers.get("Authorization", "").encode("latin-1", "replace")
        if self.server.token and not hmac.compare_digest(borne, b"Bearer " + self.server.token):
            raise Refused(HTTPStatus.UNAUTHORIZED, "send the header Authorization: Bearer <token>")

    def _check_type(self) -> None:
        sent = self.headers.get_content_type() if "Content-Type" in self.headers else ""
        if sent == PROTOBUF:
            raise Refused(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "only JSON is understood: set OTEL_EXPORTER_OTLP_PROTOCOL=http/json",
            )
        if sent != JSON:
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send Content-Type: {JSON}")

    def _body(self) -> bytes:
        """The body, unpacked."""
        packing = self.headers.get("Content-Encoding", "identity").strip().lower()
        if packing == "identity":
            return b"".join(self._pieces())
        if packing != "gzip":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send Content-Encoding: gzip, or none")
        unpacker, body = zlib.decompressobj(wbits=31), bytearray()
        try:
            for piece in self._pieces():
                body += unpacker.decompress(piece, self.server.limits.body_bytes + 1 - len(body))
                if len(body) > self.server.limits.body_bytes:
                    raise self._too_long()
        except zlib.error as error:
            raise Refused(HTTPStatus.BAD_REQUEST, "the body is not gzip") from error
        if not unpacker.eof or unpacker.unused_data:
            raise Refused(HTTPStatus.BAD_REQUEST, "the body is not one whole gzip stream")
        return bytes(body)

    def _pieces(self) -> Iterator[bytes]:
        """The body as it was sent; no more of it than the limit."""
        length, coding = self.headers.get("Content-Length"), self.headers.get("Transfer-Encoding", "").lower()
        if coding == "chunked" and length is None:
            yield from self._chunks()
        elif coding:
            raise Refused(HTTPStatus.BAD_REQUEST, "send a Content-Length, or Transfer-Encoding: chunked")
        elif length is None:
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "send a Content-Length")
        else:
            yield from self._read(self._number(length, 10), 0)

    def _chunks(self) -> Iterator[bytes]:
        taken = 0
        while size := self._number(self._line().partition(b";")[0].decode("latin-1"), 16):
            yield from self._read(size, taken)
            taken += size
            if self._line():
                raise Refused(HTTPStatus.BAD_REQUEST, "a chunk is longer than it says")
        for _ in range(MAX_TRAILERS):
            if not self._line():
                return
        raise Refused(HTTPStatus.BAD_REQUEST, "too many trailers")

    def _line(self) -> bytes:
        line = self.rfile.readline(CHUNK_HEADER_BYTES)
        if not line.endswith(b"\n"):
            raise Refused(HTTPStatus.BAD_REQUEST, "the body ends too early")
        return line.strip()

    def _number(self, digits: str, base: int) -> int:
        try:
            return int(digits, base) if digits.strip().isalnum() and len(digits) < 20 else int("")
        except ValueError as error:
            raise Refused(HTTPStatus.BAD_REQUEST, "the body's length is not a number") from error

    def _read(self, length: int, taken: int) -> Iterator[bytes]:
        if taken + length > self.server.limits.body_bytes:
            raise self._too_long()
        while length:
            piece = self.rfile.read(min(length, PIECE_BYTES))
            if not piece:
                raise Refused(HTTPStatus.BAD_REQUEST, "the body ends too early")
            length -= len(piece)
            yield piece

    def _too_long(self) -> Refused:
        limit = self.server.limits.body_bytes
        return Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is longer than {limit:,} bytes")

    def _reply(self, status: HTTPStatus, body: bytes) -> None:
        self.close_connection = True
        self.send_response(status)
        if status is HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", "Bearer")
        elif status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "POST")
        elif status is HTTPStatus.SERVICE_UNAVAILABLE:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Type", JSON)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _linger(self) -> None:
        """Read on for a moment what the sender has on the way, so that it gets to read the answer."""
        _end(self.connection, socket.SHUT_WR)
        self.connection.settimeout(LINGER_S)
        while self.rfile.read1(PIECE_BYTES):
            pass  # its time is bounded, and so is that of a pause

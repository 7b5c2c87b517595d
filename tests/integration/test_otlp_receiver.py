"""The receiver of telemetry, over real sockets on loopback: what it takes, and what it withstands."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from quarterdeck.costs.capture.http_server import Limits
from quarterdeck.costs.capture.otlp import OtlpReceiver
from quarterdeck.costs.ledger import Ledger
from quarterdeck.errors import StoreFull, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from quarterdeck.costs.capture import Recorder
    from quarterdeck.costs.model import Request

JSON = {"Content-Type": "application/json"}
SMALL = Limits(body_bytes=1 << 20)
PACKED = gzip.compress(b"{}", mtime=0)


class Recorded(list["Request"]):
    def record_many(self, requests: Iterable[Request], /) -> int:
        self.extend(requests)
        return len(self)


class Answer(NamedTuple):
    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@contextmanager
def receiving(recorder: Recorder, **options: Any) -> Iterator[OtlpReceiver]:
    receiver = OtlpReceiver(recorder, port=0, **options)
    thread = threading.Thread(target=receiver.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.close()
        thread.join()


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture
def receiver(recorded: Recorded) -> Iterator[OtlpReceiver]:
    with receiving(recorded, limits=SMALL) as started:
        yield started


def send(
    receiver: OtlpReceiver,
    body: bytes | Iterator[bytes] = b"{}",
    *,
    path: str = "/v1/traces",
    method: str = "POST",
    headers: dict[str, str] = JSON,
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=60)
    try:
        connection.request(method, path, body, headers, encode_chunked=not isinstance(body, bytes))
        response = connection.getresponse()
        return Answer(response.status, response.read(), dict(response.getheaders()))
    finally:
        connection.close()


def send_raw(receiver: OtlpReceiver, sent: bytes, *, half_close: bool = False) -> bytes:
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=60) as connection:
        connection.sendall(sent)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def is_answered(receiver: OtlpReceiver) -> bool:
    """Whether there is room; one that is turned away may be cut off while it sends."""
    try:
        return send(receiver).status == 200
    except ConnectionError:
        return False


def is_still_taken(connection: socket.socket) -> bool:
    """Whether another byte can be sent, and no end was received."""
    try:
        connection.sendall(b" ")
        return bool(connection.recv(1))
    except TimeoutError:
        return True
    except OSError:
        return False


def chat(number: int = 1, **changed: Any) -> dict[str, Any]:
    told = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 100,
        **changed,
    }
    return {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": f"{number:016x}",
        "endTimeUnixNano": "1763294401500000000",
        "attributes": [
            {"key": key, "value": {"intValue" if isinstance(value, int) else "stringValue": value}}
            for key, value in told.items()
        ],
    }


def traces(*spans: dict[str, Any]) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}).encode()


def in_pieces(body: bytes, size: int = 100) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


class TestWhatIsTaken:
    def test_a_request_to_a_model_is_recorded(self, receiver, recorded):
        """The answer to what is taken whole is an empty object."""
        answer = send(receiver, traces(chat()))
        assert (answer.status, answer.json) == (200, {})
        assert answer.headers["Content-Type"] == "application/json"
        assert [request.usage.input_tokens for request in recorded] == [1000]

    @pytest.mark.parametrize("pack", [bytes, gzip.compress])
    def test_a_body_may_come_in_chunks_and_packed(self, receiver, recorded, pack):
        """As exporters of JavaScript send it, Claude Code's among them."""
        headers = JSON if pack is bytes else {**JSON, "Content-Encoding": "gzip"}
        body = pack(traces(*map(chat, range(50))))
        assert send(receiver, in_pieces(body), headers=headers).status == 200
        assert send(receiver, body, headers=headers).status == 200
        assert len(recorded) == 100

    def test_claude_codes_events_are_recorded(self, receiver, recorded):
        """Under /v1/logs."""
        told: dict[str, Any] = {
            "model": "claude-haiku-4-5",
            "input_tokens": 2,
            "output_tokens": 4,
            "cache_read_tokens": 10,
        }
        event = {
            "body": {"stringValue": "claude_code.api_request"},
            "attributes": chat(**told)["attributes"],
        }
        logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [event]}]}]}
        assert send(receiver, json.dumps(logs).encode(), path="/v1/logs").json == {}
        assert [request.usage.input_tokens for request in recorded] == [12]

    def test_metrics_are_taken_and_not_counted(self, receiver, recorded):
        """They are sums of what the events say one by one."""
        points = [{"asInt": "500", "attributes": []}]
        metric = {"name": "claude_code.token.usage", "sum": {"dataPoints": points}}
        metrics = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}
        answer = send(receiver, json.dumps(metrics).encode(), path="/v1/metrics")
        assert (answer.status, answer.json, recorded) == (200, {}, [])

    def test_what_cannot_be_meant_is_a_partial_success(self, receiver, recorded):
        """Not to be sent again; the others are recorded."""
        answer = send(receiver, traces(chat(1), chat(2, **{"gen_ai.usage.input_tokens": -1})))
        assert answer.status == 200
        assert answer.json["partialSuccess"]["rejectedSpans"] == "1"
        assert "input_tokens" in answer.json["partialSuccess"]["errorMessage"]
        assert len(recorded) == 1

    def test_a_path_may_end_with_a_slash_or_a_query(self, receiver, recorded):
        """Some exporters put them there."""
        for path in ("/v1/traces/", "/v1/traces?key=1"):
            assert send(receiver, traces(chat()), path=path).status == 200
        assert len(recorded) == 2

    def test_many_clients_at_once_lose_nothing(self, recorded):
        """Each export is recorded once, and answered."""
        with receiving(recorded) as receiver, ThreadPoolExecutor(16) as pool:
            bodies = [traces(chat(number)) for number in range(200)]
            statuses = list(pool.map(lambda body: send(receiver, body).status, bodies))
        assert statuses == [200] * 200
        assert len({request.response_id for request in recorded}) == 200

    def test_the_ledger_counts_what_is_sent_twice_once(self, tmp_path: Path):
        """An exporter repeats what it had no answer to."""
        ledger = Ledger(str(tmp_path))
        with receiving(ledger) as receiver:
            for _ in range(3):
                assert send(receiver, traces(chat(1), chat(2))).status == 200
        [total] = ledger.totals()
        ledger.close()
        assert (total.requests, total.usage.input_tokens) == (2, 2000)
        assert total.cost_picousd == 2 * (1000 * 2_500_000 + 100 * 10_000_000)


class TestWhatIsRefused:
    @pytest.mark.parametrize("path", ["/", "/v1", "/v1/traces/x", "/v1/profiles", "/../v1/traces", "//"])
    def test_another_path_is_not_found(self, receiver, path):
        """The message names those there are."""
        answer = send(receiver, path=path)
        assert answer.status == 404
        assert "/v1/traces" in answer.json["message"]

    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
    def test_another_method_is_not_allowed(self, receiver, method):
        """Nor does a web page get leave to send JSON from elsewhere."""
        answer = send(receiver, b"", method=method)
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")
        assert not any(name.startswith("Access-Control") for name in answer.headers)

    def test_protobuf_is_told_how_to_become_json(self, receiver):
        """It is what most exporters send unless they are told."""
        answer = send(receiver, b"\x0a\x00", headers={"Content-Type": "application/x-protobuf"})
        assert answer.status == 415
        assert "OTEL_EXPORTER_OTLP_PROTOCOL=http/json" in answer.json["message"]

    @pytest.mark.parametrize(
        "headers",
        [{}, {"Content-Type": "text/plain"}, {**JSON, "Content-Encoding": "br"}, {"Content-Type": "json;;"}],
    )
    def test_another_type_or_packing_is_unsupported(self, receiver, headers):
        """A form of a web page, for example."""
        assert send(receiver, b"{}", headers=headers).status == 415

    @pytest.mark.parametrize(
        "body", [b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b"[" * 200_000, b'{"a":' * 150_000, b"9" * 5000]
    )
    def test_what_is_no_json_object_is_a_bad_request(self, receiver, recorded, body):
        """However deep it goes, or long its numbers are."""
        assert send(receiver, body).status == 400
        assert recorded == []

    @pytest.mark.parametrize(
        "packed",
        [b"", b"no gzip", PACKED[:-3], PACKED * 2, PACKED + b"x"],
    )
    def test_what_is_no_whole_gzip_stream_is_a_bad_request(self, receiver, packed):
        """Torn, or with something after its end."""
        assert send(receiver, packed, headers={**JSON, "Content-Encoding": "gzip"}).status == 400

    def test_a_body_beyond_the_limit_is_too_large(self, receiver):
        """Said before it is read, or while it comes in chunks; the sender gets to read it."""
        body = b" " * (3 << 20)
        for sent in (body, in_pieces(body, 64 << 10)):
            answer = send(receiver, sent)
            assert answer.status == 413
            assert "1,048,576" in answer.json["message"]

    def test_a_gzip_bomb_is_too_large(self, receiver):
        """It is unpacked no further than the limit."""
        bomb = gzip.compress(bytes(256 << 20), 9)
        assert len(bomb) < SMALL.body_bytes
        assert send(receiver, bomb, headers={**JSON, "Content-Encoding": "gzip"}).status == 413

    @pytest.mark.parametrize(
        "rest, status",
        [
            (b"\r\n", 411),
            (b"Content-Length: x\r\n\r\n", 400),
            (b"Content-Length: -5\r\n\r\n", 400),
            (b"Content-Length: 50\r\n\r\n{}", 400),
            (b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400),
            (b"Transfer-Encoding: deflate\r\n\r\n", 400),
            (b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
            (b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}x\r\n", 400),
            (b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 5000, 400),
            (b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 200, 400),
            (b"Transfer-Encoding: chunked\r\n\r\nffffffffffffff\r\n", 413),
        ],
    )
    def test_a_body_without_a_clear_end_is_refused(self, receiver, rest, status):
        """Neither guessed at nor waited for."""
        head = b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        answer = send_raw(receiver, head + rest, half_close=True)
        assert answer.startswith(b"HTTP/1.1 %d " % status)

    @pytest.mark.parametrize(
        "sent",
        [b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"x" * 70_000 + b"\r\n"],
    )
    def test_what_is_no_http_is_dropped(self, receiver, capfd, sent):
        """TLS on the plain port, for example; nothing is printed, and the next one is answered."""
        send_raw(receiver, sent, half_close=True)
        assert send(receiver).status == 200
        assert capfd.readouterr().err == ""

    def test_what_could_not_be_written_is_to_be_sent_again(self):
        """Exporters repeat after a 503."""

        class Full:
            def record_many(self, requests: Iterable[Request], /) -> int:
                raise StoreFull("the disk is full", hint="make room")

        with receiving(Full()) as receiver:
            answer = send(receiver, traces(chat()))
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        assert answer.json["message"] == "the disk is full"

    def test_what_the_ledger_refuses_is_not_to_be_sent_again(self):
        """It would be refused again."""

        class Strict:
            def record_many(self, requests: Iterable[Request], /) -> int:
                raise UsageError("tier is too long", hint="shorten it")

        with receiving(Strict()) as receiver:
            answer = send(receiver, traces(chat()))
        assert (answer.status, answer.json) == (400, {"message": "tier is too long"})


class TestWhoIsAnswered:
    @pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org", "", "::"])
    def test_without_a_token_only_this_machine(self, recorded, host):
        """Anyone could write costs otherwise."""
        with pytest.raises(UsageError, match="no token is set"):
            OtlpReceiver(recorded, host=host, port=0)

    def test_with_a_token_everybody_who_bears_it(self, recorded):
        """Whatever name they know this machine by."""
        with receiving(recorded, host="0.0.0.0", token="s3cret") as receiver:
            for wrong in (
                {},
                {"Authorization": "Bearer s3cre"},
                {"Authorization": "s3cret"},
                {"Authorization": "é"},
            ):
                answer = send(receiver, traces(chat()), headers={**JSON, **wrong})
                assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
            right = {**JSON, "Authorization": "Bearer s3cret", "Host": "ledger.example.org"}
            assert send(receiver, traces(chat()), headers=right).status == 200
        assert len(recorded) == 1

    @pytest.mark.parametrize("name", ["evil.example.org", "evil.example.org:4318", "localhost.evil.org", ""])
    def test_a_web_page_that_names_us_otherwise_is_forbidden(self, receiver, recorded, name):
        """DNS rebinding: its own name, with our address."""
        assert send(receiver, traces(chat()), headers={**JSON, "Host": name}).status == 403
        assert recorded == []

    @pytest.mark.parametrize(
        "name", ["localhost", "LOCALHOST:4318", "127.0.0.1", "127.0.0.1:9", "[::1]", "[::1]:4318"]
    )
    def test_the_names_of_this_machine_are_known(self, receiver, name):
        """With a port or without."""
        assert send(receiver, headers={**JSON, "Host": name}).status == 200


class TestSlowSenders:
    @pytest.mark.parametrize(
        "begun", [b"", b"POST /v1/tr", b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nX: "]
    )
    def test_those_that_never_end_are_cut_off(self, recorded, begun):
        """And their place is another's."""
        with receiving(recorded, limits=Limits(connections=1, connection_s=0.2)) as receiver:
            send_raw(receiver, begun)  # returns when it has been cut off
            assert any(is_answered(receiver) for _ in range(1000))

    def test_one_that_keeps_sending_is_cut_off_too(self, recorded):
        """A byte now and then does not buy time."""
        with receiving(recorded, limits=Limits(connection_s=0.2)) as receiver:
            head = b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            with socket.create_connection(("127.0.0.1", receiver.port), timeout=0.01) as connection:
                connection.sendall(head + b"Content-Length: 1000000\r\n\r\n")
                assert any(not is_still_taken(connection) for _ in range(100_000))
        assert recorded == []

    def test_more_than_there_is_room_for_are_told_to_come_again(self, recorded):
        """Nobody waits behind those that say nothing."""
        with receiving(recorded, limits=Limits(connections=2, connection_s=60.0)) as receiver:
            idle = [socket.create_connection(("127.0.0.1", receiver.port)) for _ in range(2)]
            assert send_raw(receiver, b"").startswith(b"HTTP/1.1 503 ")
            for connection in idle:
                connection.close()
            assert any(is_answered(receiver) for _ in range(1000))

    def test_closing_does_not_wait_for_them(self, recorded):
        """They are cut off at once."""
        with receiving(recorded, limits=Limits(connection_s=10_000.0)) as receiver:
            connection = socket.create_connection(("127.0.0.1", receiver.port), timeout=60)
            connection.sendall(b"POST /v1/traces HTTP/1.1\r\n")
            assert send(receiver).status == 200  # the first is being read by now
        with connection:
            received = b"".join(iter(lambda: connection.recv(65536), b""))
        assert b" 200 " not in received


class TestOpeningAndClosing:
    def test_a_port_in_use_is_named(self, receiver, recorded):
        """With what to do."""
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1 port {receiver.port}"):
            OtlpReceiver(recorded, port=receiver.port)

    @pytest.mark.parametrize("port", [-1, 65_536, 2**70])
    def test_a_port_that_is_none_is_named(self, recorded, port):
        """No traceback."""
        with pytest.raises(UsageError, match="cannot listen"):
            OtlpReceiver(recorded, port=port)

    def test_a_closed_receiver_gives_its_port_back(self, recorded):
        """Also when it never answered; and closing twice is closing once."""
        first = OtlpReceiver(recorded, port=0)
        first.close()
        first.close()
        first.serve_forever()  # returns at once
        OtlpReceiver(recorded, port=first.port).close()

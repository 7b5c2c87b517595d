"""The OTLP mirror, against a real server on loopback: at least once, with ids that make it exactly once."""

from __future__ import annotations

import gzip
import json
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from quarterdeck.costs.exporters import mirror
from quarterdeck.costs.exporters import otlp as exporter
from quarterdeck.costs.ledger.counted import counting
from quarterdeck.costs.model import Request, Usage
from quarterdeck.errors import NothingToRead, StateError, StoreBusy, StoreCorrupt, StoreTooNew, UsageError
from quarterdeck.files import Lease
from tests.exporter_worlds import START, live, lived, opened

HAIKU = "claude-haiku-4-5"
OK: tuple[int, dict[str, str], bytes] = (200, {}, b"{}")


class Collector:
    """A receiver: keeps what it takes, and answers as it is told, then with 200."""

    def __init__(self):
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.posts: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.connections = 0
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet

            def setup(self):
                collector.connections += 1
                super().setup()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers, said = collector.answers.pop(0) if collector.answers else OK
                if not status:  # hang up
                    self.close_connection = True
                    return
                if 200 <= status < 300:
                    document = json.loads(gzip.decompress(body))
                    collector.posts.append((self.path, dict(self.headers), document))
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(said))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *arguments):
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def spans(self):
        return [
            span
            for _, _, document in self.posts
            for of_resource in document["resourceSpans"]
            for of_scope in of_resource["scopeSpans"]
            for span in of_scope["spans"]
        ]

    @property
    def kept(self):
        """What a receiver has that keeps the last span of each id."""
        return {(span["traceId"], span["spanId"]): span for span in self.spans}


@pytest.fixture
def collector():
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture
def waits():
    return []


def told(span):
    values = {entry["key"]: entry["value"] for entry in span["attributes"]}
    return {
        key: int(value["intValue"]) if "intValue" in value else value["stringValue"]
        for key, value in values.items()
    }


def spent(spans):
    return sum(told(span).get("quarterdeck.cost_picousd", 0) for span in spans)


def test_what_is_kept_adds_up_to_the_totals(tmp_path, collector):
    """In one go, or over rounds in which better answers and corrections come: last span of an id counts."""
    ledger = opened(tmp_path)
    for seed in range(4):
        live(ledger, seed=seed, answers=40)
        mirror(ledger, collector.url)
        (total,) = ledger.totals()
        kept = collector.kept.values()
        assert spent(kept) == total.cost_picousd > 0
        assert sum(told(span)["gen_ai.usage.output_tokens"] for span in kept) == total.usage.output_tokens
        assert sum(told(span).get("quarterdeck.requests", 1) for span in kept) == total.requests


def test_a_span_says_what_the_conventions_name(tmp_path, collector):
    """Attributes of the GenAI conventions, the cost, and a time in nanoseconds."""
    ledger = opened(tmp_path)
    usage = Usage(100, 20, cache_read_input_tokens=30, cache_write_input_tokens=40, reasoning_output_tokens=5)
    asked = Request(
        HAIKU, usage, at=START, session="s", user="u", response_id="r", project="p", tags={"team": "t"}
    )
    ledger.record(asked)
    report = mirror(ledger, collector.url, headers={"Authorization": "Bearer token"})
    assert report == (f"{collector.url}/v1/traces", 1, 0, ())
    ((path, headers, document),) = collector.posts
    assert path == "/v1/traces"
    assert headers["Authorization"] == "Bearer token"
    assert headers["Content-Type"] == "application/json"
    (span,) = collector.spans
    assert span["kind"] == 3
    assert span["startTimeUnixNano"] == span["endTimeUnixNano"] == "1793502245678000000"
    assert (len(span["traceId"]), len(span["spanId"])) == (32, 16)
    assert told(span) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": HAIKU,
        "gen_ai.response.id": "r",
        "gen_ai.conversation.id": "s",
        "user.id": "u",
        "quarterdeck.project": "p",
        "quarterdeck.task_type": "unknown",
        "quarterdeck.tier": "cheap",
        "quarterdeck.tag.team": "t",
        "quarterdeck.card": ledger.price(asked).card,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 30,
        "gen_ai.usage.cache_creation.input_tokens": 40,
        "gen_ai.usage.reasoning.output_tokens": 5,
        "quarterdeck.cost_picousd": ledger.totals()[0].cost_picousd,
    }
    resource = document["resourceSpans"][0]["resource"]["attributes"]
    assert resource == [{"key": "service.name", "value": {"stringValue": "quarterdeck"}}]


def test_only_what_is_new_is_sent(tmp_path, collector):
    """The checkpoint lies in the ledger's folder, one for each endpoint."""
    ledger = lived(tmp_path)
    first = mirror(ledger, collector.url)
    assert first.spans == len(collector.spans) > 0
    assert mirror(ledger, collector.url).spans == 0
    ledger.record(Request(HAIKU, Usage(1, 1), at=START))
    assert mirror(ledger, collector.url).spans == 1
    elsewhere = mirror(ledger, f"{collector.url}/elsewhere")
    assert elsewhere.spans == first.spans + 1
    assert collector.posts[-1][0] == "/elsewhere"


def test_an_interrupt_sends_some_again_with_the_same_ids(tmp_path, collector, monkeypatch):
    """Taken, but the checkpoint was not written: who drops repeats has each span once."""
    ledger = lived(tmp_path)
    monkeypatch.setattr(exporter, "_CHUNK_BYTES", 2_000)
    saves = []

    def save_twice(checkpoint, places):
        saves.append(1)
        if len(saves) == 3:
            raise KeyboardInterrupt
        real_save(checkpoint, places)

    real_save = exporter._save
    monkeypatch.setattr(exporter, "_save", save_twice)
    with pytest.raises(KeyboardInterrupt):
        mirror(ledger, collector.url)
    before = len(collector.spans)
    assert mirror(ledger, collector.url).spans > 0
    times = Counter((span["traceId"], span["spanId"]) for span in collector.spans)
    assert 0 < sum(count - 1 for count in times.values()) <= before
    assert spent(collector.kept.values()) == ledger.totals()[0].cost_picousd


def test_posts_are_neither_too_long_nor_too_many_at_once(tmp_path, collector, monkeypatch):
    """Hundreds of spans a post, fewer if they are long, over one connection."""
    ledger = lived(tmp_path, answers=80)
    with counting(ledger) as state:
        count = sum(len(chunk.records) for chunk in state.chunks())
    monkeypatch.setattr(exporter, "SPANS_PER_POST", 3)
    mirror(ledger, collector.url)
    sizes = [len(post[2]["resourceSpans"][0]["scopeSpans"][0]["spans"]) for post in collector.posts]
    assert (max(sizes), sum(sizes), collector.connections) == (3, count, 1)
    monkeypatch.setattr(exporter, "BYTES_PER_POST", 10)
    mirror(ledger, f"{collector.url}/x")
    assert len(collector.posts) == len(sizes) + count


@pytest.mark.parametrize(
    "answers, bounds",
    [
        ([(503, {}, b"")], [(0.5, 1)]),
        ([(500, {}, b""), (502, {}, b""), (429, {}, b"")], [(0.5, 1), (1, 2), (2, 4)]),
        ([(429, {"Retry-After": "7"}, b"")], [(7, 7)]),
        ([(429, {"Retry-After": "99999999"}, b"")], [(60, 60)]),
        ([(503, {"Retry-After": "soon"}, b"")], [(0.5, 1)]),
        ([(503, {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, b"")], [(0, 0)]),
        ([(503, {"Retry-After": "Thu, 01 Jan 1970 00:00:00"}, b"")], [(0, 0)]),
        ([(0, {}, b"")], [(0.5, 1)]),
    ],
)
def test_a_busy_receiver_is_asked_again(tmp_path, collector, waits, answers, bounds):
    """After waits that double, or that it asks for, within bounds; a line that breaks counts as busy."""
    ledger = lived(tmp_path, answers=10)
    collector.answers = list(answers)
    mirror(ledger, collector.url, wait=waits.append)
    assert len(waits) == len(bounds)
    assert all(least <= waited <= most for waited, (least, most) in zip(waits, bounds, strict=True)), waits
    assert spent(collector.spans) == ledger.totals()[0].cost_picousd


def test_a_date_to_retry_after_is_honoured(tmp_path, collector, waits):
    """It says when, not how long; a time far away is not waited for."""
    at = format_datetime(datetime.now(UTC) + timedelta(days=1))
    collector.answers = [(503, {"Retry-After": at}, b"")]
    mirror(lived(tmp_path, answers=3), collector.url, wait=waits.append)
    assert waits == [60]


def test_a_receiver_that_stays_away_ends_it_and_loses_nothing(tmp_path, collector, waits):
    """After six attempts an error; the next run sends everything."""
    ledger = lived(tmp_path, answers=10)
    collector.answers = [(503, {}, b"")] * 6
    with pytest.raises(StateError, match="503") as caught:
        mirror(ledger, collector.url, wait=waits.append)
    assert "goes on where it was" in caught.value.hint
    assert len(waits) == 5
    mirror(ledger, collector.url)
    assert spent(collector.spans) == ledger.totals()[0].cost_picousd


def test_nobody_listening_is_said_so(tmp_path, waits):
    """With where to, and what to do."""
    gone = Collector()
    gone.close()
    with pytest.raises(StateError, match=f"{gone.url}/v1/traces cannot be reached"):
        mirror(lived(tmp_path, answers=1), gone.url, wait=waits.append)
    assert len(waits) == 5


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 413])
def test_a_refusal_is_not_repeated_and_shows_no_secret(tmp_path, collector, waits, status):
    """Nothing is skipped either: the checkpoint stays, and no header's value is in the error."""
    ledger = lived(tmp_path, answers=3)
    collector.answers = [(status, {"Location": "http://127.0.0.1:9/"}, b"no")]
    with pytest.raises(StateError, match=f"refuses: {status}") as caught:
        mirror(ledger, f"{collector.url}/t?key=s3cr3t", headers={"X-Token": "s3cr3t"}, wait=waits.append)
    assert "s3cr3t" not in repr(caught.value)
    assert waits == []
    assert list(tmp_path.glob("mirror-*.json")) == []
    mirror(ledger, f"{collector.url}/t?key=s3cr3t")
    assert collector.posts[0][0] == "/t?key=s3cr3t"
    assert "s3cr3t" not in "".join(path.read_text() for path in tmp_path.glob("mirror-*"))


def test_spans_that_the_receiver_does_not_keep_are_reported(tmp_path, collector):
    """Its own words, made harmless; they are not sent again, as the protocol asks."""
    said = {"partialSuccess": {"rejectedSpans": "2", "errorMessage": "too\x1b[31mold"}}
    collector.answers = [(200, {}, json.dumps(said).encode())]
    report = mirror(lived(tmp_path, answers=5), collector.url)
    assert report.rejected == 2
    assert report.problems == ("the receiver says: too\\x1b[31mold",)


@pytest.mark.parametrize(
    "answer",
    [b"", b"OK", b"[]", b'{"partialSuccess":7}', b'{"partialSuccess":{"rejectedSpans":"x"}}', b"[" * 9_000],
)
def test_an_answer_that_says_nothing_is_taken_as_well(tmp_path, collector, answer):
    """The status counts."""
    collector.answers = [(202, {}, answer)]
    report = mirror(lived(tmp_path, answers=5), collector.url)
    assert (report.rejected, report.problems) == (0, ())


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "collector:4318",
        "ftp://x/",
        "http://",
        "http://ann:s3cr3t@127.0.0.1/",
        "http://x:99999/",
        "http://[",
        "file:///",
    ],
)
def test_an_endpoint_that_cannot_be_meant_is_refused(tmp_path, endpoint):
    """Before anything is sent, and without showing what may be a secret."""
    with pytest.raises(UsageError) as caught:
        mirror(lived(tmp_path, answers=1), endpoint)
    assert "s3cr3t" not in repr(caught.value)


@pytest.mark.parametrize("headers", [{"A b": "x"}, {"": "x"}, {"A": "s3cr3t\r\nB: c"}, {"A": "s3cr3t€"}])
def test_a_header_that_cannot_be_sent_is_refused(tmp_path, headers):
    """No line can be smuggled in, and the value is not shown."""
    with pytest.raises(UsageError) as caught:
        mirror(lived(tmp_path, answers=1), "http://127.0.0.1:9/", headers=headers)
    assert "s3cr3t" not in repr(caught.value)


def test_two_mirrors_to_one_endpoint_do_not_run_at_once(tmp_path, collector):
    """The second one says so instead of sending everything twice."""
    ledger = lived(tmp_path, answers=3)
    mirror(ledger, collector.url)
    (checkpoint,) = tmp_path.glob("mirror-*.json")
    with Lease.wait(f"{checkpoint}.lock", 1), pytest.raises(StoreBusy):
        mirror(ledger, collector.url)


@pytest.mark.parametrize(
    "content, error",
    [
        (b"{", StoreCorrupt),
        (b"[]", StoreCorrupt),
        (b'{"version":1,"places":{"x":"y"}}', StoreCorrupt),
        (b'{"version":2,"places":{}}', StoreTooNew),
    ],
)
def test_a_damaged_checkpoint_is_said_so(tmp_path, collector, content, error):
    """Sending everything once more is for the user to decide."""
    ledger = lived(tmp_path, answers=3)
    mirror(ledger, collector.url)
    (checkpoint,) = tmp_path.glob("mirror-*.json")
    checkpoint.write_bytes(content)
    with pytest.raises(error):
        mirror(ledger, collector.url)
    assert checkpoint.read_bytes() == content


def test_a_lost_segment_is_reported(tmp_path, collector):
    """The rest goes on being mirrored."""
    ledger = lived(tmp_path)
    mirror(ledger, collector.url)
    ledger.close()
    lost = sorted((tmp_path / "journal").glob("*.jsonl"))[1]
    lost.unlink()
    ledger.record(Request(HAIKU, Usage(1, 1), at=START))
    report = mirror(ledger, collector.url)
    assert report.spans == 1
    assert any(
        lost.name.partition(".")[0] in problem and "mirrored" in problem for problem in report.problems
    )


def test_progress_reaches_the_end(tmp_path, collector, monkeypatch):
    """The last call says that all bytes are mirrored."""
    monkeypatch.setattr(exporter, "_CHUNK_BYTES", 2_000)
    calls: list[tuple[int, int]] = []
    mirror(lived(tmp_path), collector.url, progress=lambda *call: calls.append(call))
    assert calls == sorted(calls)
    assert calls[-1][0] == calls[-1][1] > 0


def test_nothing_is_mirrored_where_nothing_was_recorded(tmp_path, collector):
    """An error of its own, not a silent zero."""
    with pytest.raises(NothingToRead):
        mirror(opened(tmp_path / "none", timezone=""), collector.url)
    assert collector.posts == []

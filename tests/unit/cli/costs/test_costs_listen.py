"""``qd costs listen``: OpenTelemetry on loopback, until Ctrl-C."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    Listener = subprocess.Popen[str]

COMMAND = [sys.executable, "-c", "from quarterdeck.cli import main; main()", "costs", "listen", "--port", "0"]
SPAN: dict[str, Any] = {
    "traceId": "0af7651916cd43dd8448eb211c80319c",
    "spanId": "b7ad6b7169203331",
    "name": "chat",
    "startTimeUnixNano": "1768478400000000000",
    "endTimeUnixNano": "1768478401000000000",
    "attributes": [
        {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
        {"key": "gen_ai.provider.name", "value": {"stringValue": "own"}},
        {"key": "gen_ai.request.model", "value": {"stringValue": "fair"}},
        {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "1000000"}},
        {"key": "gen_ai.usage.output_tokens", "value": {"intValue": "0"}},
    ],
}
TRACES = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [SPAN]}]}]})


@pytest.fixture
def listening() -> Iterator[Any]:
    """Starts ``qd costs listen`` with these options; whatever happens, it ends with the test."""
    started: list[Listener] = []

    def start(*options: str) -> Listener:
        process = subprocess.Popen(
            [*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def post(port: int, **headers: str) -> int:
    """Export one span; the status of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/v1/traces", TRACES, {"Content-Type": "application/json", **headers})
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_what_is_exported_is_recorded_until_it_is_ended(qd, listening, ending: int):
    """First what to set, then the count; Ctrl-C is how it is meant to end."""
    process = listening("--json")
    started = json.loads(process.stdout.readline())
    assert started["schema"] == "quarterdeck.costs.listening/1"
    endpoint = started["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"]
    assert endpoint == f"http://127.0.0.1:{started['port']}"
    assert post(started["port"]) == 200
    process.send_signal(ending)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert json.loads(out) == {
        "schema": "quarterdeck.costs.listened/1",
        "ledger": started["ledger"],
        "requests": 1,
    }
    assert qd("costs", "--json").json["week"]["cost_usd"] == 1.0


def test_people_get_lines_to_paste(listening):
    """For Claude Code and for everything else."""
    process = listening()
    said = [process.stdout.readline()]
    while "OTEL_TRACES_EXPORTER" not in said[-1]:
        said.append(process.stdout.readline())
    assert said[0].startswith("listening on 127.0.0.1 port ")
    assert "  export OTEL_EXPORTER_OTLP_PROTOCOL=http/json\n" in said
    assert "  export CLAUDE_CODE_ENABLE_TELEMETRY=1\n" in said
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert out == "\n0 requests received; what they cost: qd costs\n"


def test_a_token_is_read_from_a_file(listening, tmp_path):
    """It stands in no list of processes; who does not show it is refused."""
    file = tmp_path / "token"
    file.write_text("s3cret\n")
    process = listening("--json", "--token-file", str(file))
    line = process.stdout.readline()
    assert "s3cret" not in line
    port = json.loads(line)["port"]
    assert post(port) == 401
    assert post(port, Authorization="Bearer s3cret") == 200


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\n"], ids=str)
def test_a_token_that_is_none_is_an_error(qd, tmp_path, content: bytes | None):
    """It must not be taken for "no token needed"."""
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    result = qd("costs", "listen", "--port", "0", "--token-file", str(file))
    assert (result.code, result.out) == (1, "")
    assert str(file) in result.err


def test_a_port_that_is_taken_is_said(qd, listening):
    """With what to do."""
    process = listening("--json")
    port = json.loads(process.stdout.readline())["port"]
    result = qd("costs", "listen", "--port", str(port))
    assert result.code == 2
    assert "choose another port" in result.err

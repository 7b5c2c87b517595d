"""``qd costs listen``: OpenTelemetry, received."""

from __future__ import annotations

import shlex
import signal
from typing import TYPE_CHECKING

import click

from quarterdeck.cli.costs.options import ledger_option, opened_ledger
from quarterdeck.cli.costs.output import print_ledger_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import say
from quarterdeck.errors import StateError
from quarterdeck.words import count

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quarterdeck.costs.capture import Recorder
    from quarterdeck.costs.ledger import Ledger
    from quarterdeck.costs.model import Request

MAX_TOKEN_CHARS = 4096
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - how to reach one, not what to bind


class Counted:
    """A recorder that counts what the ledger has taken."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.requests = 0

    def record_many(self, requests: Iterable[Request], /) -> int:
        """As the ledger does."""
        written = self._recorder.record_many(requests)
        self.requests += written
        return written


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=4318, show_default=True, help="0: any free one."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="An address of this machine.")
@click.option(
    "--token-file",
    metavar="FILE",
    help="What senders must show; needed where other machines can reach the port.",
)
@ledger_option
@json_option
def command(port: int, host: str, token_file: str | None, folder: str | None, as_json: bool) -> None:
    """Receive OpenTelemetry on this machine and record what it says was used.

    Prints the environment variables to set for Claude Code and for anything else that speaks OpenTelemetry,
    and listens until Ctrl-C.

    \b
    qd costs listen
    qd costs listen --port 0 --json
    """
    from quarterdeck.costs.capture.once import Once
    from quarterdeck.costs.capture.otlp import OtlpReceiver

    with opened_ledger(folder) as ledger:
        recorder = Counted(Once(ledger))
        token = None if token_file is None else _token(token_file)
        receiver = OtlpReceiver(recorder, host, port, token)
        try:
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            _print_environment(ledger, host, receiver.port, token_file, as_json)
            receiver.serve_forever()
        except KeyboardInterrupt:
            pass  # how it is meant to end
        finally:
            receiver.close()
        if as_json:
            print_ledger_json("listened", ledger, {"requests": recorder.requests})
        else:
            say("", f"{count(recorder.requests, 'request')} received; what they cost: qd costs")


def _print_environment(ledger: Ledger, host: str, port: int, token_file: str | None, as_json: bool) -> None:
    near = WILDCARDS.get(host, f"[{host}]" if ":" in host else host)
    shared = {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{near}:{port}",
    }
    if token_file is not None:
        shared["OTEL_EXPORTER_OTLP_HEADERS"] = "Authorization=Bearer%20<token>"
    claude_code = {"CLAUDE_CODE_ENABLE_TELEMETRY": "1", "OTEL_LOGS_EXPORTER": "otlp"}
    others = {"OTEL_TRACES_EXPORTER": "otlp"}
    if as_json:
        answer = {"port": port, "environment": shared, "claude_code": claude_code, "others": others}
        print_ledger_json("listening", ledger, answer)
    else:
        say(
            f"listening on {host} port {port}, recording to {ledger.folder}; Ctrl-C ends it",
            *_exports("", shared),
            *_exports("for Claude Code also:", claude_code),
            *_exports("for anything else that traces requests to models:", others),
        )


def _exports(title: str, variables: dict[str, str]) -> list[str]:
    lines = [f"  export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return ["", *([title] if title else []), *lines]


def _token(path: str) -> str:
    """The first line of *path*: not on the command line, where every process can read it."""
    try:
        with open(path, encoding="ascii") as file:
            token = file.readline(MAX_TOKEN_CHARS).strip()
    except (OSError, UnicodeError) as error:
        raise StateError(
            f"{path} cannot be read as a token", hint="put one line of 32 random characters or more into it"
        ) from error
    if not token:
        raise StateError(f"{path} is empty", hint="put one line of 32 random characters or more into it")
    return token

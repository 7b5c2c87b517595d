"""``qd costs mirror``: to whoever takes OpenTelemetry."""

from __future__ import annotations

import os
from urllib.parse import unquote

import click

from quarterdeck.cli.costs.options import ledger_option, opened_ledger
from quarterdeck.cli.costs.output import print_ledger_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import progress, remark, say
from quarterdeck.errors import UsageError
from quarterdeck.words import count

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
HEADERS = "OTEL_EXPORTER_OTLP_HEADERS"


@click.command()
@click.argument("endpoint", required=False)
@ledger_option
@json_option
def command(endpoint: str | None, folder: str | None, as_json: bool) -> None:
    """Send every record as a span to a receiver of OpenTelemetry.

    Each run sends what is new. A record may be sent again after a crash, with the same trace and span id.
    Headers, such as a token, are taken from OTEL_EXPORTER_OTLP_HEADERS.

    \b
    qd costs mirror http://127.0.0.1:4318
    OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20…" qd costs mirror https://otlp.example
    """
    from quarterdeck.costs.exporters import mirror

    endpoint = endpoint or os.environ.get(ENDPOINT, "")
    if not endpoint:
        raise UsageError("it is not said where to", hint=f"name the receiver's URL, or set {ENDPOINT}")
    with opened_ledger(folder) as ledger:
        report = mirror(ledger, endpoint, headers=_headers(), progress=progress("MB", unit=1_000_000))
        remark(report.problems)
        if as_json:
            counts = {"endpoint": report.endpoint, "spans": report.spans, "rejected": report.rejected}
            print_ledger_json("mirror", ledger, {**counts, "problems": report.problems})
            return
    say(f"{count(report.spans, 'span')} sent, {report.rejected:,} rejected")


def _headers() -> dict[str, str]:
    """As OpenTelemetry writes them: ``name=value,name=value``, values percent-encoded."""
    pairs = [pair.partition("=") for pair in os.environ.get(HEADERS, "").split(",") if pair.strip()]
    return {name.strip(): unquote(value.strip()) for name, _, value in pairs}

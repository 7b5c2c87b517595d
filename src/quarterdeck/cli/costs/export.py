"""``qd costs export``: every record, for other tools."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TYPE_CHECKING

import click

from quarterdeck.cli.costs.options import Days, days_options, ledger_option, narrowing_options, opened_ledger
from quarterdeck.cli.costs.output import print_ledger_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import progress, remark, say
from quarterdeck.errors import UsageError
from quarterdeck.words import count

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

FORMATS = ("csv", "jsonl", "parquet")
STDOUT = "-"


@click.command()
@click.option("--to", "target", metavar="FILE", required=True, help="Where to; - is standard output.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), help="How it is written (default: what FILE ends in)."
)
@days_options(None)
@narrowing_options
@ledger_option
@json_option
def command(
    target: str, form: str | None, days: Days, where: dict[str, str], folder: str | None, as_json: bool
) -> None:
    """Write every record that counts to a file: CSV, JSON Lines or Parquet.

    The file appears whole or not at all. In CSV, a label that a spreadsheet would take for a formula gets an
    apostrophe before it.

    \b
    qd costs export --to costs.csv
    qd costs export --to costs.parquet --month 2026-01
    qd costs export --to - --format jsonl --project . | jq .cost_usd
    """
    from quarterdeck.costs.exporters import export_csv, export_jsonl, export_parquet

    form = form or _form_of(target)
    if target == STDOUT and (form == "parquet" or as_json):
        raise UsageError(
            "standard output cannot have both" if as_json else "Parquet cannot go to standard output",
            hint="name a file: --to costs.parquet",
        )
    with opened_ledger(folder) as ledger:
        since, until = days.until_today(ledger.calendar.today())
        meter = progress("MB", unit=1_000_000)
        if form == "parquet":
            written = export_parquet(ledger, target, since=since, until=until, where=where, progress=meter)
        else:
            export = export_csv if form == "csv" else export_jsonl
            with _text_file(target) as file:
                written = export(ledger, file, since=since, until=until, where=where, progress=meter)
        remark(ledger.problems)
        if as_json:
            answer = {"file": os.path.abspath(target), "format": form, "records": written}
            print_ledger_json("export", ledger, answer)
        elif target != STDOUT:
            say(f"{count(written, 'record')} written to {target}")


def _form_of(target: str) -> str:
    suffix = os.path.splitext(target)[1].lower().removeprefix(".")
    if suffix not in FORMATS:
        raise UsageError(
            f"it is not said how to write {target!r:.80}", hint=f"add --format: {', '.join(FORMATS)}"
        )
    return suffix


@contextlib.contextmanager
def _text_file(target: str) -> Iterator[TextIO]:
    """A file that appears whole, or standard output; on a terminal what goes there is made harmless."""
    from quarterdeck.costs.exporters.target import export_file

    if target != STDOUT:
        with export_file(target) as file:
            text = io.TextIOWrapper(file, encoding="utf-8", newline="")
            yield text
            text.detach()  # written out; it is not ours to close
    elif sys.stdout.isatty():
        shown = io.StringIO()
        yield shown
        say(*shown.getvalue().splitlines())
    else:
        yield sys.stdout

"""``qd costs ship``: to PostgreSQL."""

from __future__ import annotations

import os

import click

from quarterdeck.cli.costs.options import ledger_option, opened_ledger
from quarterdeck.cli.costs.output import print_ledger_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import progress, remark, say
from quarterdeck.errors import UsageError
from quarterdeck.words import count

DSN = "QUARTERDECK_POSTGRES_DSN"
LIBPQ = ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE")
"""One of these says that libpq's own variables are meant."""


@click.command()
@click.option(
    "--dsn",
    metavar="DSN",
    help=f"Connection string of PostgreSQL (default: {DSN}, or PGHOST, PGDATABASE … of libpq).",
)
@click.option(
    "--schema", metavar="NAME", default="quarterdeck", show_default=True, help="Where the tables are."
)
@ledger_option
@json_option
def command(dsn: str | None, schema: str, folder: str | None, as_json: bool) -> None:
    """Bring every record to PostgreSQL, exactly once.

    Each run brings what is new; the tables are made by the first. Keep the password out of the list of
    processes: in PGPASSWORD, ~/.pgpass, or with the whole connection string in QUARTERDECK_POSTGRES_DSN.

    \b
    qd costs ship --dsn postgresql://ledger@db.example/costs
    PGHOST=db.example PGDATABASE=costs qd costs ship
    """
    from quarterdeck.costs.exporters import ship

    with opened_ledger(folder) as ledger:
        report = ship(ledger, _dsn(dsn), schema=schema, progress=progress("MB", unit=1_000_000))
        remark(report.problems)
        if as_json:
            counts = {"requests": report.requests, "displaced": report.displaced, "batches": report.batches}
            answer = {"ledger_id": str(report.ledger), **counts, "problems": report.problems}
            print_ledger_json("ship", ledger, answer)
            return
    say(
        f"{count(report.requests, 'record')} shipped, {report.displaced:,} replaced, "
        f"in {count(report.batches, 'transaction')}"
    )


def _dsn(typed: str | None) -> str:
    """The connection string; empty where libpq is to find its own variables."""
    dsn = os.environ.get(DSN, "") if typed is None else typed
    if not dsn and not any(os.environ.get(name) for name in LIBPQ):
        raise UsageError(
            "it is not said which PostgreSQL is meant",
            hint=f"add --dsn postgresql://user@host/database, or set {DSN} or PGHOST",
        )
    return dsn

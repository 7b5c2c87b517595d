"""``qd costs rescue``: copies of transcripts, before they are deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from quarterdeck.cli.costs.options import archive_of, ledger_option, opened_ledger
from quarterdeck.cli.costs.output import print_ledger_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import print_table, remark, say
from quarterdeck.costs.importers import known
from quarterdeck.words import count, size

if TYPE_CHECKING:
    from quarterdeck.costs.rescue import RescueReport

SHOWN = 10
WORDS = {
    "new": "new in the archive",
    "grown": "grown since the last time",
    "unchanged": "unchanged",
    "kept": "shorter by now: the longer copy is kept",
    "version": "rewritten: kept beside the earlier copy",
}


@click.command()
@click.argument("sources", metavar="[SOURCE]...", nargs=-1, type=click.Choice(sorted(known.MODULES)))
@click.option("--to", "archive", metavar="DIR", help="Where the copies go (default: archive in the ledger).")
@click.option(
    "--within",
    "days",
    metavar="DAYS",
    type=click.FloatRange(min=0),
    default=7,
    show_default=True,
    help="Warn of transcripts that their agent deletes within so many days.",
)
@ledger_option
@json_option
def command(
    sources: tuple[str, ...], archive: str | None, days: float, folder: str | None, as_json: bool
) -> None:
    """Copy transcripts before their agents delete them, after 30 days.

    What grew since the last time is copied again; a copy never becomes shorter.

    \b
    qd costs rescue
    qd costs rescue --to /mnt/backup/transcripts
    qd costs import --rescued
    """
    from quarterdeck.costs.rescue import rescue

    with opened_ledger(folder) as ledger:
        place = archive or archive_of(ledger)
        chosen = [known.source(name) for name in sources or known.MODULES]
        report = rescue(place, chosen, expiring_within_days=days)
        remark(map(str, report.problems))
        if as_json:
            answer = {
                "archive": place,
                "outcomes": report.outcomes,
                "bytes_read": report.bytes_read,
                "bytes_written": report.bytes_written,
                "expiring": [each._asdict() for each in report.expiring],
                "problems": [each._asdict() for each in report.problems],
            }
            print_ledger_json("rescue", ledger, answer)
            return
    _print(report, place)


def _print(report: RescueReport, place: str) -> None:
    files = count(sum(report.outcomes.values()), "transcript")
    say(f"{files}, {size(report.bytes_read)} read, {size(report.bytes_written)} written to {place}")
    for outcome, files_of_it in report.outcomes.items():
        say(f"  {files_of_it:,} {WORDS[outcome]}")
    if report.expiring:
        say("", f"{count(len(report.expiring), 'original')} about to be deleted:")
        print_table(
            ("transcript", "source", "days left"),
            [(each.path, each.source, round(each.days_left, 1)) for each in report.expiring[:SHOWN]],
        )

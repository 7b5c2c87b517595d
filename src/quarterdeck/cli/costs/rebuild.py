"""``qd costs rebuild``: the sums anew."""

from __future__ import annotations

import click

from quarterdeck.cli.costs.options import ledger_option, opened_ledger
from quarterdeck.cli.costs.output import print_ledger_json, total_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import progress, remark, say
from quarterdeck.words import count


@click.command()
@click.option("--tag", "more", metavar="NAME", multiple=True, help="Also keep sums by this tag.")
@click.option("--no-tag", "less", metavar="NAME", multiple=True, help="Keep no sums by this tag.")
@click.option("--timezone", metavar="ZONE", help="Where days begin: Europe/Berlin.")
@ledger_option
@json_option
def command(
    more: tuple[str, ...], less: tuple[str, ...], timezone: str | None, folder: str | None, as_json: bool
) -> None:
    """Make all sums anew, by other tags or in another time zone.

    Nothing is lost: the journal is the truth, and is only read. The tag called user is the user's label.

    \b
    qd costs rebuild
    qd costs rebuild --tag team --tag user
    qd costs rebuild --timezone Europe/Berlin
    """
    from quarterdeck.costs.advice.rebuild import rebuild

    with opened_ledger(folder) as ledger:
        total = rebuild(
            ledger, more=more, less=less, timezone=timezone, progress=progress("MB", unit=1_000_000)
        )
        choices = ledger.choices
        remark(ledger.problems)
        if as_json:
            answer = {"timezone": choices.timezone, "tags": choices.tags, "total": total_json(total)}
            print_ledger_json("rebuild", ledger, answer)
            return
    tags = f", and by the tags {', '.join(choices.tags)}" if choices.tags else ""
    say(f"sums of {count(total.requests, 'request')} made anew: by days in {choices.timezone}{tags}")

"""``qd costs budget rm``: a limit no more."""

from __future__ import annotations

import click

from quarterdeck.cli.costs.options import ledger_option, opened
from quarterdeck.cli.costs.output import print_ledger_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import say


@click.command()
@click.argument("number", metavar="ID", type=int)
@ledger_option
@json_option
def command(number: int, folder: str | None, as_json: bool) -> None:
    """Remove a budget.

    ID is its number, as qd costs budget shows it.

    \b
    qd costs budget rm 2
    """
    with opened(folder) as tracker:
        tracker.budgets.remove(number)
        if as_json:
            print_ledger_json("budget-removed", tracker.ledger, {"id": number})
            return
    say(f"budget {number} is removed")

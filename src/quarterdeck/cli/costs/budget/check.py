"""``qd costs budget check``: would it fit?"""

from __future__ import annotations

import click

from quarterdeck.cli.costs.options import ledger_option, narrowing_options, opened
from quarterdeck.cli.costs.output import amount_json, print_ledger_json, standing_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import remark, say
from quarterdeck.costs.money import format_usd, parse_usd
from quarterdeck.words import count


@click.command()
@click.argument("amount")
@narrowing_options
@ledger_option
@json_option
def command(amount: str, where: dict[str, str], folder: str | None, as_json: bool) -> None:
    """Say whether an amount would fit in every budget; reserves nothing.

    AMOUNT is in dollars; the labels are those that the requests will have. Exits with 1 when it does not fit.

    \b
    qd costs budget check 0.50
    qd costs budget check 2 --project . --model claude-opus-4-5
    """
    wanted = parse_usd(amount)
    with opened(folder) as tracker:
        concerned = tracker.budgets.check(wanted, where)
        remark(tracker.ledger.problems)
        if as_json:
            budgets = [standing_json(each) for each in concerned]
            answer = {**amount_json("wanted", wanted), "labels": where, "budgets": budgets}
            print_ledger_json("budget-check", tracker.ledger, answer)
            return
    within = f"within {count(len(concerned), 'budget')}" if concerned else "no budget limits it"
    say(f"{format_usd(wanted)} fits: {within}")

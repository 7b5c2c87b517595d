"""``qd costs reprice``: prices for what had none."""

from __future__ import annotations

import click

from quarterdeck.cli.costs.options import ledger_option, opened_ledger
from quarterdeck.cli.costs.output import amount_json, print_ledger_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import print_table, remark, say
from quarterdeck.costs.money import format_usd
from quarterdeck.words import count


@click.command()
@ledger_option
@json_option
def command(folder: str | None, as_json: bool) -> None:
    """Price the requests that had no price when they were recorded.

    For models that have been published since, or whose price is in the settings by now:

    \b
    [tool.quarterdeck.costs.prices."my-model"]
    input_per_mtok = 1.5        # dollars per million tokens
    output_per_mtok = 6

    \b
    qd costs reprice
    """
    from quarterdeck.costs.advice.reprice import reprice

    with opened_ledger(folder) as ledger:
        found = reprice(ledger)
        remark(ledger.problems)
        if as_json:
            answer = {
                "priced": found.priced,
                "unpriced": found.unpriced,
                **amount_json("cost", found.cost_picousd),
            }
            print_ledger_json("reprice", ledger, answer)
            return
    if not found.priced and not found.unpriced:
        say("every request has a price")
        return
    say(f"{count(found.priced, 'request')} priced: {format_usd(found.cost_picousd)}")
    if found.unpriced:
        say("", "still without a price, which can be set: qd costs reprice --help")
        print_table(("model", "requests"), sorted(found.unpriced.items()))

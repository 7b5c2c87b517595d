"""``qd costs budget``: limits, and how much of each is spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from quarterdeck.cli.costs.options import ledger_option, opened
from quarterdeck.cli.lazy import Entry, LazyGroup
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import remark, say
from quarterdeck.words import count

if TYPE_CHECKING:
    from quarterdeck.costs.budgets import Standing

COMMANDS = {
    "check": Entry("check", "Say whether an amount would fit in every budget; reserves nothing."),
    "rm": Entry("rm", "Remove a budget."),
    "set": Entry("set", "Limit what may be spent in a day, a week or a month."),
}


@click.group(cls=LazyGroup, entries=COMMANDS, package=__name__, invoke_without_command=True)
@click.option("--warn-as-error", is_flag=True, help="Exit with 1 also where a budget is nearly used up.")
@ledger_option
@json_option
@click.pass_context
def command(context: click.Context, warn_as_error: bool, folder: str | None, as_json: bool) -> None:
    """Show how much of every budget is spent.

    Exits with 1 when one is exceeded.

    \b
    qd costs budget set 20 --per day
    qd costs budget
    qd costs budget check 0.50 && python agent.py
    """
    if context.invoked_subcommand is not None:
        return
    from quarterdeck.cli.costs.output import print_ledger_json, standing_json

    with opened(folder) as tracker:
        standings = tracker.budgets.standings()
        remark(tracker.ledger.problems)
        if as_json:
            answer = {"budgets": [standing_json(each) for each in standings]}
            print_ledger_json("budgets", tracker.ledger, answer)
        elif standings:
            _print(standings)
        else:
            say("no budget is set: qd costs budget set 20 --per day")
    failing = {"exceeded", "warn"} if warn_as_error else {"exceeded"}
    if any(each.state in failing for each in standings):
        context.exit(1)


def _print(standings: list[Standing]) -> None:
    from quarterdeck.cli.costs.output import Money, print_costs

    print_costs(
        ("id", "budget", "spent", "reserved", "limit", "used %", "state", "at this pace"),
        [
            (
                each.budget.id,
                each.budget.title,
                Money(each.spent_picousd),
                Money(each.reserved_picousd),
                Money(each.budget.limit_picousd),
                None if each.ratio is None else round(each.ratio * 100, 1),
                each.state,
                _outlook(each),
            )
            for each in standings
        ],
    )
    unpriced = max(each.unpriced_requests for each in standings)
    if unpriced:
        say("", f"{count(unpriced, 'request')} without a price not counted: qd costs reprice")


def _outlook(standing: Standing) -> str:
    from quarterdeck.costs.money import format_usd

    if standing.projected_picousd is None:
        return "–"
    ends = "" if standing.runs_out_at is None else f", used up {standing.runs_out_at:%a %d %b %H:%M}"
    return f"{format_usd(standing.projected_picousd)} by {standing.until:%a %d %b}{ends}"

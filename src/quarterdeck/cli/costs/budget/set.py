"""``qd costs budget set``: a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from quarterdeck.cli.costs.options import ledger_option, narrowing_options, opened
from quarterdeck.cli.costs.output import budget_json, print_ledger_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import remark, say
from quarterdeck.costs.money import format_usd, parse_usd
from quarterdeck.errors import UsageError

if TYPE_CHECKING:
    from quarterdeck.costs.budgets import Period


def _ratio(context: click.Context, option: click.Parameter, typed: str) -> float:
    """80% or 0.8."""
    del context, option
    try:
        ratio = float(typed.removesuffix("%")) / (100 if typed.endswith("%") else 1)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise UsageError(f"--warn must be from 0% to 100%, got {typed!r:.40}", hint="write --warn 80%")
    return ratio


@click.command()
@click.argument("amount")
@click.option(
    "--per", "period", required=True, type=click.Choice(("day", "week", "month")), help="How long it is for."
)
@click.option(
    "--warn",
    metavar="SHARE",
    default="80%",
    show_default=True,
    callback=_ratio,
    help="From here on it warns.",
)
@narrowing_options
@ledger_option
@json_option
def command(
    amount: str, period: Period, warn: float, where: dict[str, str], folder: str | None, as_json: bool
) -> None:
    """Limit what may be spent in a day, a week or a month.

    AMOUNT is in dollars. A budget for the same time and labels is changed. Weeks begin on Monday.

    \b
    qd costs budget set 20 --per day
    qd costs budget set 5 --per week --project . --warn 50%
    qd costs budget set 300 --per month --tag team=search
    """
    limit = parse_usd(amount)
    with opened(folder) as tracker:
        budget = tracker.budgets.set(period, limit, scope=where, warn_ratio=warn)
        remark(tracker.ledger.problems)
        if as_json:
            print_ledger_json("budget", tracker.ledger, budget_json(budget))
            return
    say(
        f"budget {budget.id}, {budget.title}: {format_usd(budget.limit_picousd)}, "
        f"warns from {budget.warn_ratio:.0%} on"
    )

"""``qd costs what-if``: the same requests on other models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from quarterdeck.cli.costs.options import (
    WEEK,
    Days,
    days_options,
    ledger_option,
    narrowing_options,
    opened_ledger,
)
from quarterdeck.cli.costs.output import Money, print_costs, print_ledger_json, what_if_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import remark, say
from quarterdeck.words import count

if TYPE_CHECKING:
    from quarterdeck.costs.advice.alternatives import Alternative
    from quarterdeck.costs.ledger.what_if import WhatIf


@click.command()
@click.argument("models", metavar="MODEL...", nargs=-1, required=True)
@days_options(WEEK)
@narrowing_options
@ledger_option
@json_option
def command(
    models: tuple[str, ...], days: Days, where: dict[str, str], folder: str | None, as_json: bool
) -> None:
    """Say what the same requests would have cost on other models.

    The same tokens at MODEL's present prices; cached ones at its prices for cached tokens.

    \b
    qd costs what-if claude-haiku-4-5
    qd costs what-if gpt-5-mini claude-haiku-4-5 --days 30 --project .
    """
    from quarterdeck.costs.advice.alternatives import alternative

    with opened_ledger(folder) as ledger:
        since, until = days.until_today(ledger.calendar.today())
        found = [alternative(ledger, model, since, until, where) for model in models]
        remark(ledger.problems)
        if as_json:
            print_ledger_json(
                "what-if",
                ledger,
                {
                    "since": since and since.isoformat(),
                    "until": until and until.isoformat(),
                    "where": where,
                    "models": [
                        what_if_json(each.whole)
                        | {"by_model": [{"used": name} | what_if_json(part) for name, part in each.parts]}
                        for each in found
                    ],
                },
            )
            return
    _print(found)


def _print(found: list[Alternative]) -> None:
    whole = found[0].whole
    if not whole.requests:
        say("no requests with a price in these days")
        return
    say(f"{count(whole.requests, 'request')} that have a price", "")
    _print_amounts("all on", [(each.whole.model, each.whole) for each in found])
    for each in found:
        if len(each.parts) > 1:
            say("")
            parts = [(name, part) for name, part in each.parts if part.requests]
            _print_amounts(f"instead of, on {each.whole.model}", parts)
    if whole.unpriced_requests:
        say("", f"{count(whole.unpriced_requests, 'request')} without a price left out: qd costs reprice")


def _print_amounts(head: str, rows: list[tuple[str, WhatIf]]) -> None:
    """A column on exactness only where something is not exact."""
    columns = [head, "actual", "would have been", "difference", "%"]
    shown = [(name, *_amounts(compared)) for name, compared in rows]
    if not all(compared.exact for _, compared in rows):
        columns.append("")
        shown = [
            (*row, "" if compared.exact else "about: its price goes by steps")
            for row, (_, compared) in zip(shown, rows, strict=True)
        ]
    print_costs(columns, shown)


def _amounts(compared: WhatIf) -> tuple[object, ...]:
    difference = compared.savings_picousd
    pct = round(difference / compared.actual_picousd * 100, 1) if compared.actual_picousd else None
    return (
        Money(compared.actual_picousd),
        Money(compared.hypothetical_picousd),
        Money(difference),
        pct,
    )

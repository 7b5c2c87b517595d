"""``qd costs sessions``: the latest sessions."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from quarterdeck.cli.costs.options import Days, days_options, ledger_option, narrowing_options, opened_ledger
from quarterdeck.cli.costs.output import cost_of, print_costs, print_ledger_json, total_json
from quarterdeck.cli.options import json_option, limit_option
from quarterdeck.cli.output import first, remark, say, say_left_out

if TYPE_CHECKING:
    from quarterdeck.costs.ledger import SessionTotal


@click.command()
@limit_option(20)
@days_options(None)
@narrowing_options
@ledger_option
@json_option
def command(limit: int, days: Days, where: dict[str, str], folder: str | None, as_json: bool) -> None:
    """List the latest sessions and what each cost.

    A session counts as a whole, also what it cost before the days that were asked for.

    \b
    qd costs sessions
    qd costs sessions --days 30 --project . -n 0
    qd costs why SESSION        where its cost comes from
    """
    from quarterdeck.costs.advice.spending import sessions

    with opened_ledger(folder) as ledger:
        since, until = days.until_today(ledger.calendar.today())
        found = sessions(ledger, since, until, where)
        shown = first(found, limit)
        zone = ledger.calendar.zone
        remark(ledger.problems)
        if as_json:
            answer = {"total": len(found), "where": where, "sessions": [_json(each) for each in shown]}
            print_ledger_json("sessions", ledger, answer)
            return
    if not found:
        labelled = "no session with these labels" if where else "no session"
        say(f"{labelled} is recorded" if days == Days(None) else f"{labelled} in these days")
        return
    print_costs(
        ("session", "from", "to", "project", "source", "models", "requests", "cost"),
        [
            (
                each.session,
                f"{datetime.fromisoformat(each.first_at).astimezone(zone):%Y-%m-%d %H:%M}",
                f"{datetime.fromisoformat(each.last_at).astimezone(zone):%Y-%m-%d %H:%M}",
                each.project or "–",
                each.source or "–",
                ", ".join(each.models),
                each.total.requests,
                cost_of(each.total),
            )
            for each in shown
        ],
    )
    say_left_out(len(shown), len(found), "sessions")


def _json(each: SessionTotal) -> dict[str, Any]:
    return {**each._asdict(), "total": total_json(each.total)}

"""``qd costs report``: what was spent, divided by labels."""

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
from quarterdeck.cli.costs.output import (
    cost_of,
    print_costs,
    print_csv,
    print_ledger_json,
    print_markdown,
    share_pct,
    total_json,
)
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import remark, say
from quarterdeck.errors import UsageError

if TYPE_CHECKING:
    from quarterdeck.costs.advice.spending import Spending
    from quarterdeck.costs.ledger import Ledger, Total

FORMATS = ("table", "markdown", "csv", "json")


@click.command()
@click.option(
    "--by",
    metavar="LABEL",
    multiple=True,
    default=("model",),
    help="A row for each: day, month, model, provider, project, task_type, tier, service_tier, source, "
    "session, user or tag:NAME; several times for several (default: model).",
)
@click.option("--format", "form", type=click.Choice(FORMATS), help="How it is written (default: table).")
@days_options(WEEK)
@narrowing_options
@ledger_option
@json_option
def command(
    by: tuple[str, ...],
    form: str | None,
    days: Days,
    where: dict[str, str],
    folder: str | None,
    as_json: bool,
) -> None:
    """Show what was spent, divided by model, day, project or another label.

    \b
    qd costs report
    qd costs report --days 30 --by project --by model
    qd costs report --month 2026-01 --by day --format csv
    qd costs report --by session --project .
    """
    from quarterdeck.costs.advice.spending import spending

    if as_json and form not in (None, "json"):
        raise UsageError(f"--json and --format {form} contradict each other", hint="leave one of them out")
    with opened_ledger(folder) as ledger:
        since, until = days.until_today(ledger.calendar.today())
        found = spending(ledger, since, until, by=by, where=where)
        remark(ledger.problems)
        if as_json or form == "json":
            _print_json(ledger, found, where)
        elif form == "csv":
            names = ("requests", "unpriced_requests", "input_tokens", "cache_read_input_tokens")
            print_csv((*by, *names, "output_tokens", "cost_usd"), [_fields(row) for row in found.rows])
        elif form == "markdown":
            print_markdown(*_table(found))
        elif not found.rows:
            say(f"no requests {_span(found)}")
        else:
            say(f"costs {_span(found)}", "")
            print_costs(*_table(found))


def _print_json(ledger: Ledger, found: Spending, where: dict[str, str]) -> None:
    rows = [{"key": dict(zip(found.by, row.key, strict=True)), **total_json(row)} for row in found.rows]
    span = {
        "since": found.since and found.since.isoformat(),
        "until": found.until and found.until.isoformat(),
    }
    answer = {**span, "by": found.by, "where": where, "rows": rows, "total": total_json(found.whole)}
    print_ledger_json("report", ledger, answer)


def _table(found: Spending) -> tuple[list[str], list[tuple[object, ...]]]:
    """Columns and rows for people; a column of unpriced requests only where there are any."""
    unpriced = ["unpriced"] if found.whole.unpriced_requests else []
    columns = [*found.by, "requests", *unpriced, "input", "cached", "output", "cost", "%"]
    labelled = [(tuple(value or "–" for value in row.key), row) for row in found.rows]
    labelled.append((("total", *[""] * (len(found.by) - 1)), found.whole))
    return columns, [
        (
            *labels,
            row.requests,
            *([row.unpriced_requests] if unpriced else []),
            row.usage.input_tokens,
            row.usage.cache_read_input_tokens,
            row.usage.output_tokens,
            cost_of(row),
            share_pct(row.cost_picousd, found.whole.cost_picousd),
        )
        for labels, row in labelled
    ]


def _fields(row: Total) -> tuple[object, ...]:
    usage = row.usage
    tokens = (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens)
    return (*row.key, row.requests, row.unpriced_requests, *tokens, cost_of(row))


def _span(found: Spending) -> str:
    if found.since == found.until:
        return f"on {found.since}"
    begin = f"from {found.since}" if found.since else "from the first day"
    return f"{begin} to {found.until or 'today'}"

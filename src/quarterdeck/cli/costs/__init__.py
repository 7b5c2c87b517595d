"""``qd costs``: what agents have spent, and everything that is done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from quarterdeck.cli.costs.options import ledger_option, narrowing_options, opened_ledger
from quarterdeck.cli.lazy import Entry, LazyGroup
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import remark, say
from quarterdeck.words import count, sparkline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.costs.advice.glance import Glance
    from quarterdeck.costs.budgets import Standing
    from quarterdeck.costs.ledger import Ledger, Total

COMMANDS = {
    "budget": Entry("budget", "Show how much of every budget is spent."),
    "export": Entry("export", "Write every record that counts to a file: CSV, JSON Lines or Parquet."),
    "import": Entry(
        "importing", "Take in what agents have written down: Claude Code, Codex, Gemini CLI, OpenCode."
    ),
    "listen": Entry("listen", "Receive OpenTelemetry on this machine and record what it says was used."),
    "log": Entry("log", "Record one request: for shell scripts."),
    "mirror": Entry("mirror", "Send every record as a span to a receiver of OpenTelemetry."),
    "rebuild": Entry("rebuild", "Make all sums anew, by other tags or in another time zone."),
    "report": Entry("report", "Show what was spent, divided by model, day, project or another label."),
    "reprice": Entry("reprice", "Price the requests that had no price when they were recorded."),
    "rescue": Entry("rescue", "Copy transcripts before their agents delete them, after 30 days."),
    "sessions": Entry("sessions", "List the latest sessions and what each cost."),
    "ship": Entry("ship", "Bring every record to PostgreSQL, exactly once."),
    "verify": Entry("verify", "Check every sum against the journal, to the pico-dollar."),
    "what-if": Entry("what_if", "Say what the same requests would have cost on other models."),
    "why": Entry("why", "Show where the cost of a session comes from: lines, answers, tokens, prices."),
}

SHOWN = 5
FIRST_LINES = (
    "from quarterdeck.costs.tracker import CostTracker",
    "tracker = CostTracker()",
    'tracker.log_request("claude-sonnet-4-5", input_tokens=1200, output_tokens=300)',
)


@click.group(cls=LazyGroup, entries=COMMANDS, package=__name__, invoke_without_command=True)
@narrowing_options
@ledger_option
@json_option
@click.pass_context
def command(context: click.Context, where: dict[str, str], folder: str | None, as_json: bool) -> None:
    """Show what agents have spent today and this week.

    \b
    qd costs
    qd costs --project . --json
    qd costs import             take in what Claude Code, Codex and others have written down
    qd costs report --days 30 --by model --by project
    """
    if context.invoked_subcommand is not None:
        return
    from quarterdeck.cli.costs.output import print_ledger_json
    from quarterdeck.costs.advice.glance import glance

    with opened_ledger(folder) as ledger:
        seen = glance(ledger, where)
        remark([*ledger.problems, *seen.problems])
        if as_json:
            print_ledger_json("glance", ledger, _json(seen, where))
        elif not seen.last_day and not where:
            say(*_how_to_begin(ledger))
        else:
            _print(seen, ledger.config.baseline_model)


def _print(seen: Glance, baseline: str) -> None:
    from quarterdeck.cli.costs.output import cost_of, print_costs
    from quarterdeck.costs.money import format_usd

    print_costs(
        ("", "cost", "requests", "input", "cached", "output"),
        [
            _row(f"today, {seen.today:%a %d %b}", seen.of_today),
            _row(f"this week, since {seen.since:%a %d %b}", seen.of_week),
        ],
    )
    days = list(seen.recent)
    dearest = max(days, key=lambda day: seen.recent[day])
    line = sparkline(list(seen.recent.values()))
    most = f"most on {dearest:%a %d %b}: {format_usd(seen.recent[dearest])}"
    say("", f"{count(len(days), 'day')}  {line}  {most if seen.recent[dearest] else 'nothing was spent'}")
    for name, totals in (("model", seen.models), ("project", seen.projects)):
        if any(total.key != ("",) for total in totals):
            say("")
            print_costs(
                (f"{name} this week", "cost", "requests"),
                [(total.key[0] or "–", cost_of(total), total.requests) for total in totals[:SHOWN]],
            )
            if len(totals) > SHOWN:
                say(f"{len(totals) - SHOWN:,} more: qd costs report --by {name}")
    if not seen.of_week.requests:
        last = f"the last request was on {seen.last_day}" if seen.last_day else "no request has these labels"
        say(
            "",
            f"nothing this week; {last}"
            + (f": qd costs report --since {seen.last_day}" if seen.last_day else ""),
        )
    remarks = [*_saved(seen, baseline), *_unpriced(seen.of_week), *map(_standing, seen.standings)]
    if remarks:
        say("", *remarks)


def _row(name: str, total: Total) -> tuple[object, ...]:
    from quarterdeck.cli.costs.output import cost_of

    usage = total.usage
    return (
        name,
        cost_of(total),
        total.requests,
        usage.input_tokens,
        usage.cache_read_input_tokens,
        usage.output_tokens,
    )


def _saved(seen: Glance, baseline: str) -> Iterator[str]:
    from quarterdeck.costs.money import format_usd

    if seen.against is None:
        yield f"savings are not known: {baseline} has no price (setting costs.baseline_model)"
    elif seen.against.hypothetical_picousd:
        saved, all_of_it = seen.against.savings_picousd, seen.against.hypothetical_picousd
        word = "saved" if saved >= 0 else "more"
        yield (
            f"{format_usd(abs(saved))} {word} this week ({abs(saved) / all_of_it:.0%}) "
            f"against {format_usd(all_of_it)} with {baseline} alone"
        )


def _unpriced(total: Total) -> Iterator[str]:
    if total.unpriced_requests:
        requests = count(total.unpriced_requests, "request")
        yield f"{requests} this week without a price, not in these sums: qd costs reprice"


def _standing(standing: Standing) -> str:
    """One budget in one line."""
    from quarterdeck.costs.money import format_usd

    budget = standing.budget
    used = "" if standing.ratio is None else f" ({standing.ratio:.0%})"
    state = {"ok": "", "warn": ", nearly used up", "exceeded": ", EXCEEDED"}[standing.state]
    spent = f"{format_usd(standing.taken_picousd)} of {format_usd(budget.limit_picousd)}{used}"
    return f"budget {budget.id}, {budget.title}: {spent}{state}"


def _how_to_begin(ledger: Ledger) -> list[str]:
    return [
        f"nothing is recorded yet in {ledger.folder}",
        "",
        "take in what Claude Code, Codex, Gemini CLI and OpenCode have written down:",
        "  qd costs import",
        "record your own requests, in Python:",
        *(f"  {line}" for line in FIRST_LINES),
    ]


def _json(seen: Glance, where: dict[str, str]) -> dict[str, Any]:
    from quarterdeck.cli.costs.output import amount_json, standing_json, total_json, what_if_json

    return {
        "where": where,
        "today": {"day": seen.today.isoformat(), **total_json(seen.of_today)},
        "week": {"since": seen.since.isoformat(), **total_json(seen.of_week)},
        "days": [
            {"day": day.isoformat(), **amount_json("cost", spent)} for day, spent in seen.recent.items()
        ],
        "models": [{"model": total.key[0], **total_json(total)} for total in seen.models],
        "projects": [{"project": total.key[0], **total_json(total)} for total in seen.projects],
        "baseline": seen.against and what_if_json(seen.against),
        "budgets": [standing_json(standing) for standing in seen.standings],
    }

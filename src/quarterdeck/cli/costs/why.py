"""``qd costs why``: from the raw lines of a session to its dollars."""

from __future__ import annotations

import os
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from quarterdeck.cli.costs.options import archive_of, ledger_option, opened_ledger
from quarterdeck.cli.costs.output import Money, amount_json, print_costs, print_ledger_json
from quarterdeck.cli.options import json_option, limit_option
from quarterdeck.cli.output import first, print_table, remark, say, say_left_out
from quarterdeck.costs.money import PICO, format_usd
from quarterdeck.words import count

if TYPE_CHECKING:
    from fractions import Fraction
    from zoneinfo import ZoneInfo

    from quarterdeck.costs.advice.why import Answer, Charge, Why

MTOK = 1_000_000


@click.command()
@click.argument("session")
@click.option("--lines", is_flag=True, help="Also list every line that shows an answer.")
@click.option("--rescued", is_flag=True, help="Read the copies that qd costs rescue has made.")
@limit_option(20)
@ledger_option
@json_option
def command(session: str, lines: bool, rescued: bool, limit: int, folder: str | None, as_json: bool) -> None:
    """Show where the cost of a session comes from: lines, answers, tokens, prices.

    Reads the session's records and, where they are still there, its transcripts. SESSION may be the beginning
    of its name.

    \b
    qd costs why 3cd6fdbc
    qd costs why 3cd6fdbc --lines -n 0
    qd costs sessions           which sessions there are
    """
    from quarterdeck.costs.advice.why import why
    from quarterdeck.costs.rescue import archived_places

    with opened_ledger(folder) as ledger:
        found = why(ledger, session, roots=archived_places(archive_of(ledger)) if rescued else None)
        zone = ledger.calendar.zone
        remark(ledger.problems)
        if as_json:
            print_ledger_json("why", ledger, _json(found))
            return
    _print(found, zone, limit)
    if lines:
        say("")
        seen = [line for answer in found.answers for line in answer.lines] + list(found.elsewhere)
        shown = first(seen, limit)
        rows = [(f"{each.path}:{each.line}", each.output_tokens, each.verdict) for each in shown]
        print_table(("line", "output", "what became of it"), rows)
        say_left_out(len(shown), len(seen), "lines")


def _print(found: Why, zone: ZoneInfo, limit: int) -> None:
    verdicts = Counter(line.verdict for answer in found.answers for line in answer.lines)
    unpriced = f", {count(found.unpriced, 'answer')} of them without a price" if found.unpriced else ""
    say(f"{found.session}: {count(len(found.answers), 'answer')}, {format_usd(found.cost_picousd)}{unpriced}")
    for verdict, times in verdicts.most_common():
        say(f"  {count(times, 'line')}: {verdict}")
    if not all(answer.lines for answer in found.answers):
        say("  the transcripts of some answers are not there: with a rescue, qd costs why SESSION --rescued")
    if found.elsewhere:
        say(f"  {count(len(found.elsewhere), 'line')} of answers that count in another session")
    charges = _by_class(found)
    if charges:
        say("")
        print_costs(("model", "what", "tokens", "for a million", "cost"), charges)
    say("")
    shown = first(list(found.answers), limit)
    print_costs(
        ("answered", "counted line", "lines", "model", "input", "cached", "output", "cost"),
        [
            (
                f"{datetime.fromisoformat(each.record.at).astimezone(zone):%Y-%m-%d %H:%M:%S}",
                _where(each),
                len(each.lines),
                each.record.model,
                each.record.input_tokens,
                each.record.cache_read_input_tokens,
                each.record.output_tokens,
                None if each.record.cost_picousd is None else Money(each.record.cost_picousd),
            )
            for each in shown
        ],
    )
    say_left_out(len(shown), len(found.answers), "answers")


def _by_class(found: Why) -> list[tuple[object, ...]]:
    tokens: Counter[tuple[str, str, Fraction]] = Counter()
    for answer in found.answers:
        for charge in answer.charges:
            tokens[answer.record.model, charge.what, charge.rate_picousd] += charge.tokens
    return [
        (model, what, number, Money(round(rate * MTOK)), Money(round(rate * number)))
        for (model, what, rate), number in tokens.items()
    ]


def _where(answer: Answer) -> str:
    """File and line that counted, ``--lines`` has the folder; the record, where its transcript is gone."""
    from quarterdeck.costs.advice.why import COUNTED

    counted = [
        f"{os.path.basename(line.path)}:{line.line}" for line in answer.lines if line.verdict == COUNTED
    ]
    return counted[0] if counted else f"journal {answer.place}"


def _json(found: Why) -> dict[str, Any]:
    return {
        "session": found.session,
        **amount_json("cost", found.cost_picousd),
        "unpriced": found.unpriced,
        "answers": [_answer_json(each) for each in found.answers],
        "elsewhere": [line._asdict() for line in found.elsewhere],
    }


def _answer_json(answer: Answer) -> dict[str, Any]:
    record = answer.record
    return {
        "response_id": answer.response_id,
        "place": answer.place,
        "at": record.at,
        "model": record.model,
        "card": record.card,
        **record.usage._asdict(),
        **amount_json("cost", record.cost_picousd),
        "lines": [line._asdict() for line in answer.lines],
        "charges": [_charge_json(charge) for charge in answer.charges],
    }


def _charge_json(charge: Charge) -> dict[str, Any]:
    return {
        "what": charge.what,
        "tokens": charge.tokens,
        "rate_usd_per_mtok": float(charge.rate_picousd * MTOK / PICO),
        "cost_usd": float(charge.cost_picousd / PICO),
    }

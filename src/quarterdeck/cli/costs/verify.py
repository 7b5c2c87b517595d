"""``qd costs verify``: are the sums right?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from quarterdeck.cli.costs.options import ledger_option, opened_ledger
from quarterdeck.cli.costs.output import Money, amount_json, print_costs, print_ledger_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import progress, remark, say
from quarterdeck.costs.money import PICO, format_usd
from quarterdeck.words import count, size

if TYPE_CHECKING:
    from quarterdeck.costs.advice.verify import Difference, Verification


@click.command()
@ledger_option
@json_option
@click.pass_context
def command(context: click.Context, folder: str | None, as_json: bool) -> None:
    """Check every sum against the journal, to the pico-dollar.

    Reads the whole journal. Exits with 1 when a sum differs; qd costs rebuild mends it.

    \b
    qd costs verify
    """
    from quarterdeck.costs.advice.verify import verify

    with opened_ledger(folder) as ledger:
        found = verify(ledger, progress("MB", unit=1_000_000))
        if as_json:
            print_ledger_json("verify", ledger, _json(found))
        else:
            _print(found)
    if not found.ok:
        context.exit(1)


def _print(found: Verification) -> None:
    kept = found.journal
    requests = f"{count(found.requests, 'request')}, {format_usd(found.cost_picousd)}"
    segments = count(len(kept.segments), "segment")
    if found.ok:
        say(f"every sum is that of the journal: {requests}, in {segments} of {size(kept.disk_bytes)}")
    elif not found.differing:
        say(f"every sum agrees, but not all is well: {requests}, in {segments} of {size(kept.disk_bytes)}")
    else:
        say(f"the journal says {requests}; {count(found.differing, 'sum')} differ: qd costs rebuild", "")
        print_costs(
            ("sums by", "labels", "requests", "in the journal", "cost", "in the journal"),
            [_row(each) for each in found.differences],
        )
    for source, copies in found.dropped.items():
        say(f"{count(copies, 'further record')} of answers counted already: {source or 'no source'}")
    for tail in kept.quarantined:
        say(f"torn by a crash and set aside: {tail.path}")
    remark(found.problems)
    remark(kept.unreadable)
    remark(f"no record: {segment} at {offset:,}: {reason}" for segment, offset, reason in found.rejected)


def _row(each: Difference) -> tuple[object, ...]:
    labels = ", ".join(str(part) for part in each.key if part not in ("", 0))
    had, has = each.rollup, each.journal
    return (
        each.table,
        labels,
        had and had[0],
        has and has[0],
        had and _cost(had),
        has and _cost(has),
    )


def _cost(counts: tuple[int, ...]) -> Money:
    return Money(counts[-2] * PICO + counts[-1])


def _json(found: Verification) -> dict[str, Any]:
    return {
        "ok": found.ok,
        "requests": found.requests,
        **amount_json("cost", found.cost_picousd),
        "differing": found.differing,
        "differences": [each._asdict() for each in found.differences],
        "rejected": [
            {"segment": segment, "offset": offset, "reason": reason}
            for segment, offset, reason in found.rejected
        ],
        "dropped": found.dropped,
        "problems": found.problems,
        "journal": {
            "segments": [each._asdict() for each in found.journal.segments],
            "disk_bytes": found.journal.disk_bytes,
            "orphans": found.journal.orphans,
            "torn": [each._asdict() for each in found.journal.torn],
            "quarantined": [each._asdict() for each in found.journal.quarantined],
            "unreadable": found.journal.unreadable,
        },
    }

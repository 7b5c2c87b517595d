"""How the commands of ``qd costs`` show sums: as tables, Markdown, CSV and JSON."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from quarterdeck.cli.output import print_json, print_table
from quarterdeck.costs.money import format_usd, to_usd
from quarterdeck.words import harmless, number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from quarterdeck.costs.budgets import Budget, Standing
    from quarterdeck.costs.ledger import Ledger, Total
    from quarterdeck.costs.ledger.what_if import WhatIf

LABEL_CHARS = 60
"""What a table shows of a label; JSON and CSV have all of it."""

MARKUP = str.maketrans({char: f"\\{char}" for char in "\\`*_{}[]<>#|~!&"})
"""What GitHub's Markdown may take for markup."""


class Money(int):
    """Pico-dollars, to be shown as dollars."""


def print_ledger_json(kind: str, ledger: Ledger, data: Mapping[str, Any]) -> None:
    """Print *data* as every answer of the ledger: with the folder it lies in."""
    print_json(f"costs.{kind}", data, ledger=ledger.folder)


def amount_json(name: str, picousd: int | None) -> dict[str, Any]:
    """An amount exactly, and in dollars as the nearest float."""
    return {f"{name}_picousd": picousd, f"{name}_usd": None if picousd is None else to_usd(picousd)}


def total_json(total: Total) -> dict[str, Any]:
    """A sum without its key."""
    return {
        "requests": total.requests,
        "unpriced_requests": total.unpriced_requests,
        **total.usage._asdict(),
        **amount_json("cost", total.cost_picousd),
    }


def what_if_json(compared: WhatIf) -> dict[str, Any]:
    """The same requests on another model."""
    return {
        "model": compared.model,
        "card": compared.card,
        "requests": compared.requests,
        "unpriced_requests": compared.unpriced_requests,
        **amount_json("actual", compared.actual_picousd),
        **amount_json("hypothetical", compared.hypothetical_picousd),
        **amount_json("savings", compared.savings_picousd),
        "exact": compared.exact,
    }


def budget_json(budget: Budget) -> dict[str, Any]:
    """A limit."""
    return {
        "id": budget.id,
        "period": budget.period,
        "scope": dict(budget.scope),
        **amount_json("limit", budget.limit_picousd),
        "warn_ratio": budget.warn_ratio,
    }


def standing_json(standing: Standing) -> dict[str, Any]:
    """A budget and how it stands."""
    return {
        **budget_json(standing.budget),
        "since": standing.since.isoformat(),
        "until": standing.until.isoformat(),
        **amount_json("spent", standing.spent_picousd),
        **amount_json("reserved", standing.reserved_picousd),
        "unpriced_requests": standing.unpriced_requests,
        **amount_json("projected", standing.projected_picousd),
        "runs_out_at": standing.runs_out_at and standing.runs_out_at.isoformat(timespec="seconds"),
        "ratio": standing.ratio,
        "state": standing.state,
    }


def cost_of(total: Total) -> Money | None:
    """What *total* cost; None where none of its requests has a price."""
    known = total.requests > total.unpriced_requests or not total.requests
    return Money(total.cost_picousd) if known else None


def share_pct(part_picousd: int, whole_picousd: int) -> float | None:
    """*part_picousd* of the whole, 0 to 100; None where the whole is nothing."""
    return round(part_picousd / whole_picousd * 100, 1) if whole_picousd else None


def print_costs(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """`print_table`, with `Money` as dollars and to the right, and labels of any length to be looked at."""
    heads, kept = list(columns), [[_shortened(cell) for cell in row] for row in rows]
    for place, head in enumerate(columns):
        if any(isinstance(row[place], Money) for row in kept):
            texts = [_text(row[place]) for row in kept]
            width = max(map(len, [head, *texts]))
            heads[place] = head.rjust(width)
            for row, text in zip(kept, texts, strict=True):
                row[place] = text.rjust(width)
    print_table(heads, kept)


def print_markdown(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table of GitHub's Markdown; no label becomes markup."""
    kept = [list(row) for row in rows]
    numeric = [not any(isinstance(row[place], str) for row in kept) for place in range(len(columns))]
    lines = [columns, ["---:" if each else "---" for each in numeric]]
    lines += [[_text(cell).translate(MARKUP) for cell in row] for row in kept]
    for line in lines:
        click.echo(f"| {' | '.join(line)} |")


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Comma-separated values, to the pico-dollar; no label becomes a formula, or an escape code."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_field(cell) for cell in row] for row in rows)
    click.echo(text.getvalue(), nl=False, color=True)  # click would take out of a label what looks like one


def _shortened(cell: object) -> object:
    """Of a text that is too long, its two ends."""
    if not isinstance(cell, str) or len(cell) <= LABEL_CHARS:
        return cell
    return f"{cell[: LABEL_CHARS // 2]}…{cell[1 - LABEL_CHARS // 2 :]}"


def _text(cell: object) -> str:
    if isinstance(cell, Money):
        return format_usd(cell)
    return number(cell) if cell is None or isinstance(cell, int | float) else harmless(str(cell))


def _field(cell: object) -> object:
    from quarterdeck.costs.exporters.selected import dollars
    from quarterdeck.costs.exporters.text import defused

    if isinstance(cell, Money):
        return dollars(cell)
    if isinstance(cell, str):
        return defused(harmless(cell) if sys.stdout.isatty() else cell)
    return cell

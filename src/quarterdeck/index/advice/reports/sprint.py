"""The sprint report: about two weeks of work for one person, chosen by what it brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.index.advice.reports.document import (
    Code,
    Column,
    Document,
    Figure,
    Paragraph,
    Section,
    Table,
    document,
)
from quarterdeck.index.advice.sprint import CAPACITY_DAYS, KINDS, plan
from quarterdeck.words import count

if TYPE_CHECKING:
    from quarterdeck.index.advice.evidence import Evidence

_TITLES = {
    "mend": "Mend files that cannot be analysed",
    "write tests": "Write tests",
    "raise coverage": "Raise coverage",
    "split function": "Split the most complex function",
    "update tests": "Bring tests up to date",
    "break cycle": "Break import cycles",
}
_COLUMNS = (
    Column("order", "Order"),
    Column("path", "File"),
    Column("days", "Days"),
    Column("value", "Value"),
    Column("why", "Why"),
)


def build(evidence: Evidence) -> Document:
    """What to do first, grouped by kind; the column "order" is the order to do it in."""
    made = plan(evidence)
    days = sum(item.days for item in made.chosen)
    figures = (
        Figure("items", "Items", len(made.chosen)),
        Figure("days", "Work", days, "days"),
        Figure("capacity_days", "Room for", CAPACITY_DAYS, "days"),
        Figure("items_later", "Left for later", len(made.later)),
    )
    if not made.chosen:
        return document(
            "sprint",
            "Sprint plan",
            evidence,
            figures,
            (Section("Nothing to do", (Paragraph("Nothing here wants attention."),)),),
        )
    order = {item: number for number, item in enumerate(made.chosen, 1)}
    how = (
        "Order is by what an item brings for its size: the weight of its kind, how many files depend on the "
        "file, and how hot it is. Days are a rule of thumb from lines and complexity, for one person."
    )
    sections = [Section("How to read this", (Paragraph(how),))]
    for kind in KINDS:
        rows = tuple(
            (order[item], Code(item.path), item.days, item.value, item.why)
            for item in made.chosen
            if item.kind == kind
        )
        if rows:
            table = Table(kind.replace(" ", "_"), _COLUMNS, rows)
            sections.append(Section(f"{_TITLES[kind]} ({count(len(rows), 'item')})", (table,)))
    return document("sprint", "Sprint plan", evidence, figures, tuple(sections))

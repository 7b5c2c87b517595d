"""The health report: one score, the parts it is made of, and where each lost point can be won back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.index.advice.reports.document import (
    Bullets,
    Code,
    Column,
    Document,
    Figure,
    Paragraph,
    Section,
    Table,
    document,
)

if TYPE_CHECKING:
    from quarterdeck.index.advice.evidence import Evidence


def build(evidence: Evidence) -> Document:
    """Score, parts, and what to do about each part that lost points, costliest first."""
    health = evidence.health
    figures = (
        Figure("score", "Health", health.score, "of 100"),
        Figure("confidence_pct", "Confidence", round(health.confidence * 100), "%"),
        Figure("files", "Files", len(evidence.records)),
    )
    if health.score is None:
        empty = Section("No score", (Paragraph("There is no source code here that could be judged."),))
        return document("health", "Health", evidence, figures, (empty,))
    parts = Table(
        "parts",
        (
            Column("part", "Part"),
            Column("weight", "Weight"),
            Column("value_pct", "Reached %"),
            Column("points_lost", "Points lost"),
            Column("finding", "Finding"),
        ),
        tuple(
            (
                part.name,
                part.weight,
                None if part.value is None else round(part.value * 100, 1),
                None if part.value is None else part.points_lost,
                part.finding,
            )
            for part in health.parts
        ),
    )
    lost = sorted((part for part in health.parts if part.files), key=lambda part: -part.points_lost)
    sections = [
        Section(
            "The parts",
            (
                Paragraph(
                    f"The score is made from {health.confidence * 100:.0f} % of what could be measured here; "
                    "a part without a value is left out of it. Score and points lost add up to 100."
                ),
                parts,
            ),
        ),
        *(
            Section(
                f"{part.name.capitalize()}: {part.points_lost:.1f} points",
                (
                    Paragraph(f"{_sentence(part.finding)} To do: {part.todo}."),
                    Bullets(tuple(map(Code, part.files))),
                ),
            )
            for part in lost
        ),
    ]
    unmeasured = [part for part in health.parts if part.applies and part.value is None]
    if unmeasured:
        items = tuple(
            f"{part.name} (weight {part.weight}): {part.finding}; {part.todo}" for part in unmeasured
        )
        sections.append(Section("Not measured", (Bullets(items),)))
    return document("health", "Health", evidence, figures, tuple(sections))


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."

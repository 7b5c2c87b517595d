"""The coverage report: what was measured, where the largest gaps are, and what was never measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.index.advice.reports.document import (
    Code,
    Column,
    Document,
    Figure,
    Paragraph,
    Section,
    document,
    shortened,
)
from quarterdeck.index.model import FileCategory

if TYPE_CHECKING:
    from quarterdeck.index.advice.evidence import Evidence

LIMIT = 50


def build(evidence: Evidence) -> Document:
    """Measured files with the most uncovered lines first, then source files without a measurement."""
    sources = [
        r for r in evidence.records if r.category is FileCategory.SOURCE and r.language and r.lines_of_code
    ]
    measured = [
        (record, record.coverage_percent) for record in sources if record.coverage_percent is not None
    ]
    unmeasured = [record for record in sources if record.coverage_percent is None]
    lines = sum(record.lines_of_code for record, _ in measured)
    covered = sum(record.lines_of_code * percent for record, percent in measured)
    low = evidence.config.low_coverage_threshold
    figures = (
        Figure(
            "coverage_pct", "Covered, by lines of code", round(covered / lines, 1) if lines else None, "%"
        ),
        Figure("measured_files", "Files measured", len(measured)),
        Figure("outdated_files", "Changed since", sum(record.coverage_outdated for record, _ in measured)),
        Figure("unmeasured_files", "Not measured", len(unmeasured)),
        Figure("low_files", f"Below {low:g} %", sum(1 for _, percent in measured if percent < low)),
    )
    if not measured:
        how = "Coverage was never measured. Run the tests with coverage.py, then take it in with qd coverage."
        return document(
            "coverage", "Coverage", evidence, figures, (Section("Nothing measured", (Paragraph(how),)),)
        )
    gaps = sorted(
        (
            (r, percent, round(r.lines_of_code * (1 - percent / 100)))
            for r, percent in measured
            if percent < 100
        ),
        key=lambda gap: (-gap[2], gap[0].path),
    )
    columns = (
        Column("path", "File"),
        Column("coverage_pct", "Covered %"),
        Column("lines_uncovered", "Lines not run"),
        Column("dependents", "Depend on it"),
        Column("max_complexity", "Worst function"),
    )
    rows = [
        (Code(r.path), round(p, 1), missing, r.dependents_count, r.max_complexity) for r, p, missing in gaps
    ]
    sections = [
        Section("Largest gaps", (shortened("gaps", columns, rows, LIMIT),))
        if rows
        else Section("Largest gaps", (Paragraph("None: every measured line was run."),))
    ]
    if unmeasured:
        unmeasured.sort(key=lambda record: (-record.impact_score, -record.lines_of_code, record.path))
        names = shortened(
            "unmeasured",
            (Column("path", "File"), Column("lines_of_code", "Lines"), Column("dependents", "Depend on it")),
            [(Code(r.path), r.lines_of_code, r.dependents_count) for r in unmeasured],
            LIMIT,
        )
        explained = Paragraph("The measurement does not know these files: nothing is assumed about them.")
        sections.append(Section("Not measured", (explained, names)))
    return document("coverage", "Coverage", evidence, figures, tuple(sections))

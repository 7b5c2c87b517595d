"""The staleness report: files that changed long after their newest test."""

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
from quarterdeck.index.advice.staleness import COMMIT
from quarterdeck.index.model import FileCategory

if TYPE_CHECKING:
    from quarterdeck.index.advice.evidence import Evidence

LIMIT = 50


def build(evidence: Evidence) -> Document:
    """Stale files, stalest first, and how their age is known."""
    stale = evidence.stale
    threshold = evidence.config.staleness_threshold_days
    tested = sum(1 for r in evidence.records if r.test_files and r.category is not FileCategory.TEST)
    figures = (
        Figure("stale_files", "Stale files", len(stale)),
        Figure("tested_files", "Tested files", tested),
        Figure("threshold_days", "Stale from", threshold, "days"),
        Figure(
            "median_days",
            "Median age",
            sorted(each.days for each in stale)[len(stale) // 2] if stale else None,
            "days",
        ),
    )
    how = (
        "Age is the time from a file's newest test to the file's own last change. A file as committed "
        "counts from its newest commit, a modified or untracked one from its modification time; where git "
        "knows nothing, modification times have to do, and after a fresh clone or copy they say little."
    )
    if not stale:
        quiet = "Nothing is stale." if tested else "No file here has tests that could be out of date."
        return document(
            "staleness",
            "Staleness",
            evidence,
            figures,
            (Section("Stale files", (Paragraph(quiet), Paragraph(how))),),
        )
    columns = (
        Column("path", "File"),
        Column("days", "Days"),
        Column("bound", "Exact"),
        Column("test", "Newest test"),
        Column("changed", "Known from"),
        Column("impact_score", "Impact"),
    )
    rows = [
        (
            Code(each.path),
            each.days,
            "at least" if each.at_least else "exactly",
            Code(each.test),
            "commit" if each.how == COMMIT else "modification time",
            each.impact,
        )
        for each in stale
    ]
    table = shortened("stale", columns, rows, LIMIT)
    return document(
        "staleness", "Staleness", evidence, figures, (Section("Stale files", (Paragraph(how), table)),)
    )

"""The test gap: files that ought to have tests and have none, and files whose tests are thin."""

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
from quarterdeck.index.model import FileCategory, TestRequirement

if TYPE_CHECKING:
    from quarterdeck.index.advice.evidence import Evidence
    from quarterdeck.index.model import FileRecord

LIMIT = 50
_COLUMNS = (
    Column("path", "File"),
    Column("dependents", "Depend on it"),
    Column("complexity", "Complexity"),
    Column("lines_of_code", "Lines"),
    Column("commits", "Commits"),
)


def build(evidence: Evidence) -> Document:
    """Untested files, those that most depends on first; then tested files with more complexity than tests."""
    wanting = [r for r in evidence.records if r.test_requirement is TestRequirement.REQUIRED]
    untested = sorted((r for r in wanting if not r.tests_exist), key=_weight)
    thin = sorted((r for r in wanting if r.tests_exist and r.test_count < r.max_complexity), key=_weight)
    tests = [r for r in evidence.records if r.category is FileCategory.TEST]
    share = round(100 * (1 - len(untested) / len(wanting)), 1) if wanting else None
    figures = (
        Figure("files_requiring_tests", "Files that need tests", len(wanting)),
        Figure("files_without_tests", "Of these without any", len(untested)),
        Figure("tested_pct", "Tested", share, "%"),
        Figure("test_files", "Test files", len(tests)),
        Figure("tests", "Tests", sum(record.test_count for record in tests)),
    )
    how = (
        "A file counts as tested when a coverage run proved it, a test imports it or a name it defines, "
        "or a test is named after it. Files reached only through others are not counted."
    )
    sections = [
        Section(
            "Files without tests",
            (Paragraph(how), shortened("untested", _COLUMNS, [_row(r, evidence) for r in untested], LIMIT))
            if untested
            else (Paragraph(f"None. {how}" if wanting else "No file here needs tests."),),
        )
    ]
    if thin:
        columns = (*_COLUMNS, Column("tests", "Tests"))
        rows = [(*_row(record, evidence), record.test_count) for record in thin]
        explained = Paragraph("Their most complex function alone has more paths than they have tests.")
        sections.append(Section("Files with few tests", (explained, shortened("thin", columns, rows, LIMIT))))
    return document("tests", "Test gap", evidence, figures, tuple(sections))


def _weight(record: FileRecord) -> tuple[float, float, str]:
    return -record.impact_score, -record.complexity_score, record.path


def _row(record: FileRecord, evidence: Evidence) -> tuple[Code, int, int, int, int | None]:
    known = evidence.churn.get(record.path) if evidence.churn is not None else None
    commits = None if evidence.churn is None else known.commits if known else 0
    return (
        Code(record.path),
        record.dependents_count,
        round(record.complexity_score),
        record.lines_of_code,
        commits,
    )

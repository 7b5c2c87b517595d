"""The whole project in numbers, from the record table: a handful of aggregates, no record is built."""

from __future__ import annotations

from typing import Any

from quarterdeck.index.facts.grammars import missing_note
from quarterdeck.index.model import TOP, ProjectSummary
from quarterdeck.index.store.tree_store import TreeStore, from_db

_COUNTS = """
SELECT count(*) AS total_files,
    total(category = 'source') AS source_files,
    total(category = 'test') AS test_files,
    total(category = 'config') AS config_files,
    total(category = 'docs') AS doc_files,
    total(test_requirement = 'required') AS files_requiring_tests,
    total(test_requirement = 'required' AND tests_exist) AS files_with_tests,
    total(test_requirement = 'required' AND NOT tests_exist) AS files_without_tests,
    total(CASE WHEN category = 'test' THEN test_count END) AS total_test_count,
    total(is_stale) AS stale_file_count,
    total(CASE WHEN category = 'source' THEN lines_of_code END) AS total_lines_of_code,
    total(CASE WHEN category = 'test' THEN lines_of_test END) AS total_lines_of_test,
    total(needs_attention) AS files_needing_attention,
    total(error != '') AS files_with_errors,
    total(CASE WHEN category = 'source' THEN functions END) AS total_functions
FROM record
"""
_SOURCES = """
SELECT avg(CASE WHEN functions THEN complexity_score END), avg(has_docstrings) * 100,
    avg(CASE WHEN functions THEN has_type_hints END) * 100
FROM record WHERE category = 'source' AND language != '' AND documented_ratio IS NOT NULL
"""

_LANGUAGES = """
SELECT language, sum(lines_of_code) FROM record WHERE language != '' AND category IN ('source', 'test')
GROUP BY 1 HAVING sum(lines_of_code) > 0 ORDER BY 2 DESC, 1
"""


def summarise(store: TreeStore) -> ProjectSummary:
    """The summary of the stored records; a few milliseconds for 36,000 of them."""
    counts = _counts(store)
    code, tests = counts["total_lines_of_code"], counts["total_lines_of_test"]
    (coverage,) = _row(store, "SELECT avg(coverage_percent) FROM record WHERE category = 'source'")
    (lint,) = _row(store, "SELECT sum(lint_issues) FROM record")
    complexity, docstrings, hints = _row(store, _SOURCES)
    (stale_days,) = _row(store, "SELECT avg(staleness_days) FROM record WHERE is_stale")
    (edges,) = _row(store, "SELECT count(*) FROM edge")
    return ProjectSummary(
        **counts,
        test_coverage_avg=_rounded(coverage),
        avg_staleness_days=_rounded(stale_days) or 0.0,
        most_stale_files=_paths(store, "is_stale", "staleness_days DESC"),
        test_to_code_ratio=round(tests / code, 3) if code else 0.0,
        avg_complexity=_rounded(complexity) or 0.0,
        files_with_docstrings_pct=_rounded(docstrings) or 0.0,
        files_with_type_hints_pct=_rounded(hints) or 0.0,
        total_lint_issues=lint,
        high_impact_files=_paths(store, "category = 'source' AND impact_score > 0", "impact_score DESC"),
        critical_untested_files=_paths(
            store,
            "test_requirement = 'required' AND NOT tests_exist AND impact_score > 0",
            "impact_score DESC",
        ),
        top_attention_files=_paths(store, "needs_attention", "attention_weight DESC"),
        import_edges=edges,
        import_cycles=int(store.meta().get("import_cycles", "0")),
        files_by_category=dict(
            _rows(store, "SELECT category, count(*) FROM record GROUP BY 1 ORDER BY 2 DESC, 1")
        ),
        lines_by_language=dict(_rows(store, _LANGUAGES)),
        notes=(*store.notes(), *filter(None, [missing_note(store.meta().get("grammars", ""))])),
    )


def _counts(store: TreeStore) -> dict[str, int]:
    """The columns of `_COUNTS` by name, which is the name of a field of the summary."""
    cursor = store.connection.execute(_COUNTS)
    names = [column[0] for column in cursor.description]
    return dict(zip(names, map(int, cursor.fetchone()), strict=True))


def _row(store: TreeStore, statement: str) -> tuple[Any, ...]:
    row: tuple[Any, ...] = store.connection.execute(statement).fetchone()
    return row


def _rows(store: TreeStore, statement: str) -> list[tuple[Any, ...]]:
    return store.connection.execute(statement).fetchall()


def _paths(store: TreeStore, where: str, order: str) -> tuple[str, ...]:
    statement = f"SELECT path FROM record WHERE {where} ORDER BY {order}, path LIMIT {TOP}"  # noqa: S608 - our own SQL
    return tuple(from_db(path) for (path,) in store.connection.execute(statement))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)

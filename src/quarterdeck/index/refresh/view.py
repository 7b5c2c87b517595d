"""From facts to records: what a file says about itself, then what its neighbours add.

    Examined ──intrinsic──> FileRecord ──relate──> FileRecord with graph, tests, coverage, attention

Both steps are pure and per file. `relate` overwrites everything it decides, so that relating a record
again after a change elsewhere gives what a rebuild would give.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any, NamedTuple

from quarterdeck.index.disk import classify
from quarterdeck.index.model import DAY_S, FileCategory, FileRecord, TestRequirement, moment
from quarterdeck.index.refresh.attention import Attention, attention_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from quarterdeck.index.disk.signature import Signature
    from quarterdeck.index.facts.examine import Examined
    from quarterdeck.index.settings import IndexConfig
    from quarterdeck.index.store.annotations import Coverage


class Neighbours(NamedTuple):
    """What the rest of the project says about one file.

    Attributes:
        imports: files it imports directly.
        imported_by: files that import it directly.
        dependents: how many import it directly or through others.
        impact: its impact score.
        tests: records of the test files that cover it directly, best first.
        coverage: as last measured; None when never.
        metadata: as the user set it.
        lint_issues: None when not linted.
    """

    imports: Sequence[str] = ()
    imported_by: Sequence[str] = ()
    dependents: int = 0
    impact: float = 0.0
    tests: Sequence[FileRecord] = ()
    coverage: Coverage | None = None
    metadata: Mapping[str, Any] = {}
    lint_issues: int | None = None


def intrinsic(examined: Examined, signature: Signature, read_at: datetime, config: IndexConfig) -> FileRecord:
    """The record of one file as far as its own bytes decide it."""
    packed = examined.packed
    category = FileCategory(examined.category)
    is_test = category is FileCategory.TEST
    return FileRecord(
        path=examined.path,
        name=posixpath.basename(examined.path),
        category=category,
        language=examined.language,
        test_requirement=TestRequirement(
            classify.test_requirement_of(
                examined.path,
                examined.category,
                functions=packed.functions,
                classes=packed.classes,
                excluded=config.no_test_patterns,
            )
        ),
        test_count=packed.tests if is_test else 0,
        last_modified=moment(signature.mtime_ns),
        last_indexed=read_at,
        lines_of_code=packed.sloc,
        lines_of_test=packed.sloc if is_test else 0,
        complexity_score=float(packed.complexity),
        has_docstrings=packed.documented > 0,
        has_type_hints=packed.hinted * 2 >= packed.functions > 0,
        content_hash=examined.hash,
        size_bytes=signature.size,
        lines=packed.lines,
        functions=packed.functions,
        max_complexity=packed.max_complexity,
        cognitive_complexity=packed.cognitive,
        documented_ratio=packed.documented / packed.documentable if packed.documentable else None,
        hinted_ratio=packed.hinted / packed.functions if packed.functions else None,
        error=packed.error,
    )


def relate(record: FileRecord, around: Neighbours, config: IndexConfig) -> tuple[FileRecord, Attention]:
    """*record* with everything that *around* decides, and what needs attention in it."""
    tests = around.tests
    newest = max((test.last_modified for test in tests if test.last_modified), default=None)
    stale_days = _days_between(newest, record.last_modified)
    related = record._replace(
        coverage_percent=around.coverage.percent if around.coverage else None,
        coverage_outdated=around.coverage is not None
        and around.coverage.hash not in ("", record.content_hash),
        tests_last_modified=newest,
        staleness_days=stale_days,
        is_stale=stale_days >= config.staleness_threshold_days > 0,
        lint_issues=around.lint_issues,
        imports=tuple(around.imports),
        imported_by=tuple(around.imported_by),
        import_count=len(around.imports),
        imported_by_count=len(around.imported_by),
        impact_score=around.impact,
        metadata=dict(around.metadata),
        dependents_count=around.dependents,
    )
    if record.category is not FileCategory.TEST:
        related = related._replace(
            test_files=tuple(test.path for test in tests),
            test_file_path=tests[0].path if tests else None,
            tests_exist=bool(tests),
            test_count=sum(test.test_count for test in tests),
            lines_of_test=sum(test.lines_of_test for test in tests),
        )
    attention = attention_of(related, config)
    return related._replace(
        needs_attention=bool(attention.reasons), attention_reasons=attention.reasons
    ), attention


def _days_between(earlier: datetime | None, later: datetime | None) -> int:
    if earlier is None or later is None or later <= earlier:
        return 0
    return int((later - earlier).total_seconds() // DAY_S)

"""What the index says about one file and about the whole project.

Records are named tuples, not dataclasses: a scan of a large tree makes 36,000 of them, a named tuple
is built from a database row in a tenth of the time, and importing ``dataclasses`` would cost more
than a warm query of a small project.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple


class FileCategory(StrEnum):
    """What a file is for."""

    SOURCE = "source"
    TEST = "test"
    CONFIG = "config"
    DOCS = "docs"
    ASSET = "asset"
    GENERATED = "generated"
    BUILD = "build"
    UNKNOWN = "unknown"


CODE = (FileCategory.SOURCE, FileCategory.TEST)
"""What is written to be run: it has neighbours, tests and complexity."""


class TestRequirement(StrEnum):
    """Whether a file ought to have tests."""

    __test__ = False  # not a test class, whatever its name

    REQUIRED = "required"
    OPTIONAL = "optional"
    NOT_APPLICABLE = "not_applicable"
    EXCLUDED = "excluded"


class State(NamedTuple):
    """The state of the project an answer was checked against.

    Attributes:
        id: digest of every path with its content; equal ids mean equal trees.
        verified_at: when every signature was last compared with the disk, aware UTC.
        files: how many files the state holds.
        refreshed: how many files had changed, come or gone since the check before.
    """

    id: str
    verified_at: datetime
    files: int
    refreshed: int

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {**self._asdict(), "verified_at": self.verified_at.isoformat()}


class FileRecord(NamedTuple):
    """Everything the index knows about one file.

    Attributes:
        path: relative to the project's root, ``/`` between parts; bytes that are not UTF-8 stand as
            surrogate escapes.
        name: its last part.
        category: what it is for.
        language: ``python``, ``go`` …; empty when unknown.
        test_requirement: whether it ought to have tests.
        test_file_path: the test file that covers it best; None when no test does.
        tests_exist: some test file covers it directly (proven, imported, or by name).
        test_count: tests in those files; for a test file its own.
        coverage_percent: 0 to 100, as last handed to the index; None when never measured.
        last_modified: of the file, aware UTC.
        tests_last_modified: of the newest of its test files; None without any.
        last_indexed: when its facts were last read from the disk.
        staleness_days: whole days by which the file is newer than its newest test; 0 without tests.
        is_stale: *staleness_days* has reached the configured threshold.
        lines_of_code: source lines: neither blank, nor comment, nor docstring.
        lines_of_test: source lines of the tests that cover it; for a test file its own.
        complexity_score: sum of the cyclomatic complexities of its functions.
        has_docstrings: something in it is documented.
        has_type_hints: at least half of its functions are fully hinted.
        lint_issues: None unless the scan was asked to lint.
        imports: project files it imports directly, sorted.
        imported_by: project files that import it directly, sorted.
        import_count: length of *imports*.
        imported_by_count: length of *imported_by*.
        impact_score: direct dependents + 0.1 x indirect ones.
        metadata: what the user attached to it; survives every rescan.
        needs_attention: it has at least one reason.
        attention_reasons: in order of weight, each a sentence.
        content_hash: BLAKE2b-128 of its bytes; empty when it could not be read.
        size_bytes: as the file system says.
        lines: physical lines.
        functions: how many functions and methods.
        max_complexity: the highest cyclomatic complexity of one function.
        cognitive_complexity: sum over its functions.
        documented_ratio: documented / documentable, 0 to 1; None when nothing is documentable.
        hinted_ratio: fully hinted functions / functions, 0 to 1; None without functions.
        dependents_count: project files that import it directly or through others.
        test_files: all test files that cover it directly, best first.
        coverage_outdated: *coverage_percent* was measured on other content than the file has now.
        error: why it could not be parsed or read, with the line; empty when it could.
    """

    path: str
    name: str
    category: FileCategory = FileCategory.UNKNOWN
    language: str = ""
    test_requirement: TestRequirement = TestRequirement.NOT_APPLICABLE
    test_file_path: str | None = None
    tests_exist: bool = False
    test_count: int = 0
    coverage_percent: float | None = None
    last_modified: datetime | None = None
    tests_last_modified: datetime | None = None
    last_indexed: datetime | None = None
    staleness_days: int = 0
    is_stale: bool = False
    lines_of_code: int = 0
    lines_of_test: int = 0
    complexity_score: float = 0.0
    has_docstrings: bool = False
    has_type_hints: bool = False
    lint_issues: int | None = None
    imports: tuple[str, ...] = ()
    imported_by: tuple[str, ...] = ()
    import_count: int = 0
    imported_by_count: int = 0
    impact_score: float = 0.0
    metadata: dict[str, Any] = {}  # noqa: RUF012 - never mutated: every record with metadata brings its own
    needs_attention: bool = False
    attention_reasons: tuple[str, ...] = ()
    content_hash: str = ""
    size_bytes: int = 0
    lines: int = 0
    functions: int = 0
    max_complexity: int = 0
    cognitive_complexity: int = 0
    documented_ratio: float | None = None
    hinted_ratio: float | None = None
    dependents_count: int = 0
    test_files: tuple[str, ...] = ()
    coverage_outdated: bool = False
    error: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: times as ISO 8601, the rest as it is."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in self._asdict().items()
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> FileRecord:
        """The inverse of `to_dict`; unknown keys are left out, missing ones take their defaults.

        Raises:
            KeyError, ValueError: ``path`` or ``name`` is missing; a value is impossible.
        """
        known = {name: data[name] for name in cls._fields if name in data}
        for name in ("last_modified", "tests_last_modified", "last_indexed"):
            if isinstance(known.get(name), str):
                known[name] = datetime.fromisoformat(known[name])
        for name in ("imports", "imported_by", "attention_reasons", "test_files"):
            if name in known:
                known[name] = tuple(known[name])
        known["category"] = FileCategory(known.get("category", FileCategory.UNKNOWN))
        known["test_requirement"] = TestRequirement(
            known.get("test_requirement", TestRequirement.NOT_APPLICABLE)
        )
        return cls(**{"path": data["path"], "name": data["name"], **known})


class ProjectSummary(NamedTuple):
    """The whole project in numbers; every list is best or worst first and at most `TOP` long.

    Percentages are 0 to 100, averages are over source files, and None means "not measured".
    """

    total_files: int = 0
    source_files: int = 0
    test_files: int = 0
    config_files: int = 0
    doc_files: int = 0
    files_requiring_tests: int = 0
    files_with_tests: int = 0
    files_without_tests: int = 0
    test_coverage_avg: float | None = None
    total_test_count: int = 0
    stale_file_count: int = 0
    avg_staleness_days: float = 0.0
    most_stale_files: tuple[str, ...] = ()
    total_lines_of_code: int = 0
    total_lines_of_test: int = 0
    test_to_code_ratio: float = 0.0
    avg_complexity: float = 0.0
    files_with_docstrings_pct: float = 0.0
    files_with_type_hints_pct: float = 0.0
    total_lint_issues: int | None = None
    high_impact_files: tuple[str, ...] = ()
    critical_untested_files: tuple[str, ...] = ()
    files_needing_attention: int = 0
    top_attention_files: tuple[str, ...] = ()
    files_with_errors: int = 0
    total_functions: int = 0
    import_edges: int = 0
    import_cycles: int = 0
    files_by_category: dict[str, int] = {}  # noqa: RUF012 - never mutated
    lines_by_language: dict[str, int] = {}  # noqa: RUF012 - never mutated
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return self._asdict()

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ProjectSummary:
        """The inverse of `to_dict`; unknown keys are left out."""
        known: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in data.items()
            if name in cls._fields
        }
        return cls(**known)


TOP = 20
"""How many files the lists of a `ProjectSummary` name."""


DAY_S = 86_400


def moment(ns: int) -> datetime:
    """A file system's nanoseconds as an aware time; one that no calendar holds becomes the epoch."""
    try:
        # Whole microseconds: they fit into a float exactly, nanoseconds do not.
        return datetime.fromtimestamp(ns // 1000 / 1e6, UTC)
    except (OverflowError, OSError, ValueError):
        return datetime.fromtimestamp(0, UTC)

"""The numbers of a project of twelve files, worked out by hand."""

from __future__ import annotations

import pytest

from quarterdeck import sqlite
from quarterdeck.index.model import TOP, FileCategory, FileRecord, ProjectSummary, TestRequirement
from quarterdeck.index.refresh.summary import summarise
from quarterdeck.index.store.tree_store import TreeStore, record_row

REQUIRED = TestRequirement.REQUIRED
PYTHON = FileRecord("", "", FileCategory.SOURCE, "python", documented_ratio=0.0, test_requirement=REQUIRED)
A_TEST = FileRecord("", "", FileCategory.TEST, "python", documented_ratio=0.0)

CORE = PYTHON._replace(
    lines_of_code=100,
    functions=10,
    complexity_score=30.0,
    has_docstrings=True,
    has_type_hints=True,
    tests_exist=True,
    test_count=5,
    lines_of_test=60,
    coverage_percent=90.0,
    impact_score=7.0,
    lint_issues=2,
)
HUB = PYTHON._replace(
    lines_of_code=50, functions=2, complexity_score=5.0, has_docstrings=True, impact_score=9.0, lint_issues=0
)
STALE = PYTHON._replace(
    lines_of_code=30,
    functions=1,
    complexity_score=1.0,
    has_type_hints=True,
    tests_exist=True,
    coverage_percent=20.0,
    is_stale=True,
    staleness_days=9,
)

FILES = [
    ("core.py", CORE, 0.0),
    ("hub.py", HUB._replace(needs_attention=True), 13.3),
    ("stale.py", STALE._replace(needs_attention=True), 5.0),
    ("staler.py", STALE._replace(staleness_days=12, coverage_percent=None, needs_attention=True), 2.0),
    ("constants.py", PYTHON._replace(test_requirement=TestRequirement.OPTIONAL, lines_of_code=20), 0.0),
    ("__init__.py", PYTHON._replace(test_requirement=TestRequirement.OPTIONAL, documented_ratio=None), 0.0),
    ("broken.go", FileRecord("", "", FileCategory.SOURCE, "go", lines_of_code=7, error="line 1: x"), 0.0),
    (
        "test_core.py",
        A_TEST._replace(test_count=3, lines_of_code=40, lines_of_test=40, coverage_percent=100.0),
        0.0,
    ),
    ("test_hub.py", A_TEST._replace(test_count=2, lines_of_code=20, lines_of_test=20, functions=4), 0.0),
    ("pyproject.toml", FileRecord("", "", FileCategory.CONFIG, "toml", lines_of_code=11), 0.0),
    ("README.md", FileRecord("", "", FileCategory.DOCS, "markdown", lines_of_code=300), 0.0),
    ("logo.png", FileRecord("", "", FileCategory.ASSET), 0.0),
]


@pytest.fixture
def store():
    """Nothing yet, in memory."""
    store = TreeStore(sqlite.IN_MEMORY)
    yield store
    store.close()


def test_twelve_files_add_up(store):
    """Every number and every list, each from its own files."""
    store.put_rows(
        record_row(record._replace(path=path, name=path), weight) for path, record, weight in FILES
    )
    store.put_graph([("core.py", "hub.py", "runtime", 1), ("test_core.py", "core.py", "runtime", 1)], [])
    store.put_meta({"import_cycles": "3", "grammars": "go- rust+"})
    store.put_notes(["a folder may not be read"])
    assert summarise(store) == ProjectSummary(
        total_files=12,
        source_files=7,
        test_files=2,
        config_files=1,
        doc_files=1,
        files_requiring_tests=4,
        files_with_tests=3,
        files_without_tests=1,
        test_coverage_avg=55.0,  # of 90 and 20: a test file's own coverage says nothing
        total_test_count=5,
        stale_file_count=2,
        avg_staleness_days=10.5,
        most_stale_files=("staler.py", "stale.py"),
        total_lines_of_code=237,  # 100 + 50 + 30 + 30 + 20 + 0 + 7
        total_lines_of_test=60,
        test_to_code_ratio=0.253,
        avg_complexity=9.25,  # (30 + 5 + 1 + 1) over the four files that have functions
        files_with_docstrings_pct=40.0,  # 2 of the 5 in which something can be documented
        files_with_type_hints_pct=75.0,  # 3 of the 4 that have functions
        total_lint_issues=2,
        high_impact_files=("hub.py", "core.py"),
        critical_untested_files=("hub.py",),
        files_needing_attention=3,
        top_attention_files=("hub.py", "stale.py", "staler.py"),
        files_with_errors=1,
        total_functions=14,  # 10 + 2 + 1 + 1: those of tests do not count
        import_edges=2,
        import_cycles=3,
        files_by_category={"source": 7, "test": 2, "asset": 1, "config": 1, "docs": 1},
        lines_by_language={"python": 290, "go": 7},
        notes=(
            "a folder may not be read",
            "only the lines of go files are counted: "
            "their functions and imports need pip install 'quarterdeck[lang]'",
        ),
    )


def test_a_project_without_files_has_a_summary(store):
    """All zeros; what was never measured is None."""
    assert summarise(store) == ProjectSummary()


def test_nothing_measured_is_not_zero(store):
    """No coverage and no lint is None; a coverage of nothing and no findings is 0."""
    store.put_rows([record_row(PYTHON._replace(path="a.py"), 0.0)])
    assert (summarise(store).test_coverage_avg, summarise(store).total_lint_issues) == (None, None)
    store.put_rows([record_row(PYTHON._replace(path="a.py", coverage_percent=0.0, lint_issues=0), 0.0)])
    assert (summarise(store).test_coverage_avg, summarise(store).total_lint_issues) == (0.0, 0)


def test_lists_end_at_their_bound(store):
    """The heaviest are named, equal ones by path."""
    paths = [f"caf\udce9{number:02}.py" for number in range(TOP + 5)]
    store.put_rows(
        record_row(PYTHON._replace(path=path, needs_attention=True, impact_score=1.0), 1.0) for path in paths
    )
    summary = summarise(store)
    assert summary.top_attention_files == summary.high_impact_files == tuple(paths[:TOP])
    assert summary.files_needing_attention == TOP + 5

"""The published fields of records and summaries, and their way through JSON and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from quarterdeck.index import FileCategory, FileRecord, ProjectSummary, State, TestRequirement
from quarterdeck.index.model import moment

RECORD_FIELDS = [
    "path",
    "name",
    "category",
    "language",
    "test_requirement",
    "test_file_path",
    "tests_exist",
    "test_count",
    "coverage_percent",
    "last_modified",
    "tests_last_modified",
    "last_indexed",
    "staleness_days",
    "is_stale",
    "lines_of_code",
    "lines_of_test",
    "complexity_score",
    "has_docstrings",
    "has_type_hints",
    "lint_issues",
    "imports",
    "imported_by",
    "import_count",
    "imported_by_count",
    "impact_score",
    "metadata",
    "needs_attention",
    "attention_reasons",
]

SUMMARY_FIELDS = [
    "total_files",
    "source_files",
    "test_files",
    "config_files",
    "doc_files",
    "files_requiring_tests",
    "files_with_tests",
    "files_without_tests",
    "test_coverage_avg",
    "total_test_count",
    "stale_file_count",
    "avg_staleness_days",
    "most_stale_files",
    "total_lines_of_code",
    "total_lines_of_test",
    "test_to_code_ratio",
    "avg_complexity",
    "files_with_docstrings_pct",
    "files_with_type_hints_pct",
    "total_lint_issues",
    "high_impact_files",
    "critical_untested_files",
    "files_needing_attention",
    "top_attention_files",
]

AT = datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC)

FULL = FileRecord(
    path="app/caf\udce9.py",
    name="caf\udce9.py",
    category=FileCategory.SOURCE,
    language="python",
    test_requirement=TestRequirement.REQUIRED,
    test_file_path="tests/test_app.py",
    tests_exist=True,
    test_count=3,
    coverage_percent=12.5,
    last_modified=AT,
    tests_last_modified=AT - timedelta(days=9),
    last_indexed=AT + timedelta(microseconds=1),
    staleness_days=9,
    is_stale=True,
    lines_of_code=100,
    lines_of_test=40,
    complexity_score=21.0,
    has_docstrings=True,
    has_type_hints=True,
    lint_issues=4,
    imports=("app/a.py", "app/b.py"),
    imported_by=("app/c.py",),
    import_count=2,
    imported_by_count=1,
    impact_score=1.3,
    metadata={"owner": "ann", "tags": ["x", None, 1.5], "deep": {"é": False}},
    needs_attention=True,
    attention_reasons=("first", "second"),
    content_hash="0f" * 16,
    size_bytes=4096,
    lines=140,
    functions=7,
    max_complexity=9,
    cognitive_complexity=11,
    documented_ratio=0.5,
    hinted_ratio=1.0,
    dependents_count=4,
    test_files=("tests/test_app.py", "tests/test_b.py"),
    coverage_outdated=True,
    error="line 3: invalid syntax",
)
"""A record in which no field has its default."""


@pytest.mark.parametrize(
    "value, fields",
    [(FileRecord, RECORD_FIELDS), (ProjectSummary, SUMMARY_FIELDS)],
    ids=["record", "summary"],
)
def test_every_published_field_is_there(value, fields):
    """The specification's names come first and in its order; ours follow."""
    assert list(value._fields[: len(fields)]) == fields


@pytest.mark.parametrize(
    "kind, values",
    [
        (FileCategory, "source test config docs asset generated build unknown"),
        (TestRequirement, "required optional not_applicable excluded"),
    ],
)
def test_categories_and_requirements_have_the_published_values(kind, values):
    """Each is a string of its own, ready for JSON."""
    assert [f"{each}" for each in kind] == values.split()


def test_the_example_has_no_default_in_it():
    """Otherwise the round trips below could pass by leaving a field out."""
    blank = FileRecord("", "")
    assert [name for name in FileRecord._fields if getattr(FULL, name) == getattr(blank, name)] == []


@pytest.mark.parametrize("name", FileRecord._fields)
def test_every_field_of_a_record_survives_json(name):
    """Alone beside the two that must be there, with its value and its type."""
    record = FileRecord("a", "a")._replace(**{name: getattr(FULL, name)})
    back = FileRecord.from_dict(json.loads(json.dumps(record.to_dict())))
    assert getattr(back, name) == getattr(FULL, name)
    assert type(getattr(back, name)) is type(getattr(FULL, name))
    assert back == record


def test_nothing_and_zero_are_different_after_json():
    """None means "not measured"; 0 is a measurement."""
    for record in (
        FileRecord("a", "a", coverage_percent=0.0, lint_issues=0, documented_ratio=0.0, hinted_ratio=0.0),
        FileRecord(
            "a", "a", coverage_percent=None, lint_issues=None, documented_ratio=None, hinted_ratio=None
        ),
    ):
        back = FileRecord.from_dict(json.loads(json.dumps(record.to_dict())))
        assert repr(back) == repr(record)


def test_times_leave_as_iso_8601():
    """With their zone, to the microsecond."""
    assert FULL.to_dict()["last_modified"] == "2024-02-29T12:30:15.123456+00:00"


def test_a_record_of_another_version_is_read_as_far_as_it_goes():
    """Unknown keys are left out, missing ones take their defaults."""
    assert FileRecord.from_dict({"path": "x/a", "name": "a", "colour": "red"}) == FileRecord("x/a", "a")


@pytest.mark.parametrize(
    "data, error",
    [
        ({"name": "a"}, KeyError),
        ({"path": "a"}, KeyError),
        ({"path": "a", "name": "a", "category": "novel"}, ValueError),
        ({"path": "a", "name": "a", "test_requirement": "perhaps"}, ValueError),
        ({"path": "a", "name": "a", "last_indexed": "yesterday"}, ValueError),
    ],
)
def test_an_impossible_record_is_refused(data, error):
    """No identity, or a value outside its range."""
    with pytest.raises(error):
        FileRecord.from_dict(data)


def test_a_summary_survives_json():
    """Lists come back as tuples, "not measured" as None."""
    summary = ProjectSummary(
        total_files=3,
        test_coverage_avg=None,
        total_lint_issues=0,
        most_stale_files=("a", "b\udcff"),
        notes=("one",),
        files_by_category={"source": 3},
        lines_by_language={"go": 7},
    )
    back = ProjectSummary.from_dict({**json.loads(json.dumps(summary.to_dict())), "later": 1})
    assert repr(back) == repr(summary)


def test_a_state_is_ready_for_json():
    """Its time as text, its numbers as they are."""
    assert State("ab", AT, 3, 1).to_dict() == {
        "id": "ab",
        "verified_at": "2024-02-29T12:30:15.123456+00:00",
        "files": 3,
        "refreshed": 1,
    }


def test_a_moment_is_aware_and_exact_to_the_microsecond():
    """A file system's nanoseconds become UTC."""
    assert moment(1_709_209_815_123_456_000) == AT
    assert moment(0).tzinfo is UTC


@pytest.mark.parametrize("ns", [10**30, -(10**30), 10**400])
def test_a_time_that_no_calendar_holds_is_the_epoch(ns):
    """A broken file system's time stamp is no reason to fail."""
    assert moment(ns) == datetime(1970, 1, 1, tzinfo=UTC)

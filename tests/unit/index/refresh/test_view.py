"""What a file says about itself, and what its neighbours add."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from quarterdeck.index.disk.signature import Signature
from quarterdeck.index.facts.examine import MADE, Examined
from quarterdeck.index.facts.packed import NOTHING, Packed
from quarterdeck.index.model import FileCategory, FileRecord, TestRequirement
from quarterdeck.index.refresh.view import Neighbours, intrinsic, relate
from quarterdeck.index.settings import IndexConfig
from quarterdeck.index.store.annotations import Coverage

AT = datetime(2024, 2, 29, 12, tzinfo=UTC)
AT_NS = int(AT.timestamp()) * 10**9
SETTINGS = IndexConfig()
PACKED = Packed(
    lines=90,
    sloc=70,
    documented=3,
    documentable=4,
    tests=6,
    functions=5,
    classes=1,
    hinted=2,
    complexity=12,
    max_complexity=8,
    cognitive=13,
    error="line 3: x",
    outline="",
    wiring="",
)


def read(path="app/a.py", category="source", packed=PACKED, **settings):
    """The record of a file as far as its own bytes decide it."""
    examined = Examined(path, None, False, "ab", category, "python", packed, 7, MADE)
    return intrinsic(examined, Signature(4096, AT_NS, 1, 2), AT + timedelta(1), IndexConfig(**settings))


def test_a_files_own_bytes_decide_its_own_fields():
    """And no other: the rest has its default."""
    assert read() == FileRecord(
        path="app/a.py",
        name="a.py",
        category=FileCategory.SOURCE,
        language="python",
        test_requirement=TestRequirement.REQUIRED,
        last_modified=AT,
        last_indexed=AT + timedelta(1),
        lines_of_code=70,
        complexity_score=12.0,
        has_docstrings=True,
        has_type_hints=False,
        content_hash="ab",
        size_bytes=4096,
        lines=90,
        functions=5,
        max_complexity=8,
        cognitive_complexity=13,
        documented_ratio=0.75,
        hinted_ratio=0.4,
        error="line 3: x",
    )


def test_a_test_file_counts_its_own_tests_and_lines():
    """A source file's tests are those of others."""
    test = read("tests/test_a.py", "test")
    assert (test.test_count, test.lines_of_test, test.lines_of_code) == (6, 70, 70)
    assert (read().test_count, read().lines_of_test) == (0, 0)


@pytest.mark.parametrize(
    "hinted, functions, has_hints",
    [(0, 0, False), (1, 2, True), (2, 5, False), (3, 5, True), (0, 1, False)],
)
def test_a_file_has_type_hints_when_half_of_its_functions_have(hinted, functions, has_hints):
    """Exactly half is enough; no function is none."""
    assert read(packed=PACKED._replace(hinted=hinted, functions=functions)).has_type_hints is has_hints


def test_ratios_of_nothing_are_unknown():
    """None, not 0 and not 1."""
    blank = read(packed=NOTHING)
    assert (blank.documented_ratio, blank.hinted_ratio, blank.has_docstrings) == (None, None, False)
    none = read(packed=NOTHING._replace(documentable=2, functions=3))
    assert (none.documented_ratio, none.hinted_ratio) == (0.0, 0.0)


def test_the_user_decides_which_files_need_no_tests():
    """By pattern."""
    assert read(no_test_patterns=("app/*",)).test_requirement is TestRequirement.EXCLUDED


def aged(days, *, threshold=7, seconds=0):
    """A file that is *days* and *seconds* newer than its test, after relating."""
    record = read()
    assert record.last_modified is not None
    older = record.last_modified - timedelta(days=days, seconds=seconds)
    test = FileRecord("t.py", "t.py", FileCategory.TEST, last_modified=older)
    settings = IndexConfig(staleness_threshold_days=threshold)
    return relate(record, Neighbours(tests=[test]), settings)[0]


@pytest.mark.parametrize(
    "days, seconds, expected",
    [
        (7, 0, (7, True)),
        (7, -1, (6, False)),
        (7, 1, (7, True)),
        (8, 0, (8, True)),
        (0, 86_399, (0, False)),
        (0, 0, (0, False)),
        (-30, 0, (0, False)),
    ],
)
def test_a_file_is_stale_from_the_threshold_day_on(days, seconds, expected):
    """Whole days; a second less than seven is six; an older file than its test is not stale."""
    found = aged(days, seconds=seconds)
    assert (found.staleness_days, found.is_stale) == expected


def test_a_threshold_of_zero_turns_staleness_off():
    """The days are told all the same."""
    found = aged(30, threshold=0)
    assert (found.staleness_days, found.is_stale) == (30, False)


def test_the_newest_test_decides():
    """Of several, wherever it stands in the list; one without a time does not count."""
    record = read()
    tests = [
        FileRecord(f"t{days}", "t", FileCategory.TEST, last_modified=AT - timedelta(days))
        for days in (9, 2, 40)
    ]
    around = Neighbours(tests=[*tests, FileRecord("t", "t", FileCategory.TEST)])
    related, _ = relate(record, around, SETTINGS)
    assert (related.tests_last_modified, related.staleness_days) == (AT - timedelta(2), 2)


def test_without_tests_nothing_is_stale():
    """There is nothing to be older than."""
    related, _ = relate(read(), Neighbours(), SETTINGS)
    assert (related.tests_last_modified, related.staleness_days, related.is_stale) == (None, 0, False)


AROUND = Neighbours(
    imports=["b.py", "c.py"],
    imported_by=["d.py"],
    dependents=5,
    impact=1.4,
    tests=[
        FileRecord("t1.py", "t1.py", FileCategory.TEST, test_count=2, lines_of_test=10, last_modified=AT),
        FileRecord("t2.py", "t2.py", FileCategory.TEST, test_count=3, lines_of_test=5, last_modified=AT),
    ],
    coverage=Coverage(0.0, "ab"),
    metadata={"owner": "ann"},
    lint_issues=0,
)


def test_the_neighbours_decide_the_rest():
    """Graph, tests, coverage, notes and lint; tests are best first."""
    related, _ = relate(read(), AROUND, SETTINGS)
    assert related == read()._replace(
        imports=("b.py", "c.py"),
        imported_by=("d.py",),
        import_count=2,
        imported_by_count=1,
        dependents_count=5,
        impact_score=1.4,
        test_files=("t1.py", "t2.py"),
        test_file_path="t1.py",
        tests_exist=True,
        test_count=5,
        lines_of_test=15,
        tests_last_modified=AT,
        coverage_percent=0.0,
        metadata={"owner": "ann"},
        lint_issues=0,
        needs_attention=True,
        attention_reasons=("cannot be analysed: line 3: x", "coverage 0 % is below 50 %"),
    )


@pytest.mark.parametrize("category", ["source", "test"])
def test_relating_again_leaves_nothing_of_the_last_time(category):
    """What has no neighbours any more equals what never had any."""
    record = read(category=category, packed=PACKED._replace(error=""))
    once, _ = relate(record, AROUND, SETTINGS)
    assert once != record
    assert relate(once, Neighbours(), SETTINGS) == relate(record, Neighbours(), SETTINGS)
    assert relate(once, AROUND, SETTINGS) == relate(record, AROUND, SETTINGS)


def test_a_test_file_keeps_its_own_numbers():
    """How many tests it has is not for its neighbours to say."""
    related, _ = relate(read("tests/test_a.py", "test"), AROUND, SETTINGS)
    assert (related.test_count, related.lines_of_test) == (6, 70)
    assert (related.tests_exist, related.test_files, related.test_file_path) == (False, (), None)
    assert related.imports == ("b.py", "c.py")


def test_coverage_of_other_bytes_is_outdated():
    """The number stays: it is the last that was measured."""
    same, _ = relate(read(), Neighbours(coverage=Coverage(80.0, "ab")), SETTINGS)
    other, _ = relate(read(), Neighbours(coverage=Coverage(80.0, "cd")), SETTINGS)
    assert (same.coverage_percent, same.coverage_outdated) == (80.0, False)
    assert (other.coverage_percent, other.coverage_outdated) == (80.0, True)
    assert relate(other, Neighbours(), SETTINGS)[0].coverage_outdated is False


def test_a_records_metadata_is_its_own():
    """Changing the notes later does not change a record that was given out."""
    notes = {"owner": "ann"}
    related, _ = relate(read(), AROUND._replace(metadata=notes), SETTINGS)
    notes["owner"] = "bob"
    assert related.metadata == {"owner": "ann"}


def test_the_weight_is_told_beside_the_record():
    """It orders the attention list and is no field of the record."""
    _, attention = relate(read(), Neighbours(), SETTINGS)
    assert attention.weight == 14.0

"""What needs attention, in which words, in which order, and how heavily it weighs."""

from __future__ import annotations

import math

import pytest

from quarterdeck.index.model import FileCategory, FileRecord, TestRequirement
from quarterdeck.index.refresh.attention import CALM, attention_of
from quarterdeck.index.settings import IndexConfig

SETTINGS = IndexConfig()
SOURCE = FileRecord(
    "a.py", "a.py", FileCategory.SOURCE, test_requirement=TestRequirement.REQUIRED, tests_exist=True
)
BAD = SOURCE._replace(
    error="line 3: invalid syntax",
    tests_exist=False,
    coverage_percent=12.4,
    max_complexity=15,
)


def test_a_sound_file_needs_nothing():
    """Tested, covered and simple; how much newer it is than its tests is not for this list to say."""
    sound = SOURCE._replace(coverage_percent=50.0, max_complexity=14, staleness_days=90, is_stale=True)
    assert attention_of(sound, SETTINGS) == CALM


def test_reasons_are_heaviest_first():
    """Each a sentence with its number."""
    assert attention_of(BAD, SETTINGS).reasons == (
        "cannot be analysed: line 3: invalid syntax",
        "no test of its own",
        "coverage 12 % is below 50 %",
        "a function of cyclomatic complexity 15",
    )


@pytest.mark.parametrize(
    "fault, weight",
    [
        ({"error": "x"}, 10.0),
        ({"tests_exist": False}, 4.0),
        ({"coverage_percent": 49.9}, 3.0),
        ({"max_complexity": 15}, 3.0),
    ],
)
def test_each_reason_has_its_weight(fault, weight):
    """Alone, in a file that nothing depends on."""
    found = attention_of(SOURCE._replace(**fault), SETTINGS)
    assert (len(found.reasons), found.weight) == (1, weight)


@pytest.mark.parametrize("impact", [0.0, 1.0, 3.0, 7.0])
def test_the_same_faults_weigh_more_where_more_depends_on_them(impact):
    """The sum of all reasons, times 1 + log2(1 + impact)."""
    found = attention_of(BAD._replace(impact_score=impact), SETTINGS)
    assert found.weight == pytest.approx(20.0 * (1 + math.log2(1 + impact)))


def test_an_untested_file_of_high_impact_says_how_many_depend_on_it():
    """From the threshold on, and not below it."""
    untested = SOURCE._replace(tests_exist=False, dependents_count=12)
    assert attention_of(untested._replace(impact_score=4.9), SETTINGS).reasons == ("no test of its own",)
    assert attention_of(untested._replace(impact_score=5.0), SETTINGS).reasons == (
        "no test of its own, and 12 files depend on it",
    )


@pytest.mark.parametrize(
    "requirement", [each for each in TestRequirement if each is not TestRequirement.REQUIRED]
)
def test_a_file_that_needs_no_tests_is_not_missing_any(requirement):
    """Whatever else it may be."""
    assert attention_of(SOURCE._replace(tests_exist=False, test_requirement=requirement), SETTINGS) == CALM


def test_coverage_of_nothing_is_low_and_coverage_unknown_is_not():
    """0 is a measurement, None is none."""
    assert attention_of(SOURCE._replace(coverage_percent=0.0), SETTINGS).reasons
    assert attention_of(SOURCE._replace(coverage_percent=None), SETTINGS) == CALM


def test_a_test_file_needs_attention_only_when_it_cannot_be_read():
    """How complex or covered a test is, is nobody's worry."""
    test = BAD._replace(category=FileCategory.TEST)
    assert attention_of(test, SETTINGS).reasons == ("cannot be analysed: line 3: invalid syntax",)
    assert attention_of(test._replace(error=""), SETTINGS) == CALM


@pytest.mark.parametrize(
    "category", [each for each in FileCategory if each not in (FileCategory.SOURCE, FileCategory.TEST)]
)
def test_what_is_no_code_never_needs_attention(category):
    """Not even with an error in it."""
    assert attention_of(BAD._replace(category=category), SETTINGS) == CALM


def test_the_thresholds_are_the_users():
    """Coverage is low below its own, complexity high from its own on."""
    settings = IndexConfig(low_coverage_threshold=80.0, high_complexity_threshold=5)
    record = SOURCE._replace(coverage_percent=79.9, max_complexity=5)
    assert len(attention_of(record, settings).reasons) == 2
    assert attention_of(record._replace(coverage_percent=80.0, max_complexity=4), settings) == CALM

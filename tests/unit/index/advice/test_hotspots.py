"""The hot-spot score: what raises it, what must not decide it alone, and what it says for itself."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from quarterdeck.index.advice.history import Churn
from quarterdeck.index.advice.hotspots import HotSpot, rank_files, rank_functions, with_worst_functions
from quarterdeck.index.facts.facts import Function
from quarterdeck.index.model import FileCategory, FileRecord, TestRequirement

THEN = datetime(2026, 1, 1, tzinfo=UTC)


def record(
    path: str, *, complexity: float = 10, coverage: float | None = None, dependents: int = 0
) -> FileRecord:
    return FileRecord(
        path=path,
        name=path,
        category=FileCategory.SOURCE,
        language="python",
        lines_of_code=100,
        functions=3,
        complexity_score=complexity,
        max_complexity=int(complexity),
        coverage_percent=coverage,
        dependents_count=dependents,
    )


def churn(**commits: int) -> dict[str, Churn]:
    return {f"{name}.py": Churn(number, 1, number * 2, number, THEN) for name, number in commits.items()}


def scores(records: list[FileRecord], past: dict[str, Churn] | None) -> dict[str, float]:
    return {spot.path: spot.score for spot in rank_files(records, past)}


@pytest.mark.parametrize(
    "hot, cold, past",
    [
        ({"complexity": 50}, {"complexity": 5}, churn(hot=3, cold=3)),
        ({}, {}, churn(hot=9, cold=2)),
        ({"coverage": 10.0}, {"coverage": 90.0}, churn(hot=3, cold=3)),
    ],
    ids=["complexity", "change", "coverage"],
)
def test_each_factor_alone_makes_a_file_hotter(
    hot: dict[str, float], cold: dict[str, float], past: dict[str, Churn]
):
    """All else equal, the more complex, the more changed, the less covered file comes first."""
    found = rank_files([record("cold.py", **cold), record("hot.py", **hot)], past)  # type: ignore[arg-type]
    assert [spot.path for spot in found] == ["hot.py", "cold.py"]
    assert found[0].score > found[1].score


def test_coverage_that_was_never_measured_is_neither_praise_nor_blame():
    """It lies between none and all, where half covered lies."""
    files = [record(f"{name}.py", coverage=c) for name, c in (("none", 0.0), ("half", 50.0), ("all", 100.0))]
    found = scores([*files, record("unknown.py")], churn(none=1, half=1, all=1, unknown=1))
    assert found["none.py"] > found["unknown.py"] > found["all.py"]
    assert found["unknown.py"] == found["half.py"]


def test_no_factor_hides_the_others():
    """A file nobody changed is still ranked by its complexity, and a simple one by its changes."""
    found = scores(
        [record("still.py", complexity=90), record("calm.py", complexity=3), record("flat.py", complexity=0)],
        churn(flat=20),
    )
    assert found["still.py"] > found["calm.py"] > 0
    assert found["flat.py"] > found["calm.py"]


def test_the_top_of_both_scales_without_coverage_is_a_hundred():
    """The scale ends where the docstring says."""
    assert scores([record("a.py", coverage=0.0)], churn(a=7)) == {"a.py": 100.0}


def test_without_history_complexity_and_dependents_rank_and_the_answer_says_so():
    """Nothing that only a history could know is filled in."""
    found = rank_files([record("few.py", dependents=1), record("many.py", dependents=50)], None)
    assert [spot.path for spot in found] == ["many.py", "few.py"]
    assert (found[0].commits, found[0].authors, found[0].churn) == (None, None, None)
    assert "no history" in found[0].reasons[0]


def test_only_source_files_with_code_are_ranked():
    """Tests, documents and empty files are no hot spots."""
    files = [
        record("a.py")._replace(category=FileCategory.TEST),
        record("b.py")._replace(category=FileCategory.DOCS),
        record("c.py")._replace(lines_of_code=0),
        record("d.py")._replace(language=""),
    ]
    assert rank_files(files, churn(a=5, b=5, c=5, d=5)) == []


def test_equal_scores_are_ordered_by_path():
    """The same project gives the same list."""
    assert [spot.path for spot in rank_files([record("b.py"), record("a.py")], {})] == ["a.py", "b.py"]


def test_the_worst_function_is_the_most_complex_and_of_equals_the_first():
    """A file without an outline keeps an empty name."""
    functions = (
        Function("small", 1, 2, 1, 0, True, True),
        Function("first", 5, 9, 8, 3, True, True),
        Function("second", 11, 15, 8, 4, True, True),
    )
    ranked = rank_files([record("a.py"), record("b.py")], churn(a=2, b=1))
    first, second = with_worst_functions(ranked, {"a.py": (functions, ())})
    assert (first.worst_function, first.worst_line) == ("first", 5)
    assert (second.worst_function, second.worst_line) == ("", 0)


def test_functions_are_ranked_by_their_own_complexity_and_their_files_changes():
    """In one file the more complex one comes first; of two alike the one in the busier file."""
    functions = (Function("big", 1, 20, 12, 9, True, True), Function("tiny", 30, 31, 1, 0, True, True))
    outlines = {"busy.py": (functions, ()), "quiet.py": (functions, ())}
    found = rank_functions([record("busy.py"), record("quiet.py")], churn(busy=9, quiet=1), outlines)
    assert [(spot.path, spot.name) for spot in found][:2] == [("busy.py", "big"), ("quiet.py", "big")]
    assert found[0].commits == 9


def test_a_missing_test_is_a_reason():
    """Where coverage does not say it, the test map may."""
    bare = record("a.py")._replace(test_requirement=TestRequirement.REQUIRED)
    (spot,) = rank_files([bare], churn(a=1))
    assert spot.reasons[-1] == "no test covers it"
    assert spot.reasons[0] == "1 commit by 1 author"


def test_a_hot_spot_says_all_of_itself_in_json():
    """Programs rely on these keys."""
    (spot,) = rank_files([record("a.py")], churn(a=1))
    assert set(spot.to_dict()) == set(HotSpot._fields)
    assert spot.to_dict()["churn"] == 3

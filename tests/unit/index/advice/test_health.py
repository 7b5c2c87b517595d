"""The health score: nothing unknown counts as good, and every lost point names where it was lost."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.index.advice.health import Health, health_of
from quarterdeck.index.advice.staleness import COMMIT, Stale
from quarterdeck.index.model import FileCategory, FileRecord, TestRequirement
from quarterdeck.index.settings import IndexConfig

CONFIG = IndexConfig()


def record(path: str = "a.py", **fields: object) -> FileRecord:
    given = {
        "category": FileCategory.SOURCE,
        "language": "python",
        "test_requirement": TestRequirement.REQUIRED,
        "tests_exist": True,
        "test_files": ("test_a.py",),
        "lines_of_code": 50,
        "functions": 4,
        "max_complexity": 3,
        "complexity_score": 8.0,
        "documented_ratio": 1.0,
        "hinted_ratio": 1.0,
        "import_count": 1,
        **fields,
    }
    return FileRecord(path=path, name=path, **given)  # type: ignore[arg-type]


def health(
    *records: FileRecord, cycles: tuple[tuple[str, ...], ...] = (), stale: tuple[Stale, ...] = ()
) -> Health:
    return health_of(records, cycles, stale, CONFIG)


def part(of: Health, name: str):
    return next(each for each in of.parts if each.name == name)


@pytest.mark.parametrize(
    "records",
    [
        (),
        (record(category=FileCategory.DOCS),),
        (record(category=FileCategory.TEST),),
        (record(lines_of_code=0),),
    ],
    ids=["empty", "documents", "tests only", "no lines"],
)
def test_a_project_without_source_code_has_no_score(records: tuple[FileRecord, ...]):
    """Not 100, not 0: there is nothing to judge."""
    assert health(*records) == Health(None, 0.0, ())


def test_what_was_not_measured_is_left_out_and_lowers_the_confidence():
    """Without coverage the rest alone makes the score, and the confidence says how much that is."""
    without = health(record(tests_exist=False))
    assert part(without, "coverage").value is None
    assert part(without, "coverage").applies
    assert without.confidence == 0.8
    assert part(without, "tests").points_lost == 31.25  # 25 of the 80 that were measured
    full = health(record(coverage_percent=100.0))
    assert full.confidence == 1.0
    assert full.score == 100.0


def test_what_does_not_apply_lowers_nothing():
    """A project in Go is not asked for Python's type hints."""
    go = health(record(path="a.go", language="go", hinted_ratio=1.0, coverage_percent=100.0))
    assert not part(go, "type hints").applies
    assert go.confidence == 1.0


@pytest.mark.parametrize(
    "name, worse",
    [
        ("tests", {"tests_exist": False, "test_files": ()}),
        ("coverage", {"coverage_percent": 10.0}),
        ("complexity", {"max_complexity": 40}),
        ("documentation", {"documented_ratio": 0.2}),
        ("type hints", {"hinted_ratio": 0.2}),
        ("parsing", {"error": "line 3: invalid syntax"}),
    ],
)
def test_each_part_loses_points_and_names_the_file(name: str, worse: dict[str, object]):
    """A worse file takes points from its own part, which names it and says what to do."""
    good = record("good.py", coverage_percent=100.0)
    bad = record("bad.py", **{"coverage_percent": 100.0, **worse})
    found = part(health(good, bad), name)
    assert found.points_lost > 0
    assert found.files == ("bad.py",)
    assert found.todo
    assert part(health(good), name).points_lost == 0
    assert part(health(good), name).files == ()


def test_cycles_and_stale_tests_lose_points_too():
    """They come from outside the records."""
    files = [record("a.py"), record("b.py"), record("c.py")]
    tangled = health(*files, cycles=(("a.py", "b.py"),))
    assert part(tangled, "structure").files == ("a.py", "b.py")
    assert part(tangled, "structure").value == pytest.approx(1 / 3, abs=1e-4)
    behind = health(*files, stale=(Stale("c.py", "test_a.py", 30, False, COMMIT, 0.0),))
    assert part(behind, "freshness").files == ("c.py",)


ratios = st.one_of(st.none(), st.floats(0, 1))
records = st.builds(
    record,
    path=st.sampled_from([f"f{number}.py" for number in range(8)]),
    category=st.sampled_from([FileCategory.SOURCE, FileCategory.TEST, FileCategory.DOCS]),
    language=st.sampled_from(["python", "go", ""]),
    tests_exist=st.booleans(),
    test_files=st.sampled_from([(), ("t.py",)]),
    coverage_percent=st.one_of(st.none(), st.floats(0, 100)),
    lines_of_code=st.integers(0, 500),
    functions=st.integers(0, 20),
    max_complexity=st.integers(0, 40),
    documented_ratio=ratios,
    import_count=st.integers(0, 2),
    error=st.sampled_from(["", "line 1: no"]),
)


@given(st.lists(records, max_size=8, unique_by=lambda each: each.path), st.booleans())
def test_score_and_points_lost_always_add_up_to_a_hundred(files: list[FileRecord], tangled: bool):
    """Whatever the project: nothing lost goes unnamed, and no number leaves its range."""
    files = [each._replace(hinted_ratio=0.5 if each.functions else None) for each in files]
    cycles = (tuple(each.path for each in files),) if tangled and len(files) > 1 else ()
    found = health(*files, cycles=cycles)
    if found.score is None:
        return
    assert 0 <= found.score <= 100
    assert 0 < found.confidence <= 1
    assert found.score + sum(each.points_lost for each in found.parts) == pytest.approx(100, abs=0.1)
    for each in found.parts:
        assert each.points_lost == 0 or (each.files and each.todo)


def test_a_score_survives_json():
    """It is kept between commands."""
    found = health(record("a.py"), record("b.py", tests_exist=False))
    assert Health.from_dict(json.loads(json.dumps(found.to_dict()))) == found

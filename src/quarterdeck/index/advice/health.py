"""How well a code base is, as one number and the parts it is made of.

    part             weight   value (0 to 1)
    tests              25     of the files that ought to have tests: share that has some
    coverage           20     line coverage, weighted by lines, of the files it was measured for
    complexity         15     of the files with functions: share without an overly complex one
    freshness          10     of the tested files: share that is not much newer than its tests
    documentation      10     documented share of modules, public classes and functions
    structure          10     of the files that import or are imported: share in no import cycle
    type hints          5     of the functions in Python: share fully hinted
    parsing             5     of the source and test files: share that can be analysed

    score = 100 x sum(weight x value) / sum(weight), over the parts that were measured

A part that could have been measured and was not (coverage, mostly) is left out of the score and
lowers its confidence: the measured share of the weight. A part that has nothing to judge (no Python,
no file that needs tests) is left out of both. So nothing unknown counts as good. The score plus
all points lost is 100, and each part that lost points names the files to begin with. A project
without code has no score.

The weights are a judgement: what catches faults comes before what eases reading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from quarterdeck.index.model import CODE, FileCategory, FileRecord, TestRequirement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from quarterdeck.index.advice.staleness import Stale
    from quarterdeck.index.settings import IndexConfig

NAMED = 5
"""How many files a part names."""


class Part(NamedTuple):
    """One part of the score.

    Attributes:
        name: as in the module's table.
        weight: its share of the whole, in points of 100.
        value: 0 to 1; None when it was not measured or does not apply.
        applies: False when the project has nothing that this part could judge.
        points_lost: what it takes off the score.
        finding: what was measured, or why it was not, a sentence.
        todo: what would win points back; empty when none are lost.
        files: where to begin, worst first, at most `NAMED`; empty when nothing is lost.
    """

    name: str
    weight: int
    value: float | None
    applies: bool
    points_lost: float
    finding: str
    todo: str
    files: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return self._asdict()


class Health(NamedTuple):
    """The score and its parts.

    Attributes:
        score: 0 to 100; None when there is no code to judge.
        confidence: measured share of the weight that applies, 0 to 1.
        parts: heaviest first.
    """

    score: float | None
    confidence: float
    parts: tuple[Part, ...]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {**self._asdict(), "parts": [part.to_dict() for part in self.parts]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Health:
        """The inverse of `to_dict`."""
        parts = (Part(**{**part, "files": tuple(part["files"])}) for part in data["parts"])
        return cls(data["score"], data["confidence"], tuple(parts))


class _Measured(NamedTuple):
    """A part before the points are known; `bad` are the files that keep the value below 1, worst first."""

    name: str
    weight: int
    value: float | None
    finding: str
    todo: str = ""
    bad: Sequence[str] = ()
    applies: bool = True


def health_of(
    records: Iterable[FileRecord],
    cycles: Sequence[Sequence[str]],
    stale: Sequence[Stale],
    config: IndexConfig,
) -> Health:
    """The health of a project.

    Args:
        records: of all files.
        cycles: groups of files that import each other, from `graph.reach.import_cycles`.
        stale: from `staleness.stale_files`.
        config: thresholds.
    """
    code = [record for record in records if record.category in CODE and record.language]
    sources = [record for record in code if record.category is FileCategory.SOURCE and record.lines_of_code]
    if not sources:
        return Health(None, 0.0, ())
    measured = (
        _tests(sources),
        _coverage(sources),
        _complexity(sources, config),
        _freshness(sources, stale, config),
        _documentation(sources),
        _structure(sources, cycles),
        _hints(sources),
        _parsing(code),
    )
    weight = sum(part.weight for part in measured if part.value is not None)
    applying = sum(part.weight for part in measured if part.applies)
    parts = tuple(
        Part(
            part.name,
            part.weight,
            None if part.value is None else round(part.value, 4),
            part.applies,
            0.0 if part.value is None else round(100 * part.weight * (1 - part.value) / weight, 2),
            part.finding,
            part.todo if part.bad or part.value is None else "",
            tuple(part.bad[:NAMED]),
        )
        for part in measured
    )
    lost = sum(100 * part.weight * (1 - part.value) / weight for part in measured if part.value is not None)
    return Health(round(100 - lost, 1), round(weight / applying, 3), parts)


def _tests(sources: Sequence[FileRecord]) -> _Measured:
    wanting = [record for record in sources if record.test_requirement is TestRequirement.REQUIRED]
    if not wanting:
        return _Measured("tests", 25, None, "no file here needs tests", applies=False)
    untested = [record for record in wanting if not record.tests_exist]
    return _Measured(
        "tests",
        25,
        1 - len(untested) / len(wanting),
        f"{len(wanting) - len(untested):,} of {len(wanting):,} files that need tests have some",
        "write tests for the files that most depends on first",
        _paths(untested, key=lambda record: (record.impact_score, record.lines_of_code)),
    )


def _coverage(sources: Sequence[FileRecord]) -> _Measured:
    covered = [(record, record.coverage_percent) for record in sources if record.coverage_percent is not None]
    if not covered:
        return _Measured(
            "coverage",
            20,
            None,
            "coverage was never measured",
            "run the tests with coverage, then qd coverage",
        )
    lines = sum(record.lines_of_code for record, _ in covered)
    share = sum(record.lines_of_code * percent for record, percent in covered) / lines / 100
    missed = {record.path: record.lines_of_code * (100 - percent) for record, percent in covered}
    return _Measured(
        "coverage",
        20,
        share,
        f"{share * 100:.0f} % of the lines in {len(covered):,} measured of {len(sources):,} source files",
        "test the lines that no test runs, largest gaps first",
        _paths((record for record, percent in covered if percent < 100), key=lambda r: (missed[r.path], 0)),
    )


def _complexity(sources: Sequence[FileRecord], config: IndexConfig) -> _Measured:
    with_functions = [record for record in sources if record.functions]
    if not with_functions:
        return _Measured("complexity", 15, None, "no function was found", applies=False)
    limit = config.high_complexity_threshold
    over = [record for record in with_functions if record.max_complexity >= limit]
    return _Measured(
        "complexity",
        15,
        1 - len(over) / len(with_functions),
        f"{len(over):,} of {len(with_functions):,} files hold a function of complexity {limit} or more",
        "split the most complex function of each file",
        _paths(over, key=lambda record: (record.max_complexity, record.complexity_score)),
    )


def _freshness(sources: Sequence[FileRecord], stale: Sequence[Stale], config: IndexConfig) -> _Measured:
    tested = {record.path for record in sources if record.test_files}
    if config.staleness_threshold_days <= 0:
        return _Measured("freshness", 10, None, "switched off: staleness_threshold_days is 0", applies=False)
    if not tested:
        return _Measured("freshness", 10, None, "no file has tests that could be out of date", applies=False)
    behind = [each.path for each in stale if each.path in tested]
    return _Measured(
        "freshness",
        10,
        1 - len(behind) / len(tested),
        f"{len(behind):,} of {len(tested):,} tested files changed "
        f"{config.staleness_threshold_days} days or more after their newest test",
        "check that the tests still say what the file does",
        behind,
    )


def _documentation(sources: Sequence[FileRecord]) -> _Measured:
    rated = [(record, record.documented_ratio) for record in sources if record.documented_ratio is not None]
    if not rated:
        return _Measured("documentation", 10, None, "nothing here can be documented", applies=False)
    weights = {record.path: record.functions + 1 for record, _ in rated}
    share = sum(weights[record.path] * ratio for record, ratio in rated) / sum(weights.values())
    return _Measured(
        "documentation",
        10,
        share,
        f"{share * 100:.0f} % of modules, public classes and functions are documented",
        "say in one sentence what each public thing is for",
        _paths(
            (record for record, ratio in rated if ratio < 1),
            key=lambda r: (weights[r.path] * (1 - (r.documented_ratio or 0)), r.impact_score),
        ),
    )


def _structure(sources: Sequence[FileRecord], cycles: Sequence[Sequence[str]]) -> _Measured:
    linked = {record.path for record in sources if record.import_count or record.imported_by_count}
    if not linked:
        return _Measured("structure", 10, None, "no file imports another one of the project", applies=False)
    caught = [path for group in cycles for path in group if path in linked]
    return _Measured(
        "structure",
        10,
        1 - len(caught) / len(linked),
        f"{len(caught):,} of {len(linked):,} linked files are in an import cycle ({len(cycles):,} cycles)",
        "break the cycles: move what both sides need into a file of its own",
        caught,
    )


def _hints(sources: Sequence[FileRecord]) -> _Measured:
    python = [(r, r.hinted_ratio) for r in sources if r.language == "python" and r.hinted_ratio is not None]
    if not python:
        return _Measured("type hints", 5, None, "no function in Python", applies=False)
    functions = sum(record.functions for record, _ in python)
    share = sum(record.functions * ratio for record, ratio in python) / functions
    bare = {record.path: record.functions * (1 - ratio) for record, ratio in python}
    return _Measured(
        "type hints",
        5,
        share,
        f"{share * 100:.0f} % of {functions:,} functions in Python are fully hinted",
        "hint the functions of the files that much depends on",
        _paths(
            (record for record, ratio in python if ratio < 1), key=lambda r: (r.impact_score, bare[r.path])
        ),
    )


def _parsing(code: Sequence[FileRecord]) -> _Measured:
    broken = [record for record in code if record.error]
    return _Measured(
        "parsing",
        5,
        1 - len(broken) / len(code),
        f"{len(broken):,} of {len(code):,} source and test files cannot be analysed",
        "mend what cannot be parsed, or exclude it (exclude_patterns)",
        _paths(broken, key=lambda record: (record.impact_score, record.lines)),
    )


def _paths(records: Iterable[FileRecord], *, key: Callable[[FileRecord], tuple[float, float]]) -> list[str]:
    """Paths of *records*, largest *key* first, then by path."""
    ranked = sorted(records, key=lambda record: record.path)
    ranked.sort(key=key, reverse=True)
    return [record.path for record in ranked]

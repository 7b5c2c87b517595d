"""Where work on the code hurts most: what is complex, changes often, and is little tested.

    score = 100 x sqrt(change x complexity) x (0.6 + 0.4 x uncovered)

    change       0.05 + 0.95 x log(1 + commits) / log(1 + commits of the file changed most)
    complexity   0.05 + 0.95 x log(1 + complexity) / log(1 + that of the most complex file)
    uncovered    1 - coverage; 0.5 where coverage was never measured, so that not knowing is neither
                 praise nor blame

The idea is Tornhill's: a hot spot is complex code that is changed often. Complexity nobody touches costs
little, and so does churn in simple code. Both are skewed over files (a few hold most of it), hence the
logarithms; the 0.05 keeps a zero in one factor from hiding the other. So 100 would be a file that is
first in both and not covered at all, and scores compare files of one project, not projects.
Without a history the number of files that depend on a file stands in for change: it says how far a
mistake reaches, and every score says that it was made so.

A function has the changes and the coverage of its file: nobody counts those per function here.

Source: A. Tornhill, "Your Code as a Crime Scene", Pragmatic Bookshelf 2015, chapters 2 and 3
(hot spot = change frequency x complexity).
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from quarterdeck.index.advice.history import Churn
from quarterdeck.index.model import FileCategory, FileRecord, TestRequirement
from quarterdeck.words import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from quarterdeck.index.facts.facts import Function
    from quarterdeck.index.facts.packed import Outline

_FLOOR = 0.05
_COVERED = 0.6
_UNKNOWN = 0.5
_NO_CHURN = Churn(0, 0, 0, 0, datetime.min)  # noqa: DTZ901 - the time of no commit is never shown


class HotSpot(NamedTuple):
    """One file, hottest first in every list.

    Attributes:
        path: of the file.
        score: 0 to 100, comparable within one project.
        churn: lines added and removed within the window; None without a history.
        commits: that changed it within the window; None without a history.
        authors: who changed it within the window, how many; None without a history.
        complexity: sum of the cyclomatic complexities of its functions.
        max_complexity: of its most complex function.
        worst_function: name of that function; empty when it is not known.
        worst_line: where it starts; 0 when it is not known.
        coverage_percent: 0 to 100; None when never measured.
        dependents: files that depend on it, directly or not.
        reasons: what makes it hot, heaviest first.
    """

    path: str
    score: float
    churn: int | None
    commits: int | None
    authors: int | None
    complexity: int
    max_complexity: int
    worst_function: str
    worst_line: int
    coverage_percent: float | None
    dependents: int
    reasons: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return self._asdict()


class FunctionHotSpot(NamedTuple):
    """One function; ``commits`` and ``coverage_percent`` are its file's, the rest as in `HotSpot`."""

    path: str
    name: str
    line: int
    end_line: int
    score: float
    commits: int | None
    complexity: int
    cognitive: int
    coverage_percent: float | None
    reasons: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return self._asdict()


def rank_files(records: Iterable[FileRecord], churn: Mapping[str, Churn] | None) -> list[HotSpot]:
    """Source files with code in them, hottest first.

    Args:
        records: of all files.
        churn: by path; None when there is no history.
    """
    files = [record for record in records if _has_code(record)]
    scale = _Scale.of(files, churn, max((record.complexity_score for record in files), default=0.0))
    spots = [_file_spot(record, churn, scale) for record in files]
    return sorted(spots, key=lambda spot: (-spot.score, -spot.complexity, spot.path))


def rank_functions(
    records: Iterable[FileRecord], churn: Mapping[str, Churn] | None, outlines: Mapping[str, Outline]
) -> list[FunctionHotSpot]:
    """Functions of source files, hottest first.

    Args:
        records: of all files.
        churn: by path; None when there is no history.
        outlines: functions and classes by path; a file that is not in it has no functions here.
    """
    files = [record for record in records if _has_code(record) and record.path in outlines]
    most = max((f.complexity for record in files for f in outlines[record.path][0]), default=0)
    scale = _Scale.of(files, churn, most)
    spots = [
        FunctionHotSpot(
            record.path,
            function.name,
            function.line,
            function.end_line,
            scale.score(record, churn, function.complexity),
            churn.get(record.path, _NO_CHURN).commits if churn is not None else None,
            function.complexity,
            function.cognitive,
            record.coverage_percent,
            _reasons(record, churn, f"complexity {function.complexity}, cognitive {function.cognitive}"),
        )
        for record in files
        for function in outlines[record.path][0]
    ]
    return sorted(
        spots, key=lambda spot: (-spot.score, -spot.complexity, -spot.cognitive, spot.path, spot.line)
    )


def with_worst_functions(spots: Iterable[HotSpot], outlines: Mapping[str, Outline]) -> list[HotSpot]:
    """*spots* with the name and line of the most complex function of each file that is in *outlines*."""
    named = []
    for spot in spots:
        worst = worst_of(outlines[spot.path][0]) if spot.path in outlines else None
        named.append(
            spot if worst is None else spot._replace(worst_function=worst.name, worst_line=worst.line)
        )
    return named


def worst_of(functions: Iterable[Function]) -> Function | None:
    """The most complex of *functions*, of equals the first; None of none."""
    return max(functions, key=lambda function: (function.complexity, -function.line), default=None)


class _Scale(NamedTuple):
    """The largest value of each factor: what 1.0 stands for."""

    change: float
    complexity: float

    @classmethod
    def of(cls, files: Iterable[FileRecord], churn: Mapping[str, Churn] | None, complexity: float) -> _Scale:
        return cls(max((_change(record, churn) for record in files), default=0), complexity)

    def score(self, record: FileRecord, churn: Mapping[str, Churn] | None, complexity: float) -> float:
        change = _share(_change(record, churn), self.change)
        covered = record.coverage_percent
        uncovered = _UNKNOWN if covered is None else 1 - covered / 100
        gap = _COVERED + (1 - _COVERED) * uncovered
        return round(100 * math.sqrt(change * _share(complexity, self.complexity)) * gap, 1)


def _file_spot(record: FileRecord, churn: Mapping[str, Churn] | None, scale: _Scale) -> HotSpot:
    known = None if churn is None else churn.get(record.path, _NO_CHURN)
    complexity = round(record.complexity_score)
    described = f"complexity {complexity} in {record.functions} functions, the worst {record.max_complexity}"
    return HotSpot(
        path=record.path,
        score=scale.score(record, churn, record.complexity_score),
        churn=known.added + known.removed if known else None,
        commits=known.commits if known else None,
        authors=known.authors if known else None,
        complexity=complexity,
        max_complexity=record.max_complexity,
        worst_function="",
        worst_line=0,
        coverage_percent=record.coverage_percent,
        dependents=record.dependents_count,
        reasons=_reasons(record, churn, described if record.functions else "no functions"),
    )


def _reasons(record: FileRecord, churn: Mapping[str, Churn] | None, complexity: str) -> tuple[str, ...]:
    reasons = []
    if churn is None:
        reasons.append(
            f"{count(record.dependents_count, 'file')} depend on it (no history: this stands in for change)"
        )
    else:
        known = churn.get(record.path, _NO_CHURN)
        reasons.append(
            f"{count(known.commits, 'commit')} by {count(known.authors, 'author')}"
            if known.commits
            else "not changed in this time"
        )
    reasons.append(complexity)
    if record.coverage_percent is not None:
        reasons.append(f"{record.coverage_percent:.0f} % covered")
    elif record.test_requirement is TestRequirement.REQUIRED and not record.tests_exist:
        reasons.append("no test covers it")
    return tuple(reasons)


def _change(record: FileRecord, churn: Mapping[str, Churn] | None) -> int:
    return record.dependents_count if churn is None else churn.get(record.path, _NO_CHURN).commits


def _share(value: float, largest: float) -> float:
    """*value* on a logarithmic scale from 0.05 to 1."""
    if largest <= 0:
        return _FLOOR
    return _FLOOR + (1 - _FLOOR) * math.log1p(value) / math.log1p(largest)


def _has_code(record: FileRecord) -> bool:
    return record.category is FileCategory.SOURCE and bool(record.language) and record.lines_of_code > 0

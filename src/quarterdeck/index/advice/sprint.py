"""Work items for the next two weeks: what to do, how large it is, how much it would bring.

    kind            from                                          days of work
    mend            a file that cannot be analysed                 0.5
    write tests     a file that needs tests and has none           0.5 + lines / 400 + complexity / 60
    raise coverage  measured below the threshold                   0.5 + uncovered lines / 200
    split function  the worst function of a file, over threshold   0.5 + (complexity - threshold) / 20
    update tests    a file that changed long after its tests       0.5
    break cycle     files that import each other                   0.5 + files / 4

Days are a rule of thumb, rounded to halves and capped at three: larger work needs a plan of its own. The
value of an item is the weight of its kind x (1 + log2(1 + impact)) x (1 + heat), where impact is the file's
impact score and heat its hot-spot score / 100. Items are taken by value / sqrt(days), so that cheap things
come early without crowding out what matters, until the days are used up.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.index.advice.hotspots import rank_files
from quarterdeck.index.model import CODE, FileCategory, TestRequirement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from quarterdeck.index.advice.evidence import Evidence
    from quarterdeck.index.model import FileRecord

CAPACITY_DAYS = 10.0
_CAP_DAYS = 3.0

MEND = "mend"
TESTS = "write tests"
COVERAGE = "raise coverage"
SPLIT = "split function"
UPDATE = "update tests"
CYCLE = "break cycle"

_WEIGHTS: Mapping[str, float] = {MEND: 6, TESTS: 4, COVERAGE: 3, SPLIT: 3, UPDATE: 2, CYCLE: 2}
KINDS = tuple(_WEIGHTS)


class Item(NamedTuple):
    """One piece of work.

    Attributes:
        kind: one of `KINDS`.
        path: the file; of a cycle its first.
        why: a clause with the numbers behind it.
        days: of one person, in halves.
        value: comparable within one plan.
    """

    kind: str
    path: str
    why: str
    days: float
    value: float


class Plan(NamedTuple):
    """What fits into the capacity, most worthwhile first, and what does not."""

    chosen: tuple[Item, ...]
    later: tuple[Item, ...]


def plan(evidence: Evidence, *, capacity_days: float = CAPACITY_DAYS) -> Plan:
    """The items of *evidence* that are worth most and fit into *capacity_days*."""
    ranked = sorted(
        _items(evidence), key=lambda item: (-item.value / math.sqrt(item.days), item.kind, item.path)
    )
    chosen: list[Item] = []
    later: list[Item] = []
    left = capacity_days
    for item in ranked:
        if item.days <= left:
            chosen.append(item)
            left -= item.days
        else:
            later.append(item)
    return Plan(tuple(chosen), tuple(later))


def _items(evidence: Evidence) -> Iterator[Item]:
    heat = {spot.path: spot.score / 100 for spot in rank_files(evidence.records, evidence.churn)}
    by_path = {record.path: record for record in evidence.records}

    def item(kind: str, record: FileRecord, days: float, why: str) -> Item:
        value = _WEIGHTS[kind] * (1 + math.log2(1 + record.impact_score)) * (1 + heat.get(record.path, 0.0))
        return Item(kind, record.path, why, min(_CAP_DAYS, max(1, round(days * 2)) / 2), round(value, 2))

    for record in evidence.records:
        for kind, days, why in _needs(record, evidence):
            yield item(kind, record, days, why)
    for stale in evidence.stale:
        record = by_path[stale.path]
        bound = "at least " if stale.at_least else ""
        yield item(UPDATE, record, 0.5, f"it changed {bound}{stale.days} days after {stale.test}")
    for group in evidence.cycles:
        widest = max((by_path[path] for path in group), key=lambda record: record.impact_score)
        yield item(
            CYCLE, widest, 0.5 + len(group) / 4, f"{len(group)} files import each other: {_some(group)}"
        )


def _needs(record: FileRecord, evidence: Evidence) -> Iterator[tuple[str, float, str]]:
    """(kind, days, why) of what one file needs by itself."""
    if record.category not in CODE:
        return
    if record.error:
        yield MEND, 0.5, record.error
    if record.category is FileCategory.TEST:
        return
    config = evidence.config
    percent = record.coverage_percent
    lines, complexity = record.lines_of_code, round(record.complexity_score)
    if record.test_requirement is TestRequirement.REQUIRED and not record.tests_exist:
        why = f"no test covers its {lines:,} lines (complexity {complexity:,})"
        if record.dependents_count:
            why += f"; files that depend on it: {record.dependents_count:,}"
        yield TESTS, 0.5 + lines / 400 + complexity / 60, why
    elif percent is not None and percent < config.low_coverage_threshold:
        missing = round(lines * (1 - percent / 100))
        yield COVERAGE, 0.5 + missing / 200, f"{percent:.0f} % covered, some {missing:,} lines are never run"
    worst, limit = record.max_complexity, config.high_complexity_threshold
    if worst >= limit:
        function = evidence.worst.get(record.path)
        where = f"{function.name} at line {function.line}: " if function else ""
        yield SPLIT, 0.5 + (worst - limit) / 20, f"{where}cyclomatic complexity {worst}, {limit} is the limit"


def _some(paths: Iterable[str]) -> str:
    names = list(paths)
    return ", ".join(names[:3]) + (" …" if len(names) > 3 else "")

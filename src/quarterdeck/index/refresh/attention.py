"""What is wrong with a file, in sentences, heaviest first; and how heavily it weighs.

The weight orders the attention list: what each reason weighs, times 1 + log2(1 + impact), so that
the same fault counts more in a file that much depends on. Staleness is not among the reasons: it takes
git's history to tell (`advice.staleness`), which no refresh reads.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.index.model import CODE, FileCategory, FileRecord, TestRequirement
from quarterdeck.words import count

if TYPE_CHECKING:
    from quarterdeck.index.settings import IndexConfig


class Attention(NamedTuple):
    """Attributes: reasons, heaviest first, and the weight, 0 when there is no reason."""

    reasons: tuple[str, ...]
    weight: float


CALM = Attention((), 0.0)

_WEIGHTS = {"error": 10.0, "untested": 4.0, "coverage": 3.0, "complexity": 3.0}


def attention_of(record: FileRecord, config: IndexConfig) -> Attention:
    """What *record* needs; only source and test files ever need anything."""
    if record.category not in CODE:
        return CALM
    found = sorted(_reasons(record, config), key=lambda reason: -_WEIGHTS[reason[0]])
    weight = sum(_WEIGHTS[kind] for kind, _ in found) * (1 + math.log2(1 + record.impact_score))
    return Attention(tuple(sentence for _, sentence in found), round(weight, 3))


def _reasons(record: FileRecord, config: IndexConfig) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if record.error:
        found.append(("error", f"cannot be analysed: {record.error}"))
    if record.category is FileCategory.TEST:
        return found
    if record.test_requirement is TestRequirement.REQUIRED and not record.tests_exist:
        found.append(("untested", f"no test of its own{_impact(record, config)}"))
    if record.coverage_percent is not None and record.coverage_percent < config.low_coverage_threshold:
        found.append(
            (
                "coverage",
                f"coverage {record.coverage_percent:.0f} % is below {config.low_coverage_threshold:.0f} %",
            )
        )
    if record.max_complexity >= config.high_complexity_threshold:
        found.append(("complexity", f"a function of cyclomatic complexity {record.max_complexity}"))
    return found


def _impact(record: FileRecord, config: IndexConfig) -> str:
    if record.impact_score < config.high_impact_threshold:
        return ""
    return f", and {count(record.dependents_count, 'file')} depend on it"

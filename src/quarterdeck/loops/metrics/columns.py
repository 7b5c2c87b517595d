"""Snapshots become columns: one per metric, with None where a snapshot does not know.

    [{"trust": .5, "success": True}, {"trust": .6}]  ──>  trust [.5, .6]   success_rate [1.0, None]

Nothing is made up for a gap: what is missing is unknown, and neither a failure nor the middle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SUCCESS = "success_rate"

_OTHER_NAMES = {SUCCESS: "success"}
"""A snapshot that lacks the first may have the second: of one piece of work, whether it went well."""

_COMPLEMENTS = {"failure_rate": SUCCESS, "error_rate": SUCCESS, "guardrail_strength": "trust"}
"""What is one less another metric, where it is not measured itself: what is trusted more is checked less."""

LARGEST = 1e150
"""Squares of what is larger would be infinite."""


def number(value: object) -> float | None:
    """*value* as a metric: True is 1; None for what is no number, or none that can be computed with."""
    if not isinstance(value, int | float):
        return None
    try:
        plain = float(value)
    except OverflowError:
        return None
    return plain if -LARGEST <= plain <= LARGEST else None  # NaN compares false


def column(history: Sequence[Mapping[str, object]], name: str) -> list[float | None]:
    """The metric *name* of every snapshot.

    Raises:
        UsageError: a snapshot is no mapping.
    """
    other = _OTHER_NAMES.get(name)
    try:
        values = [number(snapshot.get(name)) for snapshot in history]
        if other is not None:
            values = [
                value if value is not None else number(snapshot.get(other))
                for value, snapshot in zip(values, history, strict=True)
            ]
    except AttributeError:
        wrong = next(each for each in history if not hasattr(each, "get"))
        raise UsageError(
            f"a history is a list of snapshots, which are mappings; one is of type {type(wrong).__name__}",
            hint='pass snapshots such as {"trust": 0.7, "success": True}',
        ) from None
    if name in _COMPLEMENTS and all(value is None for value in values):
        return [None if value is None else 1 - value for value in column(history, _COMPLEMENTS[name])]
    return values


def known(values: Sequence[float | None]) -> list[float]:
    """The values that are known, in their order."""
    return [value for value in values if value is not None]


def is_binary(values: Sequence[float | None]) -> bool:
    """Whether it only ever says yes or no: then changes are jumps, and no value is near a bound."""
    return all(value is None or value in (0, 1) for value in values)

"""Snapshots become columns: one per metric, with None where a snapshot does not know.

    [{"trust": .5, "success": True}, {"trust": .6}]  ──>  trust [.5, .6]   success_rate [1.0, None]

Nothing is made up for a gap: what is missing is unknown, and neither a failure nor the middle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from numbers import Real
from typing import Any

from quarterdeck.errors import UsageError

SUCCESS = "success_rate"

SHARES = frozenset({"trust", SUCCESS, "failure_rate", "error_rate"})
"""Metrics that are between 0 and 1 if they are what their names say."""

_OTHER_NAMES = {SUCCESS: "success"}
"""A snapshot that lacks the first may have the second: of one piece of work, whether it went well."""

_COMPLEMENTS = {"failure_rate": SUCCESS, "error_rate": SUCCESS, "guardrail_strength": "trust"}
"""What is one less another metric, where it is not measured itself: what is trusted more is checked less."""

_NUMBERS = (int, float, Real, Decimal)
_MAPPINGS = (dict, Mapping)
"""The last of each is what counts; those before it are found sooner."""

LARGEST = 1e150
"""Squares of what is larger would be infinite."""


def number(value: object) -> float | None:
    """*value* as a metric: True is 1; None for what is no number, or none that can be computed with."""
    if not isinstance(value, _NUMBERS) and not _is_scalar(value):
        return None
    try:
        plain = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return plain if -LARGEST <= plain <= LARGEST else None  # NaN compares false


def _is_scalar(value: object) -> bool:
    """Whether it is one number of numpy's or pandas', some of which are none of Python's."""
    return getattr(value, "shape", None) == () and hasattr(value, "dtype")


def measured(snapshot: Mapping[str, object], name: str) -> float | None:
    """The metric *name* as *snapshot* has it, under its own or its other name; None where it is unknown."""
    value = number(snapshot.get(name))
    if value is None and name in _OTHER_NAMES:
        return number(snapshot.get(_OTHER_NAMES[name]))
    return value


def as_snapshot(value: object) -> Mapping[Any, object]:
    """*value*, which is a mapping.

    Raises:
        UsageError: it is not.
    """
    if not isinstance(value, _MAPPINGS):
        raise UsageError(
            f"a snapshot is a mapping of metrics to numbers, got a value of type {type(value).__name__}",
            hint='pass snapshots such as {"trust": 0.7, "success": True}',
        )
    return value


def as_history(value: object) -> list[Mapping[Any, object]]:
    """The snapshots of *value*, which is a sequence of them.

    Raises:
        UsageError: it is no sequence, or one of them is no mapping.
    """
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise UsageError(
            f"a history is a list of snapshots, got a value of type {type(value).__name__}",
            hint='pass a list such as [{"trust": 0.5, "success": True}, ...], the oldest first',
        )
    return [as_snapshot(each) for each in value]


class Columns(dict[str, "list[float | None]"]):
    """The metrics of a history by name, each as long as the history, made when it is first asked for.

    Any name is a metric: one that no snapshot has is a column of None.
    """

    def __init__(self, history: Sequence[Mapping[str, object]]) -> None:
        super().__init__()
        self.history = history

    def __missing__(self, name: str) -> list[float | None]:
        values = [measured(snapshot, name) for snapshot in self.history]
        if name in _COMPLEMENTS and all(value is None for value in values):
            values = [None if value is None else 1 - value for value in self[_COMPLEMENTS[name]]]
        self[name] = values
        return values


def known(values: Sequence[float | None]) -> list[float]:
    """The values that are known, in their order."""
    return [value for value in values if value is not None]


def is_binary(values: Sequence[float | None]) -> bool:
    """Whether it only ever says yes or no: then changes are jumps, and no value is near a bound."""
    return all(value is None or value in (0, 1) for value in values)

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


class Columns(dict[str, "list[float | None]"]):
    """The metrics of a history by name, each as long as the history, made when it is first asked for.

    Any name is a metric: one that no snapshot has is a column of None.

    Raises:
        UsageError: when a column is asked for, and a snapshot is no mapping.
    """

    def __init__(self, history: Sequence[Mapping[str, object]]) -> None:
        super().__init__()
        self.history = history

    def __missing__(self, name: str) -> list[float | None]:
        values = self._measured(name)
        if name in _COMPLEMENTS and all(value is None for value in values):
            values = [None if value is None else 1 - value for value in self[_COMPLEMENTS[name]]]
        self[name] = values
        return values

    def _measured(self, name: str) -> list[float | None]:
        try:
            values = [number(snapshot.get(name)) for snapshot in self.history]
        except AttributeError:
            wrong = next(each for each in self.history if not hasattr(each, "get"))
            raise UsageError(
                f"a history is a list of mappings, and one of its snapshots is of type {type(wrong).__name__}",
                hint='pass snapshots such as {"trust": 0.7, "success": True}',
            ) from None
        if name not in _OTHER_NAMES:
            return values
        others = self[_OTHER_NAMES[name]]
        return [other if value is None else value for value, other in zip(values, others, strict=True)]


def known(values: Sequence[float | None]) -> list[float]:
    """The values that are known, in their order."""
    return [value for value in values if value is not None]


def is_binary(values: Sequence[float | None]) -> bool:
    """Whether it only ever says yes or no: then changes are jumps, and no value is near a bound."""
    return all(value is None or value in (0, 1) for value in values)

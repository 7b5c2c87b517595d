"""Numbers as callers give them: how many, and for how long."""

from __future__ import annotations

from quarterdeck.errors import UsageError
from quarterdeck.memory.seat import MAX_TTL_S, told

MAX_WHOLE = 2**53 - 1
"""The highest number and score of an item: a server counts in doubles."""


def seconds(number: object, what: str, unit_s: float = 1.0) -> float:
    """*number*, in units of *unit_s*, as seconds: from 0 to ten years.

    Raises:
        UsageError: it is no number, or not in between.
    """
    most = MAX_TTL_S / unit_s
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= most:
        raise UsageError(
            f"{what} must be a number from 0 to {most:.0f}, got {told(number)}", hint="0 is at once"
        )
    return number * unit_s


def whole(number: object, what: str, least: int = 1) -> int:
    """*number*, if it is a whole one, from *least* to `MAX_WHOLE`.

    Raises:
        UsageError: it is not.
    """
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= MAX_WHOLE:
        raise UsageError(
            f"{what} must be a whole number from {least} to {MAX_WHOLE}, got {told(number)}",
            hint=f"pass {least} or more",
        )
    return number

"""How loops are spoken of, wherever people or agents read of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.loops.events.model import Kind
from quarterdeck.words import count

if TYPE_CHECKING:
    from quarterdeck.loops.events.model import Alarm


def how_often(alarm: Alarm) -> str:
    """``12 times``, ``5 rounds of 3``, ``8 returns``."""
    if alarm.kind is Kind.ALTERNATION:
        return count(alarm.times, "return")
    if alarm.period > 1:
        return f"{count(alarm.times, 'round')} of {alarm.period}"
    return count(alarm.times, "time")


def since_when(alarm: Alarm) -> str:
    """``since 2026-01-31 12:00``, in the time of this machine; where that is unknown, ``since event 7``."""
    at = alarm.since
    return f"since event {alarm.start:,}" if at is None else f"since {at.astimezone():%Y-%m-%d %H:%M}"

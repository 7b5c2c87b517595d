"""How the commands of ``qd loops`` show alarms: whole for programs, harmless and short for people."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from quarterdeck.words import count

if TYPE_CHECKING:
    from quarterdeck.loops import Alarm

WHAT_CHARS = 90
"""What a line shows of what repeats; JSON has all of it."""


def alarm_json(alarm: Alarm) -> dict[str, Any]:
    """All of it, ready for JSON."""
    return {
        **alarm._asdict(),
        "kind": alarm.kind.value,
        "level": alarm.level.name.lower(),
        "since": alarm.since and alarm.since.isoformat(),
        "cost_usd": alarm.cost_usd,
    }


def how_often(alarm: Alarm) -> str:
    """``12 times``, ``5 rounds of 3``."""
    return f"{alarm.times:,} rounds of {alarm.period}" if alarm.period > 1 else count(alarm.times, "time")


def cost_of(picousd: int | None) -> str:
    """Dollars; a dash where nothing has a price."""
    from quarterdeck.costs.money import format_usd

    return "–" if picousd is None else format_usd(picousd)


def short(text: str) -> str:
    """The beginning of what repeats."""
    return text if len(text) <= WHAT_CHARS else f"{text[: WHAT_CHARS - 1]}…"


def session_of(path: str) -> str:
    """The name of a session's file, without its ending."""
    return os.path.splitext(os.path.basename(path))[0]

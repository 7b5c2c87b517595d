"""How loops are spoken of, wherever people or agents read of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.costs.money import format_usd
from quarterdeck.loops.events.model import Kind
from quarterdeck.words import count, harmless

if TYPE_CHECKING:
    from quarterdeck.loops.events.model import AgentEvent, Alarm

MARK = "quarterdeck loops:"
"""What every reason that an agent reads begins with."""

_WITH_THIS_CALL = "with this call,"
_REASON_CHARS = 4_000  # with the frame that an agent puts around it


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


def reason(alarm: Alarm) -> str:
    """What goes in circles, how often, since when and for how much, and what to do instead; for the agent."""
    wasted = "" if alarm.cost_picousd is None else f", for {format_usd(alarm.cost_picousd)}"
    told = f"{how_often(alarm)} {_WITH_THIS_CALL} {since_when(alarm)}{wasted}"
    return harmless(f"{MARK} {alarm.kind}: {alarm.what}. {told}. {alarm.advice}")


def is_our_reason(event: AgentEvent) -> bool:
    """Whether it is a call that was not made because of us: what came of it is a `reason`.

    It stands alone, or in the frame that Claude Code puts around what a hook says.
    """
    if event.failed is False or not event.tool or not isinstance(event.outcome, str):
        return False
    said = event.outcome[:_REASON_CHARS].lstrip()
    begins = said.startswith((MARK, f"PreToolUse:{event.tool} hook error", f"{event.tool} operation blocked"))
    return begins and _WITH_THIS_CALL in said.partition(MARK)[2]

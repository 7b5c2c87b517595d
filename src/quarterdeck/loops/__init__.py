"""Feedback loops: see the spiral while it can still be stopped.

Two kinds of loop, and the rooms in which they are found:

    snapshots of metrics                        events of an agent: calls and messages, with outcomes
    (trust, success, anything)                    ▲ one by one, from your own code
        │                                         │ out of transcripts            transcripts
        ▼                                         │
    trend       is it moving at all                metrics         repetition, alternation, the same error,
    onset       since when                         metrics         monologue, little that is new, spending
    feedback    does it feed on itself             metrics             │                      events
        ▼                                                              ▼
    FeedbackLoopDetector                           metrics         AgentLoopDetector          events
        │                                                              │
    discover(): loops nobody listed                discovery           ▼
                                                                   scan, watch, hook, lesson  sessions

A trend and a loop are two statements. A metric that something outside pushes has a trend; a loop is only
where what comes of a change drives the change on, shown by what follows on what. An agent that repeats itself
is in a loop as well, and that can be seen call by call.

Nothing is stored but what `sessions` remembers of a transcript it is in the middle of, and the lessons that
are recorded in the pattern library when somebody asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quarterdeck.loops.discovery import discover
    from quarterdeck.loops.events import AgentEvent, AgentLoopDetector, Alarm, Level
    from quarterdeck.loops.metrics import FeedbackLoop, FeedbackLoopDetector, LoopPolarity, LoopType

__all__ = [
    "AgentEvent",
    "AgentLoopDetector",
    "Alarm",
    "FeedbackLoop",
    "FeedbackLoopDetector",
    "Level",
    "LoopPolarity",
    "LoopType",
    "discover",
]

_HOMES = {
    "AgentEvent": "events",
    "AgentLoopDetector": "events",
    "Alarm": "events",
    "FeedbackLoop": "metrics",
    "FeedbackLoopDetector": "metrics",
    "Level": "events",
    "LoopPolarity": "metrics",
    "LoopType": "metrics",
    "discover": "discovery",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """Also the names that nobody has used yet."""
    return sorted({*globals(), *_HOMES})

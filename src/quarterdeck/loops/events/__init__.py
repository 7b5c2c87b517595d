"""Loops in what an agent does, found event by event.

AgentEvent ──normalise──> what is the same call, the same outcome        calls
▼
rules, each with a small memory of its own:                              rules
repetition      the same (call, outcome) again, or a period of 2 to 8 of them
same error      one error, whatever was called
alternation     to and fro between two states of the same thing
monologue       messages to itself, with no call between them
low novelty     almost nothing new in the last 16
spend           money goes, nothing comes of it
▼
what may repeat: polling, batch work                                     allowances
▼
nudge -> pause -> stop                                                   detector
▼
Alarm: what repeats, how often, since when, what it has cost
"""

from __future__ import annotations

from quarterdeck.loops.events.detector import AgentLoopDetector
from quarterdeck.loops.events.model import AgentEvent, Alarm, Kind, Level

__all__ = ["AgentEvent", "AgentLoopDetector", "Alarm", "Kind", "Level"]

"""Loops in what an agent does, found event by event.

AgentEvent                                                               model
    ▼ what may repeat: polling, stepping, batch work                     allowances
    ▼ what is the same call, the same outcome, the same error            calls, outcomes, failures
the rules, each with a small memory of its own; how often is too often   findings
    one call with its outcome again, or rounds of 2 to 8                 repetition
    one error, whatever was called                                       same_error
    to and fro between a few states of the same thing                    alternation
    messages to itself, with no call between them                        monologue
    other words, the same answer                                         searching
    almost nothing new in the last 16, or one thing again in between     novelty
    money goes, nothing comes of it                                      spending
    ▼ one loop, one story; nudge -> pause -> stop                        episodes, in words by labels
Alarm: what repeats, how often, since when, what it has cost             detector
"""

from __future__ import annotations

from quarterdeck.loops.events.detector import AgentLoopDetector
from quarterdeck.loops.events.model import AgentEvent, Alarm, Kind, Level

__all__ = ["AgentEvent", "AgentLoopDetector", "Alarm", "Kind", "Level"]

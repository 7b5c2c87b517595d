"""What a feedback loop is, in the words of systems dynamics (Meadows 2008, Sterman 2000)."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime


class LoopType(enum.Enum):
    """Whether a loop amplifies a change or works against it."""

    REINFORCING = "reinforcing"
    BALANCING = "balancing"


class LoopPolarity(enum.Enum):
    """Whether an amplifying loop amplifies for the better; a balancing one does neither."""

    VIRTUOUS = "virtuous"
    VICIOUS = "vicious"
    NEUTRAL = "neutral"


@dataclass(kw_only=False)
class FeedbackLoop:
    """A loop to look out for: metrics, each of which moves the next, the last one the first.

    Attributes:
        loop_id: its name.
        loop_type: amplifying or working against change.
        polarity: for the better, for the worse, or neither.
        description: for people.
        components: names of the metrics, in the order in which they act on one another.
        strength: how strong it was when last looked at, 0 to 1.
        detected_at: when it was last seen at work; None: not yet.
        evidence: what spoke for it when it was last looked at.
        intervention_points: what can be done about it, the most effective first.
    """

    loop_id: str
    loop_type: LoopType
    polarity: LoopPolarity
    description: str
    components: list[str]
    strength: float = 0.5
    detected_at: datetime | None = None
    evidence: list[dict[str, Any]] = field(default_factory=list)
    intervention_points: list[str] = field(default_factory=list)

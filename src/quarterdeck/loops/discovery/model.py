"""What is found in a history that nobody explained: links, loops, and why there are none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from quarterdeck.loops.metrics.model import FeedbackLoop, LoopPolarity, LoopType
from quarterdeck.words import harmless

if TYPE_CHECKING:
    from collections.abc import Mapping


class Link(NamedTuple):
    """One metric moves another.

    Attributes:
        source, target: names of the metrics.
        sign: 1: the target goes with the source; -1: against it.
        lag: after how many snapshots its effect is surest.
        strength: the partial correlation at that lag, without its sign: 0 to 1.
        p_value: the false discovery rate at which it is just significant.
    """

    source: str
    target: str
    sign: int
    lag: int
    strength: float
    p_value: float


class CausalLoop(NamedTuple):
    """Links that lead back to where they begin.

    Attributes:
        links: each from one component to the next, the last one back to the first.
        doubt: why it may be none; empty: nothing speaks against it.
    """

    links: tuple[Link, ...]
    doubt: str = ""

    @property
    def components(self) -> tuple[str, ...]:
        """The metrics, in the order in which they act on one another."""
        return tuple(link.source for link in self.links)

    @property
    def signs(self) -> tuple[int, ...]:
        """Of each component, whether the next one goes with it (1) or against it (-1)."""
        return tuple(link.sign for link in self.links)

    @property
    def loop_type(self) -> LoopType:
        """Reinforcing when an even number of links go against each other, else balancing."""
        return LoopType.REINFORCING if math.prod(self.signs) > 0 else LoopType.BALANCING

    @property
    def strength(self) -> float:
        """Of its weakest link, 0 to 1."""
        return min(link.strength for link in self.links)

    @property
    def delay(self) -> int:
        """Snapshots that it takes to come round."""
        return sum(link.lag for link in self.links)

    @property
    def p_value(self) -> float:
        """Of its least certain link."""
        return max(link.p_value for link in self.links)

    @property
    def description(self) -> str:
        """On one line: ``errors -> (+) guardrails -> (-) errors``."""
        steps = (f"{link.source} -> ({'+' if link.sign > 0 else '-'}) " for link in self.links)
        return harmless("".join(steps) + self.links[0].source)

    def feedback_loop(self, loop_id: str = "") -> FeedbackLoop:
        """For `FeedbackLoopDetector.register_custom_loop`, which then looks out for it.

        Whether what it amplifies is good or bad is not in the numbers, so its polarity is neutral.

        Args:
            loop_id: empty: made of its components, on one line whatever they are called.
        """
        return FeedbackLoop(
            loop_id=loop_id or harmless("discovered_" + "_".join(self.components)),
            loop_type=self.loop_type,
            polarity=LoopPolarity.NEUTRAL,
            description=self.description,
            components=[*self.components],
            strength=self.strength,
            evidence=[link._asdict() for link in self.links],
            signs=[*self.signs],
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything it says, as JSON has it."""
        return {
            "components": [*self.components],
            "signs": [*self.signs],
            "loop_type": self.loop_type.value,
            "strength": self.strength,
            "delay": self.delay,
            "p_value": self.p_value,
            "doubt": self.doubt,
            "links": [link._asdict() for link in self.links],
        }


class Discovery(NamedTuple):
    """What a history says about loops.

    Attributes:
        loops: that are shown, the strongest first.
        doubtful: that may be something else, each with its doubt.
        links: between the metrics, also those that are part of no loop. The false discovery rate counts what
            chance does: what nobody measured and several metrics follow makes links as well, and metrics that
            wander for ever have some in about one history of fifty.
        snapshots: how many were looked at.
        metrics: that were looked at.
        left_out: metrics that were not, and why.
        outside: what something outside does to all metrics and was taken out, for people; the first snapshot
            of the history is snapshot 0.
        abstained: why nothing was looked for; empty: it was.
    """

    loops: tuple[CausalLoop, ...] = ()
    doubtful: tuple[CausalLoop, ...] = ()
    links: tuple[Link, ...] = ()
    snapshots: int = 0
    metrics: tuple[str, ...] = ()
    left_out: Mapping[str, str] = {}
    outside: tuple[str, ...] = ()
    abstained: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Everything it says, as JSON has it."""
        return {
            "loops": [loop.to_dict() for loop in self.loops],
            "doubtful": [loop.to_dict() for loop in self.doubtful],
            "links": [link._asdict() for link in self.links],
            "snapshots": self.snapshots,
            "metrics": [*self.metrics],
            "left_out": dict(self.left_out),
            "outside": [*self.outside],
            "abstained": self.abstained,
        }

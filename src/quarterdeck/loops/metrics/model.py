"""What a feedback loop is, in the words of systems dynamics (Meadows 2008, Sterman 2000)."""

from __future__ import annotations

import copy
import enum
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from quarterdeck.errors import UsageError

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


@dataclass
class FeedbackLoop:
    """A loop to look out for: metrics of which each moves the next, and the last one the first.

    Attributes:
        loop_id: its name.
        loop_type: amplifying or working against change.
        polarity: for the better, for the worse, or neither.
        description: for people.
        components: names of the metrics, in the order in which they act on one another. A loop is looked for
            among those of them that a history has.
        strength: how strong it is, 0 to 1: what its author thinks. A detector's answer says what it measured.
        detected_at: when it was found, if somebody found it.
        evidence: what speaks for it.
        intervention_points: what can be done about it.
        signs: of each component, whether the next one goes with it (1) or against it (-1); empty: unknown,
            and then only their product counts, which `loop_type` gives.
        moves: where the first component goes while the loop does what `polarity` says: up (1), down (-1) or
            either (0). It tells two loops apart that are the same but for their direction.
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
    signs: list[int] = field(default_factory=list)
    moves: int = 0


def twin(loop: FeedbackLoop) -> FeedbackLoop:
    """*loop* again, so that changing one of the two leaves the other as it is."""
    return copy.deepcopy(loop)


def check(loop: object) -> None:
    """Refuse what cannot be looked for.

    Raises:
        UsageError: it is no loop, has no id or no components, signs that fit neither them nor its type, or
            something else than text where people will read it.
    """
    if not isinstance(loop, FeedbackLoop):
        raise UsageError(
            f"a loop is a FeedbackLoop, got a value of type {type(loop).__name__}",
            hint="make one: FeedbackLoop(loop_id, loop_type, polarity, description, components)",
        )
    fields: dict[str, Any] = vars(loop)
    name = f"loop {loop.loop_id!r:.60}"
    if not isinstance(fields["loop_type"], LoopType) or not isinstance(fields["polarity"], LoopPolarity):
        raise UsageError(
            f"{name} has no LoopType or no LoopPolarity",
            hint="pass LoopType.REINFORCING or .BALANCING, and LoopPolarity.VIRTUOUS, .VICIOUS or .NEUTRAL",
        )
    components = fields["components"]
    if not (components and _are_texts(components) and _are_texts([fields["loop_id"]])):
        raise UsageError(
            f"{name} needs an id and at least one component, each a text that is not empty",
            hint='name the metrics of the snapshots that form the loop: components=["errors", "retries"]',
        )
    if len({*components}) < len(components):
        raise UsageError(
            f"{name} has a component twice",
            hint="name each metric once, in the order in which they act; the last one acts on the first",
        )
    if loop.loop_type is LoopType.BALANCING and len(components) < 2:
        raise UsageError(
            f"{name} is balancing and has one component: to return to its middle is what noise does, too",
            hint="name what works against it as a second component",
        )
    product = 1 if loop.loop_type is LoopType.REINFORCING else -1
    signs = fields["signs"]
    if not isinstance(signs, list | tuple) or (
        signs
        and not (
            len(signs) == len(components)
            and all(each in (1, -1) for each in signs)
            and math.prod(signs) == product
        )
    ):
        raise UsageError(
            f"{name} is {loop.loop_type.value}, and its signs are not: {signs!r:.60}",
            hint=f"give 1 or -1 for each component, with a product of {product}, or leave signs out",
        )
    if loop.moves not in (-1, 0, 1):
        raise UsageError(
            f"{name}: moves must be 1, 0 or -1, got {loop.moves!r:.40}",
            hint="say where the first component goes: 1 up, -1 down, 0 either",
        )
    if not (isinstance(fields["description"], str) and _are_texts(fields["intervention_points"])):
        raise UsageError(
            f"{name} needs a text as its description, and texts as its intervention points",
            hint='write intervention_points=["break_cycle"]: a list, also of one',
        )
    if not isinstance(fields["evidence"], list | tuple):
        raise UsageError(f"{name} needs a list as its evidence", hint="leave it out if there is none")


def _are_texts(values: object) -> bool:
    """Whether *values* is a list of texts that are not empty."""
    return isinstance(values, list | tuple) and all(isinstance(each, str) and each for each in values)

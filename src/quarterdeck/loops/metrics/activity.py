"""Is one loop at work in a history: shown by feedback, or only by how things look.

    loop + columns ──> do its metrics move as it would move them ──> is there enough to test for feedback
        yes   feedback confirms it, or it is not at work
        no    its signature: also, most of what is tried succeeds, or enough fails

A signature is a suspicion. It is all that a short history can give, and it is said to be no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from quarterdeck.loops.metrics.columns import SUCCESS, is_binary, known
from quarterdeck.loops.metrics.feedback import MIN_SNAPSHOTS, UNTESTED, Feedback, balancing, reinforcing
from quarterdeck.loops.metrics.model import FeedbackLoop, LoopPolarity, LoopType
from quarterdeck.loops.metrics.trend import mann_kendall

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quarterdeck.loops.metrics.columns import Columns
    from quarterdeck.loops.metrics.trend import MannKendall

MIN_KNOWN = 3
"""Values of a metric below which nothing is said about it."""

_TOO_FEW = 4
"""Up to so many values no order of them is unlikely enough; then all pairs have to agree."""
_BARELY_Z = 1.0
"""A metric that moves less surely than this does not take part."""
_MOSTLY = 0.6
"""The share of successes from which on trust can build on them."""
_ENOUGH = 0.4
"""The share of failures from which on trust can erode."""
_SLOWING = 0.5
"""A move whose last half is less than this much as steep as the whole is on its way to a limit."""
_GROWING = 1.25
"""The same of a history that is long enough to be tested and could not be: an even pace may be anything's."""
_FAILURES = frozenset({"failure_rate", "error_rate"})
_OUTCOMES = _FAILURES | {SUCCESS}


_Columns: TypeAlias = "Sequence[tuple[str, Sequence[float | None]]]"


class Activity(NamedTuple):
    """A loop at work.

    Attributes:
        loop: which.
        measured: those of its components that the history has, or that follow from what it has.
        feedback: what the test of feedback says.
        strength: above 0 to 1; of a signature: how steadily it moves, times how clear its outcome is, times
            how much of what a test would need there is.
    """

    loop: FeedbackLoop
    measured: tuple[str, ...]
    feedback: Feedback
    strength: float

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """The greater, the more it is what there is to say."""
        return self.feedback.confirmed, self.loop.loop_type is LoopType.REINFORCING, self.strength


def activity(loop: FeedbackLoop, metrics: Columns) -> Activity | None:
    """*loop*, if it is at work in a history; O(length log length) for each of its metrics."""
    columns = [(name, metrics[name]) for name in loop.components if len(known(metrics[name])) >= MIN_KNOWN]
    measured = tuple(name for name, _ in columns)
    testable = len(metrics.history) >= MIN_SNAPSHOTS
    signs = _signs(loop, measured)
    if loop.loop_type is LoopType.BALANCING:
        feedback = balancing([values for _, values in columns], signs) if testable else UNTESTED
        return Activity(loop, measured, feedback, feedback.strength) if feedback.confirmed else None
    if not measured or (loop.moves and measured[0] != loop.components[0]):
        return None
    if not _goes_round(columns, signs, loop.moves):
        return None
    feedback = reinforcing([values for _, values in columns], signs) if testable else UNTESTED
    if feedback.confirmed:
        return Activity(loop, measured, feedback, feedback.strength)
    strength = 0.0 if feedback.tested else _signature(loop, dict(columns))
    return Activity(loop, measured, feedback, strength) if strength else None


def _signs(loop: FeedbackLoop, measured: Sequence[str]) -> list[int]:
    """How the next measured component goes with each measured one, through those between them."""
    signs: list[int] = []
    first = 1
    for name, sign in zip(loop.components, loop.signs, strict=False):
        if name in measured:
            signs.append(sign)
        elif signs:
            signs[-1] *= sign
        else:
            first *= sign
    return [*signs[:-1], signs[-1] * first] if signs else []


def _goes_round(columns: _Columns, signs: Sequence[int], wanted: int) -> bool:
    """Whether each metric moves as the one before would move it, the first one surely and as *wanted*."""
    towards = 0.0
    for i, (name, values) in enumerate(columns):
        found = movement(known(values))
        if not i:
            if found.direction == "none" or wanted * found.z < 0:
                return False
            towards = found.z
        elif abs(found.z) > _BARELY_Z:
            if signs and towards * found.z < 0:
                return False
        elif not (name in _OUTCOMES and (len(values) < MIN_SNAPSHOTS or is_binary(values))):
            return False  # how often it succeeds may be at its best already, and yes and no hardly move
        towards *= signs[i] if signs else 1
    return True


def movement(values: Sequence[float]) -> MannKendall:
    """Where the metric goes; for a handful of values, where all of them go."""
    found = mann_kendall(values, exact=True)
    if len(values) > _TOO_FEW:
        return found
    agree = abs(found.tau) == 1
    return found._replace(direction=("up" if found.tau > 0 else "down") if agree else "none")


def _signature(loop: FeedbackLoop, columns: Mapping[str, Sequence[float | None]]) -> float:
    """How much it looks like *loop*, 0 to 1, its metrics moving as they should; 0: not at all."""
    outcomes = [name for name in loop.components if name in _OUTCOMES]
    clear = 1.0
    for name in outcomes:
        seen = known(columns.get(name, ()))
        if not seen or min(seen) < 0 or max(seen) > 1:
            return 0.0  # nobody knows how much of it went well: unknown is no failure, and no success
        share = sum(seen) / len(seen)
        successes = 1 - share if name in _FAILURES else share
        if loop.polarity is LoopPolarity.VIRTUOUS:
            clear = min(clear, successes if successes >= _MOSTLY else 0.0)
        elif loop.polarity is LoopPolarity.VICIOUS:
            clear = min(clear, 1 - successes if 1 - successes >= _ENOUGH else 0.0)
    lead = known(next(iter(columns.values())))
    steepness = _steepness(lead)
    needed = _SLOWING if len(lead) < MIN_SNAPSHOTS else _GROWING
    if not steepness or _steepness(lead[-(len(lead) // 2 + 1) :]) / steepness < needed:
        return 0.0
    enough = min(1.0, len(lead) / MIN_SNAPSHOTS)
    return abs(movement(lead).tau) * clear * enough


def _steepness(values: Sequence[float]) -> float:
    """The slope of the line of least squares through at least two values."""
    middle = (len(values) - 1) / 2
    mean = sum(values) / len(values)
    return sum((at - middle) * (value - mean) for at, value in enumerate(values)) / sum(
        (at - middle) ** 2 for at in range(len(values))
    )

"""`FeedbackLoopDetector`: which loop is at work in a history, and what to do about it.

    detect_active_loop(history) ──┐
                                  ├──> the last `window` snapshots ──> activity of every loop ──> answer
    observe(snapshot), one by one ┘
                 └──> onset: an alarm at once when the watched metric leaves its level

Both ways give the same answers. What is observed costs about a microsecond each; an answer is made when it is
asked for, once for everything observed, and looks at no more than the window, however long the session.
"""

from __future__ import annotations

import copy
from collections import deque
from typing import TYPE_CHECKING, Any

from quarterdeck.errors import UsageError
from quarterdeck.loops.metrics.answer import answer, dominant
from quarterdeck.loops.metrics.columns import LARGEST, Columns, as_history, as_snapshot, measured
from quarterdeck.loops.metrics.known import standard_loops
from quarterdeck.loops.metrics.leverage import interventions
from quarterdeck.loops.metrics.model import LoopPolarity, LoopType, check, twin
from quarterdeck.loops.metrics.onset import Onset

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quarterdeck.loops.metrics.model import FeedbackLoop
    from quarterdeck.loops.metrics.onset import Shift

WINDOW = 128
"""Snapshots that an answer looks at, unless told otherwise."""

_MIN_WINDOW, _MAX_WINDOW = 20, 1000


class FeedbackLoopDetector:
    """Tells which feedback loop is at work: in a history, or now, in what has been observed.

    A snapshot is a mapping of metrics to numbers at one time: ``trust``, ``success_rate`` (or ``success``:
    True or False) and any others. What is missing, None or no number is unknown: neither failure nor success.

    Wherever a history can be passed, None stands for what has been observed; of a longer one the last
    *window* snapshots count. Threads must not share a detector.

    Args:
        window: how many of the last snapshots an answer looks at, 20 to 1000.
        watch: the metric whose onset `observe` raises an alarm for, where snapshots have it themselves.

    Raises:
        UsageError: *window* is out of bounds, or *watch* is no name.

    Example:
        >>> detector = FeedbackLoopDetector()
        >>> history = [
        ...     {"trust": 0.5, "success": True},
        ...     {"trust": 0.6, "success": True},
        ...     {"trust": 0.75, "success": True},
        ... ]
        >>> detector.detect_virtuous_cycle(history)
        True
        >>> detector.detect_active_loop(history)["dominant_loop"]
        'R1_trust_building'
    """

    def __init__(self, *, window: int = WINDOW, watch: str = "trust") -> None:
        asked: object = window
        if not (isinstance(asked, int) and _MIN_WINDOW <= asked <= _MAX_WINDOW):
            raise UsageError(
                f"window must be a whole number from {_MIN_WINDOW} to {_MAX_WINDOW:,}, got {window!r:.40}",
                hint=f"leave it at {WINDOW} snapshots; a longer one answers later, and for longer ago",
            )
        if not isinstance(watch, str):
            raise UsageError(
                f"watch must be the name of a metric, got {watch!r:.40}", hint='name one, such as "trust"'
            )
        self._window = window
        self._watch = watch
        self.reset()

    def reset(self) -> None:
        """Forget what has been observed, and every custom loop."""
        self._loops = {loop.loop_id: loop for loop in standard_loops()}
        self._recent: deque[dict[str, object]] = deque(maxlen=self._window)
        self._onset = Onset()
        self._shift: Shift | None = None
        self._answer: dict[str, Any] | None = None

    def observe(self, snapshot: Mapping[str, object]) -> Shift | None:
        """Take in the next snapshot; O(1), memory bounded by the window.

        Returns:
            An alarm, if this is the one that shows that the watched metric has left its level. It needs no
            other metric, and says nothing about why: ask `detect_active_loop`.

        Raises:
            UsageError: *snapshot* is no mapping.
        """
        kept = dict(as_snapshot(snapshot))
        self._recent.append(kept)
        self._answer = None
        value = kept.get(self._watch)
        if value.__class__ is not float or not -LARGEST <= value <= LARGEST:
            value = measured(kept, self._watch)  # the same, slower: for whatever else there is
            if value is None:
                self._onset.skip()
                return None
        shift = self._onset.observe(value)
        if shift is not None:
            self._shift = shift
        return shift

    def detect_active_loop(self, history: Sequence[Mapping[str, object]] | None = None) -> dict[str, Any]:
        """Which loop is at work, how surely, and what to do; all values can be written as JSON.

        A few milliseconds for a full window of 128, some sixty times as much for one of 1,000, and nothing
        when asked again about the same observations.

        Returns:
            ``dominant_loop`` (its id, or None), ``loop_type`` (``reinforcing_virtuous``,
            ``reinforcing_vicious``, ``reinforcing``, ``balancing``, ``none`` or ``insufficient_data``),
            ``loop_confirmed`` (feedback is shown, not only suspected), ``loop_strength`` (0 to 1), ``trend``
            (``amplifying_positive``, ``amplifying_negative`` or ``amplifying`` with an amplifying loop,
            ``stabilizing`` with a balancing one, without one ``rising``, ``falling``, ``steady`` or
            ``insufficient_data``), ``recommendation``, and ``details``: ``trend`` of the loop's first metric,
            last ``onset`` of the watched one, ``snapshots`` looked at, the ``loop`` with its interventions,
            its ``measured`` components and their ``links``, and ``notes`` on what stands in the way of an
            answer.

        Raises:
            UsageError: *history* is no sequence of mappings.
        """
        loops = list(self._loops.values())
        if history is None:
            if self._answer is None:
                self._answer = answer(list(self._recent), loops, self._watch, self._shift)
            return copy.deepcopy(self._answer)
        snapshots = as_history(history)
        shift = _last_shift([measured(snapshot, self._watch) for snapshot in snapshots])
        return answer(snapshots[-self._window :], loops, self._watch, shift)

    def detect_virtuous_cycle(self, history: Sequence[Mapping[str, object]] | None = None) -> bool:
        """Whether a loop amplifies for the better; suspected is enough where too little is known to be sure.

        Raises:
            UsageError: *history* is no sequence of mappings.

        Example:
            >>> FeedbackLoopDetector().detect_virtuous_cycle([
            ...     {"trust": 0.5, "success": True},
            ...     {"trust": 0.6, "success": True},
            ...     {"trust": 0.7, "success": True},
            ... ])
            True
        """
        return self._is_at_work(LoopPolarity.VIRTUOUS, history)

    def detect_vicious_cycle(self, history: Sequence[Mapping[str, object]] | None = None) -> bool:
        """Whether a loop amplifies for the worse; suspected is enough where too little is known to be sure.

        Raises:
            UsageError: *history* is no sequence of mappings.

        Example:
            >>> FeedbackLoopDetector().detect_vicious_cycle([
            ...     {"trust": 0.7, "success": False},
            ...     {"trust": 0.5, "success": False},
            ...     {"trust": 0.3, "success": False},
            ... ])
            True
        """
        return self._is_at_work(LoopPolarity.VICIOUS, history)

    def _is_at_work(self, polarity: LoopPolarity, history: Sequence[Mapping[str, object]] | None) -> bool:
        snapshots = list(self._recent) if history is None else as_history(history)[-self._window :]
        loops = [
            loop
            for loop in self._loops.values()
            if loop.polarity is polarity and loop.loop_type is LoopType.REINFORCING
        ]
        return dominant(Columns(snapshots), loops) is not None

    def get_intervention_recommendations(self, loop_id: str) -> list[str]:
        """What can be done about the loop *loop_id*, the most effective first; empty: no such loop."""
        loop = self._loops.get(loop_id)
        return [each.name for each in interventions(loop.intervention_points)] if loop else []

    def register_custom_loop(self, loop: FeedbackLoop, *, replace: bool = False) -> None:
        """Look for *loop*, as it is now, from now on.

        Args:
            loop: what to look for.
            replace: whether it may take the place of the one that has its id, a standard loop as well.

        Raises:
            UsageError: it has no id or no components, signs that cannot be those of its type, or an id that
                is taken.
        """
        check(loop)
        if loop.loop_id in self._loops and not replace:
            raise UsageError(
                f"there is a loop with the id {loop.loop_id!r:.60} already",
                hint="give yours another id, or pass replace=True",
            )
        self._loops[loop.loop_id] = twin(loop)
        self._answer = None

    def get_all_loops(self) -> list[FeedbackLoop]:
        """All loops that are looked for, the standard ones first; changing them changes nothing here."""
        return [twin(loop) for loop in self._loops.values()]


def _last_shift(values: Sequence[float | None]) -> Shift | None:
    onset, last = Onset(), None
    for value in values:
        if value is None:
            onset.skip()
        else:
            last = onset.observe(value) or last
    return last

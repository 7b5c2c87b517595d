"""Whether what an agent does is new, and what it knows already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from quarterdeck.loops.events.allowances import Role
from quarterdeck.loops.events.findings import (
    FORGOTTEN_AFTER,
    LITTLE_NEW,
    SCATTERED,
    Count,
    Finding,
    Label,
    Mark,
    Move,
)
from quarterdeck.loops.events.model import Kind
from quarterdeck.loops.events.outcomes import DONE

if TYPE_CHECKING:
    from quarterdeck.loops.events.calls import Footprint

_WINDOW = 16
_FEW_NEW = 3  # 20 % of the window
_SETTLED_AFTER = 8  # calls without a change before repeating counts as little that is new
_KNOWN_CALLS = 64


class Known(msgspec.Struct, array_like=True):
    """What came of a call the last time, and how often on end."""

    outcome: int
    failed: bool
    error: int
    role: Role
    times: Count
    start: Mark
    last: Count  # number of the call
    called: Label = ""  # the call and what came of it for people, if it was put into words
    came: Label = ""


class Novelty(msgspec.Struct, array_like=True):
    """Whether what an agent does is new, and what came of the calls it knows."""

    known: Annotated[dict[int, Known], msgspec.Meta(max_length=_KNOWN_CALLS)] = msgspec.field(
        default_factory=dict
    )
    window: Annotated[int, msgspec.Meta(ge=0, lt=1 << _WINDOW)] = 0  # one bit a call, set: new
    calls: Count = 0
    changed: Count = 0  # number of the last call that changed something
    touched: Count = 0  # of the last that may have
    waited: Count = 0  # number of the last call that only waited
    low: Count = 0  # calls on end at which little was new
    marks: Annotated[list[Mark], msgspec.Meta(max_length=_WINDOW + 1)] = msgspec.field(default_factory=list)
    start: Mark = Mark()
    before: Mark = Mark()

    def meet(self, seen: Footprint, mark: Mark) -> bool:
        """Whether this call came out like this the last time as well; from now on that is known."""
        self.calls += 1
        known = self.known.pop(seen.call, None)
        again = known is not None and known.outcome == seen.outcome and known.failed == seen.failed
        if known is None or not again or not self._goes_on(known):
            called, came = (known.called, known.came if again else "") if known else ("", "")
            known = Known(seen.outcome, seen.failed, seen.error, seen.role, 1, mark, self.calls, called, came)
            if len(self.known) >= _KNOWN_CALLS:
                del self.known[next(iter(self.known))]  # the one not met for longest
        elif self.waited <= known.last:  # else it was waited: to ask again is no repetition
            known.times += 1
        known.last = self.calls
        self.known[seen.call] = known
        return again

    def came(self, seen: Footprint) -> str:
        """The outcome of the call as it was told the last time, or that of another with the same error."""
        known = self.known[seen.call]
        if known.came or not seen.error:
            return known.came
        return next((one.came for one in self.known.values() if one.error == seen.error and one.came), "")

    def _goes_on(self, known: Known) -> bool:
        return self.touched <= known.last and self.calls - known.last <= FORGOTTEN_AFTER

    def observe(self, move: Move) -> Finding | None:
        """Whether little of the last calls was new; waiting is no activity and does not count."""
        if move.changed:
            self.changed = self.calls
        if move.touched:
            self.touched = self.calls
        if move.print.role is Role.POLLING:
            self.waited = self.calls
        if move.print.role is Role.POLLING or (move.print.role is Role.STEPPING and not move.new):
            return None
        self.window = (self.window << 1 | move.new) & ((1 << _WINDOW) - 1)
        self.marks.append(move.mark)
        if len(self.marks) > _WINDOW + 1:
            del self.marks[0]
        return self._scattered(move) or self._little_new()

    def _scattered(self, move: Move) -> Finding | None:
        known = self.known[move.print.call]
        if self.window.bit_count() * 2 >= min(len(self.marks), _WINDOW):
            known.times = min(known.times, SCATTERED.nudge - 1)  # as much is new: it works
        times, start = known.times, known.start
        level = SCATTERED.level(times)
        if level is None or known.outcome in {0, DONE}:
            return None
        return Finding(Kind.REPETITION, level, move.print.call, times, 0, times, start, start)

    def _little_new(self) -> Finding | None:
        settled = self.calls - self.changed >= _SETTLED_AFTER
        if len(self.marks) < _WINDOW or not settled or self.window.bit_count() > _FEW_NEW:
            self.low = 0
            return None
        if self.low == 0:
            self.before, self.start = self.marks[0], self.marks[-_WINDOW]
        self.low += 1
        level = LITTLE_NEW.level(self.low)
        if level is None:
            return None
        calls = self.low + _WINDOW - 1
        return Finding(Kind.LOW_NOVELTY, level, self.start.position, calls, 0, calls, self.start, self.before)

"""One error, whatever is tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from quarterdeck.loops.events.allowances import Role
from quarterdeck.loops.events.findings import (
    BATCH_ERROR,
    BATCH_OF_TARGETS,
    FORGOTTEN_AFTER,
    MENDED_ERROR,
    POLLING,
    SAME_ERROR,
    TRIED_ERROR,
    Count,
    Finding,
    Limits,
    Mark,
    Move,
)
from quarterdeck.loops.events.model import Kind

if TYPE_CHECKING:
    from quarterdeck.loops.events.calls import Footprint

_KNOWN_ERRORS = 16
_KNOWN_CALLS = 24

_Few = Annotated[list[int], msgspec.Meta(max_length=_KNOWN_CALLS)]


class _Trouble(msgspec.Struct, array_like=True):
    times: Count
    start: Mark
    last: Count  # number of the call
    call: int
    target: int
    excused: Count = 0  # times before which something may have been changed, or was waited for
    mended: Count = 0  # times before which something may have been changed
    polled: Count = 0  # how often it also came while somebody waited, with nothing changed since
    targets: _Few = msgspec.field(default_factory=list)
    calls: _Few = msgspec.field(default_factory=list)


class SameError(msgspec.Struct, array_like=True):
    """One error, whatever was called."""

    calls: Count = 0
    touched: Count = 0  # number of the last call that may have changed something
    waited: Count = 0  # of the last that only waited
    known: Annotated[dict[int, _Trouble], msgspec.Meta(max_length=_KNOWN_ERRORS)] = msgspec.field(
        default_factory=dict
    )

    def observe(self, move: Move) -> Finding | None:
        """The error of this call, if it has come too often; a call that works ends what it failed with."""
        self.calls += 1
        if move.touched:
            self.touched = self.calls
        if move.print.role is Role.POLLING:
            self.waited = self.calls
        if not move.print.failed:
            self._over(move.print)
            return None
        if not move.print.error:
            return None
        trouble = self._trouble(move)
        times = trouble.times
        level = _limits(trouble).level(times)
        if level is None:
            times += trouble.polled
            level = POLLING.level(times)
        if level is None:
            return None
        start = trouble.start
        return Finding(Kind.SAME_ERROR, level, move.print.error, times, 0, times, start, start)

    def is_known(self, error: int) -> bool:
        """Whether it has come nearly often enough to be told."""
        return error in self.known and self.known[error].times >= SAME_ERROR.nudge - 1

    def _trouble(self, move: Move) -> _Trouble:
        error, call, target = move.print.error, move.print.call, move.print.target
        trouble = self.known.get(error)
        if trouble is None or self.calls - trouble.last > FORGOTTEN_AFTER:
            if error not in self.known and len(self.known) >= _KNOWN_ERRORS:
                del self.known[min(self.known, key=lambda known: self.known[known].last)]
            trouble = self.known[error] = _Trouble(0, move.mark, self.calls, call, target)
        elif move.print.role is Role.POLLING and self.touched < trouble.last:
            trouble.polled += 1
            trouble.last = self.calls
            return trouble
        else:
            trouble.excused += max(self.touched, self.waited) > trouble.last
            trouble.mended += self.touched > trouble.last
        trouble.times += 1
        trouble.last, trouble.call, trouble.target = self.calls, call, target
        for seen, known in ((target, trouble.targets), (call, trouble.calls)):
            if seen and seen not in known and len(known) < _KNOWN_CALLS:
                known.append(seen)
        return trouble

    def _over(self, done: Footprint) -> None:
        for error, trouble in list(self.known.items()):
            if trouble.call == done.call or (done.target and trouble.target == done.target and done.before):
                del self.known[error]


def _limits(trouble: _Trouble) -> Limits:
    """More patience where each time something was tried, or something else was asked for."""
    again = trouble.times - 1
    if trouble.mended == again > 0:
        return MENDED_ERROR
    if trouble.excused * 2 >= again > 0:
        return TRIED_ERROR
    if len(trouble.targets) * 2 > trouble.times:
        return BATCH_OF_TARGETS
    return BATCH_ERROR if len(trouble.calls) == min(trouble.times, _KNOWN_CALLS) else SAME_ERROR

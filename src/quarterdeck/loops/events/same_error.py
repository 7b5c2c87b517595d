"""One error, whatever is tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from quarterdeck.loops.events.allowances import Role
from quarterdeck.loops.events.findings import (
    FORGOTTEN_AFTER,
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
_KNOWN_TARGETS = 8


class _Trouble(msgspec.Struct, array_like=True):
    times: Count
    start: Mark
    last: Count  # number of the call
    call: int
    target: int
    excused: Count = 0  # times before which something new was tried, or waited for
    polled: Count = 0  # how often it also came while somebody waited, with nothing changed since
    targets: Annotated[list[int], msgspec.Meta(max_length=_KNOWN_TARGETS)] = msgspec.field(
        default_factory=list
    )


class SameError(msgspec.Struct, array_like=True):
    """One error, whatever was called."""

    calls: Count = 0
    changed: Count = 0  # number of the last call that changed something
    tried: Count = 0  # of the last that did, or waited
    known: Annotated[dict[int, _Trouble], msgspec.Meta(max_length=_KNOWN_ERRORS)] = msgspec.field(
        default_factory=dict
    )

    def observe(self, move: Move) -> Finding | None:
        """The error of this call, if it has come too often; a call that works ends what it failed with."""
        self.calls += 1
        polls = move.print.role is Role.POLLING
        if move.changed:
            self.changed = self.calls
        if move.changed or polls:
            self.tried = self.calls
        if not move.print.failed:
            self._over(move.print)
            return None
        if not move.print.error:
            return None
        trouble = self._trouble(move)
        level, times = self._limits(trouble).level(trouble.times), trouble.times
        if level is None:
            level, times = POLLING.level(trouble.times + trouble.polled), trouble.times + trouble.polled
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
        elif move.print.role is Role.POLLING and self.changed < trouble.last:
            trouble.polled += 1
            trouble.last = self.calls
            return trouble
        elif self.tried > trouble.last:
            trouble.excused += 1
        trouble.times += 1
        trouble.last, trouble.call, trouble.target = self.calls, call, target
        if target and target not in trouble.targets and len(trouble.targets) < _KNOWN_TARGETS:
            trouble.targets.append(target)
        return trouble

    @staticmethod
    def _limits(trouble: _Trouble) -> Limits:
        """More patience where each time something new was tried, or something else was asked for."""
        tried = trouble.excused * 2 >= trouble.times - 1 > 0
        return TRIED_ERROR if tried or len(trouble.targets) * 2 > trouble.times else SAME_ERROR

    def _over(self, done: Footprint) -> None:
        for error, trouble in list(self.known.items()):
            if trouble.call == done.call or (done.target and trouble.target == done.target and done.before):
                del self.known[error]

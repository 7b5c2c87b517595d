"""The same call again, or the same round of calls."""

from __future__ import annotations

from operator import gt
from typing import TYPE_CHECKING, Annotated

import msgspec

from quarterdeck.loops.events.allowances import Role
from quarterdeck.loops.events.findings import (
    OTHER_FAILURE,
    OTHER_OUTCOME,
    OTHER_OUTCOME_POLLING,
    POLLING,
    ROUNDS,
    SAME_CALL,
    STEPPING,
    UNKNOWN_OUTCOME,
    Count,
    Finding,
    Mark,
    Move,
)
from quarterdeck.loops.events.model import Kind, Level

if TYPE_CHECKING:
    from quarterdeck.loops.events.calls import Footprint

LONGEST_PERIOD = 8

_Eight = Annotated[list[int], msgspec.Meta(min_length=LONGEST_PERIOD, max_length=LONGEST_PERIOD)]
_Roles = Annotated[list[Role], msgspec.Meta(min_length=LONGEST_PERIOD, max_length=LONGEST_PERIOD)]
_Marks = Annotated[list[Mark], msgspec.Meta(min_length=LONGEST_PERIOD, max_length=LONGEST_PERIOD)]


def _zeros() -> list[int]:
    return [0] * LONGEST_PERIOD


class Repetition(msgspec.Struct, array_like=True):
    """The same call with the same outcome, or a round of several of them.

    For each period p it is counted for how many calls on end each was the one p calls before: O(8) per call.
    """

    keys: _Eight = msgspec.field(default_factory=_zeros)  # the last eight, the latest last
    roles: _Roles = msgspec.field(default_factory=lambda: [Role.OTHER] * LONGEST_PERIOD)
    marks: _Marks = msgspec.field(default_factory=lambda: [Mark()] * LONGEST_PERIOD)
    runs: _Eight = msgspec.field(default_factory=_zeros)
    starts: _Marks = msgspec.field(default_factory=lambda: [Mark()] * LONGEST_PERIOD)
    firsts: _Marks = msgspec.field(default_factory=lambda: [Mark()] * LONGEST_PERIOD)  # ends of first rounds
    unknown: Count = 0  # calls on end whose outcome is not known

    def observe(self, move: Move) -> Finding | None:
        """What repeats with this call, by the shortest period; None: nothing, or not often enough."""
        key = _pair(move.print)
        keys, runs, marks = self.keys, self.runs, self.marks
        self.unknown = self.unknown + 1 if move.print.outcome == 0 and not move.print.failed else 0
        repeats = 0
        for period in range(1, LONGEST_PERIOD + 1):
            if keys[-period] != key:
                runs[period - 1] = 0
                continue
            if runs[period - 1] == 0:
                self.starts[period - 1] = marks[-period]
                self.firsts[period - 1] = marks[-1]
            runs[period - 1] += 1
            repeats = repeats or period
        keys.append(key)
        del keys[0]
        self.roles.append(move.print.role)
        del self.roles[0]
        marks.append(move.mark)
        del marks[0]
        return self._found(repeats) if repeats else None

    def is_round(self) -> bool:
        """Whether the latest call was there in two rounds before: no other can be in a round that is told."""
        return any(map(gt, self.runs, range(1, LONGEST_PERIOD + 1)))

    def _found(self, shortest: int) -> Finding | None:
        for period in range(shortest, LONGEST_PERIOD + 1):
            run = self.runs[period - 1]
            rounds = run // period + 1
            if rounds < ROUNDS.nudge:
                continue
            level, polling = self._level(period, rounds)
            if level is None:
                return None  # it repeats with this period, and may
            return Finding(
                Kind.REPETITION if period == 1 else Kind.CYCLE,
                level,
                sum(self.keys[-period:]) % 2**63,  # the same, wherever the round is entered
                rounds,
                period,
                run + period,
                self.starts[period - 1],
                self.firsts[period - 1],
                polling,
            )
        return None

    def _level(self, period: int, rounds: int) -> tuple[Level | None, bool]:
        roles = self.roles[-period:]
        if Role.POLLING in roles and Role.CHANGE not in roles:
            return POLLING.level(rounds * period), True
        if all(role is Role.STEPPING or role is Role.POLLING for role in roles):
            return STEPPING.level(rounds * period), False
        if period > 1:
            return ROUNDS.level(rounds), False
        return (UNKNOWN_OUTCOME if self.unknown > rounds // 2 else SAME_CALL).level(rounds), False


class SameCall(msgspec.Struct, array_like=True):
    """One call on end, whatever comes of it."""

    call: int = 0
    times: Count = 0
    start: Mark = Mark()
    failures: Count = 0  # on end

    def observe(self, move: Move) -> Finding | None:
        """The call that is made again and again although it comes out differently."""
        if move.print.call != self.call:
            self.call, self.times, self.start = move.print.call, 1, move.mark
            self.failures = int(move.print.failed)
            return None
        self.times += 1
        self.failures = self.failures + 1 if move.print.failed else 0
        polling = move.print.role is Role.POLLING or move.print.role is Role.STEPPING
        level = (OTHER_OUTCOME_POLLING if polling else OTHER_OUTCOME).level(self.times)
        if self.failures == self.times and not polling:
            level = OTHER_FAILURE.level(self.times)
        if level is None:
            return None
        return Finding(
            Kind.REPETITION,
            level,
            self.call,
            self.times,
            1,
            self.times,
            self.start,
            self.start,
            polling,
            True,
        )


def _pair(seen: Footprint) -> int:
    """One number for a call with its outcome, never 0."""
    return (seen.call ^ (seen.outcome * 0x9E3779B97F4A7C15 + seen.failed)) & 0x7FFFFFFFFFFFFFFF or 1

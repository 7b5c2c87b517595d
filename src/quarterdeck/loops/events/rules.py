"""What goes in circles: one rule for each way of it, each with a small memory of its own.

    how many of what                                   nudge  pause  stop
    one call with one outcome                              4      6    10
    the same, and its outcome is not known                 6     10    16
    the same, of a tool that steps through something      12     24    48
    the same, while somebody waits (polling)              30     60   120
    the same, with other calls in between                  5      8    13
    one call, each time with another outcome              25     50   100   four times as many for polling
    rounds of 2 to 8 calls with their outcomes             3      5     8   polling as above, in calls
    one error                                              4      6     9
    one error, and something new was tried or waited for   6      9    14
    returns to a state that was left                       3      5     8
    one message                                            3      5     8
    messages without a call                                6     10    16
    one chunk inside one message                           6     12    24
    calls for which at most 3 of the last 16 were new      1     16    48
    dollars without progress, times what is set            1      2     4

Why not sooner: a test is run again, a server is asked once more, a step is retried three times with good reason.
Each rule costs O(1) for an event, and remembers at most a few dozen digests.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec

from quarterdeck.loops.events.allowances import Role
from quarterdeck.loops.events.model import Kind, Level

if TYPE_CHECKING:
    from quarterdeck.loops.events.calls import Footprint

LONGEST_PERIOD = 8
NOVELTY_WINDOW = 16
_FEW_NEW = 3  # 20 % of the window
_KNOWN_CALLS = 64
_KNOWN_ERRORS = 16
_KNOWN_TARGETS = 16
_FORGOTTEN_AFTER = 24  # calls without it, and an error or a state is not the same story any more
_SETTLED_AFTER = 8  # calls without a change before repeating counts as little that is new


Count = Annotated[int, msgspec.Meta(ge=0)]


class Limits(NamedTuple):
    """From how many on each level is reached."""

    nudge: int
    pause: int
    stop: int

    def level(self, count: int) -> Level | None:
        """How loud *count* is; None: not yet worth a word."""
        if count < self.nudge:
            return None
        return Level.STOP if count >= self.stop else Level.PAUSE if count >= self.pause else Level.NUDGE


SAME_CALL = Limits(4, 6, 10)
UNKNOWN_OUTCOME = Limits(6, 10, 16)
STEPPING = Limits(12, 24, 48)
POLLING = Limits(30, 60, 120)
SCATTERED = Limits(5, 8, 13)
OTHER_OUTCOME = Limits(25, 50, 100)
OTHER_OUTCOME_POLLING = Limits(100, 200, 400)
ROUNDS = Limits(3, 5, 8)
SAME_ERROR = Limits(4, 6, 9)
TRIED_ERROR = Limits(6, 9, 14)
RETURNS = Limits(3, 5, 8)
LITTLE_NEW = Limits(1, 16, 48)


class Mark(NamedTuple):
    """A place in the session.

    Attributes:
        position: number of the event, from 1.
        at, name: of it.
        spent, priced: what everything up to and with it cost, and how many events of that had a price.
    """

    position: int = 0
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    spent: int = 0
    priced: int = 0


class Finding(NamedTuple):
    """One rule's answer at one event.

    Attributes:
        kind, level: as of `Alarm`.
        identity: the same number for the same loop.
        times, period, events: as of `Alarm`.
        start: where it began.
        wasted_from: what was spent after this mark is what it has cost.
        polling: whether it is somebody who waits too long.
        changing: whether its outcomes differ.
    """

    kind: Kind
    level: Level
    identity: int
    times: int
    period: int
    events: int
    start: Mark
    wasted_from: Mark
    polling: bool = False
    changing: bool = False


class Move(NamedTuple):
    """A call as the rules see it.

    Attributes:
        print: what of it is compared.
        new: whether this call with this outcome was not known, and said anything.
        changed: whether it made something different that was not so before.
        mark: where it is.
    """

    print: Footprint
    new: bool
    changed: bool
    mark: Mark


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
    firsts: _Marks = msgspec.field(
        default_factory=lambda: [Mark()] * LONGEST_PERIOD
    )  # end of the first round
    unknown: Count = 0  # calls on end whose outcome is not known

    def observe(self, move: Move) -> Finding | None:
        """What repeats with this call, by the shortest period; None: nothing, or not often enough."""
        key = pair(move.print)
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

    def observe(self, move: Move) -> Finding | None:
        """The call that is made again and again although it comes out differently."""
        if move.print.call != self.call:
            self.call, self.times, self.start = move.print.call, 1, move.mark
            return None
        self.times += 1
        polling = move.print.role is Role.POLLING or move.print.role is Role.STEPPING
        level = (OTHER_OUTCOME_POLLING if polling else OTHER_OUTCOME).level(self.times)
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


class _Trouble(msgspec.Struct, array_like=True):
    times: Count
    start: Mark
    last: int  # number of the call
    call: int
    target: int
    excused: int = 0  # times before which something new was tried, or waited for
    targets: Annotated[list[int], msgspec.Meta(max_length=8)] = msgspec.field(default_factory=list)


class SameError(msgspec.Struct, array_like=True):
    """One error, whatever was called."""

    calls: Count = 0
    tried: Count = 0  # number of the last call that changed something, or waited
    known: Annotated[dict[int, _Trouble], msgspec.Meta(max_length=_KNOWN_ERRORS)] = msgspec.field(
        default_factory=dict
    )

    def observe(self, move: Move) -> Finding | None:
        """The error of this call, if it has come too often; a call that works ends what it failed with."""
        self.calls += 1
        if move.changed or move.print.role is Role.POLLING:
            self.tried = self.calls
        if not move.print.failed:
            self._over(move.print)
            return None
        if not move.print.error or move.print.role is Role.POLLING:
            return None
        trouble = self._trouble(move)
        level = self._limits(trouble).level(trouble.times)
        if level is None:
            return None
        times, start = trouble.times, trouble.start
        return Finding(Kind.SAME_ERROR, level, move.print.error, times, 0, times, start, start)

    def _trouble(self, move: Move) -> _Trouble:
        error, call, target = move.print.error, move.print.call, move.print.target
        trouble = self.known.get(error)
        if trouble is None or self.calls - trouble.last > _FORGOTTEN_AFTER:
            if error not in self.known and len(self.known) >= _KNOWN_ERRORS:
                del self.known[min(self.known, key=lambda known: self.known[known].last)]
            trouble = self.known[error] = _Trouble(0, move.mark, self.calls, call, target)
        elif self.tried > trouble.last:
            trouble.excused += 1
        trouble.times += 1
        trouble.last, trouble.call, trouble.target = self.calls, call, target
        if target and target not in trouble.targets and len(trouble.targets) < 8:
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


class _States(msgspec.Struct, array_like=True):
    last: int
    start: Mark
    returns: Count = 0
    changes: Count = 0
    seen: Annotated[list[int], msgspec.Meta(max_length=4)] = msgspec.field(default_factory=list)


class Alternation(msgspec.Struct, array_like=True):
    """To and fro between two states of the same file, whatever happens in between."""

    calls: Count = 0
    known: Annotated[dict[int, _States], msgspec.Meta(max_length=_KNOWN_TARGETS)] = msgspec.field(
        default_factory=dict
    )

    def observe(self, move: Move) -> Finding | None:
        """The file that this change brings back to where it was, if it has been there too often."""
        self.calls += 1
        target, after = move.print.target, move.print.after
        if move.print.role is not Role.CHANGE or not target or not after or move.print.failed:
            return None
        states = self.known.get(target)
        if states is None or self.calls - states.last > _FORGOTTEN_AFTER:
            if target not in self.known and len(self.known) >= _KNOWN_TARGETS:
                del self.known[min(self.known, key=lambda known: self.known[known].last)]
            states = self.known[target] = _States(self.calls, move.mark)
            states.seen = [move.print.before, after]
            states.changes = 1
            return None
        states.last = self.calls
        if after == states.seen[-1]:
            return None  # it says so once more: a repetition
        if after != states.seen[-2]:
            states.returns, states.changes, states.start = 0, 0, move.mark
        else:
            states.returns += 1
        states.changes += 1
        states.seen = [states.seen[-1], after]
        level = RETURNS.level(states.returns)
        if level is None:
            return None
        return Finding(
            Kind.ALTERNATION, level, target, states.returns, 2, states.changes, states.start, states.start
        )


class Known(msgspec.Struct, array_like=True):
    """What came of a call the last time, and how often on end."""

    outcome: int
    failed: bool
    error: int
    times: Count
    start: Mark
    last: Count  # number of the call


class Novelty(msgspec.Struct, array_like=True):
    """Whether what an agent does is new, and what came of the calls it knows."""

    known: Annotated[dict[int, Known], msgspec.Meta(max_length=_KNOWN_CALLS)] = msgspec.field(
        default_factory=dict
    )
    window: Annotated[int, msgspec.Meta(ge=0, lt=1 << NOVELTY_WINDOW)] = 0  # one bit a call, set: new
    calls: Count = 0
    changed: Count = 0  # number of the last call that changed something
    counted: Count = 0  # calls that count for the window
    low: Count = 0  # calls on end at which little was new
    marks: Annotated[list[Mark], msgspec.Meta(max_length=NOVELTY_WINDOW + 1)] = msgspec.field(
        default_factory=list
    )
    start: Mark = Mark()
    before: Mark = Mark()

    def meet(self, seen: Footprint, mark: Mark) -> Known:
        """What is known of a call with this outcome, this time included."""
        self.calls += 1
        known = self.known.pop(seen.call, None)
        same = known is not None and known.outcome == seen.outcome and known.failed == seen.failed
        if known is None:
            known = Known(seen.outcome, seen.failed, seen.error, 1, mark, self.calls)
            if len(self.known) >= _KNOWN_CALLS:
                del self.known[next(iter(self.known))]  # the one not met for longest
        elif same and self.changed <= known.last and self.calls - known.last <= _FORGOTTEN_AFTER:
            known.times += 1
        else:
            known.outcome, known.failed, known.error = seen.outcome, seen.failed, seen.error
            known.times, known.start = 1 + same, mark
        known.last = self.calls
        self.known[seen.call] = known
        return known

    def observe(self, move: Move) -> Finding | None:
        """Whether little of the last calls was new; waiting is no activity and does not count."""
        if move.changed:
            self.changed = self.calls
        if move.print.role is Role.POLLING or move.print.role is Role.STEPPING:
            return None
        self.window = (self.window << 1 | move.new) & ((1 << NOVELTY_WINDOW) - 1)
        self.counted += 1
        self.marks.append(move.mark)
        if len(self.marks) > NOVELTY_WINDOW + 1:
            del self.marks[0]
        return self._scattered(move) or self._little_new()

    def _scattered(self, move: Move) -> Finding | None:
        known = self.known[move.print.call]
        if known.times < SCATTERED.nudge or known.outcome == 0:
            return None
        level = SCATTERED.level(known.times)
        assert level is not None
        return Finding(
            Kind.REPETITION,
            level,
            move.print.call,
            known.times,
            0,
            known.times,
            known.start,
            known.start,
        )

    def _little_new(self) -> Finding | None:
        settled = self.calls - self.changed >= _SETTLED_AFTER
        if self.counted < NOVELTY_WINDOW or not settled or self.window.bit_count() > _FEW_NEW:
            self.low = 0
            return None
        if self.low == 0:
            self.before, self.start = self.marks[0], self.marks[-NOVELTY_WINDOW]
        self.low += 1
        level = LITTLE_NEW.level(self.low)
        assert level is not None
        calls = self.low + NOVELTY_WINDOW - 1
        return Finding(
            Kind.LOW_NOVELTY, level, self.start.position, calls, 0, calls, self.start, self.before
        )


class Spending(msgspec.Struct, array_like=True):
    """What has been spent since something came of it.

    Something is changed, or a call works that had failed: that is progress. What is only found out is none,
    and its price counts a quarter: to read is what it takes before something can be changed.
    """

    since: Mark = Mark()
    begun: Mark | None = None
    weighed: Count = 0  # quarters of pico-dollars
    events: Count = 0

    def observe(self, mark: Mark, cost: int, *, found: bool, progress: bool, limit: int) -> Finding | None:
        """Whether more than *limit* pico-dollars went without progress."""
        if progress:
            self.since, self.begun, self.weighed, self.events = mark, None, 0, 0
            return None
        self.begun = self.begun or mark
        self.events += 1
        self.weighed += cost if found else 4 * cost
        if limit <= 0 or self.weighed < 4 * limit:
            return None
        level = Limits(1, 2, 4).level(self.weighed // (4 * limit))
        assert level is not None
        return Finding(
            Kind.SPEND, level, self.since.position, self.events, 0, self.events, self.begun, self.since
        )


def pair(seen: Footprint) -> int:
    """One number for a call with its outcome, never 0."""
    return (seen.call ^ (seen.outcome * 0x9E3779B97F4A7C15 + seen.failed)) & 0x7FFFFFFFFFFFFFFF or 1

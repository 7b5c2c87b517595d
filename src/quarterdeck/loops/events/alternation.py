"""To and fro: a change, and what undoes it."""

from __future__ import annotations

from typing import Annotated

import msgspec

from quarterdeck.loops.events.allowances import Role
from quarterdeck.loops.events.findings import COMPARED, FORGOTTEN_AFTER, RETURNS, Count, Finding, Mark, Move
from quarterdeck.loops.events.model import Kind

_KNOWN_TARGETS = 16
_KNOWN_STATES = 8


class _States(msgspec.Struct, array_like=True):
    written: Annotated[list[int], msgspec.Meta(max_length=_KNOWN_STATES)]  # the latest last
    last: Count  # number of the call
    start: Mark
    returns: Count = 0
    changes: Count = 1
    learned: Count = 0  # returns before which something new had come of the state that was left


class Alternation(msgspec.Struct, array_like=True):
    """To and fro between a few states of one thing, whatever happens in between."""

    calls: Count = 0
    news: Count = 0  # number of the last call that worked and said something new
    known: Annotated[dict[int, _States], msgspec.Meta(max_length=_KNOWN_TARGETS)] = msgspec.field(
        default_factory=dict
    )

    def observe(self, move: Move) -> Finding | None:
        """The thing that this change brings back to where it was, if it has been there too often."""
        self.calls += 1
        seen = move.print
        if seen.role is not Role.CHANGE or not seen.target or not seen.after or seen.failed:
            if move.new and not seen.failed:
                self.news = self.calls
            return None
        states = self.known.get(seen.target)
        if states is None or self.calls - states.last > FORGOTTEN_AFTER:
            if seen.target not in self.known and len(self.known) >= _KNOWN_TARGETS:
                del self.known[min(self.known, key=lambda known: self.known[known].last)]
            self.known[seen.target] = _States([seen.after], self.calls, move.mark)
            return None
        self._goes_on(states, seen.before, seen.after, move.mark)
        level = (COMPARED if states.learned * 2 > states.returns else RETURNS).level(states.returns)
        if level is None:
            return None
        return Finding(
            Kind.ALTERNATION,
            level,
            seen.target,
            states.returns,
            2,
            states.changes,
            states.start,
            states.start,
        )

    def _goes_on(self, states: _States, before: int, after: int, mark: Mark) -> None:
        before_last, states.last = states.last, self.calls
        if after == states.written[-1] and before in {0, after}:
            return  # it says so once more: a repetition
        if after in states.written and (not before or before in states.written):
            again = 2 if before and not states.returns else 1  # what is redone had been undone before
            states.returns += again
            states.changes += again
            states.learned += again * (self.news > before_last)
            states.written.remove(after)
        elif not before:  # all of it is new
            states.returns, states.changes, states.learned, states.start = 0, 1, 0, mark
        elif after in states.written:
            states.written.remove(after)
        states.written.append(after)
        del states.written[:-_KNOWN_STATES]

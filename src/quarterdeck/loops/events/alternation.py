"""To and fro: a change, and what undoes it."""

from __future__ import annotations

from typing import Annotated

import msgspec

from quarterdeck.loops.events.allowances import Role
from quarterdeck.loops.events.findings import FORGOTTEN_AFTER, RETURNS, Count, Finding, Mark, Move
from quarterdeck.loops.events.model import Kind

_KNOWN_TARGETS = 16


class _States(msgspec.Struct, array_like=True):
    seen: tuple[int, int]  # the last two states, the latest last
    last: Count  # number of the call
    start: Mark
    returns: Count = 0
    changes: Count = 1


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
        if states is None or self.calls - states.last > FORGOTTEN_AFTER:
            if target not in self.known and len(self.known) >= _KNOWN_TARGETS:
                del self.known[min(self.known, key=lambda known: self.known[known].last)]
            self.known[target] = _States((move.print.before, after), self.calls, move.mark)
            return None
        states.last = self.calls
        earlier, latest = states.seen
        if after == latest:
            return None  # it says so once more: a repetition
        if after == earlier:
            states.returns += 1
            states.changes += 1
        else:
            states.returns, states.changes, states.start = 0, 1, move.mark
        states.seen = latest, after
        level = RETURNS.level(states.returns)
        if level is None:
            return None
        return Finding(
            Kind.ALTERNATION, level, target, states.returns, 2, states.changes, states.start, states.start
        )

"""Other words, the same answer."""

from __future__ import annotations

from typing import Annotated

import msgspec

from quarterdeck.loops.events.allowances import Role
from quarterdeck.loops.events.findings import SEARCHED, Count, Finding, Mark, Move
from quarterdeck.loops.events.model import Kind

_KNOWN_WORDS = 128


class Searching(msgspec.Struct, array_like=True):
    """How many searches on end had the same answer: that there is nothing, or always that one.

    Who looks for one thing after another has a new word for each; who looks for one thing in other words has
    soon used them all. Anything else that is new ends it: then it is not all that is done.
    """

    times: Count = 0
    reworded: Count = 0  # how many of them had no word that was not in one before
    answer: int = 0
    words: Annotated[list[int], msgspec.Meta(max_length=_KNOWN_WORDS)] = msgspec.field(default_factory=list)
    start: Mark = Mark()

    def observe(self, move: Move) -> Finding | None:
        """Whether this search brings once more what the others have brought."""
        seen = move.print
        if seen.role is not Role.SEARCH:
            if move.new and not seen.failed:
                self.times = 0
            return None
        if seen.failed and not seen.vain:
            return None
        answer = 0 if seen.vain else seen.outcome
        if self.times == 0 or answer != self.answer:
            self.times, self.reworded, self.answer, self.start = 0, 0, answer, move.mark
            self.words.clear()
        added = {*seen.sought}.difference(self.words)
        self.times += 1
        self.reworded += not added
        self.words += added
        del self.words[:-_KNOWN_WORDS]
        level = SEARCHED.level(self.times) if self.reworded * 3 >= self.times else None
        if level is None:
            return None
        times, start = self.times, self.start
        return Finding(Kind.LOW_NOVELTY, level, start.position, times, 0, times, start, start, searching=True)

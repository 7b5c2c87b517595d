"""Loops and errands that were written after the detector was finished, by somebody who had not read it.

                                ┌─ a circle of `loop_circles` or `loop_refusals` ─┐
    real runs ──> a quiet host ─┼─ an errand of `loop_errands` ───────────────────┼─> Session
                                └─ nothing ───────────────────────────────────────┘

The kinds, their tools, errors and words were written down, and what is a loop was settled, before any
detector was shown one of them. Every other session tells what failed; in the rest the outcome's text has the
say.

They were new once. What the detector missed then has been told to its maker since: `FIRST_SHOWN` is how it
did on them before that, and says more about loops that nobody has thought of than any later figure.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from bench.loop_circles import CIRCLES
from bench.loop_draws import QUIET, Session, dressed
from bench.loop_errands import ERRANDS, WAITING
from quarterdeck.loops.events.model import AgentEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.loop_corpus import Corpus, Run

FIRST_SHOWN = {"F1": 0.854, "precision": 0.983, "recall": 0.754}
"""Of 40 sessions of each kind and 200 quiet ones, at revision 112c685d0da6."""
SHORTEST, LONGEST = 10, 150
"""Events of a host."""
TALK = (0.0, 0.0, 0.25, 0.8)
"""How often something is said before a call."""
IN_ONE_MESSAGE = "one chanting message"
WORDLESS = ("apologies", "promises", IN_ONE_MESSAGE)
"""Circles that are made of messages: nothing else is said in between."""
_SAYINGS = (
    "Let me try {thing} now.", "Checking {thing}.", "One more look, {thing} should tell.", "Hm, not yet.",
    "I expect {thing} to help.", "On to the next step.", "That leaves {thing}.", "Good, {thing} next.",
)  # fmt: skip
_THINGS = (
    "the other way",
    "the report",
    "the second option",
    "the customer's record",
    "this page",
    "the result",
)


class Afterwards:
    """All sessions of the set.

    Args:
        corpus: the real runs.
        seed: another one gives other sessions.
    """

    def __init__(self, corpus: Corpus, *, seed: int = 0) -> None:
        self._seed = seed
        self._chains: dict[tuple[str, str], list[Run]] = {}
        for run in corpus.quiet:
            self._chains.setdefault((run.agent, run.task), []).append(run)

    def loops(self, each: int) -> Iterator[Session]:
        """*each* sessions for every kind of circle."""
        for kind in CIRCLES:
            for number in range(each):
                yield self._with_loop(kind, number)

    def works(self, each: int) -> Iterator[Session]:
        """*each* sessions for every kind of errand."""
        for kind in ERRANDS:
            for number in range(each):
                dice = self._dice(kind, number)
                laid = _with_talk(ERRANDS[kind](dice), dice, dice.choice(TALK))
                host = self._host(dice)
                place = dice.randrange(1, len(host))
                waits = range(place, place + len(laid)) if kind in WAITING else range(0)
                events = host[:place] + laid + host[place:]
                yield Session(kind, dressed(events, dice, waits, tells_failure=number % 2 == 0))

    def quiet(self, count: int) -> Iterator[Session]:
        """*count* sessions as they were."""
        for number in range(count):
            dice = self._dice(QUIET, number)
            yield Session(QUIET, dressed(self._host(dice), dice, tells_failure=number % 2 == 0))

    def _with_loop(self, kind: str, number: int) -> Session:
        dice = self._dice(kind, number)
        circle = CIRCLES[kind](dice)
        talk = 0.0 if kind in WORDLESS else dice.choice(TALK)
        rounds = [_with_talk(events, dice, talk) for events in circle.rounds]
        host = self._host(dice)
        place = dice.randrange(1, len(host))
        laid, ends = [], []
        for events in rounds:
            laid += events
            ends.append(place + len(laid))
        return Session(
            kind,
            dressed(host[:place] + laid + host[place:], dice, tells_failure=number % 2 == 0),
            place if kind == IN_ONE_MESSAGE else ends[0],
            ends[-1],
            tuple(ends),
            circle.kinds,
            frozenset(event.tool for event in laid if event.tool),
        )

    def _host(self, dice: random.Random) -> list[AgentEvent]:
        """Runs of one agent one after the other."""
        wanted = int(SHORTEST * (LONGEST / SHORTEST) ** dice.random())
        chain = self._chains[dice.choice(sorted(self._chains))]
        runs = dice.sample(chain, len(chain))
        events: list[AgentEvent] = []
        while len(events) < wanted and runs:
            events += runs.pop().events
        return events

    def _dice(self, kind: str, number: int) -> random.Random:
        return random.Random(f"afterwards/{self._seed}/{kind}/{number}")


def _with_talk(events: list[AgentEvent], dice: random.Random, rate: float) -> list[AgentEvent]:
    made = []
    for event in events:
        if event.tool and dice.random() < rate:
            made.append(AgentEvent.said(dice.choice(_SAYINGS).format(thing=dice.choice(_THINGS))))
        made.append(event)
    return made

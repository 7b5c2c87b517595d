"""Sessions to be judged: real ones, with a loop, with honest repetition, or with nothing laid into them.

    real runs ───┐                                ┌─ a script of `loop_scripts` ─┐
    real files ──┴─> a host of 10 to 200 events ──┼─ a work of `loop_work` ──────┼─> Session
                                                  └─ nothing ────────────────────┘

All are dressed: small talk between the calls of some, times and prices, arguments as JSON in a string with
the keys in any order, calls of which nobody says whether they failed. Each half draws its hosts from agents
of its own, and its tools, errors and words too.
"""

from __future__ import annotations

import json
import random
import zlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from bench.loop_scripts import PICO, SCRIPTS
from bench.loop_stage import Stage
from bench.loop_work import WORKS
from quarterdeck.loops.events.model import AgentEvent, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.loop_corpus import Corpus, RealLoop, Run
    from bench.loop_stage import SourceFile

SHORTEST, LONGEST = 10, 200
TALK = (0.0, 0.0, 0.3, 1.0)
"""How often something is said before a call."""
IN_ONE_MESSAGE = "chanting"
WORDLESS = ("monologue", IN_ONE_MESSAGE)
"""Kinds that are made of messages: nothing is said in between."""
WAITING = ("polling", "heartbeat")
"""Kinds that take their time."""
STARTED_AT = datetime(2026, 11, 2, 9, tzinfo=UTC)

QUIET = "nothing laid in"
REAL = "real loop"


class Session(NamedTuple):
    """What a detector is shown, and the truth about it.

    Attributes:
        kind: the name of the script or the work, `QUIET` or `REAL`.
        events: in order.
        start, end: the loop is ``events[start:end]``, and it is one from the second round on, or within one
            message; both 0 where there is none.
        rounds: numbers of events, as of *end*, at which each round of it is complete.
        kinds: what it may rightly be called; empty where there is none.
        tools: names of the tools that are part of it.
    """

    kind: str
    events: list[AgentEvent]
    start: int = 0
    end: int = 0
    rounds: tuple[int, ...] = ()
    kinds: frozenset[Kind] = frozenset()
    tools: frozenset[str] = frozenset()

    @property
    def has_loop(self) -> bool:
        """Whether something is to be found."""
        return self.end > 0


class Draws:
    """All sessions of one half.

    Args:
        corpus: the real runs.
        files: the real files.
        is_held_out: which half.
        seed: another one gives other sessions.
    """

    def __init__(
        self, corpus: Corpus, files: Sequence[SourceFile], *, is_held_out: bool, seed: int = 0
    ) -> None:
        self._corpus = corpus
        self._files = files
        self._is_held_out = is_held_out
        self._seed = seed
        self._chains: dict[tuple[str, str], list[Run]] = {}
        for run in corpus.quiet:
            if self._is_mine(run):
                self._chains.setdefault((run.agent, run.task), []).append(run)

    def loops(self, each: int) -> Iterator[Session]:
        """*each* sessions for every kind of scripted loop."""
        for kind in SCRIPTS:
            for number in range(each):
                yield self._with_loop(kind, self._dice(kind, number))

    def works(self, each: int) -> Iterator[Session]:
        """*each* sessions for every kind of honest repetition."""
        for kind in WORKS:
            for number in range(each):
                dice = self._dice(kind, number)
                stage = self._stage(dice)
                pieces = _with_talk([[event] for event in WORKS[kind](stage)], stage, dice.choice(TALK))
                host = self._host(stage)
                place = dice.randrange(1, len(host))
                laid = [event for piece in pieces for event in piece]
                waits = range(place, place + len(laid)) if kind in WAITING else range(0)
                yield Session(kind, dressed(host[:place] + laid + host[place:], dice, waits))

    def quiet(self, count: int) -> Iterator[Session]:
        """*count* sessions as they were."""
        for number in range(count):
            dice = self._dice(QUIET, number)
            yield Session(QUIET, dressed(self._host(self._stage(dice)), dice))

    def real_loops(self) -> Iterator[Session]:
        """Those that no script has made."""
        mine = [loop for loop in self._corpus.looping if self._is_mine(loop.run)]
        for number, loop in enumerate(mine):
            yield _real(loop, self._dice(REAL, number))

    def _with_loop(self, kind: str, dice: random.Random) -> Session:
        stage = self._stage(dice)
        script = SCRIPTS[kind](stage)
        starts = [0, *script.rounds]
        rounds = [script.events[start:end] for start, end in zip(starts, script.rounds, strict=False)]
        talk = 0.0 if kind in WORDLESS else dice.choice(TALK)
        rounds = _with_talk(rounds, stage, talk)
        host = self._host(stage)
        place = dice.randrange(1, len(host))
        ends, end = [], place
        for events in rounds:
            end += len(events)
            ends.append(end)
        laid = [event for events in rounds for event in events]
        return Session(
            kind,
            dressed(host[:place] + laid + host[place:], dice),
            place if kind == IN_ONE_MESSAGE else ends[0],
            end,
            tuple(ends),
            script.kinds,
            frozenset(event.tool for event in script.events if event.tool),
        )

    def _host(self, stage: Stage) -> list[AgentEvent]:
        """A quiet session: runs of one agent one after the other, or a walk around real files."""
        dice = stage.dice
        wanted = int(SHORTEST * (LONGEST / SHORTEST) ** dice.random())
        if dice.random() < 1 / 3:
            return _walk(stage, wanted)
        events: list[AgentEvent] = []
        chain = self._chains[dice.choice(sorted(self._chains))]
        runs = dice.sample(chain, len(chain))
        while len(events) < wanted and runs:
            events += runs.pop().events
        return events

    def _stage(self, dice: random.Random) -> Stage:
        return Stage(dice, self._files, is_held_out=self._is_held_out)

    def _dice(self, kind: str, number: int) -> random.Random:
        return random.Random(f"{self._seed}/{self._is_held_out}/{kind}/{number}")

    def _is_mine(self, run: Run) -> bool:
        """Whether its agent is of this half; the second bit deals the real loops out more evenly."""
        return bool(zlib.crc32(run.agent.encode()) & 2) is self._is_held_out


def _walk(stage: Stage, wanted: int) -> list[AgentEvent]:
    """Somebody looks around in code, changes a little here and there, and is told what to do next."""
    dice = stage.dice
    events: list[AgentEvent] = []
    for look in stage.looks(wanted):
        if not len(events) or dice.random() < 0.08:
            events.append(AgentEvent.heard(f"Look into {stage.word(stage.file())}, please."))
        if dice.random() < 0.3:
            events.append(stage.said())
        events.append(look())
        if dice.random() < 0.25:
            file = stage.file()
            events.append(stage.edit(file.path, dice.choice(file.lines).strip(), stage.word(file)))
    return events


def _real(loop: RealLoop, dice: random.Random) -> Session:
    """A round is one more of the call that comes back."""
    same = [
        place
        for place, event in enumerate(loop.run.events)
        if (event.tool, event.arguments, event.outcome) == loop.run.events[loop.start][:3]
    ]
    return Session(
        REAL,
        dressed(list(loop.run.events), dice),
        loop.start + 1,
        loop.end + 1,
        tuple(place + 1 for place in same),
        frozenset({Kind.REPETITION, Kind.CYCLE, Kind.LOW_NOVELTY, Kind.SAME_ERROR, Kind.ALTERNATION}),
        frozenset({loop.tool}),
    )


def _with_talk(rounds: list[list[AgentEvent]], stage: Stage, rate: float) -> list[list[AgentEvent]]:
    made: list[list[AgentEvent]] = []
    for events in rounds:
        made.append([])
        for event in events:
            if event.tool and stage.dice.random() < rate:
                made[-1].append(stage.said())
            made[-1].append(event)
    return made


def dressed(
    events: Sequence[AgentEvent],
    dice: random.Random,
    waits: range = range(0),
    *,
    tells_failure: bool | None = None,
) -> list[AgentEvent]:
    """With times, prices and names, and written down as carelessly as transcripts are.

    Args:
        events: in order.
        dice: decide.
        waits: numbers of the events before which time goes by.
        tells_failure: whether calls say if they failed; None: the dice decide.
    """
    price = dice.choice((None, dice.uniform(0.002, 0.04)))
    pace_s = dice.uniform(2, 20)
    drawn, as_text = dice.random() < 0.75, dice.random() < 0.25
    tells = drawn if tells_failure is None else tells_failure
    at = STARTED_AT
    dressed = []
    for number, event in enumerate(events):
        waited_s = dice.uniform(15, 90) if number in waits else 0.0
        at += timedelta(seconds=dice.expovariate(1 / pace_s) + waited_s)
        cost = event.cost_picousd
        if cost is None and price is not None and not event.by_user:
            cost = int(price * dice.uniform(0.5, 1.5) * PICO)
        dressed.append(
            event._replace(
                at=at,
                name=f"event-{number + 1}",
                cost_picousd=cost,
                failed=event.failed if tells else None,
                arguments=_shuffled(event.arguments, dice) if as_text else event.arguments,
            )
        )
    return dressed


def _shuffled(arguments: object, dice: random.Random) -> object:
    if not isinstance(arguments, dict):
        return arguments
    return json.dumps(dict(dice.sample(sorted(arguments.items()), len(arguments))))

"""Past sessions: which loops there were, how long they went on, and what they have cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.costs.importers.source import Problem
from quarterdeck.errors import QuarterdeckError
from quarterdeck.loops.events.model import Kind
from quarterdeck.loops.sessions.actors import Actors
from quarterdeck.loops.sessions.following import reason_of
from quarterdeck.loops.transcripts import read_events

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    from quarterdeck.costs.pricing import PriceBook
    from quarterdeck.loops.sessions.actors import Loop
    from quarterdeck.loops.settings import LoopSettings

MAX_PROBLEMS = 20
"""Of one session that are kept; all are counted."""


class Session(NamedTuple):
    """One file, read to its end.

    Attributes:
        path: of the file.
        events: how many it tells of.
        cost_picousd: what its answers have cost; None: nothing in it has a price.
        loops: by whom and in which order they began.
        problems: what in it could not be understood, the first of them.
        problem_count: how much that was.
        unread: why nothing of it was read; empty: it was.
    """

    path: str
    events: int = 0
    cost_picousd: int | None = None
    loops: tuple[Loop, ...] = ()
    problems: tuple[Problem, ...] = ()
    problem_count: int = 0
    unread: str = ""

    @property
    def wasted_picousd(self) -> int | None:
        """What was repeated has cost, not what was spent for little; None: nothing of it has a price."""
        return total(loop.alarm.cost_picousd for loop in self.loops if loop.alarm.kind is not Kind.SPEND)


def scan(
    paths: Iterable[str], settings: LoopSettings, *, prices: PriceBook | None = None
) -> Iterator[Session]:
    """Read one session after another; what cannot be read is told, never raised.

    Args:
        paths: of transcripts, in any format that is known.
        settings: what may repeat.
        prices: what answers are priced by; None: costs stay unknown.
    """
    for path in paths:
        try:
            yield _read(path, settings, prices)
        except (QuarterdeckError, OSError) as error:
            yield Session(path, unread=reason_of(error, path))


def without_copies(sessions: Iterable[Session]) -> list[Session]:
    """*sessions*, each loop in one of them only: one that was gone on from is copied into the next.

    Of a loop that is in several the longest is kept.
    """
    kept = list(sessions)
    longest: dict[Hashable, tuple[int, int]] = {}
    for place, session in enumerate(kept):
        for loop in session.loops:
            own = (loop.alarm.times, -place)
            longest[_beginning(loop)] = max(own, longest.get(_beginning(loop), own))
    return [
        session._replace(
            loops=tuple(
                loop
                for loop in session.loops
                if not loop.alarm.first or longest[_beginning(loop)][1] == -place
            )
        )
        for place, session in enumerate(kept)
    ]


def _beginning(loop: Loop) -> Hashable:
    """The same in every copy, and in nothing else.

    Calls have ids of their own or are called by their file, but some interfaces count from 0 in every
    session. So when it was counts as well, or where that is not known, what it was.
    """
    alarm = loop.alarm
    return alarm.kind, alarm.first, alarm.what if alarm.since is None else alarm.since


def total(amounts: Iterable[int | None]) -> int | None:
    """The sum of those that are known; None: none is."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known else None


def _read(path: str, settings: LoopSettings, prices: PriceBook | None) -> Session:
    actors = Actors(settings)
    costs: list[int | None] = []
    problems: list[Problem] = []
    problem_count = 0
    for step in read_events(path, prices=prices):
        if isinstance(step, Problem):
            problem_count += 1
            if len(problems) < MAX_PROBLEMS:
                problems.append(step)
            continue
        costs.append(step.event.cost_picousd)
        actors.observe(step)
    return Session(path, len(costs), total(costs), tuple(actors.loops()), tuple(problems), problem_count)

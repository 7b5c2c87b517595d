"""Which loops of agents are found, how soon, and what is taken for one that is none.

    loop_corpus, loop_stage -> loop_draws, loop_afterwards -> sessions
    sessions -> AgentLoopDetector, and the peers' rules -> figures

A loop is found if something is said after it has begun and before it has ended. A false alarm is what is said
of a session without a loop, or before the loop has begun, or more than `AFTERMATH` events after its end.

The kinds of `loop_afterwards` come first: they were written when the detector was finished, and what it did
on them when they were first shown to it is kept. All the rest was seen by its maker: the scripts of both
halves, and the real runs of AgentDojo as far as it missed something in them. On those the figures say how
well it fits what it was made with.

    F1          of sessions: 2 found / (2 found + missed + sessions with a false alarm)
    rounds      of a loop, until the first word and until the stop: medians over those that were found
    real        loops that agents of AgentDojo went into by themselves

The rules of the peers are `loop_rules`; what they cost is what our writing of them costs.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple, Protocol

from bench import loop_corpus, loop_cost
from bench.loop_afterwards import FIRST_SHOWN, Afterwards
from bench.loop_draws import REAL, Draws
from bench.loop_rules import RULES
from bench.loop_stage import material
from bench.results import Fact, ScenarioResult, facts_result
from quarterdeck.loops.events import AgentLoopDetector, Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bench.loop_draws import Session
    from bench.loop_rules import Rule
    from quarterdeck.loops.events import AgentEvent

EACH, QUIET_SESSIONS = 40, 200
"""Sessions of each kind, and without anything laid in, for each half and for the set of `AFTERWARDS`."""
QUICK_EACH, QUICK_QUIET_SESSIONS = 12, 40
AFTERMATH = 16
EVENTS, QUICK_EVENTS = 20_000, 4_000
"""How many are timed."""

AFTERWARDS = "written afterwards"
SUBJECT = loop_cost.SUBJECT
HEADLINE = (SUBJECT, *RULES)


class Flag(NamedTuple):
    """Something that was said of a session.

    Attributes:
        position: after so many events.
        level: how loud; a peer's word has no levels, and counts as a stop.
        kind: what it is called.
        what: what is said to repeat; empty: nothing in particular.
    """

    position: int
    level: Level
    kind: str
    what: str


class Watch(Protocol):
    """A detector at its work: what it says of each event, if anything."""

    def __call__(self, event: AgentEvent) -> tuple[Level, str, str] | None:
        """Level, kind and what."""
        ...


class Judged(NamedTuple):
    """One session, as one contender saw it.

    Attributes:
        hits: what it said of the loop in time, in order.
        false: what it said without a loop.
    """

    session: Session
    hits: list[Flag]
    false: list[Flag]


def ours() -> Watch:
    """Our detector as it comes."""
    detector = AgentLoopDetector()

    def watch(event: AgentEvent) -> tuple[Level, str, str] | None:
        alarm = detector.observe(event)
        return (alarm.level, str(alarm.kind), alarm.what) if alarm else None

    return watch


def by_rule(make: Callable[[], Rule]) -> Callable[[], Watch]:
    """A peer's rule; it says something when its verdict changes."""

    def made() -> Watch:
        rule, last = make(), ""

        def watch(event: AgentEvent) -> tuple[Level, str, str] | None:
            nonlocal last
            before, last = last, rule.observe(event)
            return (Level.STOP, last, "") if last and not before else None

        return watch

    return made


CONTENDERS: dict[str, Callable[[], Watch]] = {SUBJECT: ours} | {
    name: by_rule(make) for name, make in RULES.items()
}


def judged(make: Callable[[], Watch], session: Session) -> Judged:
    """What a new detector says of *session*."""
    watch = make()
    hits, false = [], []
    for position, event in enumerate(session.events, 1):
        said = watch(event)
        if said is None:
            continue
        flag = Flag(position, *said)
        if session.has_loop and session.start < position <= session.end:
            hits.append(flag)
        elif not session.has_loop or position <= session.start or position > session.end + AFTERMATH:
            false.append(flag)
    return Judged(session, hits, false)


class Score(NamedTuple):
    """Of many sessions, 0 to 1 where it is no count."""

    found: int
    loops: int
    wrong: int
    false_flags: int
    sessions: int
    events: int

    @property
    def recall(self) -> float:
        """Of the loops."""
        return self.found / self.loops if self.loops else 1.0

    @property
    def precision(self) -> float:
        """Of the sessions of which something was said."""
        return self.found / (self.found + self.wrong) if self.found + self.wrong else 1.0

    @property
    def f1(self) -> float:
        """Of both, harmonically."""
        both = 2 * self.found + (self.loops - self.found) + self.wrong
        return 2 * self.found / both if both else 1.0


def score(seen: Iterable[Judged], least: Level = Level.NUDGE) -> Score:
    """What is said less loudly than *least* is not counted."""
    seen = list(seen)
    false = [sum(flag.level >= least for flag in each.false) for each in seen]
    return Score(
        found=sum(any(flag.level >= least for flag in each.hits) for each in seen),
        loops=sum(each.session.has_loop for each in seen),
        wrong=sum(map(bool, false)),
        false_flags=sum(false),
        sessions=len(seen),
        events=sum(len(each.session.events) for each in seen),
    )


def rounds_until(seen: Iterable[Judged], least: Level) -> float | None:
    """The median number of rounds that are complete when that level is reached; None: never."""
    counts = [
        sum(end <= flag.position for end in each.session.rounds)
        for each in seen
        for flag in [next((flag for flag in each.hits if flag.level >= least), None)]
        if flag is not None
    ]
    return statistics.median(counts) if counts else None


def is_named_right(each: Judged) -> bool:
    """Whether the first thing said has a fitting kind, and names a tool of the loop, if it has any."""
    first = each.hits[0]
    tools = each.session.tools
    return first.kind in each.session.kinds and (not tools or any(tool in first.what for tool in tools))


def run(*, rounds: int, quick: bool, say: Callable[[str], None]) -> list[ScenarioResult]:
    """What is found, what is not, what that costs.

    Args:
        rounds: of the timing.
        quick: only the first half and what was written afterwards, and fewer sessions.
        say: told what is being done.

    Raises:
        CorpusUnavailable: the real runs cannot be had.
        PeerUnavailable: Quarterdeck's environment cannot be made.
    """
    say("preparing the sessions")
    corpus, files = loop_corpus.fetch(), material()
    halves = {
        name: Draws(corpus, files, is_held_out=is_held_out)
        for name, is_held_out in (("second half", True), ("first half", False))
        if not (quick and is_held_out)
    }
    new = Afterwards(corpus)
    each, quiet = (QUICK_EACH, QUICK_QUIET_SESSIONS) if quick else (EACH, QUIET_SESSIONS)
    sets = {AFTERWARDS: [*new.loops(each), *new.works(each), *new.quiet(quiet)]}
    for half, draws in halves.items():
        sets[half] = [*draws.loops(each), *draws.works(each), *draws.quiet(quiet), *draws.real_loops()]
    seen: dict[str, dict[str, list[Judged]]] = {}
    for name, sessions in sets.items():
        seen[name] = {}
        for contender, make in CONTENDERS.items():
            say(f"{name}: {contender}")
            seen[name][contender] = [judged(make, session) for session in sessions]
    shown = [one for draws in halves.values() for one in (*draws.loops(2), *draws.quiet(quiet))]
    events = [event for session in shown for event in session.events]
    costs = loop_cost.run(events[: QUICK_EVENTS if quick else EVENTS], rounds, say)
    return [*afterwards({AFTERWARDS: seen.pop(AFTERWARDS)}), *accuracy(seen), *costs]


def afterwards(seen: dict[str, dict[str, list[Judged]]]) -> list[ScenarioResult]:
    """What nobody had seen who made the detector; with how it did when it was first shown that."""
    f1, *rest = _scripted(seen, f"{AFTERWARDS}: ")
    ours = f1["rows"][0]
    ours["text"] += f" ({FIRST_SHOWN['F1']:.3f} when first shown)"
    ours["figures"] |= {f"{name}, first shown": value for name, value in FIRST_SHOWN.items()}
    return [f1, *rest]


def accuracy(seen: dict[str, dict[str, list[Judged]]]) -> list[ScenarioResult]:
    """Half -> contender -> what it saw; as tables."""
    scripted = _picked(seen, lambda each: each.session.kind != REAL)
    real = _picked(seen, lambda each: each.session.kind == REAL)
    return [*_scripted(scripted), _table("loops of real agents found", "AgentDojo's runs", real, _recall)]


def _scripted(seen: dict[str, dict[str, list[Judged]]], prefix: str = "") -> list[ScenarioResult]:
    loops = _picked(seen, lambda each: each.session.has_loop)
    others = _picked(seen, lambda each: not each.session.has_loop)
    untold = _picked(seen, lambda each: all(event.failed is None for event in each.session.events))
    corpus, honest = "scripts in real runs", "honest repetition and quiet sessions"
    return [
        _table(f"{prefix}F1, loops and honest repetition", corpus, seen, _f1),
        _table(f"{prefix}F1, those of them where nobody says what failed", corpus, untold, _f1),
        _table(f"{prefix}scripted loops found", corpus, loops, _recall, by_kind=True),
        _table(f"{prefix}false alarms, {honest}", corpus, others, _false, by_kind=True),
    ]


def _picked(
    seen: dict[str, dict[str, list[Judged]]], wanted: Callable[[Judged], bool]
) -> dict[str, dict[str, list[Judged]]]:
    return {
        half: {contender: [each for each in of_one if wanted(each)] for contender, of_one in of_all.items()}
        for half, of_all in seen.items()
    }


class Said(NamedTuple):
    """A cell.

    Attributes:
        text: what stands in it.
        brief: the same in one figure.
        figures: the numbers it is made of.
    """

    text: str
    brief: str
    figures: dict[str, float]


def _table(
    name: str,
    corpus: str,
    seen: dict[str, dict[str, list[Judged]]],
    cell: Callable[[list[Judged]], Said],
    *,
    by_kind: bool = False,
) -> ScenarioResult:
    """A row for each contender, below them one for each contender and kind; the first half says it all."""
    rows: dict[str, list[tuple[str, Said]]] = defaultdict(list)
    for half, of_all in seen.items():
        for contender, of_one in of_all.items():
            rows[contender].append((half, cell(of_one)))
        for contender, of_one in of_all.items():
            for kind in dict.fromkeys(each.session.kind for each in of_one) if by_kind else ():
                of_kind = [each for each in of_one if each.session.kind == kind]
                rows[f"{contender} ({kind})"].append((half, cell(of_kind)))
    facts = []
    for row, cells in rows.items():
        text = cells[0][1].text + "".join(f" ({half} {said.brief})" for half, said in cells[1:])
        figures = {f"{key}, {half}": value for half, said in cells for key, value in said.figures.items()}
        facts.append(Fact(row, text, figures))
    size = sum(len(of_all[SUBJECT]) for of_all in seen.values())
    return facts_result(name, corpus, size, facts, unit="sessions")


def _f1(seen: list[Judged]) -> Said:
    of = score(seen)
    text = f"{of.f1:.3f}: precision {of.precision:.3f}, recall {of.recall:.3f}"
    return Said(text, f"{of.f1:.3f}", {"F1": of.f1, "precision": of.precision, "recall": of.recall})


def _recall(seen: list[Judged]) -> Said:
    of = score(seen)
    named = [is_named_right(each) for each in seen if each.hits]
    first, stop = rounds_until(seen, Level.NUDGE), rounds_until(seen, Level.STOP)
    stopped = score(seen, Level.STOP).recall
    text = f"{of.recall:.2f}"
    figures = {"recall": of.recall, "stopped": stopped, "loops": of.loops}
    if first is not None:
        text += f", after {first:g} rounds"
        figures["rounds until the first word"] = first
        figures["named right"] = statistics.fmean(named)
    if stop is not None:
        text += f", stop {stopped:.2f} after {stop:g}"
        figures["rounds until the stop"] = stop
    return Said(text, f"{of.recall:.2f}", figures)


def _false(seen: list[Judged]) -> Said:
    of, loud = score(seen), score(seen, Level.PAUSE)
    per_thousand = 1000 * of.false_flags / of.events
    text = f"{of.wrong} of {of.sessions:,}, {per_thousand:.2f} per 1,000 events"
    if loud.wrong:
        text += f", {loud.wrong} louder than a nudge"
    figures = {
        "sessions": of.sessions,
        "flagged": of.wrong,
        "per 1,000 events": per_thousand,
        "paused": loud.wrong,
    }
    return Said(text, f"{of.wrong} of {of.sessions:,}", figures)

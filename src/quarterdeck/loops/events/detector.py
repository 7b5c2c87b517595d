"""The detector of loops in what an agent does: it is shown event by event, and says when to worry."""

from __future__ import annotations

from collections import deque
from copy import copy
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, NamedTuple, Self

import msgspec

from quarterdeck.errors import UsageError
from quarterdeck.loops.events.allowances import Allowances, Role, only_looks
from quarterdeck.loops.events.alternation import Alternation
from quarterdeck.loops.events.calls import Footprint, footprint
from quarterdeck.loops.events.episodes import VAGUE, Episode, alarm_of, tell
from quarterdeck.loops.events.findings import Finding, Label, Mark, Move
from quarterdeck.loops.events.labels import call_label, message_label, outcome_label, what
from quarterdeck.loops.events.model import AgentEvent, Alarm, Kind, Level
from quarterdeck.loops.events.monologue import Monologue
from quarterdeck.loops.events.novelty import Known, Novelty
from quarterdeck.loops.events.repetition import LONGEST_PERIOD, Repetition, SameCall
from quarterdeck.loops.events.same_error import SameError
from quarterdeck.loops.events.searching import Searching
from quarterdeck.loops.events.spending import Spending
from quarterdeck.loops.settings import LoopSettings
from quarterdeck.words import harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_STATE_VERSION = 2
_KEPT_ALARMS = 256
_KEPT_LOOPS = 1024
_LOOKING = frozenset({Role.SEARCH, Role.READING, Role.NOTE, Role.POLLING})
_TIMES_TO_TELL = 3  # so often a call comes as it did before it is put into words
_PICOUSD = 1_000_000_000_000
_MOST_PICOUSD = 2**62  # what JSON holds anywhere
_MOST_USD = 1_000_000


class _State(msgspec.Struct, array_like=True):
    """Everything that is remembered between two events."""

    version: int = _STATE_VERSION
    mark: Mark = Mark()
    repetition: Repetition = msgspec.field(default_factory=Repetition)
    same_call: SameCall = msgspec.field(default_factory=SameCall)
    same_error: SameError = msgspec.field(default_factory=SameError)
    alternation: Alternation = msgspec.field(default_factory=Alternation)
    monologue: Monologue = msgspec.field(default_factory=Monologue)
    searching: Searching = msgspec.field(default_factory=Searching)
    novelty: Novelty = msgspec.field(default_factory=Novelty)
    spending: Spending = msgspec.field(default_factory=Spending)
    labels: Annotated[list[Label], msgspec.Meta(max_length=LONGEST_PERIOD)] = msgspec.field(
        default_factory=list
    )
    circle: Episode | None = None
    spent: Episode | None = None


class _Found(NamedTuple):
    """What the rules say to one event, and how each of them is put into words."""

    findings: list[Finding]
    about: Callable[[Finding], str]
    mark: Mark


class AgentLoopDetector:
    """Sees when an agent goes in circles, from its events in order.

    One event costs some microseconds, and what is remembered is bounded however long the session is.

        detector = AgentLoopDetector()
        for event in events:
            alarm = detector.observe(event)
            if alarm is not None and alarm.level is Level.STOP:
                break

    Args:
        settings: what the project has set; None: the defaults.
        polling: further names of tools, or patterns such as ``*wait*``, that may be called again and again.
        batch: the same for tools that do one thing after another without naming it.
        spend_usd: dollars without progress that are a nudge; None: by *settings*; 0: no such alarm.
        folder: where the agent works: paths in it and relative ones are the same; empty: unknown.

    Raises:
        UsageError: *spend_usd* is no sum of money.
    """

    def __init__(
        self,
        *,
        settings: LoopSettings | None = None,
        polling: Iterable[str] = (),
        batch: Iterable[str] = (),
        spend_usd: float | None = None,
        folder: str = "",
    ) -> None:
        settings = settings or LoopSettings()
        self._allowances = Allowances((*settings.polling, *polling), (*settings.batch, *batch))
        limit_usd = settings.spend_usd if spend_usd is None else spend_usd
        if not 0 <= limit_usd < _MOST_USD:
            raise UsageError(
                f"spend_usd must be a number of dollars from 0 to {_MOST_USD:,}, got {limit_usd}",
                hint="pass spend_usd=0 for no alarm about spending",
            )
        self._spend_picousd = round(limit_usd * _PICOUSD)
        self._folder = folder.rstrip("/")
        self.reset()

    def reset(self) -> None:
        """Forget everything, also the alarms."""
        self._state = _State()
        self._alarms: deque[Alarm] = deque(maxlen=_KEPT_ALARMS)
        self._loops: deque[Alarm] = deque(maxlen=_KEPT_LOOPS)

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """What was raised, in order; the latest 256."""
        return tuple(self._alarms)

    def loops(self) -> tuple[Alarm, ...]:
        """Each loop once, with its final extent; those at work come last, as they are now. The latest 1,024.

        Money that goes (`Kind.SPEND`) is a record of its own, beside the loops it goes for.
        """
        return (*self._loops, *self._at_work())

    def observe(self, event: AgentEvent) -> Alarm | None:
        """Take in what happened; the alarm that is raised by it, or None.

        A loop is raised once for each level, when it is reached. Of two at once the louder is returned, and
        both are in `alarms`.

        Raises:
            UsageError: a field of *event* is of a type it cannot have.
        """
        found = self._found(_checked(event))
        if found is None:
            return None
        state, raised = self._state, []
        for one in _loudest(found.findings):
            before = state.spent if one.kind is Kind.SPEND else state.circle
            told = tell(before, one, partial(found.about, one), found.mark)
            if before and told.begins:
                self._loops.append(before.alarm)
            if one.kind is Kind.SPEND:
                state.spent = told.episode
            else:
                state.circle = told.episode
            if told.alarm is not None:
                raised.append(told.alarm)
        self._alarms.extend(raised)
        return max(raised, key=lambda alarm: alarm.level, default=None)

    def consider(self, event: AgentEvent) -> Alarm | None:
        """The alarm that a call about to be made would be part of, if it came out as it did the last time.

        It is also given when it was raised before. Nothing is remembered. It is a nudge at most where that is
        no more than a guess, as something may have changed since; and where little is new or money goes, as
        that says nothing of this call. None: a call that is not known, or one that does no harm.

        Raises:
            UsageError: a field of *event* is of a type it cannot have.
        """
        event = _checked(event)
        if not event.tool or event.progress:
            return None
        seen = self._seen(event)
        novelty = self._state.novelty
        known = novelty.known.get(seen.call)
        if known is None:
            return None
        again = seen._replace(outcome=known.outcome, failed=known.failed, error=known.error, role=known.role)
        twin = copy(self)
        twin.restore(self.snapshot())
        found = twin._found(event, again)  # noqa: SLF001 - it is one like this
        if found is None:
            return None
        guessed = novelty.touched > known.last
        findings = [
            one._replace(level=Level.NUDGE) if guessed or one.kind in VAGUE else one for one in found.findings
        ]
        finding = max(findings, key=lambda one: (one.level, one.kind not in VAGUE))
        return alarm_of(finding, found.about(finding), found.mark)

    def snapshot(self) -> bytes:
        """What is remembered, as JSON of a few kilobytes; without the alarms and loops that are over."""
        self._state.monologue.settle()
        return msgspec.json.encode(self._state)

    def restore(self, snapshot: bytes | str) -> bool:
        """Go on from *snapshot*; False, and nothing happens, if it is damaged or of another version."""
        try:
            state = msgspec.json.decode(snapshot, type=_State)
        except (msgspec.DecodeError, UnicodeError, RecursionError, TypeError):
            return False
        if state.version != _STATE_VERSION:
            return False
        self._state = state
        return True

    @classmethod
    def restored(
        cls,
        snapshot: bytes | str,
        *,
        settings: LoopSettings | None = None,
        polling: Iterable[str] = (),
        batch: Iterable[str] = (),
        spend_usd: float | None = None,
        folder: str = "",
    ) -> Self:
        """A detector that goes on from *snapshot*, or begins anew if it cannot `restore` that."""
        detector = cls(settings=settings, polling=polling, batch=batch, spend_usd=spend_usd, folder=folder)
        detector.restore(snapshot)
        return detector

    def _seen(self, event: AgentEvent) -> Footprint:
        return footprint(event, self._allowances, self._folder)

    def _at_work(self) -> list[Alarm]:
        episodes = filter(None, (self._state.circle, self._state.spent))
        return sorted((episode.alarm for episode in episodes), key=lambda alarm: alarm.start)

    def _found(self, event: AgentEvent, seen: Footprint | None = None) -> _Found | None:
        """What the rules say to *event*; None: nothing."""
        before = self._state.mark
        cost = _cost(event)
        mark = Mark(
            before.position + 1,
            event.at if event.at is not None and event.at.utcoffset() is not None else None,
            harmless(event.name[:200])[:200],
            min(before.spent + cost, _MOST_PICOUSD),
            before.priced + (event.cost_picousd is not None),
        )
        if event.by_user or event.progress:
            self._loops.extend(self._at_work())
            self._state = _State(mark=mark, spending=Spending(since=mark))
            return None
        self._state.mark = mark
        if event.tool:
            found = self._called(event, seen or self._seen(event), mark)
        else:
            found = self._said(event, before, mark)
        return found if found.findings else None

    def _said(self, event: AgentEvent, before: Mark, mark: Mark) -> _Found:
        findings = [
            self._state.monologue.observe(event.text, before, mark) if event.text.strip() else None,
            self._state.spending.said(mark, _cost(event), limit=self._spend_picousd),
        ]
        return _Found([*filter(None, findings)], lambda _: message_label(event.text), mark)

    def _called(self, event: AgentEvent, seen: Footprint, mark: Mark) -> _Found:
        state, role = self._state, seen.role
        before = state.novelty.known.get(seen.call)
        recovers = before is not None and before.failed and not seen.failed
        new = not state.novelty.meet(seen, mark) and not seen.vain
        works = not seen.failed and event.progress is None
        changed = works and new and role is Role.CHANGE
        touched = works and (
            role is Role.STEPPING or (new and role not in _LOOKING and not only_looks(event.tool))
        )
        move = Move(seen, new, changed, touched, mark)
        state.monologue.acted(new=new)
        findings = [
            state.repetition.observe(move),
            state.same_call.observe(move),
            state.alternation.observe(move),
            state.same_error.observe(move),
            state.searching.observe(move),
            state.novelty.observe(move),
            state.spending.called(
                mark,
                _cost(event),
                found=new and not seen.failed,
                progress=changed or recovers,
                limit=self._spend_picousd,
            ),
        ]
        known = state.novelty.known[seen.call]
        is_round = state.repetition.is_round()
        if is_round or known.times >= _TIMES_TO_TELL or state.same_error.is_known(seen.error):
            _put_into_words(known, event)
        state.labels.append(known.called if is_round else "")
        del state.labels[:-LONGEST_PERIOD]
        return _Found([*filter(None, findings)], lambda finding: self._about(finding, event, seen), mark)

    def _about(self, finding: Finding, event: AgentEvent, seen: Footprint) -> str:
        if finding.kind is Kind.CYCLE:
            return what("; ".join(self._state.labels[-finding.period :]))
        known = self._state.novelty.known[seen.call]
        _put_into_words(known, event)
        came = self._state.novelty.came(seen)
        if finding.kind is Kind.SAME_ERROR:
            return what(f"{came or 'a failure'} (as in {known.called})")
        return what(f"{known.called} -> {came}" if came else known.called)


def _loudest(findings: list[Finding]) -> Iterator[Finding]:
    """Of circles the loudest, of two as loud the first; and what is said about money."""
    circles = [one for one in findings if one.kind is not Kind.SPEND]
    if circles:
        yield max(circles, key=lambda one: one.level)
    yield from (one for one in findings if one.kind is Kind.SPEND)


def _checked(event: AgentEvent) -> AgentEvent:
    """*event* itself.

    Raises:
        UsageError: a field is of a type it cannot have; arguments and outcomes may be anything.
    """
    if not isinstance(event, AgentEvent):
        raise UsageError(
            f"an event must be an AgentEvent, got {type(event).__name__}",
            hint="make events by AgentEvent.call, AgentEvent.said and AgentEvent.heard",
        )
    texts = (event.tool, event.text, event.name)
    if {*map(type, texts)} != {str} and not all(isinstance(text, str) for text in texts):
        raise UsageError(
            "tool, text and name of an event must be text",
            hint="make events by AgentEvent.call, AgentEvent.said and AgentEvent.heard",
        )
    if event.cost_picousd is not None and not isinstance(event.cost_picousd, int):
        raise UsageError(
            f"cost_picousd must be a whole number or None, got {type(event.cost_picousd).__name__}",
            hint="a dollar is 1_000_000_000_000 pico-dollars; round what is less than one of them",
        )
    if event.at is not None and not isinstance(event.at, datetime):
        raise UsageError(
            f"at must be a datetime or None, got {type(event.at).__name__}",
            hint="parse it first, as by datetime.fromisoformat, and give it a time zone",
        )
    return event


def _put_into_words(known: Known, event: AgentEvent) -> None:
    known.called = known.called or call_label(event)
    known.came = known.came or outcome_label(event, failed=known.failed)


def _cost(event: AgentEvent) -> int:
    return min(max(event.cost_picousd or 0, 0), _MOST_PICOUSD)

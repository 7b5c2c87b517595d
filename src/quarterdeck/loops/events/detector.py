"""The detector of loops in what an agent does: it is shown event by event, and says when to worry."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Annotated, Self

import msgspec

from quarterdeck.errors import UsageError
from quarterdeck.loops.events.allowances import Allowances, Role
from quarterdeck.loops.events.alternation import Alternation
from quarterdeck.loops.events.calls import Footprint, footprint
from quarterdeck.loops.events.episodes import Episode, alarm_of, tell
from quarterdeck.loops.events.findings import Finding, Label, Mark, Move
from quarterdeck.loops.events.labels import call_label, message_label, outcome_label, what
from quarterdeck.loops.events.model import AgentEvent, Alarm, Kind
from quarterdeck.loops.events.monologue import Monologue
from quarterdeck.loops.events.novelty import Known, Novelty
from quarterdeck.loops.events.repetition import LONGEST_PERIOD, Repetition, SameCall
from quarterdeck.loops.events.same_error import SameError
from quarterdeck.loops.events.searching import Searching
from quarterdeck.loops.events.spending import Spending
from quarterdeck.loops.settings import LoopSettings
from quarterdeck.words import harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_STATE_VERSION = 2
_KEPT_ALARMS = 256
_KEPT_LOOPS = 1024
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
    episode: Episode | None = None


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
                "pass spend_usd=0 for no alarm about spending",
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
        """Each loop once, with its final extent, in order; the one at work as it is now. The latest 1,024."""
        episode = self._state.episode
        return (*self._loops, episode.alarm) if episode else tuple(self._loops)

    def observe(self, event: AgentEvent) -> Alarm | None:
        """Take in what happened; the alarm that is raised by it, or None.

        A loop is raised once for each level, when it is reached.
        """
        found = self._found(event)
        if found is None:
            return None
        told = tell(self._state.episode, *found, self._state.mark)
        if told.begins and self._state.episode:
            self._loops.append(self._state.episode.alarm)
        self._state.episode = told.episode
        if told.alarm is not None:
            self._alarms.append(told.alarm)
        return told.alarm

    def consider(self, event: AgentEvent) -> Alarm | None:
        """The alarm that a call about to be made would be part of, if it came out as it did the last time.

        It is also given when it was raised before. Nothing is remembered. None: a call that is not known, or
        one that does no harm.
        """
        if not event.tool:
            return None
        seen = self._seen(event)
        known = self._state.novelty.known.get(seen.call)
        if known is None:
            return None
        again = seen._replace(outcome=known.outcome, failed=known.failed, error=known.error, role=known.role)
        kept = self._state
        self._state = msgspec.json.decode(self.snapshot(), type=_State)
        try:
            found = self._found(event, again)
            if found is None:
                return None
            finding, about = found
            return alarm_of(finding, about(), self._state.mark)
        finally:
            self._state = kept

    def snapshot(self) -> bytes:
        """What is remembered, as JSON of a few kilobytes; without the alarms and loops that are over."""
        return msgspec.json.encode(self._state)

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
        """A detector that goes on from *snapshot*; one that is damaged or of another version is as none."""
        detector = cls(settings=settings, polling=polling, batch=batch, spend_usd=spend_usd, folder=folder)
        try:
            state = msgspec.json.decode(snapshot, type=_State)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return detector
        if state.version == _STATE_VERSION:
            detector._state = state
        return detector

    def _seen(self, event: AgentEvent) -> Footprint:
        return footprint(event, self._allowances, self._folder)

    def _found(
        self, event: AgentEvent, seen: Footprint | None = None
    ) -> tuple[Finding, Callable[[], str]] | None:
        """What the rules say to *event*, the loudest of it, and how to put into words what it is about."""
        before = self._state.mark
        cost = _cost(event)
        mark = Mark(
            before.position + 1,
            event.at if event.at is not None and event.at.tzinfo is not None else None,
            harmless(event.name[:200])[:200],
            min(before.spent + cost, _MOST_PICOUSD),
            before.priced + (event.cost_picousd is not None),
        )
        if event.by_user or event.progress:
            self._begin_anew(mark)
            return None
        self._state.mark = mark
        if event.tool:
            return self._called(event, seen or self._seen(event), mark)
        return self._said(event, before, mark)

    def _begin_anew(self, mark: Mark) -> None:
        episode = self._state.episode
        if episode:
            self._loops.append(episode.alarm)
        self._state = _State(mark=mark, spending=Spending(since=mark))

    def _said(self, event: AgentEvent, before: Mark, mark: Mark) -> tuple[Finding, Callable[[], str]] | None:
        state = self._state
        spent = state.spending.observe(
            mark,
            _cost(event),
            found=False,
            progress=False,
            limit=self._spend_picousd,
        )
        finding = (state.monologue.observe(event.text, before, mark) if event.text.strip() else None) or spent
        return (finding, partial(message_label, event.text)) if finding else None

    def _called(
        self, event: AgentEvent, seen: Footprint, mark: Mark
    ) -> tuple[Finding, Callable[[], str]] | None:
        state = self._state
        before = state.novelty.known.get(seen.call)
        recovers = before is not None and before.failed and not seen.failed
        new = not state.novelty.meet(seen, mark) and not seen.vain
        changed = seen.role is Role.CHANGE and new and not seen.failed and event.progress is None
        move = Move(seen, new, changed, mark)
        state.monologue.acted(new=new)
        findings = (
            state.repetition.observe(move),
            state.same_call.observe(move),
            state.alternation.observe(move),
            state.same_error.observe(move),
            state.searching.observe(move),
            state.novelty.observe(move),
            state.spending.observe(
                mark,
                _cost(event),
                found=new and not seen.failed,
                progress=changed or recovers,
                limit=self._spend_picousd,
            ),
        )
        known = state.novelty.known[seen.call]
        is_round = state.repetition.is_round()
        if is_round or known.times >= _TIMES_TO_TELL or state.same_error.is_known(seen.error):
            _put_into_words(known, event)
        state.labels.append(known.called if is_round else "")
        del state.labels[:-LONGEST_PERIOD]
        finding = max(filter(None, findings), key=lambda one: one.level, default=None)
        return (finding, partial(self._about, finding, event, seen)) if finding else None

    def _about(self, finding: Finding, event: AgentEvent, seen: Footprint) -> str:
        if finding.kind is Kind.CYCLE:
            return what("; ".join(self._state.labels[-finding.period :]))
        known = self._state.novelty.known[seen.call]
        _put_into_words(known, event)
        came = self._state.novelty.came(seen)
        if finding.kind is Kind.SAME_ERROR:
            return what(f"{came or 'a failure'} (last: {known.called})")
        return what(f"{known.called} -> {came}" if came else known.called)


def _put_into_words(known: Known, event: AgentEvent) -> None:
    known.called = known.called or call_label(event)
    known.came = known.came or outcome_label(event, failed=known.failed)


def _cost(event: AgentEvent) -> int:
    return min(max(event.cost_picousd or 0, 0), _MOST_PICOUSD)

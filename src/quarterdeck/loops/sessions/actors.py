"""Those who act in a session, a detector for each: what different ones do at the same time is no sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec

from quarterdeck.loops.events import AgentLoopDetector
from quarterdeck.loops.sessions.wording import is_our_reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from quarterdeck.loops.events.model import AgentEvent, Alarm
    from quarterdeck.loops.settings import LoopSettings
    from quarterdeck.loops.transcripts import Step

MAX_ACTORS = 64
"""Subagents who are remembered from one process to the next: those who acted last."""

_MAX_TOLD = 32

Count = Annotated[int, msgspec.Meta(ge=0)]


class Loop(NamedTuple):
    """A loop, and whose it is: *actor* is empty for the agent itself, else the name of a subagent."""

    alarm: Alarm
    actor: str = ""


class Kept(msgspec.Struct, array_like=True):
    """What is remembered of one who acts.

    Attributes:
        detector: its snapshot.
        blocked: see `Actor`.
        told: see `Actor`.
    """

    detector: msgspec.Raw
    blocked: Count
    told: Annotated[dict[str, Count], msgspec.Meta(max_length=_MAX_TOLD)]


class Actor:
    """One who acts.

    Attributes:
        detector: is shown what they do, but for calls that were not made because of us.
        observed: how many events that were, since `__init__`.
        blocked: how many of their latest calls were not made because of us, one after another.
        told: the levels of what they were told, by names that the loop goes by; since a person last spoke.
    """

    def __init__(self, detector: AgentLoopDetector) -> None:
        """Has done nothing yet."""
        self.detector = detector
        self.observed = 0
        self.blocked = 0
        self.told: dict[str, int] = {}

    def observe(self, event: AgentEvent) -> Alarm | None:
        """Take in what they did; the alarm that is raised by it, or None."""
        if is_our_reason(event):
            self.blocked += 1
            return None
        if event.by_user:
            self.told.clear()
        if event.by_user or event.tool:
            self.blocked = 0
        self.observed += 1
        return self.detector.observe(event)

    def is_news(self, level: int, names: Iterable[str]) -> bool:
        """Whether nothing as loud was told of any of *names*; from now on it was of all of them."""
        known = max((self.told.pop(name, 0) for name in names), default=0)
        self.told.update(dict.fromkeys(names, max(level, known)))
        while len(self.told) > _MAX_TOLD:
            del self.told[next(iter(self.told))]
        return level > known


class Actors:
    """All who act in one session."""

    def __init__(self, settings: LoopSettings, folder: str = "", *, at_most: int | None = None) -> None:
        """Nobody yet.

        Args:
            settings: what may repeat.
            folder: where they work; empty: unknown.
            at_most: so many are remembered; the one that has been silent for longest is forgotten.
        """
        self._settings = settings
        self._folder = folder
        self._at_most = at_most
        self._known: dict[str, Actor] = {}

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._known)

    def __getitem__(self, name: str) -> Actor:
        """The one of this name, who is heard of now."""
        actor = self._known.pop(name, None) or Actor(self._detector())
        self._known[name] = actor
        if self._at_most is not None and len(self._known) > self._at_most:
            del self._known[next(iter(self._known))]
        return actor

    def observe(self, step: Step) -> Loop | None:
        """Take in what somebody did; the loop whose alarm is raised by it, or None."""
        alarm = self[step.actor].observe(step.event)
        return None if alarm is None else Loop(alarm, step.actor)

    def loops(self) -> Iterator[Loop]:
        """Every loop there was, and those at work."""
        for name, actor in self._known.items():
            for alarm in actor.detector.loops():
                yield Loop(alarm, name)

    def at_work(self) -> Iterator[Loop]:
        """Of a session that was read from its start, the loops that its latest events are part of."""
        for each in self.loops():
            if each.alarm.position == self._known[each.actor].observed:
                yield each

    def forget(self) -> None:
        """Everybody."""
        self._known.clear()

    @property
    def kept(self) -> dict[str, Kept]:
        """All that is remembered, without the loops that are over."""
        return {
            name: Kept(msgspec.Raw(actor.detector.snapshot()), actor.blocked, actor.told)
            for name, actor in self._known.items()
        }

    def take_over(self, kept: dict[str, Kept]) -> None:
        """Go on from what was `kept`.

        Raises:
            ValueError: what a detector remembered is damaged, or of another version.
        """
        for name, each in kept.items():
            detector = self._detector(each.detector)
            if detector.snapshot() != bytes(each.detector):  # it has begun anew
                raise ValueError("a detector does not go on from its snapshot")
            actor = self._known[name] = Actor(detector)
            actor.blocked, actor.told = each.blocked, each.told

    def _detector(self, snapshot: msgspec.Raw | None = None) -> AgentLoopDetector:
        if snapshot is None:
            return AgentLoopDetector(settings=self._settings, folder=self._folder)
        return AgentLoopDetector.restored(bytes(snapshot), settings=self._settings, folder=self._folder)

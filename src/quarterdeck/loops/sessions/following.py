"""A session as far as it was read: the place in its transcript, and a detector for each who acts in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.costs.importers.source import Problem
from quarterdeck.errors import QuarterdeckError
from quarterdeck.files import failure
from quarterdeck.loops.events import AgentLoopDetector
from quarterdeck.loops.transcripts import Follower

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from quarterdeck.costs.pricing import PriceBook
    from quarterdeck.loops.events.model import AgentEvent, Alarm
    from quarterdeck.loops.settings import LoopSettings

MAX_ACTORS = 64
"""Subagents whose actions are remembered; the one that has been silent for longest is forgotten."""

_VERSION = 1


class Loop(NamedTuple):
    """A loop, and whose it is: *actor* is empty for the agent itself, else the name of a subagent."""

    alarm: Alarm
    actor: str = ""


def reason_of(error: QuarterdeckError | OSError, path: str) -> str:
    """Why the transcript at *path* cannot be read, without its name."""
    message = error.message if isinstance(error, QuarterdeckError) else failure(error, path).message
    return message.removeprefix(f"{path} ")


class Following:
    """One transcript, read on from where it was left; what it has told so far is in the detectors.

    Attributes:
        path: of the transcript.
        events: how many events it has told, since `__init__`.
        left_out: by actor, how many of its latest calls were left out, one after another.
        told: by actor, the start and the level of the loop that it was told of last; kept with the rest.
    """

    def __init__(
        self,
        path: str,
        settings: LoopSettings,
        *,
        state: str = "",
        prices: PriceBook | None = None,
        last_bytes: int | None = None,
        folder: str = "",
        leave_out: Callable[[AgentEvent], bool] = lambda event: False,
    ) -> None:
        """Touches no disk.

        Args:
            path: of a file, which need not exist yet.
            settings: of the project.
            state: as `state` gave it; one that is damaged or of another version is as none.
            prices: what answers are priced by; None: costs stay unknown.
            last_bytes: without *state*, begin at most so many bytes before the end.
            folder: where the agent works; empty: unknown.
            leave_out: events that no detector is shown.
        """
        self.path = path
        self.events = 0
        self.left_out: dict[str, int] = {}
        self.told: dict[str, tuple[int, int]] = {}
        self._observed: dict[str, int] = {}
        self._detectors: dict[str, AgentLoopDetector] = {}
        self._settings = settings
        self._folder = folder
        self._leave_out = leave_out
        place = self._restored(state)
        self._follower = Follower(path, state=place, prices=prices, last_bytes=last_bytes)
        self._restarts = self._follower.restarts
        if self._follower.state != place:  # of another version: it begins anew
            self._forget()

    def read(self) -> Iterator[Loop | Problem]:
        """The alarms raised by what was written since last time; to be read to its end.

        Raises:
            NothingToRead: the transcript cannot be read.
            UsageError: it is of no format that is known.
        """
        steps = list(self._follower.read())  # only at the end of them it is known whether it began anew
        if self._follower.restarts != self._restarts:
            self._restarts = self._follower.restarts
            self._forget()
        for step in steps:
            if isinstance(step, Problem):
                yield step
                continue
            self.events += 1
            if self._leave_out(step.event):
                self.left_out[step.actor] = self.left_out.get(step.actor, 0) + 1
                continue
            if step.event.tool or step.event.by_user:
                self.left_out.pop(step.actor, None)
            self._observed[step.actor] = self._observed.get(step.actor, 0) + 1
            alarm = self._detector(step.actor).observe(step.event)
            if alarm is not None:
                yield Loop(alarm, step.actor)

    def consider(self, event: AgentEvent, actor: str = "") -> Alarm | None:
        """The loop that a call about to be made would be part of, also when it has been raised before."""
        detector = self._detectors.get(actor)
        return None if detector is None else detector.consider(event)

    def loops(self) -> Iterator[Loop]:
        """Every loop that has been read of since `__init__`, and those at work."""
        for actor, detector in self._detectors.items():
            for alarm in detector.loops():
                yield Loop(alarm, actor)

    def at_work(self) -> Iterator[Loop]:
        """Of a session that was read from its start, the loops that its latest events are part of."""
        for each in self.loops():
            if each.alarm.position == self._observed.get(each.actor):
                yield each

    @property
    def state(self) -> str:
        """All that reading on needs, as a line of JSON; it follows from the transcript, but for `told`."""
        kept = {actor: detector.snapshot().decode() for actor, detector in self._detectors.items()}
        return json.dumps([_VERSION, self._follower.state, kept, self.left_out, self.told])

    def _restored(self, state: str) -> str:
        """The follower's part of *state*, the rest of it taken over; empty: it cannot be used."""
        try:
            version, place, kept, left_out, told = json.loads(state)
            if version != _VERSION or not isinstance(place, str):
                return ""
            self.left_out = {str(actor): int(times) for actor, times in left_out.items()}
            self.told = {str(actor): (int(start), int(level)) for actor, (start, level) in told.items()}
            self._detectors = {actor: self._made(snapshot) for actor, snapshot in kept.items()}
        except (ValueError, TypeError, AttributeError, RecursionError):
            self._forget()
            return ""
        return place

    def _forget(self) -> None:
        self._detectors.clear()
        self._observed.clear()
        self.left_out.clear()
        self.told.clear()

    def _made(self, snapshot: str = "") -> AgentLoopDetector:
        if not snapshot:
            return AgentLoopDetector(settings=self._settings, folder=self._folder)
        return AgentLoopDetector.restored(snapshot, settings=self._settings, folder=self._folder)

    def _detector(self, actor: str) -> AgentLoopDetector:
        """That of *actor*, who has now been heard of last."""
        detector = self._detectors.pop(actor, None) or self._made()
        self._detectors[actor] = detector
        if len(self._detectors) > MAX_ACTORS:
            del self._detectors[next(iter(self._detectors))]
        return detector

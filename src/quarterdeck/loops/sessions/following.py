"""A transcript as far as it was read: the place in it, and what is remembered of those who act in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from quarterdeck.costs.importers.source import Problem
from quarterdeck.errors import QuarterdeckError
from quarterdeck.files import failure
from quarterdeck.loops.sessions.actors import MAX_ACTORS, Actors, Kept, Loop
from quarterdeck.loops.transcripts import Follower

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from quarterdeck.costs.pricing import PriceBook
    from quarterdeck.loops.settings import LoopSettings
    from quarterdeck.loops.transcripts import Step

_VERSION = 2


class _State(msgspec.Struct, array_like=True):
    version: int
    place: msgspec.Raw
    actors: dict[str, Kept]


def reason_of(error: QuarterdeckError | OSError, path: str) -> str:
    """Why the transcript at *path* cannot be read, without its name."""
    message = error.message if isinstance(error, QuarterdeckError) else failure(error, path).message
    return message.removeprefix(f"{path} ")


class Following:
    """One transcript, read on from where it was left.

    Attributes:
        path: of the transcript.
        events: how many it has told, since `__init__`.
        actors: those who act in it.
    """

    def __init__(
        self,
        path: str,
        settings: LoopSettings,
        *,
        state: bytes = b"",
        prices: PriceBook | None = None,
        last_bytes: int | None = None,
        folder: str = "",
    ) -> None:
        """Touches no disk.

        Args:
            path: of a file, which need not exist yet.
            settings: of the project.
            state: as `state` gave it; one that is damaged or of another version is as none.
            prices: what answers are priced by; None: costs stay unknown.
            last_bytes: without *state*, begin at most so many bytes before the end.
            folder: where the agent works; empty: unknown.
        """
        self.path = path
        self.events = 0
        self.actors = Actors(settings, folder, at_most=MAX_ACTORS)
        place = self._restored(state)
        self._follower = Follower(path, state=place, prices=prices, last_bytes=last_bytes)
        self._restarts = self._follower.restarts
        if self._follower.state != place:  # of another version: it begins anew
            self.actors.forget()

    def read(self) -> Iterator[Loop | Problem]:
        """The alarms raised by what was written since last time; to be read to its end.

        Raises:
            NothingToRead: the transcript cannot be read.
            UsageError: it is of no format that is known.
        """
        steps: Iterable[Step | Problem] = self._follower.read()
        if len(self.actors):  # only at the end it is known whether it began anew, and all is to be forgotten
            steps = list(steps)
            if self._follower.restarts != self._restarts:
                self.actors.forget()
        for step in steps:
            if isinstance(step, Problem):
                yield step
                continue
            self.events += 1
            loop = self.actors.observe(step)
            if loop is not None:
                yield loop
        self._restarts = self._follower.restarts

    @property
    def state(self) -> bytes:
        """All that reading on needs, as JSON; it follows from the transcript, but for what was told."""
        place = msgspec.Raw(self._follower.state.encode())
        return msgspec.json.encode(_State(_VERSION, place, self.actors.kept))

    def _restored(self, state: bytes) -> str:
        """The follower's part of *state*, the rest of it taken over; empty: it cannot be used."""
        try:
            found = msgspec.json.decode(state, type=_State)
            if found.version != _VERSION or not found.actors:
                return ""
            self.actors.take_over(found.actors)
            return bytes(found.place).decode()
        except (ValueError, RecursionError):
            self.actors.forget()
            return ""

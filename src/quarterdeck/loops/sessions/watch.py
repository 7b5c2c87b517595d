"""The session at work: alarms as they come."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.costs.importers.source import Problem
from quarterdeck.errors import QuarterdeckError
from quarterdeck.loops.sessions.following import Following, reason_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from quarterdeck.costs.pricing import PriceBook
    from quarterdeck.loops.sessions.actors import Loop
    from quarterdeck.loops.settings import LoopSettings

POLL_S = 1.0
"""How often it is looked whether there is something new: at the file, and at the subagents' folder."""


class Began(NamedTuple):
    """A transcript is followed from now on; *events* were in it already."""

    path: str
    events: int


class Seen(NamedTuple):
    """An alarm, and the transcript it comes from."""

    path: str
    loop: Loop


def watch(
    path: str,
    settings: LoopSettings,
    *,
    prices: PriceBook | None = None,
    poll_s: float = POLL_S,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[Began | Seen | Problem]:
    """Follow the session at *path*, and the subagents that write beside it, for ever.

    What was in a transcript before is read, and told of is only the loop at work. A transcript that is cut
    short or replaced is begun anew; one that is not there yet, or cannot be read now, is waited for.

    Args:
        path: of the transcript.
        settings: what may repeat.
        prices: what answers are priced by; None: costs stay unknown.
        poll_s: see `POLL_S`.
        sleep: waits so many seconds.
    """
    followed: dict[str, _Watched] = {}
    while True:
        for each in (path, *_beside(path)):
            if each not in followed:
                followed[each] = _Watched(Following(each, settings, prices=prices))
            yield from followed[each].news()
        sleep(poll_s)


class _Watched:
    """A transcript that is looked at again and again, and only read when it has changed."""

    def __init__(self, session: Following) -> None:
        self._session = session
        self._begun = False
        self._stamp: tuple[object, ...] | None = None
        self._problem = ""

    def news(self) -> Iterator[Began | Seen | Problem]:
        stamp = _stamp(self._session.path)
        if stamp is None or stamp == self._stamp:
            return
        try:
            found = list(self._session.read())
        except (QuarterdeckError, OSError) as error:
            reason = reason_of(error, self._session.path)
            if reason != self._problem:  # once, not every second
                yield Problem(self._session.path, 0, reason)
            self._problem = reason
            return
        finally:
            self._stamp = stamp
        self._problem = ""
        if not self._begun:
            self._begun = True
            yield Began(self._session.path, self._session.events)
            found = [*self._session.actors.at_work()]
        for each in found:
            yield each if isinstance(each, Problem) else Seen(self._session.path, each)


def _stamp(path: str) -> tuple[object, ...] | None:
    """Another one whenever the file has changed; None: there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _beside(path: str) -> list[str]:
    """Transcripts of subagents, as Claude Code puts them into a folder that is called as the session is."""
    try:
        with os.scandir(os.path.join(os.path.splitext(path)[0], "subagents")) as listing:
            return sorted(each.path for each in listing if each.name.endswith(".jsonl"))
    except OSError:
        return []

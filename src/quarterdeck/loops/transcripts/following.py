"""A transcript from its start to its end, or from where it was left."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.costs.importers.source import Problem
    from quarterdeck.costs.pricing import PriceBook
    from quarterdeck.loops.transcripts.model import Step


def read_events(path: str | os.PathLike[str], *, prices: PriceBook | None = None) -> Iterator[Step | Problem]:
    """Everything that the transcript at *path* tells, in its order; calls that never got an outcome last.

    Args:
        path: a regular file of any format that `recognise` knows.
        prices: what answers are priced by; None: costs stay unknown.

    Raises:
        NothingToRead: there is no such file, or it holds nothing that can be read.
        UsageError: it is of no format that is known.
    """
    raise NotImplementedError


class Follower:
    """A transcript that grows, read on from where it was left, also by another process.

        follower = Follower(path, state=saved, prices=prices)
        for step in follower.read():        # what has come since; to its end, or it counts as not read
            ...
        saved = follower.state              # a line of JSON

    Attributes:
        path: of the file.
        restarts: how often the file turned out to be another one, or cut short, so that it was begun anew:
            whoever remembers something of it must forget that.
        pending: calls whose outcome is not written yet, the oldest first; the last is the one at work.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        state: str = "",
        prices: PriceBook | None = None,
        last_bytes: int | None = None,
    ) -> None:
        """Touches no disk.

        Args:
            path: of a file, which need not exist yet.
            state: as `state` gave it; of another version, or damaged: the file is read from its start.
            prices: what answers are priced by; None: costs stay unknown.
            last_bytes: begin at most so many bytes before the end, where there is no *state*.
        """
        self.path = os.fspath(path)
        self.restarts = 0

    @property
    def pending(self) -> tuple[Step, ...]:
        """Calls whose outcome is not written yet."""
        raise NotImplementedError

    @property
    def state(self) -> str:
        """All that reading on needs; a line of JSON, some kilobytes."""
        raise NotImplementedError

    def read(self) -> Iterator[Step | Problem]:
        """What has been written since last time; nothing where there is no file yet.

        Raises:
            NothingToRead: it cannot be read.
            UsageError: it is of no format that is known.
        """
        raise NotImplementedError

"""Waiting for what others write: on connections of its own, to every master."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from quarterdeck.errors import MemoryUnavailable
from quarterdeck.memory.server.lines import PATIENCE_S, Lines, lost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Self

    from quarterdeck.memory.server.lines import FeedConnection

CONFIRM_S = 2.0
"""How often a watcher asks whether the server is still there."""


class RedisWatcher:
    """Waits on connections of its own until something has changed; for one thread at a time."""

    def __init__(
        self,
        connect: Callable[[], Iterable[FeedConnection]],
        prefix: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connects, so that nothing is missed from now on.

        Args:
            connect: makes a connection to each master there is now; raises a `QuarterdeckError`.
            prefix: of the names that it wakes for.
            clock: seconds.

        Raises:
            QuarterdeckError: whatever *connect* raises.
            MemoryUnavailable: a server will not tell of changes.
        """
        self._connect = connect
        self._prefix = prefix
        self._clock = clock
        self._pid = os.getpid()
        self._lines: Lines | None = Lines(connect, prefix, clock)

    def wait(self, timeout_s: float) -> bool:
        """Return True as soon as there may be something new since the last call (or the making), else False.

        Raises:
            QuarterdeckError: whatever *connect* raises, after the connection was lost.
            MemoryUnavailable: a server will not tell of changes.
        """
        until = self._clock() + timeout_s
        if os.getpid() != self._pid:  # a forked child must not read what is the parent's
            self.close()
            self._pid = os.getpid()
        while self._lines is not None:
            try:
                changed = self._lines.receive()
                if changed is None or changed:
                    return True
                now = self._clock()
                ask_at = self._check(self._lines, now)
                if now >= until:
                    return False
                self._lines.wait(min(until, ask_at) - now)
            except MemoryUnavailable:
                self.close()
            except BaseException:  # an interrupt: something may have been taken and not been told
                self.close()
                raise
        self._lines = Lines(self._connect, self._prefix, self._clock)
        return True

    def close(self) -> None:
        """Close the connections; the next `wait` connects anew."""
        lines, self._lines = self._lines, None
        if lines is not None:
            lines.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @staticmethod
    def _check(lines: Lines, now: float) -> float:
        """Ask whether the servers are still there, if it is time; when to look again."""
        asked_at = lines.asked_at
        if asked_at is not None:
            if now > asked_at + PATIENCE_S:
                raise lost("does not answer in time")
            return asked_at + PATIENCE_S
        if now >= lines.confirmed_at + CONFIRM_S:
            lines.ask()
            return now + PATIENCE_S
        return lines.confirmed_at + CONFIRM_S

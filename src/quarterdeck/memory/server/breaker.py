"""Stop asking a server that does not answer: whoever wants it then waits no longer than it takes to say so.

closed --failure--> open for a pause --> one try --success--> closed
failure: open for a longer pause
"""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0


class Outage(NamedTuple):
    """A server that does not answer.

    Attributes:
        down_s: since the first failure in a row.
        retry_in_s: until it is tried again; at least 0.
        reason: what the latest failure was.
    """

    down_s: float
    retry_in_s: float
    reason: str


class Breaker:
    """What is known of one server's outage; may be shared by threads."""

    def __init__(
        self,
        patience_s: float,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Closed.

        Args:
            patience_s: the longest that one try takes.
            clock: seconds.
            jitter: numbers from 0 to 1; a pause gets shorter by up to half of itself.
        """
        self._patience_s = patience_s
        self._clock = clock
        self._jitter = jitter
        self._lock = threading.Lock()
        self._down_since: float | None = None
        self._retry_at = 0.0
        self._pause_s = 0.0
        self._reason = ""

    def refusal(self) -> Outage | None:
        """None: ask the server. Else it is down, and not asked again yet.

        When the pause is over, one caller gets None; the others are refused until that one has found out.
        """
        if self._down_since is None:
            return None
        with self._lock:
            if self._down_since is None:
                return None
            now = self._clock()
            if now < self._retry_at:
                return self._outage(now)
            self._retry_at = now + self._patience_s  # if we never hear of that try, there is another one
            return None

    def outage(self) -> Outage | None:
        """What is known now, without asking to try; None when it is closed."""
        with self._lock:
            return None if self._down_since is None else self._outage(self._clock())

    def succeeded(self) -> None:
        """The server has answered."""
        if self._down_since is not None:
            with self._lock:
                self._down_since = None
                self._pause_s = 0.0

    def failed(self, reason: str) -> Outage:
        """It has not, because of *reason*; what is known now."""
        with self._lock:
            now = self._clock()
            if self._down_since is None:
                self._down_since = now
            self._reason = reason
            self._pause_s = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, self._pause_s * 2))
            self._retry_at = now + self._pause_s * (1 - self._jitter() / 2)
            return self._outage(now)

    def _outage(self, now: float) -> Outage:
        since = now if self._down_since is None else self._down_since
        return Outage(now - since, max(0.0, self._retry_at - now), self._reason)

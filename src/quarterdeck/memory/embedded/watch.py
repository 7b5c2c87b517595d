"""Waiting for what others commit: a look at the clock of the database every few milliseconds.

Only the clock tells: a number in the slots file may have been announced and not be committed yet, or never
be. One look costs a few microseconds, so a process that waits is idle.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from quarterdeck.memory.embedded.database import Reader

_FIRST_PAUSE_S = 0.0005
_LONGEST_PAUSE_S = 0.005


class ClockWatcher:
    """Wakes for every change of the database, whatever its name."""

    def __init__(self, reader: Reader) -> None:
        """Everything that is committed from now on is news."""
        self._reader = reader
        self._seen = self._clock()

    def wait(self, timeout_s: float) -> bool:
        """True as soon as there may be something new since the last call; False after *timeout_s*.

        Raises:
            StateError: the database cannot be read.
        """
        deadline = time.monotonic() + timeout_s
        pause_s = _FIRST_PAUSE_S
        while (now := self._clock()) == self._seen:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return False
            time.sleep(min(pause_s, left_s))
            pause_s = min(pause_s * 1.2, _LONGEST_PAUSE_S)
        self._seen = now
        return True

    def _clock(self) -> tuple[object, ...]:
        return self._reader.one("SELECT n, slots FROM clock")  # another slots file: also of another database

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

"""What entries and logs of a memory in a file share: the two connections, the slots, the clock."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, cast

from quarterdeck.memory.embedded.database import Reader, Writer
from quarterdeck.memory.embedded.slots import SlotsFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from quarterdeck.memory.backend import Mark
    from quarterdeck.memory.embedded.slots import Slots

_PATIENCE_S = 1.0
_LOOK_S = 0.25
_FIRST_SURROGATE, _AFTER_SURROGATES = 0xD800, 0xE000
_AFTER_ALL = b""  # SQLite sorts every blob after every text


class Connected:
    """One user of one file. A mark is what the stripe of the entry said when it was read, with the slots.

    Attributes:
        path: the database.
        now: its clock.
    """

    def __init__(self, path: str, *, clock: Callable[[], float] = time.time) -> None:
        """Opens nothing yet.

        Args:
            path: the database; its slots file lies beside it, as SQLite's own side files do.
            clock: seconds since the epoch, the same for all processes, so that a time to live survives them.
        """
        self.path = path
        self.now = clock
        self._slots = SlotsFile(f"{path}-slots")
        self._reader = Reader(path, self._leave)
        self._writer = Writer(path, self._slots, self._now_us, self._reader)
        self._mend_after = self._look_at = 0.0  # on the monotonic clock

    def time_ms(self) -> int:
        """The clock of this machine, in milliseconds."""
        return self._now_us() // 1000

    def is_fresh(self, mark: Mark) -> bool:
        """Whether the stripe still says what it said; takes no lock.

        Now and then it also looks whether the files are still there: no stripe says that they were deleted.
        """
        if time.monotonic() >= self._look_at:
            self._look()
        slots, at, number = cast("tuple[Slots, int, int]", mark)
        return slots[at] == number and slots is self._slots.slots

    def close(self) -> None:
        """Give back the connections and the slots file; the next use opens them anew."""
        self._reader.close()
        self._writer.close()
        self._slots.detach()

    def _look(self) -> None:
        self._look_at = time.monotonic() + _LOOK_S
        if not (self._slots.is_there() and self._reader.is_there()):
            self._slots.detach()

    def _leave(self) -> None:
        self._writer.leave()

    def _now_us(self) -> int:
        return round(self.now() * 1_000_000)

    def _end_us(self, ttl_ms: int | None) -> int | None:
        return None if ttl_ms is None else self._now_us() + ttl_ms * 1000

    def _has_remapped(self, identity: int) -> bool:
        """Map the slots file of that identity, or have a new one made; False when there is none for now.

        A reader that cannot have one does without, and tries again after a while.
        """
        if self._slots.attach(identity):
            return True
        now = time.monotonic()
        if now < self._mend_after:
            return False
        self._mend_after = now + _PATIENCE_S
        return self._writer.mend_slots()


def readable(data: bytes) -> bytes | str:
    """As text if it is text, so that every SQL tool shows it."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def text_of(data: bytes) -> str | None:
    """A name that was read; None of one that is no text, so not ours."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def after(prefix: str) -> str | bytes:
    """What every text that begins with *prefix* sorts before, and no other text does that sorts after it."""
    for at in range(len(prefix) - 1, -1, -1):
        code = ord(prefix[at]) + 1
        if code <= sys.maxunicode:
            return prefix[:at] + chr(_AFTER_SURROGATES if code == _FIRST_SURROGATE else code)
    return _AFTER_ALL

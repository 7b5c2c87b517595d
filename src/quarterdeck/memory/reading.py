"""Reading logs as they grow: what comes after a position, waiting for it, and who has been given what.

A method that waits has two halves, so that a caller who gives up in the middle (a cancelled coroutine)
loses nothing:

    look      reads, and waits as `wait_for` does; changes nothing
    give      moves the positions of this handle in memory, at one instant; what is old by now is left out

And how a log is written so that it can be read: `spelled` names, and about as many items as are wanted.
"""

from __future__ import annotations

import math
import random
import threading
import time
from typing import TYPE_CHECKING, TypeVar

import msgspec

from quarterdeck import forks
from quarterdeck.errors import StoreCorrupt

if TYPE_CHECKING:
    from collections.abc import Callable

    from quarterdeck.memory.backend import Backend
    from quarterdeck.memory.store import Record, Store

T = TypeVar("T")

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_")
TRIM_SHARE = 100
"""A log may have one part in so many more than it should, so that not every item added costs counting."""


class Positions:
    """How far one handle has read which log; in its memory only, and right also in a forked child.

    Attributes:
        at: the highest number it has read, by log.
        lock: to be held while `at` is looked at and moved.
    """

    __slots__ = ("__weakref__", "at", "lock")

    def __init__(self) -> None:
        """Nothing has been read."""
        self.at: dict[str, int] = {}
        self.lock = threading.RLock()
        forks.guard(self, Positions.go_on)

    def go_on(self) -> None:
        """What a forked child does: nothing, it reads on from where its parent was."""


def after(store: Store, log: str, number: int, limit: int | None = None) -> list[Record]:
    """What has been added to *log* after item *number*; its scores must be the numbers of its items."""
    return store.records(log, store.backend.items(log, low=number + 1, limit=limit))


def newest(backend: Backend, log: str) -> int:
    """The number of the last item of such a log; 0 when there is none."""
    items = backend.items(log, limit=1, newest_first=True)
    return items[0].id if items else 0


def wait_for(
    backend: Backend,
    prefix: str,
    look: Callable[[], T],
    timeout_s: float,
    due_s: Callable[[], float] = lambda: math.inf,
) -> T:
    """Call *look* until what it returns is true, or the time is up; returns what it returned last.

    Args:
        backend: where.
        prefix: of the names that *look* depends on.
        look: is called at least once; waits for nothing itself.
        timeout_s: 0: look once.
        due_s: in how many seconds there may be something new although nobody writes.
    """
    found = look()
    if found or not timeout_s:
        return found
    ends = time.monotonic() + timeout_s
    with backend.watch(prefix) as watcher:
        while not (found := look()):
            left = ends - time.monotonic()
            if left <= 0:
                break
            watcher.wait(max(0.0, min(left, due_s())))
    return found


def shaped(value: object, kind: type[T], what: str) -> T:
    """*value*, which somebody has stored, as a *kind*.

    Raises:
        StoreCorrupt: it is none.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise StoreCorrupt(
            f"{what} of the memory has another form than Quarterdeck gives it: {error}",
            hint="somebody else wrote it; remove it",
        ) from error


def spelled(name: str) -> str:
    """A name as it stands in a value: nothing that is scrubbed looks like this; ``unquote`` reads it.

    An agent may be called by a mail address or a phone number, and must not become another one by that.
    """
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in name.encode())


def trim_to(most: int) -> int | None:
    """*most* now and then, else None: for a log that is to have about so many items (small ones: exactly)."""
    every = most // TRIM_SHARE
    now = every < 2 or random.random() * every < 1  # noqa: S311  nobody gains by guessing it
    return most if now else None

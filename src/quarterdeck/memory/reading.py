"""Reading logs as they grow: what comes after a position, waiting for it, and who has been given what.

A method that waits has two halves, so that a caller who gives up in the middle (a cancelled coroutine)
loses nothing:

    look      reads, and waits as `wait_for` does; changes nothing
    give      moves the positions of this handle in memory, at one instant; what is old by now is left out

And how many items a log keeps: about as many as are wanted.
"""

from __future__ import annotations

import math
import random
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import msgspec

from quarterdeck import forks
from quarterdeck.errors import StoreCorrupt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from quarterdeck.memory.backend import Backend, Item, Watcher
    from quarterdeck.memory.store import Store

T = TypeVar("T")

TRIM_SHARE = 100
"""A log may have one part in so many more than it should, so that not every item added costs counting."""
SLICE_S = 0.1
"""How soon a wait notices that it is over."""


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


class Grown(NamedTuple, Generic[T]):
    """What has been added to a log.

    Attributes:
        found: the number and the value of each item that can be read, the oldest first.
        last: the number of the last item that was looked at; where one began to look, if there was none.
        unreadable: how many items cannot be read.
    """

    found: list[tuple[int, T]]
    last: int
    unreadable: int


def after(
    store: Store, log: str, number: int, kind: type[T], what: str, limit: int | None = None
) -> Grown[T]:
    """What has been added to *log* after item *number*; its scores must be the numbers of its items.

    With a limit, of the first so many items that there are; of the next ones, if none of those can be read.
    """
    unreadable = 0
    while True:
        items = store.backend.items(log, low=number + 1, limit=limit)
        found = readable(store, log, items, kind, what)
        unreadable += len(items) - len(found)
        last = max(number, items[-1].id) if items else number
        if found or limit is None or len(items) < limit or last == number:
            return Grown(found, last, unreadable)
        number = last


def readable(store: Store, log: str, items: Iterable[Item], kind: type[T], what: str) -> list[tuple[int, T]]:
    """The number and the value of those of *items* that are a *kind*.

    One that somebody else wrote, or that is sealed with a key that we do not have, must not stop the others.
    """
    found = []
    for item in items:
        with suppress(StoreCorrupt):
            found.append((item.id, shaped(store.records(log, (item,))[0].value, kind, what)))
    return found


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
    is_over: Callable[[], bool] = lambda: False,
) -> T:
    """Call *look* until what it returns is true, or the time is up; returns what it returned last.

    One watcher serves the whole wait, however long it is.

    Args:
        backend: where.
        prefix: of the names that *look* depends on.
        look: is called at least once; waits for nothing itself.
        timeout_s: 0: look once.
        due_s: in how many seconds there may be something new although nobody writes.
        is_over: whether to wait no more; asked every `SLICE_S` seconds. *look* is called before that only.
    """
    found = look()
    if found or not timeout_s:
        return found
    ends = time.monotonic() + timeout_s
    with backend.watch(prefix) as watcher:
        while not (found := look()):
            now = time.monotonic()
            if now >= ends or not _waited(watcher, min(ends, now + due_s()), is_over):
                break
    return found


def _waited(watcher: Watcher, until: float, is_over: Callable[[], bool]) -> bool:
    """Wait until there may be something new, or that time has come; False: it is over before."""
    while not is_over():
        left = until - time.monotonic()
        if watcher.wait(max(0.0, min(left, SLICE_S))) or left <= SLICE_S:
            return True
    return False


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


def trim_to(most: int) -> int | None:
    """*most* now and then, else None: for a log that is to have about so many items (small ones: exactly)."""
    every = most // TRIM_SHARE
    now = every < 2 or random.random() * every < 1  # noqa: S311  nobody gains by guessing it
    return most if now else None

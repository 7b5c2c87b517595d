"""Objects that a forked child must not inherit in the middle of something, such as an open database.

    class Shelf:
        def __init__(self):
            self.lock = threading.RLock()
            forks.guard(self)            # whoever forks waits for the lock; the child calls close()

``close`` gives back what belongs to the parent; the next use opens it anew.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Protocol


class Guarded(Protocol):
    """What `guard` needs of an object; its lock is held by whoever is at work with it."""

    @property
    def lock(self) -> threading.RLock:
        """Held while the object is in use."""

    def close(self) -> None:
        """Give back what is open."""


_guarded: dict[int, weakref.WeakSet[Guarded]] = {}
_held: list[Guarded] = []
_fork = threading.RLock()
"""Held by whoever forks, and by whoever makes an object: one made in between would go on into the child."""


def guard(thing: Guarded, *, outer: bool = False) -> None:
    """Have *thing* closed in every child that is forked from now on, for as long as it lives.

    Args:
        thing: an object; it must be hashable and allow weak references.
        outer: it holds its lock while it uses other guarded objects, so its lock is taken before theirs.
    """
    with _fork:
        _guarded.setdefault(0 if outer else 1, weakref.WeakSet()).add(thing)


def _before() -> None:
    _fork.acquire()
    for order in sorted(_guarded):
        for thing in list(_guarded[order]):
            thing.lock.acquire()
            _held.append(thing)


def _in_parent() -> None:
    while _held:
        _held.pop().lock.release()
    _fork.release()


def _in_child() -> None:
    while _held:
        thing = _held.pop()
        thing.close()
        thing.lock.release()
    _fork.release()


os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)

"""Objects that a forked child must not inherit in the middle of something, such as an open database.

    class Shelf:
        def __init__(self):
            self.lock = threading.RLock()
            forks.guard(self, Shelf.close)      # whoever forks waits for the lock; the child closes it

What a child closes belongs to its parent; the next use in the child opens it anew.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable


class Guarded(Protocol):
    """What `guard` needs of an object."""

    @property
    def lock(self) -> threading.RLock:
        """Held by whoever is at work with the object."""


Thing = TypeVar("Thing", bound=Guarded)

_OUTER, _INNER = 0, 1
_guarded: tuple[weakref.WeakKeyDictionary[Guarded, Callable[..., object]], ...] = (
    weakref.WeakKeyDictionary(),
    weakref.WeakKeyDictionary(),
)
_held: list[tuple[Guarded, Callable[..., object]]] = []
_fork = threading.RLock()
"""Held by whoever forks, and by whoever makes an object: one made in between would go on into the child."""


def guard(thing: Thing, in_child: Callable[[Thing], object], *, outer: bool = False) -> None:
    """Have *in_child* called with *thing* in every child that is forked while it lives, its lock held.

    Args:
        thing: an object; hashable, and open to weak references.
        in_child: gives back what is the parent's.
        outer: it uses other guarded objects while it holds its lock, so its lock is taken before theirs.
    """
    with _fork:
        _guarded[_OUTER if outer else _INNER][thing] = in_child


def _before() -> None:
    _fork.acquire()
    for things in _guarded:
        for thing, in_child in list(things.items()):
            thing.lock.acquire()
            _held.append((thing, in_child))


def _in_parent() -> None:
    while _held:
        thing, _ = _held.pop()
        thing.lock.release()
    _fork.release()


def _in_child() -> None:
    while _held:
        thing, in_child = _held.pop()
        in_child(thing)
        thing.lock.release()
    _fork.release()


os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)

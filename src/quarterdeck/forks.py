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
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol, TypeVar

import quarterdeck.files  # noqa: F401  it registers first, so that a fork takes its lock last, as everybody does

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
        thing: an object; hashable, and open to weak references. While its lock is held, nothing may be called
            that waits for a lock which is taken at forks by others, such as ``Executor.submit``.
        in_child: gives back what is the parent's; what it raises is printed once all others have been called.
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
    with ExitStack() as last_first:  # whatever one of them raises, no lock stays held
        last_first.callback(_fork.release)
        for thing, in_child in _held:
            last_first.callback(thing.lock.release)
            last_first.callback(in_child, thing)
        _held.clear()


os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)

"""The local tier: copies of entries in this process, each used only while its backend calls it fresh.

The same for both backends. A copy is the entry's bytes, so every reader decodes a value of its own; it is
used only before its deadline and while `Backend.is_fresh` says that nobody has written the entry since.
All operations are O(1); the least recently used copy makes room.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from quarterdeck import caches

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quarterdeck.memory.backend import Backend, Mark

_NAME = "memory.local"


class LocalTier:
    """Copies of up to *size* entries; may be shared by threads."""

    __slots__ = ("__weakref__", "_copies", "_evictions", "_hits", "_is_fresh", "_misses", "_now", "_size")

    def __init__(self, backend: Backend, size: int) -> None:
        """Keeps nothing when *size* is 0."""
        self._copies: OrderedDict[str, tuple[bytes | None, float | None, Mark]] = OrderedDict()
        self._size = size
        self._is_fresh = backend.is_fresh
        self._now = backend.now
        self._hits = self._misses = self._evictions = 0
        _tiers[id(self)] = self

    def get(self, name: str) -> tuple[bytes | None] | None:
        """The bytes of a fresh copy (None of a known absence) in a tuple; None: the backend must be asked."""
        copy = self._copies.get(name)
        if copy is not None:
            data, deadline, mark = copy
            if self._is_fresh(mark) and (deadline is None or self._now() < deadline):
                try:  # noqa: SIM105  suppress() would cost half as much as the rest
                    self._copies.move_to_end(name)
                except KeyError:  # another thread has made room
                    pass
                self._hits += 1
                return (data,)
            self._copies.pop(name, None)
        self._misses += 1
        return None

    def keep(self, name: str, data: bytes | None, deadline: float | None, mark: Mark | None) -> None:
        """Keep a copy of what was just read; nothing without a mark."""
        if mark is None or not self._size:
            return
        self._copies.pop(name, None)  # so that it comes last
        self._copies[name] = (data, deadline, mark)
        if len(self._copies) > self._size:
            try:
                self._copies.popitem(last=False)
                self._evictions += 1
            except KeyError:  # other threads have emptied it
                pass

    def forget(self, names: Iterable[str]) -> None:
        """Drop the copies of what this process itself has just written, however soon it would hear of it."""
        for name in names:
            self._copies.pop(name, None)

    def clear(self) -> int:
        """Drop all copies; returns how many there were."""
        dropped = len(self._copies)
        self._copies.clear()
        return dropped

    def stats(self) -> caches.CacheStats:
        """Counters since this tier was made; *size_bytes* is of the values only."""
        held = self._copies.copy().values()  # a copy: other threads go on
        return caches.CacheStats(
            _NAME,
            hits=self._hits,
            misses=self._misses,
            evictions=self._evictions,
            size=len(held),
            size_bytes=sum(len(data) for data, _, _ in held if data is not None),
        )


_tiers: WeakValueDictionary[int, LocalTier] = WeakValueDictionary()
"""Every one that somebody uses."""


def _stats_of_all() -> caches.CacheStats:
    """The counters of all tiers of this process that are still used, summed."""
    each = [tier.stats() for reference in _tiers.valuerefs() if (tier := reference()) is not None]
    return caches.CacheStats(
        _NAME,
        hits=sum(stats.hits for stats in each),
        misses=sum(stats.misses for stats in each),
        evictions=sum(stats.evictions for stats in each),
        size=sum(stats.size or 0 for stats in each),
        size_bytes=sum(stats.size_bytes or 0 for stats in each),
    )


caches.register(_NAME, _stats_of_all)

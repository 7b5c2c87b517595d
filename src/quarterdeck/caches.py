"""One registry for every cache of the kit: what it saved, and whether it is worth having.

A cache registers a function that reads its counters; nothing is counted twice and a cache that
nobody asks about costs nothing.

    from quarterdeck import caches
    caches.register("my.cache", lambda: CacheStats("my.cache", hits=3, misses=1))
    for stats in caches.snapshot(): ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class CacheStats(NamedTuple):
    """Counters of one cache since its process started.

    Attributes:
        name: dotted, the room first: ``index.facts``.
        hits: requests answered from the cache.
        misses: requests that had to be computed.
        evictions: entries dropped to make room or because they were too old.
        size: entries held now; None where counting them would cost a scan.
        size_bytes: bytes held now; None where it is not known.
        time_saved_s: what the hits would have cost to compute, by the measured cost of computing
            each of them; seconds, not an estimate by averages.
    """

    name: str
    hits: int = 0
    misses: int = 0
    evictions: int = 0
    size: int | None = None
    size_bytes: int | None = None
    time_saved_s: float = 0.0

    @property
    def hit_ratio(self) -> float | None:
        """Hits per request, 0 to 1; None before the first request."""
        requests = self.hits + self.misses
        return self.hits / requests if requests else None

    def to_dict(self) -> dict[str, object]:
        """The counters and the hit ratio, ready for JSON."""
        return {**self._asdict(), "hit_ratio": self.hit_ratio}


_readers: dict[str, Callable[[], CacheStats]] = {}


def register(name: str, read: Callable[[], CacheStats]) -> None:
    """Make *read* the source of the counters of *name*; a second cache of that name replaces the first."""
    _readers[name] = read


def snapshot(prefix: str = "") -> list[CacheStats]:
    """The counters of every registered cache whose name begins with *prefix*, by name."""
    return [_readers[name]() for name in sorted(_readers) if name.startswith(prefix)]

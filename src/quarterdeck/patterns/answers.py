"""Answers that are given again until anybody writes, in whatever process."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakSet

from quarterdeck import caches

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from quarterdeck.patterns.match import PatternMatch

MOST = 512
"""Answers that are kept; of more, the oldest go first."""
MOST_MATCHES = 8_192
"""In all of them together."""
LONGEST_KEY = 10_000
"""Bytes of a question that is remembered."""
LIFE_S = 60.0
"""Also when nothing is written: what decays and what is drawn moves on."""


class _Answer(NamedTuple):
    from_s: float
    until_s: float
    matches: tuple[PatternMatch, ...]


class Answers:
    """The answers of one library; for one thread at a time.

    All are of one stamp of the truth, which is compared each time: some microseconds, whoever has written.
    """

    def __init__(self, stamp: Callable[[], object], clock: Callable[[], float]) -> None:
        """Remembers nothing yet; *clock* is in seconds of the epoch."""
        self._stamp = stamp
        self._clock = clock
        self._of: object = None
        self._kept: OrderedDict[Hashable, _Answer] = OrderedDict()
        self._matches = 0
        self._hits = self._misses = 0
        _all.add(self)

    def get(self, key: Hashable) -> list[PatternMatch] | None:
        """The answer to that question; None: it has to be found.

        Raises:
            TypeError: *key* has something in it that cannot be hashed.
        """
        answer = self._kept.get(key)
        if (
            answer is None
            or self._stamp() != self._of
            or not answer.from_s <= self._clock() < answer.until_s  # before it, the clock was set back
        ):
            self._misses += 1
            return None
        self._hits += 1
        return list(answer.matches)

    def keep(self, key: Hashable, of: object, until_s: float, matches: tuple[PatternMatch, ...]) -> None:
        """Remember an answer that was found after the stamp was *of*, no longer than until *until_s*."""
        if of != self._of:
            self.forget()
            self._of = of
        self._drop(key)
        now_s = self._clock()
        self._kept[key] = _Answer(now_s, min(until_s, now_s + LIFE_S), matches)
        self._matches += len(matches)
        while len(self._kept) > MOST or self._matches > MOST_MATCHES:
            self._drop(next(iter(self._kept)))

    def forget(self) -> None:
        """Keep none of them."""
        self._kept.clear()
        self._matches = 0

    def _drop(self, key: Hashable) -> None:
        answer = self._kept.pop(key, None)
        self._matches -= len(answer.matches) if answer else 0

    def stats(self) -> caches.CacheStats:
        """What they have saved."""
        return caches.CacheStats(_NAME, self._hits, self._misses, size=len(self._kept))


_NAME = "patterns.answers"
_all: WeakSet[Answers] = WeakSet()
"""Those of every library that somebody uses."""


def _stats_of_all() -> caches.CacheStats:
    """The counters of all libraries of this process that are still used, summed."""
    each = [answers.stats() for answers in list(_all)]
    return caches.CacheStats(
        _NAME,
        hits=sum(stats.hits for stats in each),
        misses=sum(stats.misses for stats in each),
        size=sum(stats.size or 0 for stats in each),
    )


caches.register(_NAME, _stats_of_all)

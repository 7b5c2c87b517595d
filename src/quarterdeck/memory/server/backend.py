"""The memory backend on a server: one method a round trip, or none."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from quarterdeck import forks
from quarterdeck.memory.backend import Put
from quarterdeck.memory.names import beginning
from quarterdeck.memory.server import entries, health, logs
from quarterdeck.memory.server.address import address_of
from quarterdeck.memory.server.feed import InvalidationFeed
from quarterdeck.memory.server.watch import RedisWatcher
from quarterdeck.memory.server.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from quarterdeck.memory.backend import Health, Item, Listed, Mark, Stored, Watcher
    from quarterdeck.memory.server.connect import Connection
    from quarterdeck.memory.server.health import Server
    from quarterdeck.memory.settings import RedisConfig

CLOCK_LASTS_S = 30.0
"""The server's clock is asked for again after so long."""


class RedisBackend:
    """Entries and logs on a Redis or Valkey server; see `quarterdeck.memory.backend.Backend`.

    Connects on first use. Shared by threads; a forked child makes connections of its own.
    """

    kind = "redis"

    def __init__(self, config: RedisConfig) -> None:
        """Understands the settings, and connects to nothing.

        Raises:
            ConfigError: the address cannot be understood.
        """
        self.lock = threading.RLock()
        self._config = config
        self._address = address_of(config)
        self._wire: Wire | None = None
        self._clock = (0.0, 0.0)  # until when it holds, and what to add to our own
        self._feed: InvalidationFeed | None = None
        if config.local_cache_enabled and config.local_cache_size > 0:
            prefix = beginning(config.namespace)
            self._feed = InvalidationFeed(
                self._tellers,
                prefix,
                config.local_cache_confirm_s,
                shuns_threads=not config.local_cache_io_threads,
            )
        # After the feed's own: it holds its lock while it takes ours.
        forks.guard(self, RedisBackend.close)

    def __repr__(self) -> str:
        return f"RedisBackend({str(self._address)!r})"

    # Entries

    def get(self, name: str) -> Stored:
        """The entry of that name now; one round trip."""
        feed = self._feed
        return entries.get(self._open(), name, feed.begin(name) if feed else None)

    def get_many(self, names: Sequence[str]) -> list[Stored]:
        """The entries of those names, in their order; one round trip, of one instant for each space."""
        feed = self._feed
        marks = feed.begin_many(names) if feed else [None] * len(names)
        return entries.get_many(self._open(), names, marks)

    def put(self, name: str, data: bytes, ttl_ms: int | None = None) -> None:
        """Write one entry; one round trip."""
        self.put_many((Put(name, data, ttl_ms),))

    def put_many(self, puts: Sequence[Put]) -> None:
        """Write entries; one round trip, all or none of one space."""
        try:
            entries.put_many(self._open(), puts)
        finally:
            self._wrote(put.name for put in puts)

    def delete(self, names: Sequence[str]) -> int:
        """Remove entries; how many were there."""
        try:
            return entries.delete(self._open(), names)
        finally:
            self._wrote(names)

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Every entry whose name begins with *prefix*, by name; looks at every key of the server."""
        return entries.listing(self._open(), prefix)

    def transact(
        self,
        checks: Mapping[str, bytes | None],
        puts: Sequence[Put] = (),
        deletes: Sequence[str] = (),
    ) -> bool:
        """Write and remove if all *checks* hold, in one step.

        Raises:
            UsageError: the names are of several spaces; nothing was sent.
        """
        try:
            return entries.transact(self._open(), checks, puts, deletes)
        finally:
            self._wrote((*(put.name for put in puts), *deletes))

    # Logs

    def add(
        self,
        log: str,
        items: Sequence[bytes],
        *,
        score: int | None = None,
        keep: int | None = None,
        ttl_ms: int | None = None,
    ) -> list[int]:
        """Add items; their numbers. The log ends *ttl_ms* after the latest add, if each had one."""
        return logs.add(self._open(), log, items, score, keep, ttl_ms)

    def items(
        self,
        log: str,
        *,
        low: int | None = None,
        high: int | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> list[Item]:
        """The items with scores from *low* to *high*, by (score, number)."""
        return logs.items(self._open(), log, low, high, limit, newest_first)

    def take(self, log: str, *, high: int | None = None, limit: int = 1) -> list[Item]:
        """Remove the first items whose score is at most *high*."""
        return logs.take(self._open(), log, high, limit)

    def claim(self, log: str, *, high: int, score: int, limit: int = 1) -> list[Item]:
        """Give the first items whose score is at most *high* the score *score*."""
        return logs.take(self._open(), log, high, limit, score)

    def move(self, log: str, ids: Sequence[int], *, score: int, was: int | None = None) -> int:
        """Give items another score by number, with *was* only those that have that one still."""
        return logs.move(self._open(), log, ids, was, score)

    def remove(self, log: str, ids: Sequence[int], *, score: int | None = None) -> int:
        """Remove items by number, with *score* only those that have it still."""
        return logs.move(self._open(), log, ids, score, None)

    def count(self, log: str, *, low: int | None = None, high: int | None = None) -> int:
        """How many items there are with scores from *low* to *high*."""
        return logs.count(self._open(), log, low, high)

    def logs(self, prefix: str) -> list[str]:
        """The names of all logs that begin with *prefix*; looks at every key of the server."""
        return logs.logs(self._open(), prefix)

    def drop(self, logs_: Sequence[str]) -> int:
        """Remove logs with all their items; how many had any."""
        return logs.drop(self._open(), logs_)

    # Time, coherence, waiting, upkeep

    def now(self) -> float:
        """Our own monotonic clock."""
        return time.monotonic()

    def time_ms(self) -> int:
        """The server's clock; asked for every `CLOCK_LASTS_S` seconds."""
        until, ahead_s = self._clock
        now_s = time.monotonic()
        if now_s >= until:
            ahead_s = health.clock_ahead_s(self._open())
            now_s = time.monotonic()
            self._clock = (now_s + CLOCK_LASTS_S, ahead_s)
        return int((now_s + ahead_s) * 1000)

    def is_fresh(self, mark: Mark) -> bool:
        """Whether nobody has written that entry since it was read."""
        return self._feed is not None and self._feed.is_fresh(mark)

    def watch(self, prefix: str) -> Watcher:
        """A watcher of every entry and log whose name begins with *prefix*."""
        return RedisWatcher(self._connections, prefix)

    def health(self) -> Health:
        """Writes, reads and removes one entry of its own, and looks at what is known to go wrong."""
        return health.examine(self._open(), self._config.namespace, self._problem_of_copies)

    def durability_problem(self) -> str:
        """Why entries may be dropped that nobody has removed, and how to mend it; empty: they are safe."""
        return "" if self._config.allow_eviction else health.durability_problem(self._open())

    def close(self) -> None:
        """Give back all connections; the next use opens them anew."""
        if self._feed is not None:
            self._feed.close()
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()
        self._clock = (0.0, 0.0)

    def _open(self) -> Wire:
        wire = self._wire
        if wire is None:
            with self.lock:
                wire = self._wire = self._wire or Wire(self._address, self._distrust)
        return wire

    def _wrote(self, names: Iterable[str]) -> None:
        """We have changed these, or may have: no copy from before is used, whenever the server tells us."""
        if self._feed is not None:
            self._feed.wrote(names)

    def _distrust(self) -> None:
        """A connection has failed, or something has moved: who knows what we have not heard of."""
        self._clock = (0.0, 0.0)
        if self._feed is not None:
            self._feed.drop()

    def _connections(self) -> list[Connection]:
        """A new connection to every master, the caller's own."""
        made: list[Connection] = []
        try:
            for node in self._open().masters.all():
                made.append(node.fresh())  # noqa: PERF401  # what was made before one fails is to be closed
        except BaseException:  # whatever it is: nobody else knows of these
            for connection in made:
                connection.disconnect()
            raise
        return made

    def _tellers(self) -> list[Connection]:
        """As `_connections`, to masters that can be trusted to tell of changes in time."""
        if not self._config.local_cache_io_threads:
            for node in self._open().masters.all():
                health.need_timely_news(node)
        return self._connections()

    def _problem_of_copies(self, servers: Iterable[Server]) -> str:
        """Why copies are not kept, though they should be, or may be stale; empty: all is well."""
        if self._feed is None:
            return ""
        if not self._feed.usable():
            return (
                f"no copies are kept in this process, so every read is a round trip: {self._feed.problem()}"
            )
        if any(server.has_io_threads for server in servers):
            return "the server uses io-threads, so copies may be stale for a moment: set its io-threads to 1"
        return ""

"""What a store of agent memory can do; two do it, and both pass the suite `quarterdeck.testing.memory`.

There are two kinds of data, and everything that agents do with each other is made of them:

* an *entry*: a name and some bytes, until its time is up. Entries of one space change together
  (`Backend.transact`), and a copy of one may be kept for as long as `Backend.is_fresh` says so of its mark;
* a *log*: items in the order of their scores, each with a number of its own. A queue is a log whose scores
  say when an item is due; a stream is one whose scores are the numbers themselves.

Names are made by `names` and nowhere else. Bytes are whatever `store` made of a value. A backend neither
looks into them nor knows agents, tiers or secrets.

Times: an entry's end is a *deadline* on the backend's own clock `Backend.now` (seconds, as a float), which
can be compared only with itself, in this process. Scores that are times are milliseconds since the epoch
on the clock that all users of the store share, `Backend.time_ms`.

Scores and numbers are whole, from -(2**53 - 1) to 2**53 - 1; a limit is at least 1, a time to live at least
1 ms. Whoever calls has checked that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType
    from typing import Self

Mark = object
"""What a copy was read under; only its backend can tell what is in it."""


class Stored(NamedTuple):
    """One entry as it was at one moment.

    Attributes:
        data: its bytes; None where there is none (which may be kept like any other answer, if it has a mark).
        deadline: when it ends, on `Backend.now`; None for never.
        mark: for `Backend.is_fresh`; None when no copy of this answer may be kept.
    """

    data: bytes | None
    deadline: float | None = None
    mark: Mark | None = None


KEEP = -1
"""As a time to live: as long as the entry still has; of one that is not there: for ever."""


class Put(NamedTuple):
    """One entry to be written; *ttl_ms* is None for ever, `KEEP`, else at least 1."""

    name: str
    data: bytes
    ttl_ms: int | None = None


class Listed(NamedTuple):
    """One entry of a listing; *size_bytes* is that of its data."""

    name: str
    size_bytes: int
    deadline: float | None


class Item(NamedTuple):
    """One item of a log; *id* is unique in its space and higher than that of every item added before."""

    id: int
    score: int
    data: bytes


class Health(NamedTuple):
    """How a backend is, found out by using it.

    Attributes:
        backend: ``embedded`` or ``redis``.
        state: ``ok``; ``degraded``: it answers, but something is wrong (see *problems*);
            ``down``: it does not answer.
        latency_ms: of one write and one read; None when down.
        problems: sentences, each with how to mend it; empty when ok.
        details: what is known of it (version, path or address, eviction policy, …), ready for JSON.
    """

    backend: str
    state: str
    latency_ms: float | None
    problems: tuple[str, ...]
    details: Mapping[str, object]


class Watcher(Protocol):
    """Tells when something under the names it watches may have changed; made by `Backend.watch`."""

    def wait(self, timeout_s: float) -> bool:
        """Return True as soon as there may be something new since the last call (or the making), else False.

        Never misses a change; may wake for nothing. After a lost connection it wakes at once.

        Raises:
            MemoryUnavailable: the server cannot be reached.
        """

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Backend(Protocol):
    """A store of entries and logs; may be shared by threads, and used after a fork.

    Every method raises `MemoryUnavailable` when a server cannot be reached in time (of a write it is then
    unknown whether it happened), `StoreFull` when there is no space (nothing happened), and `StateError`
    with its subclasses for what is wrong on disk.
    """

    kind: str
    """``embedded`` or ``redis``."""

    # Entries

    def get(self, name: str) -> Stored:
        """The entry of that name now. One read, or one round trip."""

    def get_many(self, names: Sequence[str]) -> list[Stored]:
        """The entries of those names, in their order. One snapshot, or one pipeline (a node each)."""

    def put(self, name: str, data: bytes, ttl_ms: int | None = None) -> None:
        """Write one entry; when it returns it survives kill -9 (Redis: as the server has it)."""

    def put_many(self, puts: Sequence[Put]) -> None:
        """Write entries of any spaces; of a name that comes twice, the last.

        Embedded: all or none. Redis: in one round trip (cluster: a node), at most a thousand of one space at
        one instant, so that nobody else waits for long; after an error some may have been written.
        """

    def delete(self, names: Sequence[str]) -> int:
        """Remove entries; returns how many were there."""

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Every entry whose name begins with *prefix* (which `names` made), sorted by name.

        Embedded: reads those. Redis: looks at every key of the server, also at those of others.
        """

    def transact(
        self,
        checks: Mapping[str, bytes | None],
        puts: Sequence[Put] = (),
        deletes: Sequence[str] = (),
    ) -> bool:
        """Write *puts* and remove *deletes* if every entry of *checks* has exactly these bytes now.

        All names are of one space (`names.space_of`), also on a cluster. All or nothing, seen by everybody
        at one instant. An entry that is checked and neither put nor deleted keeps its time to live.

        Returns:
            False, and nothing has happened, when a check failed.
        """

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
        """Add items; returns their numbers, ascending.

        Args:
            log: its name.
            items: their data.
            score: of all of them; None: each one's own number.
            keep: drop the items with the lowest scores until so many are left.
            ttl_ms: an item may be dropped so long after it was added; whoever must not see it asks by score.
        """

    def items(
        self,
        log: str,
        *,
        low: int | None = None,
        high: int | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> list[Item]:
        """The items with scores from *low* to *high* inclusive, by (score, number)."""

    def take(self, log: str, *, high: int | None = None, limit: int = 1) -> list[Item]:
        """Remove the first *limit* items whose score is at most *high*; each goes to one taker only."""

    def claim(self, log: str, *, high: int, score: int, limit: int = 1) -> list[Item]:
        """Give the first *limit* items whose score is at most *high* the score *score*.

        Returns:
            The items as they are now; each is claimed by one caller only.
        """

    def move(self, log: str, ids: Sequence[int], *, score: int, was: int | None = None) -> int:
        """Give items another score by number, with *was* only those that have that one still; how many."""

    def remove(self, log: str, ids: Sequence[int], *, score: int | None = None) -> int:
        """Remove items by number, with *score* only those that have it still; returns how many were there."""

    def count(self, log: str, *, low: int | None = None, high: int | None = None) -> int:
        """How many items there are with scores from *low* to *high*."""

    def logs(self, prefix: str) -> list[str]:
        """The names of all logs that begin with *prefix* and have an item, sorted: see `listing`."""

    def drop(self, logs: Sequence[str]) -> int:
        """Remove logs with all their items; returns how many had any."""

    # Time, coherence, waiting, upkeep

    def now(self) -> float:
        """The clock of deadlines, in seconds; costs no round trip."""

    def time_ms(self) -> int:
        """The clock that all users of the store share, in milliseconds since the epoch."""

    def is_fresh(self, mark: Mark) -> bool:
        """Whether nobody has written that entry since it was read. About 0.2 µs (Redis: one ``poll``)."""

    def watch(self, prefix: str) -> Watcher:
        """A watcher of every entry and log whose name begins with *prefix*."""

    def health(self) -> Health:
        """Writes, reads and removes one entry of its own, and looks at what is known to go wrong."""

    def durability_problem(self) -> str:
        """Why an entry may vanish before its time; "" when it may not."""

    def close(self) -> None:
        """Give back files and connections; the next use opens them anew."""

"""Entries of one agent or of all, and what changes among them while somebody looks.

    Backend.watch ──wakes──> listing + get_many ──compared with what was known──> Change …

A change is found by looking again, so of several that fall between two looks only the last is seen.
"""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.errors import MemoryUnavailable, StoreCorrupt
from quarterdeck.memory import names
from quarterdeck.memory.backend import Item
from quarterdeck.memory.entries import KIND, KeyInfo
from quarterdeck.memory.reading import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from quarterdeck.memory.backend import Listed, Mark, Stored
    from quarterdeck.memory.entries import Entries

AT_ONCE = 500
"""How many entries are read in one round trip."""
LONGEST_WAIT_S = 60.0
SHORTEST_WAIT_S = 0.01
RETRY_S = 0.5
TOUCHED_S = 1.0
"""By how much the end of an entry must move to have been moved: that on a server is measured each time."""
EXPIRED_S = 0.1
"""How long before its end, as we know it, an entry may have expired."""


class Change(NamedTuple):
    """What has become of one entry.

    Attributes:
        change: ``put``, ``removed`` or ``expired``; ``unreadable``: put, but it is no JSON, or sealed with
            a key that we do not have.
        agent: whose it is.
        key: as it was stashed.
        value: of a put, the value; else None.
        ttl_ms: of a put, how long it has left; None for ever.
    """

    change: str
    agent: str
    key: str
    value: object = None
    ttl_ms: int | None = None


class _Known(NamedTuple):
    """An entry as it was when it was last read."""

    digest: int
    deadline: float | None
    mark: Mark | None


class Follower:
    """Knows the entries of some keys, and finds what has changed since it last looked."""

    def __init__(self, memory: Entries, whose: str | None, prefix: str) -> None:
        """Takes what is there now as known.

        Args:
            memory: of the agent that asks.
            whose: the agent whose entries these are; None: of all.
            prefix: of their keys.
        """
        self._memory = memory
        self._whose = whose
        self._prefix = prefix
        self._backend = memory.store.backend
        self._known = {name: _known(stored) for name, stored in self._stored(self._listed())}

    def changes(self) -> list[Change]:
        """What has changed since the last call; reads a listing, and those entries that may have."""
        listed = self._listed()
        read: dict[str, _Known] = {}
        puts = []
        for name, stored in self._stored([name for name in listed if not self._is_as_it_was(name)]):
            read[name] = _known(stored)
            if not _same(self._known.get(name), read[name]):
                puts.append(self._put(name, stored))
        gone = [self._gone(name) for name in self._known.keys() - listed]  # nothing fails from here on
        self._known |= read
        return sorted(gone) + puts

    def next_end_s(self) -> float:
        """Seconds until the first of the known entries expires; infinite when none will."""
        ends = [known.deadline for known in self._known.values() if known.deadline is not None]
        return min(ends, default=math.inf) - self._backend.now()

    def _listed(self) -> list[str]:
        return [each.name for each in listing(self._memory, self._whose, self._prefix)]

    def _is_as_it_was(self, name: str) -> bool:
        known = self._known.get(name)
        return known is not None and known.mark is not None and self._backend.is_fresh(known.mark)

    def _stored(self, wanted: Sequence[str]) -> Iterator[tuple[str, Stored]]:
        """Those of the entries that there are."""
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start : start + AT_ONCE]
            for name, stored in zip(some, self._backend.get_many(some), strict=True):
                if stored.data is not None:
                    yield name, stored

    def _put(self, name: str, stored: Stored) -> Change:
        assert stored.data is not None
        parts = names.split(name)
        try:
            (record,) = self._memory.store.records(name, [Item(0, 0, stored.data)])  # unsealed, and decoded
        except StoreCorrupt:  # one entry must not end the watch over all others
            return Change("unreadable", parts.agent, parts.key)
        left_ms = None if stored.deadline is None else int((stored.deadline - self._backend.now()) * 1000)
        return Change("put", parts.agent, parts.key, record.value, left_ms)

    def _gone(self, name: str) -> Change:
        deadline = self._known.pop(name).deadline
        expired = deadline is not None and deadline - EXPIRED_S <= self._backend.now()
        parts = names.split(name)
        return Change("expired" if expired else "removed", parts.agent, parts.key)


def follow(
    memory: Entries,
    whose: str | None,
    prefix: str,
    *,
    began: Callable[[], None],
    tell: Callable[[str], None],
    timeout_s: float | None = None,
) -> Iterator[Change]:
    """Every change from now on, as it happens; ends after *timeout_s* seconds, or never.

    Args:
        memory: of the agent that asks.
        whose: the agent whose entries are watched; None: of all.
        prefix: of their keys.
        began: called as soon as no change is missed any more.
        tell: is told that the server does not answer, and that it does again; no change is lost meanwhile.
        timeout_s: see above.
    """
    deadline = math.inf if timeout_s is None else time.monotonic() + timeout_s
    with memory.store.backend.watch(_beginning(memory, whose, prefix)) as watcher:
        follower = Follower(memory, whose, prefix)
        began()
        lost = False
        while (left_s := deadline - time.monotonic()) > 0:
            try:
                if not lost:
                    watcher.wait(min(max(follower.next_end_s(), SHORTEST_WAIT_S), left_s, LONGEST_WAIT_S))
                found = follower.changes()
            except MemoryUnavailable as error:
                if not lost:
                    tell(f"{error.message}; trying again")
                lost = True
                time.sleep(min(RETRY_S, left_s))
                continue
            if lost:
                tell("the server answers again")
            lost = False
            yield from found


def awaited(memory: Entries, key: str, owner: str | None, timeout_s: float) -> dict[str, object]:
    """`Entries.retrieve_batch` of one key, as soon as there is something; empty after *timeout_s* seconds."""
    prefix = _beginning(memory, owner or memory.agent, key)
    return wait_for(
        memory.store.backend, prefix, lambda: memory.retrieve_batch([key], agent_id=owner), timeout_s
    )


def keys_of(memory: Entries, whose: str | None, prefix: str) -> list[KeyInfo]:
    """The keys of an agent, or of all for None, that begin with *prefix*, sorted by agent and key."""
    if whose is not None:
        return memory.keys(prefix, agent_id=whose)
    backend = memory.store.backend
    found = []
    for listed in listing(memory, None, prefix):
        parts = names.split(listed.name)
        ends_at = None
        if listed.deadline is not None:
            ends_at = datetime.fromtimestamp(time.time() + listed.deadline - backend.now(), UTC)
        found.append(KeyInfo(parts.agent, parts.key, listed.size_bytes, ends_at))
    return sorted(found)


def listing(memory: Entries, whose: str | None, prefix: str) -> Iterator[Listed]:
    """The entries of working memory of an agent, or of all for None, whose keys begin with *prefix*."""
    for listed in memory.store.backend.listing(_beginning(memory, whose, prefix)):
        try:
            parts = names.split(listed.name)
        except ValueError:  # a server may hold names of others that begin like ours
            continue
        if parts.kind == KIND and parts.key.startswith(prefix):
            yield listed


def _beginning(memory: Entries, whose: str | None, prefix: str) -> str:
    """What all their names begin with, and as few others as possible."""
    limits = memory.store.limits
    if whose is None:
        return names.beginning(limits.namespace)
    if limits.buckets == 1:
        return names.named(names.space(limits.namespace, whose), KIND, prefix)
    return names.beginning(limits.namespace, whose)


def _known(stored: Stored) -> _Known:
    return _Known(hash(stored.data), stored.deadline, stored.mark)


def _same(before: _Known | None, now: _Known) -> bool:
    """Whether nobody has written it in between: also the same value for a longer time is written."""
    if before is None or before.digest != now.digest:
        return False
    if before.deadline is None or now.deadline is None:
        return before.deadline is now.deadline
    return abs(before.deadline - now.deadline) < TOUCHED_S

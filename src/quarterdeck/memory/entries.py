"""Working memory: values under keys, each agent's own to write and everybody's to read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.errors import UsageError
from quarterdeck.memory import names
from quarterdeck.memory.access import AccessTier
from quarterdeck.memory.backend import KEEP
from quarterdeck.memory.codec import canonical
from quarterdeck.memory.seat import Seat, ttl_ms
from quarterdeck.memory.store import MISSING, Entry, Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from quarterdeck.memory.store import Store

KIND = "work"


class KeyInfo(NamedTuple):
    """One key of working memory.

    Attributes:
        agent: whose it is.
        key: as it was stashed.
        size_bytes: of the value as it is stored.
        expires_at: when it ends; None for never.
    """

    agent: str
    key: str
    size_bytes: int
    expires_at: datetime | None

    def to_dict(self) -> dict[str, object]:
        """Ready for JSON."""
        return {**self._asdict(), "expires_at": self.expires_at and self.expires_at.isoformat()}


class Entries(Seat):
    """The working memory of one agent. Everything it writes is its own; it may read what is others'."""

    def __init__(
        self, store: Store, agent: str, *, token: str | None = None, access_tier: AccessTier | None = None
    ) -> None:
        """See `Seat`."""
        super().__init__(store, agent, token=token, access_tier=access_tier)
        self._buckets = store.limits.buckets
        self._prefix = self._own(KIND)
        self._short = store.limits.max_key_bytes

    def stash(self, key: str, value: object, ttl_seconds: float | None = None) -> bool:
        """Keep *value* under *key*, for every process of every agent to read from now on.

        It survives kill -9 of this process as soon as this returns. What is secret or personal in it has been
        taken out (see ``docs/how-to/share-memory.md``). One commit, or one round trip.

        Args:
            key: any text.
            value: anything JSON; readers get copies of their own.
            ttl_seconds: gone after so long, to the millisecond, also after a restart; None: never.

        Returns:
            True; a value that could not be kept is an error, never False.

        Raises:
            UsageError: the key is no name, the value is not JSON, or the time is not positive.
            TooLarge: key or value are larger than the limits.
            ScrubRefused: a secret in the key, or one that cannot be taken out of the value.
            AccessDenied: this agent only reads.
            MemoryUnavailable, StoreFull, StoreBusy: nobody can tell, or nothing was kept; see the message.
        """
        self._need(AccessTier.CONTRIBUTOR, "stash")
        self.store.put(self._name(self._key(key)), value, ttl_ms(ttl_seconds))
        return True

    def retrieve(self, key: str, *, agent_id: str | None = None) -> object:
        """The value under *key* as it is now, a copy of the caller's own; None when there is none.

        About a microsecond from the local tier, which is never stale; else one read or one round trip.

        Args:
            key: as it was stashed.
            agent_id: whose; None: this agent's own.

        Raises:
            MemoryUnavailable: the server cannot be reached: it is not known whether there is a value.
        """
        value = self.store.get(self._name(key, agent_id))
        return None if value is MISSING else value

    def stash_batch(
        self, items: Mapping[str, object] | Iterable[tuple[str, object]], ttl_seconds: float | None = None
    ) -> int:
        """`stash` for many: one transaction, or one pipeline; returns how many.

        Nothing is kept when one of them is refused, as for `stash`; of a key that comes twice the last value.
        A server takes a thousand at one instant: if it fails in between, some of them are kept.
        """
        self._need(AccessTier.CONTRIBUTOR, "stash")
        ttl = ttl_ms(ttl_seconds)
        named = {self._name(self._key(key)): value for key, value in _pairs(items)}
        return self.store.put_many(named, ttl)

    def retrieve_batch(self, keys: Iterable[str], *, agent_id: str | None = None) -> dict[str, object]:
        """The values of those keys that there are; at most one snapshot, or one pipeline, for them all."""
        wanted = _each_once(keys)
        values = self.store.get_many([self._name(key, agent_id) for key in wanted])
        return {key: value for key, value in zip(wanted, values, strict=True) if value is not MISSING}

    def delete(self, key: str) -> bool:
        """Drop an entry of one's own; whether there was one."""
        self._need(AccessTier.CONTRIBUTOR, "delete")
        return self.store.delete([self._name(key)]) > 0

    def clear_working_memory(self) -> int:
        """Drop all entries of this agent; returns how many there were."""
        self._need(AccessTier.CONTRIBUTOR, "clear its working memory")
        found = [
            listed.name
            for prefix in self._prefixes(self.agent)
            for listed in self.store.backend.listing(prefix)
        ]
        return self.store.delete(found)

    def keys(self, prefix: str = "", *, agent_id: str | None = None) -> list[KeyInfo]:
        """The keys of an agent that begin with *prefix*, sorted.

        In a file O(keys of the agent); a server looks at every key it has, also at those of others.
        """
        if not isinstance(prefix, str):
            raise UsageError("the prefix of keys must be a string", hint='pass "" for all keys')
        backend = self.store.backend
        found = []
        for start in self._prefixes(self._whose(agent_id)):
            now, wall = backend.now(), datetime.now(UTC).timestamp()
            for listed in backend.listing(start):
                name = names.split(listed.name)
                if name.key.startswith(prefix):
                    ends = listed.deadline
                    at = None if ends is None else datetime.fromtimestamp(wall + ends - now, UTC)
                    found.append(KeyInfo(name.agent, name.key, listed.size_bytes, at))
        return sorted(found)

    def compare_and_set(
        self, key: str, expected: object, value: object, ttl_seconds: float | None = None
    ) -> bool:
        """`stash`, only if the value is *expected* at that moment; of N that try at once one wins.

        Args:
            key: as for `stash`.
            expected: equal as JSON (in any order of keys; 1 is not 1.0); None: no entry, or null.
            value: what is kept then; None: the entry is dropped.
            ttl_seconds: as for `stash`.

        Returns:
            Whether it was; nothing has happened when not.
        """
        self._need(AccessTier.CONTRIBUTOR, "stash")
        name, ttl = self._name(self._key(key)), ttl_ms(ttl_seconds)
        wanted = canonical(expected)

        def decide(seen: list[Seen]) -> list[Entry] | None:
            now = None if seen[0].value is MISSING else seen[0].value
            return [_entry(name, value, ttl)] if canonical(now) == wanted else None

        return self.store.change([name], decide)

    def update(
        self, key: str, function: Callable[[object], object], ttl_seconds: float | None = None
    ) -> object:
        """Replace a value by *function* of it, and lose nobody's change meanwhile; returns the new one.

        Args:
            key: as for `stash`.
            function: gets the value, None when there is none; None from it drops the entry. It may be called
                several times, and must do nothing else.
            ttl_seconds: from now on; None: it ends when the old value was to end.
        """
        _check_function(function)
        return self.transaction([key], lambda old: {key: function(old[key])}, ttl_seconds)[key]

    def transaction(
        self,
        keys: Iterable[str],
        function: Callable[[dict[str, object]], Mapping[str, object] | None],
        ttl_seconds: float | None = None,
    ) -> dict[str, object]:
        """Change several entries of one's own at one instant, depending on all of *keys*.

        Args:
            keys: what *function* sees; nobody changes any of them in between.
            function: gets the values by key (None when there is none) and returns what is to be different: a
                value, or None to drop the entry; keys beyond *keys* may be written, too. None instead of a
                mapping: leave all as it is. It may be called several times, and must do nothing else.
            ttl_seconds: of everything written; None: each keeps its end, and what is new has none.

        Returns:
            What was written, by key; empty when nothing was.

        Raises:
            StoreBusy: others kept changing the same keys for ten seconds.
            UsageError: *function* returned something else, or a bad key or value; on a cluster with several
                buckets: the keys do not lie together.
        """
        self._need(AccessTier.CONTRIBUTOR, "stash")
        ttl = ttl_ms(ttl_seconds)
        wanted = [self._key(key) for key in _each_once(keys)]
        if not wanted:
            raise UsageError("a transaction needs at least one key", hint="name the keys it depends on")
        _check_function(function)
        written: dict[str, object] = {}

        def decide(seen: list[Seen]) -> list[Entry] | None:
            written.clear()
            old = {key: None if s.value is MISSING else s.value for key, s in zip(wanted, seen, strict=True)}
            changes = function(old)
            if changes is None:
                return None
            if not isinstance(changes, Mapping):
                raise UsageError(
                    "the function of a transaction must return a dict, or None to change nothing",
                    hint="return what is to be different, by key",
                )
            written.update(changes)
            return [
                _entry(self._name(self._key(key)), value, KEEP if ttl is None else ttl)
                for key, value in changes.items()
            ]

        self.store.change([self._name(key) for key in wanted], decide)
        return dict(written)

    def _name(self, key: str, agent: str | None = None) -> str:
        """The name of an entry; the way of every hot read: what is plainly a key is not looked at twice."""
        if type(key) is not str or not key.isascii() or not 0 < len(key) <= self._short:
            names.checked(key, "key", self._short)
        if agent is None and self._buckets == 1:
            return self._prefix + key
        bucket = names.bucket_of(key, self._buckets)
        return names.named(names.space(self._namespace, self._whose(agent), bucket), KIND, key)

    def _whose(self, agent: str | None) -> str:
        """The agent that is meant; None: this one."""
        return self.agent if agent is None else names.checked(agent, "agent", self._short)

    def _prefixes(self, agent: str) -> list[str]:
        return [
            names.named(names.space(self._namespace, agent, bucket), KIND) for bucket in range(self._buckets)
        ]


def _pairs(items: Mapping[str, object] | Iterable[tuple[str, object]]) -> list[tuple[str, object]]:
    """Keys and values, from a mapping or in pairs."""
    try:
        return [(key, value) for key, value in (items.items() if isinstance(items, Mapping) else items)]
    except (TypeError, ValueError) as error:
        raise UsageError(
            "the items of a batch must be a dict, or pairs of a key and a value", hint='pass {"key": value}'
        ) from error


def _each_once(keys: Iterable[str]) -> list[str]:
    """The keys, each once, in their order; a text is no list of its characters."""
    if isinstance(keys, str | bytes):
        raise UsageError("the keys must be a list of strings, not one of them", hint='pass ["key"]')
    try:
        return list(dict.fromkeys(keys))
    except TypeError as error:
        raise UsageError("the keys must be a list of strings", hint='pass ["key"]') from error


def _check_function(function: object) -> None:
    if not callable(function):
        raise UsageError("a change is made by a function of what is there", hint="pass a function")


def _entry(name: str, value: object, ttl: int | None) -> Entry:
    """None as a value is the entry's end."""
    return Entry(name, MISSING if value is None else value, ttl)

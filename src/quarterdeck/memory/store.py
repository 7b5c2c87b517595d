"""The one way in and out of a backend: everything that agents keep goes through here.

    write   value -> JSON, within its limits (codec) -> scrubbed (scrub) -> sealed (sealing) -> backend
    read    local tier (near), else backend -> unsealed -> kept in the local tier -> the caller's own value

The local tier keeps JSON, not what lies in the backend: a hit costs no decryption.
"""

from __future__ import annotations

import random
import threading
import time
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.errors import StoreBusy
from quarterdeck.memory.backend import Item, Put
from quarterdeck.memory.codec import decode, encode
from quarterdeck.memory.names import checked
from quarterdeck.memory.near import LocalTier
from quarterdeck.memory.sealing import open_seal
from quarterdeck.sqlite import IN_MEMORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from quarterdeck import caches
    from quarterdeck.memory.backend import Backend
    from quarterdeck.memory.settings import Limits
    from quarterdeck.patterns import PatternLibrary
    from quarterdeck.scrub import Scrubber

PATIENCE_S = 10.0
"""How long a change is tried again while others change the same entries."""


class Missing:
    """What a read gives for an entry that is not there: `None` is a value."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING = Missing()


class Seen(NamedTuple):
    """An entry as it was read for a change.

    Attributes:
        raw: its bytes in the backend; None where there is none. A transaction checks them.
        value: what they mean; `MISSING` where there is none.
    """

    raw: bytes | None
    value: object


class Entry(NamedTuple):
    """One entry to be written, before it is JSON.

    Attributes:
        name: where.
        value: what; `MISSING` where an entry is to be removed.
        ttl_ms: how long it lives; None for ever, `KEEP` as long as it still has.
        is_clean: what is secret has been taken out of the value already.
        is_new: in a transaction: nothing may be there yet, or nothing at all happens.
    """

    name: str
    value: object
    ttl_ms: int | None = None
    is_clean: bool = False
    is_new: bool = False


class Record(NamedTuple):
    """One item of a log with its value; see `backend.Item`."""

    id: int
    score: int
    value: object


class Store:
    """Values in a backend; may be shared by threads and by agents.

    Attributes:
        backend: where they are.
        limits: the settings that hold for all of them.
    """

    def __init__(
        self,
        backend: Backend,
        limits: Limits,
        *,
        open_library: Callable[[], PatternLibrary] | None = None,
    ) -> None:
        """Reads the key file, if there is one.

        Args:
            backend: where they are.
            limits: the settings that hold for all of them.
            open_library: gives the library that takes over lasting patterns; None: one in this process. So
                is that of a store whose values are encrypted, whatever is said: no file has them in plain.

        Raises:
            UsageError: the namespace is no name.
            ConfigError: the key file is not one.
            MissingExtra: values are encrypted, and ``cryptography`` is not installed.
        """
        self.backend = backend
        self.limits = limits
        self._open_library = None if limits.key_file else open_library
        self._library: PatternLibrary | None = None
        self._opening = threading.Lock()
        checked(limits.namespace, "namespace", limits.max_key_bytes)
        self._seal = open_seal(limits.key_file)
        self._near = LocalTier(backend, limits.local_cache_size if limits.local_cache_enabled else 0)

    @cached_property
    def scrubber(self) -> Scrubber:
        """What is taken out of every value on its way in; made with the first write."""
        from quarterdeck.scrub import Scrubber

        limits = self.limits
        return Scrubber(personal=limits.pii_scrub_enabled, secrets=limits.secrets_detection_enabled)

    @property
    def library(self) -> PatternLibrary:
        """The pattern library that takes over lasting patterns; opened when it is first used."""
        with self._opening:
            if self._library is None:
                self._library = self._open_library() if self._open_library else _own_library()
            return self._library

    # Reading

    def get(self, name: str) -> object:
        """The value of an entry, or `MISSING`; a private copy. No round trip when the local tier has it."""
        copy = self._near.get(name)
        if copy is None:
            copy = (self._fetch((name,))[0],)
        data = copy[0]
        return MISSING if data is None else decode(data)

    def get_near(self, name: str) -> tuple[object] | None:
        """What `get` gives, in a tuple, if the local tier has it; None: `fetch` has to ask the backend."""
        copy = self._near.get(name)
        return None if copy is None else (MISSING if copy[0] is None else decode(copy[0]),)

    def fetch(self, name: str) -> object:
        """What `get` gives, from the backend whatever the local tier has; one round trip."""
        data = self._fetch((name,))[0]
        return MISSING if data is None else decode(data)

    def get_many(self, names: Sequence[str]) -> list[object]:
        """The values of entries, in their order, `MISSING` where there is none; at most one round trip."""
        found: dict[str, bytes | None] = {}
        missed = []
        for name in names:
            copy = self._near.get(name)
            if copy is None:
                missed.append(name)
            else:
                found[name] = copy[0]
        if missed:
            found.update(zip(missed, self._fetch(missed), strict=True))
        return [MISSING if (data := found[name]) is None else decode(data) for name in names]

    def see(self, name: str) -> Seen:
        """An entry as the backend has it now, for a change that depends on it; one round trip."""
        return self.see_many((name,))[0]

    def see_many(self, names: Sequence[str]) -> list[Seen]:
        """Entries as the backend has them now; one round trip."""
        seen = []
        for name, stored in zip(names, self.backend.get_many(names), strict=True):
            raw = stored.data
            seen.append(Seen(raw, MISSING if raw is None else decode(self._seal.open(raw, name))))
        return seen

    # Writing

    def put(self, name: str, value: object, ttl_ms: int | None = None) -> None:
        """Write one entry; nothing is stored when this raises.

        Raises:
            UsageError, TooLarge: the value is not JSON, or has too many bytes.
            ScrubRefused: what is secret in it cannot be taken out.
        """
        self.backend.put(name, self.prepared(name, value), ttl_ms)
        self._near.forget((name,))

    def put_many(self, values: Mapping[str, object], ttl_ms: int | None = None) -> int:
        """Write entries by name; returns how many. If one is bad none is written; see `Backend.put_many`."""
        most, close = self.limits.max_value_bytes, self._seal.close
        clean = self.scrubber.scrub_many([encode(value, most) for value in values.values()])
        puts = [Put(name, close(data, name), ttl_ms) for name, data in zip(values, clean, strict=True)]
        if puts:
            self.backend.put_many(puts)
            self._near.forget(values)
        return len(puts)

    def delete(self, names: Sequence[str]) -> int:
        """Remove entries; returns how many were there."""
        deleted = self.backend.delete(names) if names else 0
        self._near.forget(names)
        return deleted

    def transact(
        self, seen: Mapping[str, Seen], puts: Iterable[Entry] = (), deletes: Sequence[str] = ()
    ) -> bool:
        """Write and remove, if everything that was *seen* is still so; see `Backend.transact`."""
        puts = list(puts)
        checks = {name: each.raw for name, each in seen.items()}
        checks |= {entry.name: None for entry in puts if entry.is_new}
        done = self.backend.transact(checks, [self._put(entry) for entry in puts], deletes)
        self._near.forget([*(entry.name for entry in puts), *deletes])
        return done

    def change(self, names: Sequence[str], function: Callable[[list[Seen]], Iterable[Entry] | None]) -> bool:
        """Have *function* see entries and say what becomes of them, as often as it takes to be the only one.

        Args:
            names: of one space.
            function: what it returns is written, and nobody else has changed any of *names* in between; None:
                nothing is to be done. An entry whose value is `MISSING` is removed. It may be called several
                times, and must do nothing else.

        Returns:
            Whether something was to be done.

        Raises:
            StoreBusy: others have been quicker for `PATIENCE_S` seconds.
        """
        deadline = time.monotonic() + PATIENCE_S
        pause_s = 0.0005
        while True:
            seen = self.see_many(names)
            entries = function(seen)
            if entries is None:
                return False
            entries = list(entries)
            puts = [entry for entry in entries if entry.value is not MISSING]
            deletes = [entry.name for entry in entries if entry.value is MISSING]
            if self.transact(dict(zip(names, seen, strict=True)), puts, deletes):
                return True
            if time.monotonic() > deadline:
                raise StoreBusy(
                    f"others have changed the same {len(names)} entries of the memory for {PATIENCE_S:g} s",
                    hint="try again, or spread them over more keys",
                )
            time.sleep(pause_s * random.random())  # noqa: S311  nobody gains by guessing it
            pause_s = min(pause_s * 2, 0.05)

    # Logs

    def add(
        self,
        log: str,
        values: Iterable[object],
        *,
        score: int | None = None,
        keep: int | None = None,
        ttl_ms: int | None = None,
    ) -> list[int]:
        """Add values to a log; see `Backend.add`."""
        items = [self.prepared(log, value) for value in values]
        return self.backend.add(log, items, score=score, keep=keep, ttl_ms=ttl_ms) if items else []

    def records(self, log: str, items: Iterable[Item]) -> list[Record]:
        """The values of *items* that the backend gave for *log*."""
        return [Record(item.id, item.score, decode(self._seal.open(item.data, log))) for item in items]

    # The local tier

    def near_stats(self) -> caches.CacheStats:
        """What the local tier has saved."""
        return self._near.stats()

    def forget_copies(self) -> int:
        """Drop all copies of the local tier; returns how many there were. Nothing is lost."""
        return self._near.clear()

    def close(self) -> None:
        """Give back files and connections; the next use opens them anew."""
        self._near.clear()
        with self._opening:
            library, self._library = self._library, None
        if library is not None:
            library.close()
        self.backend.close()

    def prepared(self, name: str, value: object) -> bytes:
        """The bytes that are stored for *value* under *name*: JSON within its limit, scrubbed, sealed."""
        data = encode(value, self.limits.max_value_bytes)
        return self._seal.close(self.scrubber.scrub(data), name)

    def _put(self, entry: Entry) -> Put:
        data = encode(entry.value, self.limits.max_value_bytes)
        data = data if entry.is_clean else self.scrubber.scrub(data)
        return Put(entry.name, self._seal.close(data, entry.name), entry.ttl_ms)

    def _fetch(self, names: Sequence[str]) -> list[bytes | None]:
        """The JSON of entries, from the backend; copies of it are kept."""
        backend = self.backend
        found = []
        for name, stored in zip(
            names, (backend.get(names[0]),) if len(names) == 1 else backend.get_many(names), strict=True
        ):
            raw, deadline, mark = stored
            data = None if raw is None else self._seal.open(raw, name)
            self._near.keep(name, data, deadline, mark)
            found.append(data)
        return found


def _own_library() -> PatternLibrary:
    """One that is in this process, and gone with it."""
    from quarterdeck.patterns import PatternLibrary

    return PatternLibrary(IN_MEMORY)

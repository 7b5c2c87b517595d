"""Whatever two processes write, read, change and forget: each always reads what a plain dict says."""

from __future__ import annotations

import shutil
import tempfile
from typing import NamedTuple
from uuid import uuid4

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from quarterdeck.memory import names
from quarterdeck.memory.backend import KEEP
from quarterdeck.memory.embedded import EmbeddedBackend
from quarterdeck.memory.server import RedisBackend
from quarterdeck.memory.settings import Limits, RedisConfig
from quarterdeck.memory.store import MISSING, Entry, Store
from tests.memory_worlds import Clock

ALL_KEYS = ("a", "*", "a:b", "é\n")
KEYS = st.sampled_from(ALL_KEYS)
KEY_LISTS = st.lists(KEYS, min_size=1, max_size=5)
VALUES = st.sampled_from([None, 0, 1, 1.0, True, "", "x", [], [1], {}, {"a": None}, {"a": [1, {"b": "é"}]}])
TTLS_MS = st.sampled_from([None, 1, 2, 10, 1000, 60_000])
TTLS_MS_OR_KEEP = TTLS_MS | st.just(KEEP)
HANDLES = st.integers(0, 1)
SIZE = 3
"""Of the local tiers: smaller than the number of keys, so that copies also go."""


class Model(NamedTuple):
    """One entry as it must be."""

    value: object
    end_ms: int | None = None


class TwoProcesses(RuleBasedStateMachine):
    """Two stores with local tiers on two handles of one backend; the model is a dict and a clock."""

    seen = Bundle("seen")
    steps = 0

    def backend(self):
        raise NotImplementedError

    @initialize()
    def nothing_stored(self):
        self.clock = Clock()
        self.space = names.space(f"model-{uuid4().hex[:12]}", "agent")
        self.model: dict[str, Model] = {}
        self.begin()
        self.stores = [self.store(), self.store()]

    def begin(self):
        """What the backends need."""

    def store(self):
        return Store(self.backend(), Limits(local_cache_size=SIZE))

    def teardown(self):
        for store in getattr(self, "stores", ()):
            store.close()

    # The model

    def name(self, key):
        return names.named(self.space, "k", key)

    def now(self, key):
        """The value that the key has at this moment."""
        held = self.model.get(key)
        if held is None or (held.end_ms is not None and self.clock.ms >= held.end_ms):
            return MISSING
        return held.value

    def hold(self, key, value, ttl_ms):
        if ttl_ms == KEEP:
            end_ms = None if self.now(key) is MISSING else self.model[key].end_ms
        else:
            end_ms = None if ttl_ms is None else self.clock.ms + ttl_ms
        self.model[key] = Model(value, end_ms)

    def entries(self, items, ttl_ms):
        return [Entry(self.name(key), value, ttl_ms) for key, value in items.items()]

    # Writing

    @rule(who=HANDLES, key=KEYS, value=VALUES, ttl_ms=TTLS_MS)
    def put(self, who, key, value, ttl_ms):
        ttl_ms = self.lasting(ttl_ms)
        self.stores[who].put(self.name(key), value, ttl_ms)
        self.hold(key, value, ttl_ms)

    @rule(who=HANDLES, items=st.dictionaries(KEYS, VALUES, max_size=4), ttl_ms=TTLS_MS_OR_KEEP)
    def put_many(self, who, items, ttl_ms):
        ttl_ms = self.lasting(ttl_ms)
        named = {self.name(key): value for key, value in items.items()}
        assert self.stores[who].put_many(named, ttl_ms) == len(items)
        for key, value in items.items():
            self.hold(key, value, ttl_ms)

    @rule(who=HANDLES, keys=KEY_LISTS)
    def delete(self, who, keys):
        there = {key for key in keys if self.now(key) is not MISSING}
        assert self.stores[who].delete([self.name(key) for key in keys]) == len(there)
        for key in keys:
            self.model.pop(key, None)

    @rule(who=HANDLES, key=KEYS, ttl_ms=TTLS_MS_OR_KEEP, what=st.sampled_from(["count", "remove", "nothing"]))
    def change(self, who, key, ttl_ms, what):
        ttl_ms, old = self.lasting(ttl_ms), self.now(key)

        def function(seen):
            assert same(seen[0].value, old)
            return {
                "count": [Entry(self.name(key), [old if old is not MISSING else 0], ttl_ms)],
                "remove": [Entry(self.name(key), MISSING)],
                "nothing": None,
            }[what]

        assert self.stores[who].change([self.name(key)], function) == (what != "nothing")
        if what == "count":
            self.hold(key, [old if old is not MISSING else 0], ttl_ms)
        elif what == "remove":
            self.model.pop(key, None)

    @rule(target=seen, who=HANDLES, keys=KEY_LISTS)
    def see(self, who, keys):
        found = self.stores[who].see_many([self.name(key) for key in keys])
        for key, each in zip(keys, found, strict=True):
            assert same(each.value, self.now(key))
        return dict(zip(keys, found, strict=True))

    @rule(
        who=HANDLES,
        seen=seen,
        items=st.dictionaries(KEYS, VALUES, max_size=3),
        gone=st.lists(KEYS, max_size=2),
        ttl_ms=TTLS_MS_OR_KEEP,
    )
    def transact(self, who, seen, items, gone, ttl_ms):
        ttl_ms = self.lasting(ttl_ms)
        gone = [key for key in gone if key not in items]
        holds = all(same(each.value, self.now(key)) for key, each in seen.items())
        done = self.stores[who].transact(
            {self.name(key): each for key, each in seen.items()},
            self.entries(items, ttl_ms),
            [self.name(key) for key in gone],
        )
        assert done == holds
        if done:
            for key, value in items.items():
                self.hold(key, value, ttl_ms)
            for key in gone:
                self.model.pop(key, None)

    # Reading

    @rule(who=HANDLES, key=KEYS)
    def get(self, who, key):
        assert same(self.stores[who].get(self.name(key)), self.now(key))

    @invariant()
    def everybody_agrees(self):
        """One key after the other, so that copies grow old before they are looked at."""
        for number, store in enumerate(getattr(self, "stores", ())):
            key = ALL_KEYS[(self.steps + number) % len(ALL_KEYS)]
            assert same(store.get(self.name(key)), self.now(key))
            assert store.near_stats().size <= SIZE
        self.steps += 1

    @rule(who=HANDLES, keys=KEY_LISTS)
    def get_many(self, who, keys):
        found = self.stores[who].get_many([self.name(key) for key in keys])
        for key, value in zip(keys, found, strict=True):
            assert same(value, self.now(key))

    @rule(who=HANDLES)
    def list(self, who):
        listed = [each.name for each in self.stores[who].backend.listing(self.name(""))]
        assert listed == sorted(self.name(key) for key in self.model if self.now(key) is not MISSING)

    # Forgetting

    @rule(who=HANDLES, how=st.sampled_from(["copies", "files and connections", "everything"]))
    def forget(self, who, how):
        if how == "copies":
            assert self.stores[who].forget_copies() <= SIZE
            assert self.stores[who].near_stats().size == 0
        else:
            self.stores[who].close()
        if how == "everything":
            self.stores[who] = self.store()

    # Time

    time_can_pass = True

    def lasting(self, ttl_ms):
        """The time to live that is meant: where time cannot be stopped, none ends while we look."""
        return ttl_ms if self.time_can_pass or ttl_ms in {None, KEEP} else 60_000 + ttl_ms

    @precondition(lambda self: self.time_can_pass)
    @rule(ms=st.sampled_from([1, 2, 9, 500, 60_000]))
    def time_passes(self, ms):
        self.clock.ms += ms


class OnAFile(TwoProcesses):
    """Embedded, with one clock for both."""

    def begin(self):
        self.folder = tempfile.mkdtemp(prefix="qd-memory-")

    def backend(self):
        return EmbeddedBackend(f"{self.folder}/memory.sqlite", clock=self.clock)

    def teardown(self):
        super().teardown()
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)


def same(one, two):
    """Whether two values are one; True is not 1, and 1 is not 1.0."""
    if one is MISSING or two is MISSING:
        return one is two
    return msgspec.json.encode(one) == msgspec.json.encode(two)


STEPS = settings(deadline=None, suppress_health_check=list(HealthCheck))


def test_two_processes_on_a_file_agree_with_a_dict():
    """No stale read, no lost write, no entry a millisecond too long."""
    run_state_machine_as_test(
        OnAFile,
        settings=settings(STEPS, max_examples=60, stateful_step_count=40),
    )


def test_two_processes_on_a_server_agree_with_a_dict(redis_server):
    """The same, on a server whose clock cannot be stopped: nothing ends by itself."""

    class OnAServer(TwoProcesses):
        time_can_pass = False

        def backend(self):
            namespace = names.split(self.name("")).namespace
            return RedisBackend(RedisConfig(url=redis_server.url, namespace=namespace))

    run_state_machine_as_test(
        OnAServer,
        settings=settings(STEPS, max_examples=25, stateful_step_count=30),
    )

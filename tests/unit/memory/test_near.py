"""The local tier: copies that are used only while they are fresh and alive."""

from __future__ import annotations

import gc
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from quarterdeck import caches
from quarterdeck.memory.near import LocalTier


class Backend:
    """As much of a backend as the local tier asks: which marks are fresh, and what time it is."""

    def __init__(self):
        self.stale = set()
        self.time_s = 100.0

    def is_fresh(self, mark):
        return mark not in self.stale

    def now(self):
        return self.time_s


@pytest.fixture
def backend():
    return Backend()


@pytest.fixture
def near(backend):
    return LocalTier(backend, 3)


def held(near, names):
    """Which of the names have a copy that can be used; asking counts as a use, so it is asked once."""
    return [name for name in names if near.get(name) is not None]


def test_a_copy_is_used(near):
    """What was kept is given, also no bytes and the knowledge that there is nothing."""
    for name, data in {"a": b"1", "b": b"", "c": None}.items():
        near.keep(name, data, None, "mark")
        assert near.get(name) == (data,)
    assert near.get("d") is None


def test_a_copy_is_dropped_once_it_is_stale(near, backend):
    """It does not come back when its mark does, and the next one has a mark of its own."""
    near.keep("a", b"1", None, "old")
    backend.stale.add("old")
    assert near.get("a") is None
    assert near.stats().size == 0
    backend.stale.clear()
    assert near.get("a") is None
    near.keep("a", b"2", None, "new")
    backend.stale.add("old")
    assert near.get("a") == (b"2",)


def test_a_copy_ends_at_its_deadline(near, backend):
    """It is used just before, and not at it."""
    near.keep("a", b"1", 100.25, "mark")
    backend.time_s = 100.249
    assert near.get("a") == (b"1",)
    backend.time_s = 100.25
    assert near.get("a") is None
    assert near.stats().size == 0


def test_nothing_is_kept_without_a_mark(near):
    """The backend has said that no copy may be kept."""
    near.keep("a", b"1", None, None)
    assert near.get("a") is None
    assert near.stats().size == 0


def test_the_least_recently_used_goes_first(near):
    """A use is a read or a new copy."""
    for name in "abc":
        near.keep(name, b"1", None, "mark")
    near.get("a")
    near.keep("b", b"2", None, "mark")
    near.keep("d", b"1", None, "mark")
    assert held(near, "abcd") == ["a", "b", "d"]
    near.keep("e", b"1", None, "mark")
    assert held(near, "abde") == ["b", "d", "e"]
    assert near.stats().evictions == 2


def test_a_new_copy_in_the_place_of_an_old_one_drops_nobody(near):
    """The size counts names."""
    for name in "abcabcabc":
        near.keep(name, b"1", None, "mark")
    assert held(near, "abc") == ["a", "b", "c"]
    assert near.stats().evictions == 0


def test_a_tier_of_size_0_keeps_nothing(backend):
    """That is how it is turned off."""
    near = LocalTier(backend, 0)
    near.keep("a", b"1", None, "mark")
    assert near.get("a") is None
    assert near.stats()[1:6] == (0, 1, 0, 0, 0)


def test_clearing_tells_how_many_there_were(near):
    """And the counters go on."""
    near.keep("a", b"1", None, "mark")
    near.keep("b", None, None, "mark")
    near.get("a")
    assert near.clear() == 2
    assert near.clear() == 0
    assert near.get("a") is None
    assert (near.stats().hits, near.stats().misses) == (1, 1)


def test_what_is_held_is_counted(near):
    """Hits, misses, evictions, copies and bytes of values."""
    near.get("a")
    for name, data in {"a": b"12345", "b": None, "c": b"67", "d": b""}.items():
        near.keep(name, data, None, "mark")
    near.get("d")
    stats = near.stats()
    assert stats.name == "memory.local"
    assert (stats.hits, stats.misses, stats.evictions, stats.size, stats.size_bytes) == (1, 1, 1, 3, 2)


def test_the_registry_sums_all_tiers_that_are_used(backend):
    """And keeps none of them alive."""

    def registered():
        (stats,) = caches.snapshot("memory.local")
        return stats

    gc.collect()
    before = registered()
    one, other = LocalTier(backend, 3), LocalTier(backend, 3)
    for tier in (one, other):
        tier.keep("a", b"123", None, "mark")
        tier.get("a")
    other.get("b")
    both = registered()
    assert (both.hits - before.hits, both.misses - before.misses) == (2, 1)
    assert (both.size, both.size_bytes) == (before.size + 2, before.size_bytes + 6)
    del one, other, tier
    gc.collect()
    assert registered() == before


def test_threads_share_it(backend):
    """Whatever they do at once, nothing breaks, nobody gets another name's copy, and it stays small."""
    near = LocalTier(backend, 1)
    before = sys.getswitchinterval()
    start = threading.Barrier(4)

    def work(number):
        start.wait()
        for round_ in range(3000):
            name = f"{(number + round_) % 3}"
            near.keep(name, name.encode(), None, "mark")
            copy = near.get(name)
            assert copy in ((name.encode(),), None)
            if round_ % 50 == number:
                near.clear()
                near.stats()

    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
    finally:
        sys.setswitchinterval(before)
    assert near.stats().size in (0, 1)

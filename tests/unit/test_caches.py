"""The registry of caches: names, counters, ratio."""

from __future__ import annotations

import functools
import json

import pytest

from quarterdeck import caches
from quarterdeck.caches import CacheStats


@pytest.fixture(autouse=True)
def empty(monkeypatch):
    """A registry of this test alone."""
    monkeypatch.setattr(caches, "_readers", {})


def test_counters_are_read_when_they_are_asked_for():
    """A cache that nobody asks about costs nothing, and an answer is never old."""
    hits = 0

    def read() -> CacheStats:
        return CacheStats("a.b", hits=hits)

    caches.register("a.b", read)
    hits = 5
    assert caches.snapshot() == [CacheStats("a.b", hits=5)]


def test_caches_are_listed_by_name():
    """Not in the order in which they happened to be made."""
    for name in ("b", "c", "a"):
        caches.register(name, functools.partial(CacheStats, name))
    assert [stats.name for stats in caches.snapshot()] == ["a", "b", "c"]


def test_the_newest_cache_of_a_name_counts():
    """A store that is opened again takes the place of the one before."""
    caches.register("a", lambda: CacheStats("a", hits=1))
    caches.register("a", lambda: CacheStats("a", hits=2))
    assert [stats.hits for stats in caches.snapshot()] == [2]


@pytest.mark.parametrize("hits, misses, ratio", [(0, 0, None), (0, 4, 0.0), (3, 1, 0.75), (5, 0, 1.0)])
def test_the_hit_ratio_is_hits_per_request(hits: int, misses: int, ratio: float | None):
    """Before the first request there is none, rather than a zero that says the cache is useless."""
    assert CacheStats("a", hits, misses).hit_ratio == ratio


def test_counters_can_be_written_as_json():
    """With the ratio, which is not a field."""
    stats = CacheStats("a", hits=1, misses=1, size=3, time_saved_s=0.5)
    assert json.loads(json.dumps(stats.to_dict())) == {
        "name": "a",
        "hits": 1,
        "misses": 1,
        "evictions": 0,
        "size": 3,
        "size_bytes": None,
        "time_saved_s": 0.5,
        "hit_ratio": 0.5,
    }

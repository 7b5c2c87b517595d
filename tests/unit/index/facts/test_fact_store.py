"""Facts are found again by content, and only facts that can be trusted are."""

from __future__ import annotations

import contextlib
import sqlite3
from types import SimpleNamespace

import pytest

from quarterdeck import caches, sqlite
from quarterdeck.index.facts import fact_store
from quarterdeck.index.facts.fact_store import KEEP_DAYS, FactStore, Known, NewFact
from quarterdeck.index.facts.facts import EXTRACTOR_VERSION
from quarterdeck.index.facts.packed import Packed

PACKED = Packed(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, "line 3: ü", "[1]", '[[],null,["x"]]')
FACT = NewFact("ab" * 16, "python", PACKED, 250)
KEY = (FACT.hash, FACT.language)
DAY_S = 86_400


class Clock:
    """Days that pass when they are told to."""

    def __init__(self):
        self.now = 20_000 * DAY_S

    def time(self):
        return float(self.now)

    def advance_days(self, days):
        self.now += days * DAY_S


@pytest.fixture
def clock(monkeypatch):
    """The store's only source of time."""
    clock = Clock()
    monkeypatch.setattr(fact_store, "time", SimpleNamespace(time=clock.time))
    return clock


@pytest.fixture
def path(tmp_path, clock):
    """Where the facts are; there are none yet."""
    return str(tmp_path / "facts.sqlite")


@contextlib.contextmanager
def opened(path):
    with contextlib.closing(FactStore(path)) as store:
        yield store


@pytest.fixture
def store(path):
    """A store with one fact."""
    with opened(path) as store:
        store.put_many([FACT])
        yield store


def changed(path, statement):
    """Write to the store behind its back."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(statement).rowcount == 1


def test_a_fact_comes_back_as_it_was_put(store, path):
    """With what it cost; here and in another process."""
    assert store.get(*KEY) == Known(PACKED, 250)
    with opened(path) as other:
        assert other.get(*KEY) == Known(PACKED, 250)
        assert other.wirings([KEY, KEY]) == {KEY: PACKED.wiring}


def test_the_same_bytes_in_another_language_are_another_fact(store):
    """And other bytes, too."""
    assert store.get(FACT.hash, "go") is None
    assert store.get("cd" * 16, "python") is None
    assert store.wirings([(FACT.hash, "go"), KEY]) == {KEY: PACKED.wiring}


def test_a_fact_that_is_put_again_takes_the_old_ones_place(store):
    """One row per content and language."""
    store.put_many([FACT._replace(packed=PACKED._replace(lines=99))])
    found = store.get(*KEY)
    assert found is not None
    assert found.packed.lines == 99
    assert store.stats().size == 1


def test_facts_of_another_version_are_unknown(store, monkeypatch):
    """Whether the extractor is newer or older than the row."""
    for version in (EXTRACTOR_VERSION + 1, EXTRACTOR_VERSION - 1):
        monkeypatch.setattr(fact_store, "EXTRACTOR_VERSION", version)
        assert store.get(*KEY) is None
        assert store.wirings([KEY]) == {}


@pytest.mark.parametrize("column", [name for name in Packed._fields if name != "wiring"])
def test_a_row_that_was_changed_is_unknown(store, path, column):
    """Every column is covered by the checksum."""
    changed(path, f"UPDATE fact SET {column} = '77'")
    assert store.get(*KEY) is None


def test_a_wiring_that_was_changed_is_unknown(store, path):
    """It has a checksum of its own: it is often read without the rest."""
    changed(path, "UPDATE fact SET wiring = '[]'")
    assert store.get(*KEY) is None
    assert store.wirings([KEY]) == {}


def test_a_row_under_another_name_is_unknown(store, path):
    """A row that damage has moved to other bytes does not speak for them."""
    changed(path, "UPDATE fact SET language = 'go'")
    assert store.get(FACT.hash, "go") is None
    assert store.wirings([(FACT.hash, "go")]) == {}


def test_what_nothing_has_used_for_long_is_dropped(path, clock):
    """On the day after the last that counts, by the first write; it is counted as evicted."""
    with opened(path) as store:
        store.put_many([FACT, FACT._replace(language="go")])
    clock.advance_days(KEEP_DAYS)
    with opened(path) as store:
        store.put_many([FACT._replace(language="c")])
        assert (store.stats().size, store.stats().evictions) == (3, 0)
        store.touch([KEY])
    clock.advance_days(1)
    with opened(path) as store:
        assert store.get(FACT.hash, "go"), "reading drops nothing"
        store.put_many([FACT._replace(language="java")])
        assert store.get(FACT.hash, "go") is None
        assert store.get(*KEY), "it was used in between"
        assert (store.stats().size, store.stats().evictions) == (3, 1)


def test_nothing_to_keep_is_nothing_written(path, clock):
    """Not even old rows are dropped."""
    with opened(path) as store:
        store.put_many([FACT])
    clock.advance_days(KEEP_DAYS + 1)
    with opened(path) as store:
        store.put_many([])
        store.touch([])
        assert store.stats().size == 1


def test_counters_add_up_and_time_is_in_seconds(store):
    """They are of this object; the size is the file's."""
    store.count(hits=3, misses=1, saved_us=1_500_000)
    store.count(hits=1, misses=0, saved_us=500_000)
    stats = store.stats()
    assert stats._replace(size_bytes=None) == caches.CacheStats(
        "index.facts", hits=4, misses=1, evictions=0, size=1, time_saved_s=2.0
    )
    assert stats.size_bytes is not None
    assert stats.size_bytes % 4096 == 0
    assert stats.size_bytes > 0


def test_counters_outlive_the_store(path):
    """A report at the end of a command still knows what was saved, but no longer how much there is."""
    with opened(path) as store:
        store.put_many([FACT])
        store.count(hits=2, misses=1, saved_us=10)
    (stats,) = [each for each in caches.snapshot() if each.name == "index.facts"]
    assert (stats.hits, stats.misses, stats.size, stats.size_bytes) == (2, 1, None, None)


def test_an_empty_store_says_so(path):
    """Then looking anything up is pointless; so it is once everything was forgotten."""
    with opened(path) as store:
        assert store.is_empty()
        store.put_many([FACT])
        assert not store.is_empty()
        store.clear()
        assert store.is_empty()
        assert store.get(*KEY) is None


def test_a_store_in_memory_has_no_path(clock):
    """That is how others know that nothing more can be lost."""
    with opened(sqlite.IN_MEMORY) as store:
        store.put_many([FACT])
        assert (store.path, store.get(*KEY)) == ("", Known(PACKED, 250))


def test_damage_is_a_miss_and_is_remembered(store, path):
    """Pages of noise answer nothing, raise nothing, and are to be made anew."""
    store.put_many([FACT._replace(hash=f"{number:032x}") for number in range(500)])
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with open(path, "r+b") as stream:
        stream.seek(4096)
        stream.write(b"\xa5" * 200_000)
    with opened(path) as other:
        assert other.get(*KEY) is None
        assert other.damaged
    assert not store.damaged


def test_what_is_no_database_is_made_anew(path):
    """It is a cache: nothing in it is worth an error."""
    with open(path, "wb") as stream:
        stream.write(b"no database" * 1000)
    with opened(path) as store:
        assert store.is_empty()
        store.put_many([FACT])
        assert store.get(*KEY)

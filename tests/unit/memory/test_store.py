"""The one way in and out of a backend: scrubbed, sealed, kept near, and changed by one at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from quarterdeck.errors import MemoryUnavailable, ScrubRefused, StoreBusy, StoreCorrupt, TooLarge, UsageError
from quarterdeck.memory import store as store_module
from quarterdeck.memory.backend import Put
from quarterdeck.memory.settings import Limits
from quarterdeck.memory.store import MISSING, Entry, Seen, Store
from tests.memory_worlds import Clock, DictBackend, World

A, B, C, LOG = ("{n.a.0}:k:a", "{n.a.0}:k:b", "{n.a.0}:k:c", "{n.a.0}:log:a")


class Scrubber:
    """Takes ``secret`` out, and refuses what it cannot read."""

    def scrub(self, data):
        if b"unreadable" in data:
            raise ScrubRefused("the value cannot be looked through", hint="store another")
        return data.replace(b"secret", b"[gone]")

    def scrub_many(self, datas: list[bytes]) -> list[bytes]:
        return [self.scrub(data) for data in datas]


class Seal:
    """Readable by whoever knows the name; no two times the same bytes."""

    def __init__(self):
        self._times = 0

    def close(self, data, name):
        self._times += 1
        return b"%d sealed for %b: %b" % (self._times, name.encode(), data[::-1])

    def open(self, data, name):
        _, found, sealed = data.partition(f" sealed for {name}: ".encode())
        if not found:
            raise StoreCorrupt("this is not what was sealed", hint="find out who changed it")
        return sealed[::-1]


@pytest.fixture
def world():
    return World(Clock())


@pytest.fixture
def backend(world):
    return DictBackend(world)


@pytest.fixture
def store(backend):
    return Store(backend, Limits())


@pytest.fixture
def elsewhere(world):
    """What another process has of the same store."""
    return Store(DictBackend(world), Limits())


def sealed(backend, monkeypatch, **limits):
    """A store with a scrubber and a seal that show what passed them."""
    monkeypatch.setattr(store_module, "open_seal", lambda _: Seal())
    store = Store(backend, Limits(**limits))
    monkeypatch.setattr(store, "scrubber", Scrubber())
    return store


WAYS = {
    "put": lambda store, value: store.put(A, value),
    "put_many": lambda store, value: store.put_many({B: 1, A: value}),
    "transact": lambda store, value: store.transact({}, [Entry(B, 1), Entry(A, value)]),
    "change": lambda store, value: store.change([A], lambda _: [Entry(B, 1), Entry(A, value)]),
    "add": lambda store, value: store.add(LOG, [1, value]),
}
"""Every way in."""


# In and out


@pytest.mark.parametrize("value", [None, 0, "", [], {}, {"a": [1, 2.5, None, "é"]}], ids=repr)
def test_a_value_comes_back_here_and_elsewhere(store, elsewhere, value):
    """None is a value; what was never put is missing."""
    store.put(A, value)
    assert store.get(A) == elsewhere.get(A) == value
    assert store.get_many([B, A, A]) == [MISSING, value, value]
    assert store.get(B) is MISSING
    assert not MISSING


def test_every_caller_has_a_copy_of_its_own(store):
    """What one does to its value, nobody else sees."""
    value = {"list": [1]}
    store.put(A, value)
    value["list"].append(2)
    for _ in range(3):
        for found in (store.get(A), *store.get_many([A, A]), store.see(A).value):
            assert found == {"list": [1]}
            found["list"].append(3)
    seen = []
    store.change([A], lambda entries: seen.append(entries[0].value["list"].append(4)))
    store.add(LOG, [[1]])
    for _ in range(2):
        [record] = store.records(LOG, store.backend.items(LOG))
        assert record.value == [1]
        record.value.append(2)
    assert store.get(A) == {"list": [1]}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_in_is_scrubbed_and_sealed(backend, world, monkeypatch, way):
    """Nothing secret and nothing readable reaches the backend, and it can be read again."""
    store = sealed(backend, monkeypatch)
    WAYS[way](store, {"it is": "secret"})
    raw = [data for data, _ in world.entries.values()]
    raw += [item.data for items in world.logs.values() for item in items.values()]
    assert len(raw) == (1 if way == "put" else 2)
    for data in raw:
        assert b" sealed for {n.a.0}" in data
        assert b"secret"[::-1] not in data
    if way == "add":
        values = [record.value for record in store.records(LOG, backend.items(LOG))]
        assert values == [1, {"it is": "[gone]"}]
    else:
        for found in (store.get(A), store.get(A), store.get_many([A])[0], store.see(A).value):
            assert found == {"it is": "[gone]"}


@pytest.mark.parametrize(
    "value,error",
    [
        ("unreadable", ScrubRefused),
        (float("nan"), UsageError),
        ({1, object()}, UsageError),
        ("x" * 99, TooLarge),
    ],
)
@pytest.mark.parametrize("way", WAYS)
def test_where_one_value_is_refused_nothing_is_stored(backend, world, monkeypatch, way, value, error):
    """Not the good ones beside it, either."""
    store = sealed(backend, monkeypatch, max_value_bytes=100)
    with pytest.raises(error):
        WAYS[way](store, value)
    assert not world.entries
    assert not any(world.logs.values())


def test_a_value_under_another_name_is_not_opened(backend, world, monkeypatch):
    """Whoever moves entries about in the file is found out."""
    store = sealed(backend, monkeypatch)
    store.put(A, 1)
    backend.put(B, backend.get(A).data)
    with pytest.raises(StoreCorrupt):
        store.get(B)
    with pytest.raises(StoreCorrupt):
        store.get_many([A, B])


def test_nothing_to_write_asks_nobody(store, backend):
    """No commit and no round trip."""
    assert store.put_many({}) == store.delete([]) == 0
    assert store.add(LOG, []) == []
    assert store.get_many([]) == []
    assert not backend.calls


def test_writing_many_tells_how_many(store, backend):
    """In one go; a time to live goes along."""
    assert store.put_many({A: A, B: B}, 50) == 2
    assert store.delete([A, C]) == 1
    assert backend.get(B).deadline is not None
    assert (backend.calls["put_many"], backend.calls["put"]) == (1, 0)


# The local tier


def test_what_is_near_costs_no_round_trip(store, backend):
    """Values, and the knowledge that there is none."""
    store.put(A, 1)
    for _ in range(3):
        assert store.get(A) == 1
        assert store.get(B) is MISSING
        assert store.get_many([A, B]) == [1, MISSING]
    assert backend.calls["get"] == 2
    assert backend.calls["get_many"] == 0
    assert (store.near_stats().hits, store.near_stats().misses) == (10, 2)


def test_only_what_is_not_near_is_asked_for(store, backend):
    """At most once, and in one go."""
    store.put_many({name: name for name in (A, B, C)})
    assert store.get(B) == B
    asked = backend.calls["get_many"]
    assert store.get_many([A, B, C, A]) == [A, B, C, A]
    assert store.get_many([C, A, B]) == [C, A, B]
    assert backend.calls["get_many"] == asked + 1


@pytest.mark.parametrize("way", [way for way in WAYS if way != "add"])
@pytest.mark.parametrize("own", [False, True], ids=["another's", "own"])
def test_what_anybody_has_written_is_read(store, elsewhere, way, own):
    """Whoever wrote it and however; also where nothing had been."""
    for value in (1, 2):
        store.get(A)
        WAYS[way](store if own else elsewhere, value)
        assert store.get(A) == value
        assert store.get_many([A]) == [value]
    (store if own else elsewhere).delete([A])
    assert store.get(A) is MISSING


def test_what_has_ended_is_not_read(store, world):
    """The local tier keeps nothing longer than the backend."""
    store.put(A, 1, 250)
    assert store.get(A) == 1
    world.clock.pass_time(0.249)
    assert store.get(A) == 1
    world.clock.pass_time(0.001)
    assert store.get(A) is MISSING
    assert store.get_many([A]) == [MISSING]


@pytest.mark.parametrize("limits", [Limits(local_cache_enabled=False), Limits(local_cache_size=0)])
def test_without_a_local_tier_everything_is_asked(backend, limits):
    """It is turned off, or has no room."""
    store = Store(backend, limits)
    store.put(A, 1)
    assert [store.get(A) for _ in range(3)] == [1, 1, 1]
    assert backend.calls["get"] == 3


def test_forgetting_copies_loses_nothing(store, backend):
    """They are read anew."""
    store.put(A, 1)
    store.get(A)
    store.get(B)
    assert store.forget_copies() == 2
    assert store.get(A) == 1
    assert backend.calls["get"] == 3


def test_a_store_that_was_closed_opens_anew(store, elsewhere):
    """Without the copies of before."""
    store.put(A, 1)
    store.get(A)
    store.close()
    elsewhere.put(A, 2)
    assert store.get(A) == 2


def test_what_is_near_is_no_answer_from_a_store_that_is_down(store, backend):
    """What was never read is not made up, and a write is not swallowed."""
    backend.fails_with = MemoryUnavailable("nobody answers", hint="start the server")
    for use in (lambda: store.get(A), lambda: store.get_many([A]), lambda: store.put(A, 1)):
        with pytest.raises(MemoryUnavailable):
            use()


# Changing


def test_a_change_sees_what_is_there(store, world):
    """Its value, its bytes, and how long it still has."""
    store.put(A, [1])
    store.put(B, None, 250)
    world.clock.pass_time(0.1)
    seen: dict[str, Seen] = {}

    def look(entries):
        seen.update(zip("abc", entries, strict=True))

    assert store.change([A, B, C], look) is False
    assert seen == {"a": (b"[1]", [1]), "b": (b"null", None), "c": (None, MISSING)}


def test_a_change_writes_and_removes(store, elsewhere):
    """Together; what is missing is removed."""
    store.put_many({A: 1, B: 2})
    assert store.change(
        [A, B], lambda seen: [Entry(A, MISSING), Entry(B, seen[0].value + 1, 50), Entry(C, 0)]
    )
    assert elsewhere.get_many([A, B, C]) == [MISSING, 2, 0]
    assert elsewhere.backend.get(B).deadline is not None


def test_a_change_begins_anew_when_another_was_first(store, elsewhere):
    """The function is called again with what is there then."""
    store.put(A, 1)
    seen = []

    def change(entries):
        seen.append(entries[0].value)
        if len(seen) < 3:
            elsewhere.put(A, len(seen) * 10)
        return [Entry(A, entries[0].value + 1)]

    assert store.change([A], change)
    assert seen == [1, 10, 20]
    assert elsewhere.get(A) == 21


def test_of_many_changes_none_is_lost(store, elsewhere):
    """Threads of two handles count together."""

    def count(which):
        for _ in range(20):
            which.change([A], lambda seen: [Entry(A, (seen[0].value or 0) + 1)])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, [store, elsewhere] * 2))
    assert store.get(A) == 80


def test_a_change_that_is_never_first_gives_up(store, elsewhere, monkeypatch):
    """It says so, and has changed nothing."""
    monkeypatch.setattr(store_module, "PATIENCE_S", 0.02)
    number = iter(range(10**9))

    def change(entries):
        elsewhere.put(A, next(number))
        return [Entry(A, "mine")]

    with pytest.raises(StoreBusy):
        store.change([A], change)
    assert store.get(A) == next(number) - 1


def test_an_error_in_a_change_changes_nothing(store):
    """It is the caller's."""
    store.put(A, 1)

    def change(entries):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.change([A], change)
    assert store.get(A) == 1


def test_a_transaction_checks_the_bytes_that_were_seen(backend, monkeypatch):
    """Also where the same value is never twice the same bytes."""
    store = sealed(backend, monkeypatch)
    store.put(A, 1)
    seen = {A: store.see(A)}
    assert store.transact(seen, [Entry(A, 2)], [B])
    assert not store.transact(seen, [Entry(A, 3)])
    assert store.get(A) == 2
    assert not store.transact({B: store.see(A)}, [Entry(B, 3)])
    assert store.transact({B: store.see(B)}, [Entry(B, 3)])


def test_somebody_elses_bytes_are_not_taken_for_a_value(store, backend):
    """They are said to be damaged, in every way of reading."""
    backend.put_many([Put(A, b"{torn"), Put(B, b"1")])
    for read in (lambda: store.get(A), lambda: store.get_many([B, A]), lambda: store.see(A)):
        with pytest.raises(StoreCorrupt):
            read()
    assert store.get(B) == 1

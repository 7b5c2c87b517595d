"""What the programs of part ``memory`` measure is so: a stale answer and a lost write are counted."""

from __future__ import annotations

import mmap
import struct

import pytest

from bench.programs import kills, sizes, stale, stores, times

KEPT: dict[str, object] = {}


def keeping(place, copies):
    """A store that keeps what is written for as long as these tests."""
    return stores.Ways(KEPT.get, KEPT.__setitem__, None, KEPT.update)


def forgetting(place, copies):
    """A store that has lost everything whenever it is opened."""
    KEPT.clear()
    return keeping(place, copies)


@pytest.fixture(autouse=True)
def stores_of_ours(monkeypatch):
    """The programs know our two stores as well."""
    KEPT.clear()
    monkeypatch.setitem(stores.STORES, "keeping", keeping)
    monkeypatch.setitem(stores.STORES, "forgetting", forgetting)


def shared(data):
    """Memory such as the programs share, with *data* in it."""
    mapped = mmap.mmap(-1, len(data))
    mapped[:] = data
    return mapped


def test_an_answer_older_than_what_was_acknowledged_is_stale():
    """One that is as new, or newer, is not."""
    KEPT[stale.KEY] = stores.value(5)
    for acknowledged, is_stale in ((4, False), (5, False), (6, True)):
        reads, found = stale.read("keeping", "", shared(struct.pack("<q", acknowledged)), 0.001)
        assert reads > 0
        assert found == (reads if is_stale else 0)


@pytest.mark.parametrize("store,lost", [("keeping", 1), ("forgetting", 3)])
def test_acknowledged_writes_that_are_gone_or_wrong_are_lost(store, lost):
    """The next life finds those of its predecessor, and adds them to those of all before."""
    KEPT.update({"life-7-0": stores.value(0), "life-7-1": stores.value(1), "life-7-2": "half of it"})
    lives = shared(kills.SHARED.pack(7, 3, 100, 20))
    kills.main(store, "", lives, then_write=False)
    assert kills.SHARED.unpack(lives) == (8, 0, 103, 20 + lost)


@pytest.mark.parametrize("operation", ["hot", "first", "stash", "stash-batch"])
def test_the_last_line_says_the_times_of_one_call(operation, capsys):
    """As `bench.measure` wants it."""
    times.main("keeping", operation, "", 1000)
    word, wall_s, cpu_s = capsys.readouterr().out.split()[-3:]
    assert word == "timed"
    assert 0 < float(wall_s) < 1
    assert 0 <= float(cpu_s) < 1


def test_a_store_that_gives_something_else_back_is_not_timed():
    """A quick wrong answer is no answer."""
    with pytest.raises(AssertionError, match="does not give back"):
        times.fill(stores.Ways(KEPT.get, put_many=bool), 100)


@pytest.mark.parametrize("store", ["quarterdeck", "dict", "sqlite"])
def test_what_stands_in_our_own_environment_keeps_what_is_put(store, tmp_path, monkeypatch):
    """The subject and the floors are opened as their authors meant it."""
    monkeypatch.setenv("QUARTERDECK_HOME", str(tmp_path / "state"))
    opened = stores.open_store(store, str(tmp_path))
    times.fill(opened, 200)
    opened.close()


def test_growth_is_counted_from_the_second_tenth_on(monkeypatch, capsys):
    """What grows once, however few the entries, is no part of an entry."""
    resident = iter([1_000_000, 1_090_000])
    monkeypatch.setattr(sizes, "resident_bytes", lambda: next(resident))
    sizes.main("keeping", "", "put", 1000)
    assert float(capsys.readouterr().out) == 100
    assert len(KEPT) == 1000

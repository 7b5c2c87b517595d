"""What users see when a memory server is frozen, killed or replaced: an error in time, never a stale copy."""

from __future__ import annotations

import contextlib
import time

import pytest

from quarterdeck.errors import MemoryUnavailable
from quarterdeck.memory.names import named, space
from quarterdeck.memory.server import RedisBackend
from quarterdeck.memory.settings import RedisConfig
from quarterdeck.memory.store import MISSING, Store
from tests.memory_servers import Refused, Server, until

NAME = named(space("default", "a"), "entry", "k")
LONGEST_CALL_S = 5.0
"""Far more than the time-outs that are set here (0.4 s), far less than for ever."""


@contextlib.contextmanager
def memory(server, confirm_s=0.3):
    """A store on *server*, with short time-outs."""
    config = RedisConfig(
        url=server.url, connect_timeout_s=0.2, timeout_s=0.2, local_cache_confirm_s=confirm_s
    )
    store = Store(RedisBackend(config), config)
    with contextlib.closing(store):
        yield store


def refusal(function, *arguments):
    """The error of a call that must fail, in time."""
    began = time.monotonic()
    with pytest.raises(MemoryUnavailable) as caught:
        function(*arguments)
    assert time.monotonic() - began < LONGEST_CALL_S
    return caught.value


def attempt(function, *arguments):
    """What a call returns; None while the server cannot be used."""
    began = time.monotonic()
    try:
        return (function(*arguments),)
    except MemoryUnavailable:
        return None
    finally:
        assert time.monotonic() - began < LONGEST_CALL_S


def settle(store):
    """Wait until the store can be used again, on every master."""
    until(lambda: attempt(store.get, NAME) and store.backend.health().state != "down", "it works again")


def is_copied(store, name=NAME):
    """Whether a read needs no round trip; it is read."""
    hits = store.near_stats().hits
    store.get(name)
    return store.near_stats().hits > hits


def test_a_frozen_server_is_an_error_in_time_and_used_again_when_it_thaws(own_redis_server):
    """Reads and writes fail, then fail at once; health says so; no copy is used meanwhile."""
    with memory(own_redis_server) as store:
        store.put(NAME, 1)
        until(lambda: is_copied(store), "a copy is kept")
        own_redis_server.freeze()
        until(lambda: attempt(store.get, NAME) is None, "the copy is not used any more")
        assert "memory server" in refusal(store.get, NAME).message
        refusal(store.put, NAME, 2)
        at_once = refusal(store.get, NAME)
        assert "tried again" in at_once.hint
        assert store.backend.health().state == "down"
        own_redis_server.thaw()
        settle(store)
        store.put(NAME, 3)
        assert store.get(NAME) == 3
        until(lambda: is_copied(store), "a copy is kept")


def test_a_server_that_is_killed_is_an_error_until_it_is_back(own_redis_server):
    """Nothing is kept in this process instead: what a write could not store is not there afterwards."""
    with memory(own_redis_server) as store:
        store.put(NAME, 1)
        until(lambda: is_copied(store), "a copy is kept")
        own_redis_server.kill()
        refusal(store.get, NAME)
        refusal(store.put, NAME, 2)
        assert store.backend.health().state == "down"
        own_redis_server.start()
        settle(store)
        assert store.get(NAME) is MISSING


@pytest.mark.parametrize("keep", [True, False])
def test_a_restarted_server_is_used_again_as_it_is_now(own_redis_server, keep):
    """With its data or without, by a store that knew it before."""
    with memory(own_redis_server) as store:
        store.put(NAME, {"n": 1}, ttl_ms=3_600_000)
        until(lambda: is_copied(store), "a copy is kept")
        own_redis_server.restart(keep=keep)
        settle(store)
        assert store.get(NAME) == ({"n": 1} if keep else MISSING)
        until(lambda: is_copied(store), "a copy is kept")


def test_a_network_that_breaks_again_and_again_gives_no_stale_read(redis_fleet, redis_server):
    """Another process writes on the short way; whoever is cut off asks anew, or is told that it cannot."""
    proxy = redis_fleet.proxy(redis_server)
    with contextlib.closing(proxy), memory(proxy) as store, memory(redis_server) as writer:
        answered = 0
        for number in range(60):
            writer.put(NAME, number)
            if number % 3 == 0:
                proxy.cut()
            elif number % 10 == 1:
                proxy.refuses = True
                proxy.cut()
                assert attempt(store.get, NAME) is None
                proxy.refuses = False
            answer = attempt(store.get, NAME)
            if answer:
                answered += 1
                assert answer == (number,) or is_seen(store, number)
            is_seen(store, number)
        assert answered


def is_seen(store, value):
    """Wait until the store answers with *value*: the way through the proxy takes a little longer."""
    return until(lambda: attempt(store.get, NAME) == (value,), f"{value} is seen")


def test_a_sentinel_failover_is_survived(redis_sentinel):
    """The replica becomes master, and the store finds it by itself; copies of the old one are not used."""
    with memory(redis_sentinel) as store:
        store.put(NAME, 1)
        until(lambda: is_copied(store), "a copy is kept")
        until(lambda: replicated(redis_sentinel.nodes[1]), "the replica has it")
        redis_sentinel.fail_over()
        with memory(redis_sentinel) as writer:
            until(lambda: attempt(writer.put, NAME, 2), "the new master takes writes")
        settle(store)
        assert store.get(NAME) == 2
        until(lambda: is_copied(store), "a copy is kept")


def replicated(node):
    return int(node.command("DBSIZE")) > 0


class TestCluster:
    NAMES = tuple(named(space("default", f"agent{number}"), "entry", "k") for number in range(24))

    def write(self, store, value):
        for name in self.NAMES:
            until(lambda name=name: attempt(store.put, name, value), "the write is taken")

    def all_copied(self, store):
        return all(is_copied(store, name) for name in self.NAMES)

    @pytest.mark.parametrize("how", [Server.kill, Server.freeze])
    def test_a_lost_master_is_survived_with_no_stale_read(self, redis_cluster, how):
        """What is written to its successor is read by those who had copies from it."""
        with memory(redis_cluster) as store, memory(redis_cluster) as writer:
            self.write(writer, 1)
            until(lambda: self.all_copied(store), "all are kept")
            redis_cluster.fail_over(how)
            self.write(writer, 2)
            settle(store)
            assert [attempt(store.get, name) for name in self.NAMES] == [(2,)] * len(self.NAMES)
            until(lambda: attempt(self.all_copied, store) == (True,), "all are kept")

    def test_a_master_that_becomes_a_replica_is_no_source_of_copies(self, redis_cluster):
        """It lives on, and would tell of changes late: it is left within the time that is set."""
        with memory(redis_cluster) as store, memory(redis_cluster) as writer:
            self.write(writer, 1)
            until(lambda: self.all_copied(store), "all are kept")
            redis_cluster.swap_roles()
            self.write(writer, 2)
            until(lambda: values(store, self.NAMES) == {2}, "all see the new value")
            until(lambda: attempt(self.all_copied, store) == (True,), "all are kept")
            for value in range(3, 20):
                self.write(writer, value)
                assert values(store, self.NAMES) == {value}

    def test_a_slot_that_moves_takes_its_copies_along(self, redis_cluster):
        """The new owner's changes are heard, also by those who only ever used a copy."""
        self.follow(
            redis_cluster, next(node for node in redis_cluster.masters if not has(node, self.NAMES[0]))
        )

    def test_a_slot_that_moves_to_a_new_master_takes_its_copies_along(self, redis_fleet, redis_program):
        """One that had no slots, and so was not heard, when the copies were made."""
        cluster = redis_fleet.cluster(redis_program)
        self.follow(cluster, cluster.add_master())
        for node in cluster.nodes:
            node.kill()

    def follow(self, cluster, target):
        """Copies are good before, while and after the slot of an entry moves to *target*."""
        name = self.NAMES[0]
        with memory(cluster, confirm_s=60) as store, memory(cluster) as writer:
            writer.put(name, 1)
            until(lambda: is_copied(store, name), "a copy is kept")
            cluster.move_slot(name, target)
            until(lambda: attempt(writer.put, name, 2), "the new owner takes writes")
            until(lambda: attempt(store.get, name) == (2,), "the new value is seen")
            until(lambda: is_copied(store, name), "a copy is kept")
            for value in range(3, 20):
                writer.put(name, value)
                assert store.get(name) == value


def has(node, name):
    """Whether the slot of *name* is this node's; asked with a command that others answer with MOVED."""
    try:
        node.command("EXISTS", name)
    except Refused:
        return False
    return True


def values(store, names):
    return {store.get(name) for name in names}

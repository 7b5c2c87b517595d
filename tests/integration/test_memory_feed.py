"""Copies of entries on real servers: whatever happens to an entry or to a server, no stale copy is used."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest

from quarterdeck.errors import MemoryUnavailable
from quarterdeck.memory.backend import Put
from quarterdeck.memory.near import LocalTier
from quarterdeck.memory.server import RedisBackend
from quarterdeck.memory.server.failures import ACL_RULE
from quarterdeck.memory.settings import RedisConfig
from tests.memory_servers import until

NAME = "{default.a.0}:entry:k"
OTHER = "{default.b.0}:entry:k"


class Reader:
    """A backend with a local tier, as a process has it; says whether a read was a hit."""

    def __init__(self, url, **settings):
        self.backend = RedisBackend(RedisConfig(url=url, **settings))
        self.near = LocalTier(self.backend, 10_000)

    def get(self, name=NAME):
        """The value, and whether it came from the local tier."""
        copy = self.near.get(name)
        if copy is not None:
            return copy[0], True
        stored = self.backend.get(name)
        self.near.keep(name, *stored)
        return stored.data, False

    def keeps(self, data, name=NAME):
        """Wait until this value is read from the local tier."""
        until(lambda: self.get(name) == (data, True), f"{data!r} is kept")


@contextlib.contextmanager
def reading(server, **settings):
    """A `Reader` of *server*; with TLS it trusts the authority."""
    if server.url.startswith("rediss"):
        settings["ssl_ca_certs"] = server.tls.authority
    reader = Reader(server.url, **settings)
    with contextlib.closing(reader.backend):
        yield reader


def feeds(server):
    """The ids of the connections on which *server* tells of changes."""
    clients = server.command("CLIENT", "LIST").decode().splitlines()
    fields = [dict(field.split("=", 1) for field in client.split()) for client in clients]
    return [client["id"] for client in fields if "t" in client["flags"]]


def owns(node, slot):
    """Whether *node* has a slot."""
    return any(
        first <= int(slot) <= last and master[2] == node.command("CLUSTER", "MYID")
        for first, last, master, *_ in node.command("CLUSTER", "SLOTS")
    )


def until_works(reader):
    """Wait until the reader's server can be read again."""

    def works():
        try:
            reader.backend.get(NAME)
        except MemoryUnavailable:
            return False
        return True

    until(works, "the server is used again")


@pytest.fixture(params=["server", "server_with_user", "server_behind_tls", "cluster"])
def server(request, redis_fleet, redis_program):
    """Each kind of server, empty."""
    made = redis_fleet.shared(request.param, redis_program)
    made.flush()
    return made


def test_a_copy_is_used_until_somebody_writes(server):
    """Every way of writing, by another process; and what was not there is known not to be there.

    Not so in a cluster, where the slot of what is not there may move without a word.
    """
    with reading(server) as reader, reading(server, local_cache_enabled=False) as writer:
        knows_absence = not server.url.startswith("redis+cluster")
        if knows_absence:
            reader.keeps(None)
        for number, write in enumerate(
            (
                lambda: writer.backend.put(NAME, b"0"),
                lambda: writer.backend.put_many([Put(NAME, b"1"), Put(NAME + "2", b"1")]),
                lambda: writer.backend.transact({NAME: b"1"}, [Put(NAME, b"2")]),
                lambda: writer.backend.delete([NAME]),
            )
        ):
            write()
            data = None if number == 3 else b"%d" % number
            until(lambda data=data: reader.get()[0] == data, "the write is seen")
            if data or knows_absence:
                reader.keeps(data)


def test_our_own_writes_are_seen_at_once(redis_server):
    """By the same process, without waiting: the news is here before the answer of the write."""
    with reading(redis_server) as reader:
        for number in range(300):
            reader.backend.put(NAME, b"%d" % number)
            assert reader.get()[0] == b"%d" % number
            reader.get()


def test_our_own_writes_are_seen_however_late_the_news_is(redis_fleet, redis_server):
    """Not a word comes on the feed's connection; no thread of ours uses a copy that we have changed."""
    proxy = redis_fleet.proxy(redis_server)
    with reading(redis_server, local_cache_confirm_s=3600) as reader, reading(proxy) as slow:
        reader.backend._feed._connect = slow.backend._connections
        reader.keeps(None)
        proxy.stall()
        for number in range(1000):
            reader.backend.put(NAME, b"%d" % number)
            assert reader.get() == (b"%d" % number, False)
            assert reader.get() == (b"%d" % number, True)
        written, last = [0], 1000
        reader.backend.put(NAME, b"0")

        def write():
            for number in range(1, last + 1):
                reader.backend.put(NAME, b"%d" % number)
                written[0] = number

        thread = threading.Thread(target=write)
        thread.start()
        while (before := written[0]) < last:
            assert int(reader.get()[0]) >= before
        thread.join()
        reader.keeps(b"%d" % last)
        assert reader.backend.delete([NAME]) == 1
        assert reader.get() == (None, False)
        proxy.resume()
    proxy.close()


def test_a_write_that_nobody_has_confirmed_is_ours_too(redis_fleet, redis_server):
    """It may have happened, so a copy from before is not used."""
    proxy = redis_fleet.proxy(redis_server)
    with reading(proxy, timeout_s=0.2, local_cache_confirm_s=3600) as reader:
        with reading(redis_server) as direct:
            reader.backend._feed._connect = direct.backend._connections
            reader.backend.put(NAME, b"1")
            reader.keeps(b"1")
            proxy.stall()
            with pytest.raises(MemoryUnavailable, match="is not known"):
                reader.backend.put(NAME, b"2")
            assert reader.near.get(NAME) is None
        proxy.resume()
    proxy.close()


def test_a_large_batch_is_seen_at_once(redis_server):
    """Its news has more than 64 kB, which the server does not send at a time."""
    names = [f"{{default.a.0}}:entry:{'long' * 10}{number}" for number in range(3000)]
    with reading(redis_server) as reader:
        for number in range(8):
            data = b"%d" % number
            reader.backend.put_many([Put(name, data) for name in names])
            assert {reader.get(name)[0] for name in names} == {data}
        until(lambda: all(reader.get(name)[1] for name in names), "all are kept")


def test_an_entry_that_expires_is_not_used_any_more(redis_server):
    """Neither by those who know when it ends, nor by those who read it before it had an end."""
    with reading(redis_server, local_cache_confirm_s=60) as reader:
        reader.backend.put(NAME, b"1", ttl_ms=80)
        reader.keeps(b"1")
        until(lambda: reader.get()[0] is None, "it is gone")
        reader.backend.put(NAME, b"2")
        reader.keeps(b"2")
        redis_server.command("PEXPIRE", next(iter(redis_server.command("KEYS", "*"))), "50")
        until(lambda: reader.get()[0] is None, "it is gone")


def test_an_entry_that_is_evicted_is_not_used_any_more(own_redis_server):
    """The server's memory is full, and it may drop what it likes."""
    with reading(own_redis_server, local_cache_confirm_s=60) as reader:
        names = [f"{{default.a.0}}:entry:{number}" for number in range(50)]
        reader.backend.put_many([Put(name, b"x" * 100_000) for name in names])
        for name in names:
            reader.get(name)
        own_redis_server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        used = int(own_redis_server.info("memory")["used_memory"])
        own_redis_server.command("CONFIG", "SET", "maxmemory", str(used - 2_000_000))
        until(lambda: int(own_redis_server.info("stats")["evicted_keys"]) > 5, "some are evicted")
        own_redis_server.command("CONFIG", "SET", "maxmemory", "0")
        left = int(own_redis_server.command("DBSIZE"))
        until(lambda: sum(reader.get(name)[0] is not None for name in names) == left, "those are gone")


@pytest.mark.parametrize("command", [("FLUSHALL",), ("FLUSHDB",)])
def test_what_empties_the_server_empties_the_copies(redis_server, command):
    """Whoever does that."""
    with reading(redis_server, local_cache_confirm_s=60) as reader:
        reader.backend.put(NAME, b"1")
        reader.keeps(b"1")
        redis_server.command(*command)
        until(lambda: reader.get()[0] is None, "it is gone")
        reader.keeps(None)


@pytest.mark.parametrize("keep", [True, False])
def test_a_server_that_is_restarted_makes_no_copy_stale(own_redis_server, keep):
    """What it has lost is not read from a copy; reads work again by themselves."""
    with reading(own_redis_server) as reader:
        reader.backend.put(NAME, b"1")
        reader.keeps(b"1")
        own_redis_server.restart(keep=keep)
        until_works(reader)
        reader.keeps(b"1" if keep else None)


def test_a_feed_that_is_killed_is_made_anew(redis_server):
    """An administrator may kill any connection; no change is missed."""
    with reading(redis_server) as reader, reading(redis_server, local_cache_enabled=False) as writer:
        for number in range(5):
            reader.keeps(None if not number else b"%d" % (number - 1))
            (feed,) = feeds(redis_server)
            redis_server.command("CLIENT", "KILL", "ID", feed)
            writer.backend.put(NAME, b"%d" % number)
            assert reader.get() == (b"%d" % number, False)


def test_a_feed_that_was_cut_off_for_not_reading_is_found_out(own_redis_server):
    """A process that slept while others wrote more than the server keeps for it."""
    own_redis_server.command("CONFIG", "SET", "client-output-buffer-limit", "normal 100kb 0 0")
    with reading(own_redis_server) as reader, reading(own_redis_server, local_cache_enabled=False) as writer:
        reader.keeps(None)
        (feed,) = feeds(own_redis_server)
        names = [f"{{default.a.0}}:entry:{'long' * 200}{number}" for number in range(1000)]
        while feeds(own_redis_server) == [feed]:
            writer.backend.delete(names)
            writer.backend.put_many([Put(name, b"1") for name in names])
        writer.backend.put(NAME, b"2")
        assert reader.get() == (b"2", False)


def test_a_frozen_server_serves_no_copies_for_longer_than_is_set(own_redis_server):
    """Its connections are as good as ever, but nothing comes; when it goes on, copies are used again."""
    with reading(own_redis_server, local_cache_confirm_s=0.2, timeout_s=0.2) as reader:
        reader.backend.put(NAME, b"1")
        reader.keeps(b"1")
        own_redis_server.freeze()
        frozen = time.monotonic()
        while reader.near.get(NAME) is not None:
            assert time.monotonic() < frozen + 10
        own_redis_server.thaw()
        until_works(reader)
        reader.keeps(b"1")


def test_a_cable_that_is_pulled_serves_no_copies_for_longer_than_is_set(redis_fleet, redis_server):
    """Nobody says that the connection is gone; another process writes what we cannot hear of."""
    proxy = redis_fleet.proxy(redis_server)
    with (
        reading(proxy, local_cache_confirm_s=0.2, timeout_s=0.2) as reader,
        reading(redis_server, local_cache_enabled=False) as writer,
    ):
        writer.backend.put(NAME, b"1")
        reader.keeps(b"1")
        proxy.stall()
        writer.backend.put(NAME, b"2")
        deadline = time.monotonic() + 0.2
        while True:
            now = time.monotonic()
            if reader.near.get(NAME) is None:
                break
            assert now < deadline
        proxy.resume()
        until_works(reader)
        reader.keeps(b"2")
    proxy.close()


def test_a_cluster_is_heard_on_every_master(redis_cluster):
    """Entries of many spaces, which lie on all of them."""
    names = [f"{{default.agent{number}.0}}:entry:k" for number in range(30)]
    with reading(redis_cluster) as reader, reading(redis_cluster, local_cache_enabled=False) as writer:
        for data in (b"1", b"2"):
            for name in names:
                writer.backend.put(name, data)
                until(lambda name=name, data=data: reader.get(name)[0] == data, "the write is seen")
        until(lambda: all(reader.get(name)[1] for name in names), "all are kept")
        assert [len(feeds(node)) for node in redis_cluster.masters] == [1, 1, 1]


def test_what_is_in_a_slot_that_moves_is_never_stale(redis_fleet, redis_program):
    """Present or absent: its new master had no slots, so nobody is told of what is written there."""
    cluster = redis_fleet.cluster(redis_program)
    target = cluster.add_master()
    beside = NAME + "-beside"
    with (
        reading(cluster, local_cache_confirm_s=3600) as reader,
        reading(cluster, local_cache_enabled=False) as writer,
    ):
        writer.backend.put(beside, b"old")
        reader.keeps(b"old", beside)
        assert reader.get() == (None, False)
        cluster.move_slot(NAME, target)
        writer.backend.put_many([Put(NAME, b"1"), Put(beside, b"1")])
        assert reader.get() == (b"1", False)
        assert reader.get(beside) == (b"1", False)
        reader.keeps(b"1")
        reader.keeps(b"1", beside)
    for node in cluster.nodes:
        node.kill()


def test_what_is_read_from_a_master_to_be_is_not_kept(redis_cluster):
    """It has been asked on another one's word (ASK), and may not know that we want to be told."""
    redis_cluster.flush()
    with reading(redis_cluster) as reader:
        reader.backend.put(OTHER, b"1")
        reader.keeps(b"1", OTHER)
        slot = str(redis_cluster.nodes[0].command("CLUSTER", "KEYSLOT", NAME))
        old = next(node for node in redis_cluster.masters if owns(node, slot))
        new = next(node for node in redis_cluster.masters if node is not old)
        old_id, new_id = (node.command("CLUSTER", "MYID") for node in (old, new))
        new.command("CLUSTER", "SETSLOT", slot, "IMPORTING", old_id)
        old.command("CLUSTER", "SETSLOT", slot, "MIGRATING", new_id)
        reader.backend.put(NAME, b"1")
        assert [reader.get(), reader.get()] == [(b"1", False)] * 2
        for node in (new, old, *redis_cluster.masters):
            node.command("CLUSTER", "SETSLOT", slot, "NODE", new_id)
        reader.keeps(b"1")


@pytest.mark.parametrize("allowed", [False, True])
def test_a_server_with_io_threads_has_copies_only_if_that_is_allowed(redis_fleet, redis_program, allowed):
    """For it may tell of a change too late; health says so, and how to mend it."""
    server = redis_fleet.server(redis_program, io_threads=2)
    with reading(server, local_cache_io_threads=allowed) as reader:
        reader.backend.put(NAME, b"1")
        assert [reader.get()[1], reader.get()[1]] == [False, allowed]
        health = reader.backend.health()
    server.kill()
    assert [each["has_io_threads"] for each in health.details["masters"].values()] == [True]
    (said,) = [problem for problem in health.problems if "copies" in problem]
    assert "set its io-threads to 1" in said
    assert ("no copies are kept" in said) is not allowed


@pytest.mark.parametrize("rights", ["", "+info"])
def test_who_may_not_see_the_configuration_goes_by_what_has_happened(redis_fleet, redis_program, rights):
    """INFO tells that threads have been at work, soon after; without it no copies are kept at all."""
    server = redis_fleet.server(redis_program, io_threads=2)
    rule = ACL_RULE.replace("<namespace>", "default").replace("+info", rights).split()
    server.command("ACL", "SETUSER", "qd", "on", ">secret", *rule)
    url = server.url.replace("://", "://qd:secret@")
    with contextlib.closing(RedisBackend(RedisConfig(url=url))) as backend:
        assert (backend.get(NAME).mark is not None) is bool(rights)
        with contextlib.ExitStack() as stack:
            clients = [
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(16)
            ]
            for client in clients:
                client.sendall(b"PING\r\n")
                assert client.recv(7)
            server.freeze()
            for client in clients:
                client.sendall(b"PING\r\n")
            server.thaw()
            for client in clients:
                assert client.recv(7)
        until(lambda: backend.get(NAME).mark is None, "the copies are dropped")
        assert any("io-threads" in problem for problem in backend.health().problems)
    server.kill()


class TestWatching:
    def test_a_watcher_wakes_for_what_it_watches_and_for_nothing_else(self, server):
        """Entries and logs under its prefix."""
        with reading(server) as reader, reader.backend.watch("{default.a.0}:") as watcher:
            assert not watcher.wait(0.01)
            reader.backend.put(OTHER, b"1")
            assert not watcher.wait(0.05)
            reader.backend.put(NAME, b"1")
            assert watcher.wait(10)
            assert not watcher.wait(0.05)
            reader.backend.add("{default.a.0}:queue:q", [b"1"])
            assert watcher.wait(10)

    def test_a_watcher_of_a_server_that_is_restarted_wakes(self, own_redis_server):
        """And waits on."""
        with reading(own_redis_server) as reader, reader.backend.watch("{default.a.0}:") as watcher:
            own_redis_server.restart(keep=False)
            assert watcher.wait(10)
            until_works(reader)
            reader.backend.put(NAME, b"1")
            assert watcher.wait(10)

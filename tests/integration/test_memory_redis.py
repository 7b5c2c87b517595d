"""What is special to memory on a server: who may use it, where it is, and when it is not well."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from contextlib import ExitStack, closing, contextmanager, suppress

import pytest

from quarterdeck.errors import (
    AccessDenied,
    ConfigError,
    MemoryUnavailable,
    QuarterdeckError,
    StoreCorrupt,
    StoreFull,
    UsageError,
)
from quarterdeck.memory.backend import Put
from quarterdeck.memory.names import named, space
from quarterdeck.memory.server import RedisBackend
from quarterdeck.memory.server.failures import ACL_RULE
from quarterdeck.memory.settings import RedisConfig
from tests.memory_proxy import Proxy
from tests.memory_servers import PASSWORD, until

SPACE = space("default", "a")
ENTRY = named(SPACE, "entry", "k")
LOG = named(SPACE, "queue", "q")


def backend(url, **settings):
    return closing(RedisBackend(RedisConfig(url=url, **settings)))


def use(store, agent="a"):
    """A bit of everything, so that every kind of command has been allowed and understood."""
    own = space("default", agent)
    names = [named(own, "entry", str(number)) for number in range(3)]
    log = named(own, "queue", "q")
    store.put(names[0], b"\x00\xff", 60_000)
    store.put_many([Put(name, b"1") for name in names[1:]])
    assert [each.data for each in store.get_many(names)] == [b"\x00\xff", b"1", b"1"]
    assert store.transact({names[0]: b"\x00\xff"}, [Put(names[1], b"2")], [names[2]])
    assert [each.name for each in store.listing(named(own, "entry"))] == names[:2]
    ids = store.add(log, [b"a", b"b", b"c"], keep=2, ttl_ms=60_000)
    assert store.claim(log, high=ids[-1], score=ids[-1] + 10)[0].id == ids[1]
    assert (store.take(log)[0].id, store.remove(log, ids), store.count(log)) == (ids[2], 1, 0)
    store.add(log, [b"d"])
    assert (store.logs(named(own, "queue")), store.drop([log])) == ([log], 1)
    assert store.delete(names) == 2
    assert abs(store.time_ms() - time.time() * 1000) < 10_000
    with store.watch(named(own, "entry")) as watcher:
        store.put(names[0], b"3")
        assert watcher.wait(30)


def writes_run(server):
    """How many commands that write a part of a batch the server has run: scripts, and SET outside of them."""
    said = server.command("INFO", "commandstats").decode()
    calls = {
        name: int(count) for name, count in re.findall(r"^cmdstat_(\w+):calls=(\d+)", said, re.MULTILINE)
    }
    return calls.get("eval", 0) + calls.get("evalsha", 0), calls.get("set", 0)


@pytest.mark.parametrize(
    "count, size_bytes, scripts", [(1000, 1, 1), (2500, 1, 3), (4, 400_000, 2), (3, 1_000_001, 0)]
)
def test_a_batch_busies_a_server_a_part_at_a_time(
    own_redis_server, count: int, size_bytes: int, scripts: int
):
    """Others are served in between, nothing is lost or written twice; a part of one entry needs no script."""
    names = [named(SPACE, "entry", f"{number:05}") for number in range(count)]
    with backend(own_redis_server.url) as store:
        store.put_many([Put(ENTRY, b"1"), Put(f"{ENTRY}2", b"1")])  # the server has the script now
        scripts_before, sets_before = writes_run(own_redis_server)
        store.put_many([Put(name, b"x" * size_bytes, 60_000) for name in names])
        scripts_run, sets_run = writes_run(own_redis_server)
        assert (scripts_run - scripts_before, sets_run - sets_before) == (scripts, count)
        listed = list(store.listing(named(SPACE, "entry", "0")))
        assert [(each.name, each.size_bytes) for each in listed] == [(name, size_bytes) for name in names]
        assert store.delete(names) == count


# Who may use it


def test_the_documented_rule_is_enough_for_everything(own_redis_server):
    """A user with no more than the documented rights can do everything, and health finds nothing amiss."""
    rule = ACL_RULE.replace("<namespace>", "default").split()
    own_redis_server.command("ACL", "SETUSER", "qd", "on", ">secret", *rule)
    own_redis_server.command("CONFIG", "SET", "appendonly", "yes")
    with backend(own_redis_server.url.replace("://", "://qd:secret@")) as store:
        use(store)
        health = store.health()
        assert (health.state, health.problems) == ("ok", ())
        assert store.durability_problem() == ""


def test_a_user_with_fewer_rights_is_told_what_to_have_granted(own_redis_server):
    """What may not be done says so and how to mend it; nothing has happened."""
    own_redis_server.command("ACL", "SETUSER", "reader", "on", ">secret", "~{default.*", "+get")
    with backend(own_redis_server.url.replace("://", "://reader:secret@")) as store:
        with pytest.raises(AccessDenied) as caught:
            store.put(ENTRY, b"1")
        assert ACL_RULE in caught.value.hint
    assert own_redis_server.command("EXISTS", ENTRY) == 0


def test_what_a_user_may_not_see_is_unknown(own_redis_server):
    """Without INFO and CLIENT TRACKING everything works; what cannot be known is said to be so."""
    rule = ACL_RULE.replace("<namespace>", "default").replace("+info", "").replace("+client|tracking", "")
    own_redis_server.command("ACL", "SETUSER", "qd", "on", ">secret", *rule.split())
    with backend(own_redis_server.url.replace("://", "://qd:secret@")) as store:
        store.put(ENTRY, b"1")
        assert store.get(ENTRY).mark is None
        health = store.health()
        assert health.state == "degraded"
        assert any("no copies are kept" in problem for problem in health.problems)
        assert "unknown" in store.durability_problem()


def test_another_namespace_is_not_ours(own_redis_server):
    """The rule's key pattern keeps a user inside its namespace."""
    rule = ACL_RULE.replace("<namespace>", "default").split()
    own_redis_server.command("ACL", "SETUSER", "qd", "on", ">secret", *rule)
    with (
        backend(own_redis_server.url.replace("://", "://qd:secret@")) as store,
        pytest.raises(AccessDenied),
    ):
        store.get(named(space("default2", "a"), "entry", "k"))


def test_a_wrong_password_is_refused_and_not_repeated(redis_with_user):
    """The error names the server and the setting, never the password."""
    with backend(redis_with_user.url.replace("://alice:", "://alice:hunter2")) as store:
        with pytest.raises(AccessDenied) as caught:
            store.get(ENTRY)
        assert "hunter2" not in str(caught.value)
        assert PASSWORD not in str(caught.value)


def test_a_server_that_wants_a_user_says_so(redis_with_user):
    """No user at all is a setting that is missing."""
    with backend(f"redis://127.0.0.1:{redis_with_user.port}") as store, pytest.raises(ConfigError) as caught:
        store.get(ENTRY)
    assert "username" in caught.value.hint


def test_a_user_with_a_password_can_do_everything(redis_with_user):
    """Its password holds what must be escaped in a URL."""
    with backend(redis_with_user.url) as store:
        use(store)


# Where it is


def test_a_server_behind_tls_is_used_when_it_can_be_trusted(redis_behind_tls):
    """With its authority named, everything works."""
    with backend(redis_behind_tls.url, ssl_ca_certs=redis_behind_tls.tls.authority) as store:
        use(store)


def test_a_certificate_of_an_unknown_authority_is_refused(redis_behind_tls):
    """Nothing is sent to who knows whom."""
    with backend(redis_behind_tls.url) as store, pytest.raises(MemoryUnavailable) as caught:
        store.get(ENTRY)
    assert "ssl_ca_certs" in caught.value.hint


def test_a_certificate_for_another_name_is_refused(redis_behind_tls):
    """It is for localhost and 127.0.0.1, and this is neither."""
    url = redis_behind_tls.url.replace("127.0.0.1", "127.1")
    with (
        backend(url, ssl_ca_certs=redis_behind_tls.tls.authority) as store,
        pytest.raises(MemoryUnavailable, match="certificate"),
    ):
        store.get(ENTRY)


def test_a_server_that_wants_a_certificate_gets_ours(redis_server, redis_behind_tls):
    """With the client's own certificate it lets us in, without it does not."""
    tls = redis_behind_tls.tls
    certificate, key = tls.client
    with closing(Proxy(redis_server, tls, client_certificates=True)) as proxy:
        own = {"ssl_certfile": certificate, "ssl_keyfile": key}
        with backend(proxy.url, ssl_ca_certs=tls.authority, **own) as store:
            use(store)
        with backend(proxy.url, ssl_ca_certs=tls.authority) as store, pytest.raises(MemoryUnavailable):
            store.get(ENTRY)


def test_a_file_for_tls_that_is_not_there_is_a_wrong_setting(redis_behind_tls):
    """And no server that is down."""
    with backend(redis_behind_tls.url, ssl_ca_certs="/nowhere") as store, pytest.raises(ConfigError):
        store.get(ENTRY)


def test_a_socket_of_this_machine_is_used(redis_server):
    """unix:// works like any other, in any database."""
    with backend(f"unix://{redis_server.unix_path}?db=3") as store:
        use(store)
        store.put(ENTRY, b"1")
    assert redis_server.commands(("SELECT", "3"), ("GET", ENTRY))[1] == b"1"


def test_a_cluster_is_used_as_one(redis_cluster):
    """Whatever its slot, an entry is found; a batch and a listing reach all masters."""
    with backend(redis_cluster.url) as store:
        for agent in "abcdefgh":
            use(store, agent)
        puts = [
            Put(named(space("default", agent), "entry", str(i)), b"%d" % i)
            for agent in "abcdefgh"
            for i in range(5)
        ]
        store.put_many(puts)
        assert [each.data for each in store.get_many([put.name for put in puts])] == [
            put.data for put in puts
        ]
        assert {put.name for put in puts} <= {each.name for each in store.listing("{default.")}
        assert store.delete([put.name for put in puts]) == len(puts)


def test_a_node_of_a_cluster_that_is_taken_for_a_server_says_so(redis_cluster):
    """The URL is wrong, and nothing else."""
    redis_cluster.flush()
    _, other = _owner_and_another(redis_cluster, ENTRY)
    with backend(other.url) as store, pytest.raises(ConfigError) as caught:
        store.get(ENTRY)
    assert "redis+cluster://" in caught.value.hint


def test_a_cluster_without_one_of_its_masters_is_degraded(redis_cluster):
    """What is on the others can be used, and health says who is missing."""
    redis_cluster.flush()
    _, other = _owner_and_another(redis_cluster, ENTRY)
    with backend(redis_cluster.url, timeout_s=0.2) as store:
        store.put(ENTRY, b"1")
        other.freeze()
        assert store.get(ENTRY).data == b"1"
        health = store.health()
        other.thaw()
        assert health.state == "degraded"
        assert any(f":{other.port} does not answer" in problem for problem in health.problems)


def test_slots_that_move_while_in_use_are_followed(redis_cluster):
    """Half moved (ASK) and moved (MOVED), an entry is read, written and added to where it is now."""
    redis_cluster.flush()
    old, new = _owner_and_another(redis_cluster, ENTRY)
    slot = str(old.command("CLUSTER", "KEYSLOT", ENTRY))
    old_id, new_id = (node.command("CLUSTER", "MYID").decode() for node in (old, new))
    with backend(redis_cluster.url) as store:
        store.put(ENTRY, b"old")
        new.command("CLUSTER", "SETSLOT", slot, "IMPORTING", old_id)
        old.command("CLUSTER", "SETSLOT", slot, "MIGRATING", new_id)
        other = named(SPACE, "entry", "other")
        store.put(other, b"new")
        assert (store.get(other).data, store.get(ENTRY).data) == (b"new", b"old")
        old.command("MIGRATE", "127.0.0.1", str(new.port), ENTRY, "0", "5000")
        assert store.get(ENTRY).data == b"old"
        for node in (new, old, *(each for each in redis_cluster.masters if each not in (old, new))):
            node.command("CLUSTER", "SETSLOT", slot, "NODE", new_id)
        assert [each.data for each in store.get_many([ENTRY, other])] == [b"old", b"new"]
        assert store.add(LOG, [b"x"])


def test_a_cluster_that_loses_a_master_goes_on(redis_cluster):
    """Once the replica has taken over, everything is reachable again without a new backend."""
    redis_cluster.flush()
    names = [named(space("default", agent), "entry", "k") for agent in "abcdefgh"]
    with backend(redis_cluster.url) as store:
        store.put_many([Put(name, b"1") for name in names])
        redis_cluster.fail_over()
        for name in names:
            until(lambda name=name: _works(lambda: store.put(name, b"2")), "the new master is used")
        assert {each.data for each in store.get_many(names)} == {b"2"}


def test_sentinel_leads_to_the_master_and_to_the_next_one(redis_sentinel):
    """Whoever is master is used; a client need not know who."""
    with backend(redis_sentinel.url) as store:
        use(store)
        redis_sentinel.fail_over()
        until(lambda: _works(lambda: store.put(ENTRY, b"2")), "the new master is used")
        assert redis_sentinel.master.command("GET", ENTRY) == b"2"


def test_a_service_that_sentinel_does_not_know_is_said_so(redis_sentinel):
    """The name in the URL is wrong, or the sentinel is."""
    with backend(redis_sentinel.url + "x") as store, pytest.raises(MemoryUnavailable) as caught:
        store.get(ENTRY)
    assert "service" in str(caught.value)


# When it is not well


def test_a_frozen_server_is_waited_for_once_and_then_refused_at_once(own_redis_server):
    """Of the write on the way it is said that nobody knows; what follows is not even sent."""
    with backend(own_redis_server.url, timeout_s=0.2) as store:
        store.put(ENTRY, b"1")
        own_redis_server.freeze()
        with pytest.raises(MemoryUnavailable, match="not known"):
            store.put(ENTRY, b"2")
        with pytest.raises(MemoryUnavailable, match="nothing was sent"):
            store.put(ENTRY, b"3")
        assert store.health().state == "down"
        own_redis_server.thaw()
        until(lambda: _works(lambda: store.put(ENTRY, b"4")), "it is used again")
        assert store.get(ENTRY).data == b"4"


def test_a_late_answer_is_given_to_nobody_else(redis_server, redis_fleet):
    """A connection on which an answer is outstanding is closed, not used again."""
    with closing(redis_fleet.proxy(redis_server)) as proxy, backend(proxy.url, timeout_s=0.2) as store:
        other = named(SPACE, "entry", "other")
        store.put_many([Put(ENTRY, b"1"), Put(other, b"2")])
        proxy.delay_s = 0.5
        with pytest.raises(MemoryUnavailable):
            store.get(ENTRY)
        proxy.delay_s = 0.0
        until(lambda: _works(lambda: store.get(other)), "it answers again")
        assert store.get(other).data == b"2"


def test_a_server_that_was_restarted_is_used_without_an_error(own_redis_server):
    """A connection that has ended meanwhile is noticed before anything is sent on it, scripts and all."""
    with backend(own_redis_server.url) as store:
        store.put(ENTRY, b"1")
        own_redis_server.restart(keep=True)
        assert store.get(ENTRY).data == b"1"


def test_scripts_that_the_server_has_forgotten_are_sent_again(own_redis_server):
    """Also in the middle of its life."""
    with backend(own_redis_server.url) as store:
        store.add(LOG, [b"1"])
        own_redis_server.command("SCRIPT", "FLUSH")
        store.add(LOG, [b"2"])
        assert [item.data for item in store.items(LOG)] == [b"1", b"2"]


def test_a_full_server_takes_nothing_and_loses_nothing(own_redis_server):
    """Every kind of write is refused as a whole; reading and removing go on."""
    with backend(own_redis_server.url) as store:
        store.put(ENTRY, b"1")
        store.add(LOG, [b"1"])
        own_redis_server.command("CONFIG", "SET", "maxmemory", "1")
        other = named(SPACE, "entry", "other")
        for write in (
            lambda: store.put(ENTRY, b"2"),
            lambda: store.put_many([Put(ENTRY, b"2"), Put(other, b"2")]),
            lambda: store.transact({ENTRY: b"1"}, [Put(other, b"2")]),
            lambda: store.add(LOG, [b"2"]),
            lambda: store.add(LOG + "2", [b"2"]),
        ):
            with pytest.raises(StoreFull):
                write()
        assert (store.get(ENTRY).data, store.get(other).data) == (b"1", None)
        assert [item.data for item in store.take(LOG, limit=9)] == [b"1"]
        assert store.delete([ENTRY]) == 1


def test_what_others_keep_under_our_names_breaks_only_itself(own_redis_server):
    """A list under a name of ours is damage there, and nothing elsewhere."""
    foreign = named(SPACE, "entry", "foreign")
    own_redis_server.command("RPUSH", foreign, "x")
    own_redis_server.command("SET", "{default.a.0}:entry:\udcff".encode("utf-8", "surrogateescape"), "x")
    own_redis_server.command("SET", LOG, "x")
    with backend(own_redis_server.url) as store:
        store.put(ENTRY, b"1")
        for use_it in (
            lambda: store.get(foreign),
            lambda: store.transact({foreign: None}, [Put(ENTRY, b"2")]),
            lambda: store.items(LOG),
            lambda: store.add(LOG, [b"1"]),
        ):
            with pytest.raises(StoreCorrupt):
                use_it()
        assert store.get(ENTRY).data == b"1"
        assert [each.name for each in store.listing(named(SPACE, "entry"))] == [ENTRY]
        assert store.logs(named(SPACE, "queue")) == []


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"%0\r\n:1\r\n:1\r\n",
        b"%1\r\n+proto\r\n:3\r\n+OK\r\n*1\r\n:7\r\n",
    ],
)
def test_whatever_answers_there_causes_no_traceback(answer):
    """Something else than Redis, or something that behaves oddly, is an error of ours."""
    with _answering(answer) as url, backend(url, timeout_s=0.2, local_cache_enabled=False) as store:
        for use_it in (
            lambda: store.get(ENTRY),
            lambda: store.get_many([ENTRY]),
            lambda: store.items(LOG),
            lambda: list(store.listing("{default.")),
            lambda: store.time_ms(),
        ):
            with pytest.raises((StoreCorrupt, MemoryUnavailable, ConfigError)):
                use_it()
        assert store.health().state in {"down", "degraded"}


def test_a_replica_is_no_place_to_write(own_redis_server, redis_fleet):
    """Nothing has happened, and health says what it is."""
    replica = redis_fleet.server(own_redis_server.program, replicaof=f"127.0.0.1 {own_redis_server.port}")
    until(lambda: replica.info("replication")["master_link_status"] == "up", "it is in step")
    with backend(replica.url) as store:
        with pytest.raises(MemoryUnavailable, match=r"replica.*nothing has happened"):
            store.put(ENTRY, b"1")
        health = store.health()
        assert health.state == "degraded"
        assert any("is a replica" in problem for problem in health.problems)
    replica.kill()


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_a_server_that_evicts_is_told_of(own_redis_server, policy):
    """Health says so, and what must not vanish is refused, unless the settings say otherwise."""
    own_redis_server.command("CONFIG", "SET", "maxmemory-policy", policy)
    with backend(own_redis_server.url) as store:
        assert policy in store.durability_problem()
        assert any(policy in problem for problem in store.health().problems)
    with backend(own_redis_server.url, allow_eviction=True) as store:
        assert store.durability_problem() == ""


def test_health_says_what_a_restart_would_lose(own_redis_server):
    """These servers keep nothing; one that does is well."""
    with backend(own_redis_server.url) as store:
        health = store.health()
        assert health.state == "degraded"
        assert any("restart" in problem for problem in health.problems)
        own_redis_server.command("CONFIG", "SET", "appendonly", "yes")
        assert store.health().state == "ok"


# What is promised


def test_entries_of_different_spaces_cannot_change_together(redis_server):
    """On one server they could; on a cluster not, so nowhere."""
    with backend(redis_server.url) as store:
        other = named(space("default", "b"), "entry", "k")
        with pytest.raises(UsageError):
            store.transact({ENTRY: None}, [Put(other, b"1")])
        assert store.get(other).data is None


def test_a_copy_never_outlives_the_servers_entry(redis_server):
    """The deadline counts from before the question was sent."""
    with backend(redis_server.url) as store:
        store.put(ENTRY, b"1", 200)
        stored = store.get(ENTRY)
        assert stored.deadline is not None
        until(lambda: redis_server.command("GET", ENTRY) is None, "it is gone")
        assert store.now() >= stored.deadline


def test_a_log_lives_as_long_as_its_longest_item(redis_server):
    """A time to live is extended and never shortened; one item without any keeps the log."""
    with backend(redis_server.url) as store:
        store.add(LOG, [b"1"], ttl_ms=60_000)
        store.add(LOG, [b"2"], ttl_ms=1000)
        assert 50_000 < redis_server.command("PTTL", LOG) <= 60_000
        store.add(LOG, [b"3"], ttl_ms=90_000)
        assert 80_000 < redis_server.command("PTTL", LOG) <= 90_000
        store.add(LOG, [b"4"])
        store.add(LOG, [b"5"], ttl_ms=1000)
        assert redis_server.command("PTTL", LOG) == -1


def test_numbers_ascend_though_the_server_has_forgotten_them(own_redis_server):
    """Whoever has read up to some number misses nothing that is added after that."""
    with backend(own_redis_server.url, timeout_s=5) as store:
        before = store.add(LOG, [b"1", b"2"])
        own_redis_server.restart(keep=False)
        until(lambda: _works(lambda: store.count(LOG)), "the server is used again")
        assert store.count(LOG) == 0
        after = store.add(LOG, [b"3", b"4"]) + store.add(LOG, [b"5"])
        assert [*before, *after] == sorted({*before, *after})
        assert [item.data for item in store.items(LOG, low=before[-1] + 1)] == [b"3", b"4", b"5"]


def test_numbers_ascend_though_the_servers_clock_does_not(redis_server):
    """A number that is ahead of the clock is counted on from, up to the last that is exact."""
    with backend(redis_server.url) as store:
        redis_server.command("HSET", f"{SPACE}:%logs", "number", str(2**53 - 4))
        assert store.add(LOG, [b"1", b"2"]) == [2**53 - 3, 2**53 - 2]
        assert [(item.id, item.score) for item in store.items(LOG)] == [(2**53 - 3,) * 2, (2**53 - 2,) * 2]
        with pytest.raises(QuarterdeckError, match="refused a command"):
            store.add(LOG, [b"3", b"4", b"5"])
        assert store.count(LOG) == 2
        assert store.add(LOG, [b"3"]) == [2**53 - 1]


def test_a_log_that_has_ended_begins_anew_without_its_old_data(redis_server):
    """The data goes with the log, and numbers go on."""
    with backend(redis_server.url) as store:
        (old,) = store.add(LOG, [b"old"], ttl_ms=20)
        until(lambda: redis_server.command("EXISTS", LOG) == 0, "it has ended")
        (new,) = store.add(LOG, [b"new"])
        assert new > old
        assert [(item.id, item.data) for item in store.items(LOG)] == [(new, b"new")]
        assert redis_server.command("HLEN", f"{SPACE}:%items:queue:q") == 1


def test_each_item_is_taken_once_however_many_take(redis_server):
    """Eight threads share one backend and its connections."""
    with backend(redis_server.url) as store:
        store.add(LOG, [b"%d" % number for number in range(400)])
        taken: list[bytes] = []

        def take_all():
            while found := store.take(LOG, limit=3):
                taken.extend(item.data for item in found)

        threads = [threading.Thread(target=take_all) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(map(int, taken)) == list(range(400))


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_child_has_connections_of_its_own(redis_server):
    """Both go on at once, and neither reads an answer that is meant for the other."""
    with backend(redis_server.url) as store:
        mine, childs = named(SPACE, "entry", "parent"), named(SPACE, "entry", "child")
        store.put_many([Put(mine, b"parent"), Put(childs, b"child")])
        store.get(mine)
        child = os.fork()
        if child == 0:
            right = all(store.get(childs).data == b"child" for _ in range(200))
            os._exit(0 if right else 1)
        assert all(store.get(mine).data == b"parent" for _ in range(200))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _works(action):
    try:
        action()
    except MemoryUnavailable:
        return False
    return True


def _owner_and_another(cluster, name):
    slot = cluster.nodes[0].command("CLUSTER", "KEYSLOT", name)
    for first, last, (_, port, *_), *_ in cluster.nodes[0].command("CLUSTER", "SLOTS"):
        if first <= slot <= last:
            owner = next(node for node in cluster.nodes if node.port == port)
            return owner, next(node for node in cluster.masters if node is not owner)
    raise AssertionError(slot)


@contextmanager
def _answering(answer):
    """The URL of something that says *answer* to whatever it is asked."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as held:

        def answer_all():
            with suppress(OSError):
                while True:
                    connection = held.enter_context(listener.accept()[0])
                    connection.recv(100)
                    with suppress(OSError):
                        connection.sendall(answer * 20)

        thread = threading.Thread(target=answer_all)
        thread.start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()

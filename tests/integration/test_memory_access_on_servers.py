"""Tiers, the audit chain and staged patterns on every server there is."""

from __future__ import annotations

import contextlib

import pytest

from quarterdeck.errors import AccessDenied, StateError
from quarterdeck.memory import audit, chain
from quarterdeck.memory.access import AccessTier
from quarterdeck.memory.opening import open_store
from quarterdeck.memory.settings import RedisConfig
from tests.access_worlds import NAMESPACE, Room

LESSON = {"name": "wait for the lock", "confidence": 0.8}


@pytest.fixture
def open_room():
    """Opens a room at a store of its own, as another process has it."""
    with contextlib.ExitStack() as stack:

        def opened(url, agent, token=None, **settings):
            store = open_store(RedisConfig(url=url, timeout_s=30, **settings))
            return Room(stack.enter_context(contextlib.closing(store)), agent, token=token)

        yield opened


def promote_and_reject(open_room, url):
    """From the first steward to a promoted and a rejected pattern."""
    token = open_room(url, "root").grant_access("root", AccessTier.STEWARD)
    root, worker = open_room(url, "root", token), open_room(url, "worker")
    alice = open_room(url, "alice", root.grant_access("alice", AccessTier.VALIDATOR))
    good, bad = worker.stage_pattern(LESSON), worker.stage_pattern(LESSON, ttl_hours=1)
    assert [pattern["id"] for pattern in root.get_staged_patterns()] == sorted((good, bad))
    with pytest.raises(AccessDenied):
        worker.promote_pattern(good)
    promoted = alice.promote_pattern(good)
    assert promoted is not None
    assert promoted["promoted_by"] == "alice"
    assert root.promote_pattern(good) is None
    assert alice.reject_pattern(bad, "no") is True
    assert worker.get_staged_patterns() == []
    assert [act.act for act in chain.read(root.store, NAMESPACE)] == ["grant", "grant", "promote", "reject"]
    assert audit.verify(worker.store, NAMESPACE).acts == 4


def test_a_pattern_is_decided_once(open_room, redis_server):
    """On a server alone."""
    promote_and_reject(open_room, redis_server.url)


def test_a_pattern_is_decided_once_on_a_cluster(open_room, redis_cluster):
    """All that changes together lies in one slot."""
    promote_and_reject(open_room, redis_cluster.url)


def test_a_grant_counts_everywhere_from_the_next_operation_on(open_room, redis_server):
    """The other process has the old tier in its local tier, and hears of the new one."""
    url = redis_server.url
    root = open_room(url, "root")
    root.grant_access("root", AccessTier.STEWARD)
    alice = open_room(url, "alice", root.grant_access("alice", AccessTier.VALIDATOR))
    nobody = open_room(url, "nobody")
    for tier in (AccessTier.OBSERVER, AccessTier.STEWARD, AccessTier.CONTRIBUTOR):
        assert alice.access_tier is not tier
        root.grant_access("alice", tier)
        assert alice.access_tier is tier
    before = nobody.access_tier
    root.set_default_access(AccessTier.OBSERVER)
    assert (before, nobody.access_tier) == (AccessTier.CONTRIBUTOR, AccessTier.OBSERVER)
    root.revoke_access("alice")
    assert alice.access_tier is AccessTier.OBSERVER


def test_a_server_that_may_drop_patterns_gets_none(open_room, own_redis_server):
    """Unless that is allowed in the settings."""
    own_redis_server.command("CONFIG", "SET", "maxmemory", "100mb")
    own_redis_server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    with pytest.raises(StateError, match="allkeys-lru"):
        open_room(own_redis_server.url, "worker").stage_pattern(LESSON)
    room = open_room(own_redis_server.url, "worker", allow_eviction=True)
    pattern_id = room.stage_pattern(LESSON)
    assert room.get_staged_pattern(pattern_id) is not None

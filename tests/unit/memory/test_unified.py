"""The whole memory of an agent: the published names, one store for many agents, and how it is."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing

import pytest

import quarterdeck.memory
from quarterdeck.errors import AccessDenied, MemoryUnavailable, UsageError
from quarterdeck.memory import MemoryConfig, ShortTermMemory, UnifiedMemory, short_term
from quarterdeck.memory.access import AccessTier
from quarterdeck.memory.settings import Limits
from quarterdeck.memory.store import Store
from tests.memory_worlds import Clock, DictBackend, World

PUBLISHED = [
    "stash",
    "retrieve",
    "stash_batch",
    "retrieve_batch",
    "delete",
    "clear_working_memory",
    "stage_pattern",
    "get_staged_patterns",
    "promote_pattern",
    "reject_pattern",
    "persist_pattern",
    "recall_pattern",
    "search_patterns",
    "create_session",
    "join_session",
    "get_session",
    "send_signal",
    "receive_signals",
    "queue_push",
    "queue_pop",
    "stream_append",
    "stream_read",
    "timeline_add",
    "timeline_query",
    "publish",
    "subscribe",
    "health_check",
    "get_stats",
    "astash",
    "aretrieve",
]


@pytest.fixture
def config(tmp_path):
    return MemoryConfig(path=str(tmp_path / "memory.sqlite"))


@pytest.fixture
def memory(config):
    with UnifiedMemory("ann", config) as memory:
        yield memory


@pytest.fixture
def away():
    """A memory whose server has stopped to answer, and the dicts that it is made of."""
    backend = DictBackend(World(Clock()))
    with UnifiedMemory("ann", store=Store(backend, Limits())) as memory:
        backend.fails_with = MemoryUnavailable("the server does not answer", hint="start it")
        yield memory


class TestNames:
    def test_what_is_promised_is_there(self):
        """Under the names that the specification fixes."""
        assert [name for name in PUBLISHED if not callable(getattr(UnifiedMemory, name, None))] == []

    def test_both_take_what_is_promised(self, config):
        """By name, or in this order."""
        with UnifiedMemory(user_id="ann", config=config) as memory, ShortTermMemory(config) as short:
            assert (memory.agent, short.agent) == ("ann", "default")
            assert memory.stash("k", 1, ttl_seconds=None) is True
            assert memory.stash_batch({"a": 1}, ttl_seconds=60) == 1
            assert short.retrieve("k", agent_id="ann") == 1

    def test_every_public_method_says_what_it_does(self):
        """In a sentence."""
        undocumented = [
            name for name in dir(UnifiedMemory) if name[0] != "_" and not getattr(UnifiedMemory, name).__doc__
        ]
        assert undocumented == []

    @pytest.mark.parametrize("agent", ["", "\ud800", "x" * 2000, None, 7])
    def test_what_is_no_name_of_an_agent_is_refused(self, config, agent):
        """At once."""
        with pytest.raises(UsageError):
            UnifiedMemory(agent, config)

    @pytest.mark.parametrize("config", ["redis://localhost", {"path": "x"}, 7], ids=repr)
    def test_what_is_no_config_is_a_usage_error(self, config):
        """It says what is one."""
        with pytest.raises(UsageError, match="MemoryConfig"):
            UnifiedMemory("ann", config)


class TestTogether:
    def test_another_agent_shares_the_store(self, memory):
        """And its local tier; each has its own entries."""
        ben = memory.as_agent("ben")
        assert ben.store is memory.store
        memory.stash("k", 1)
        ben.stash("k", 2)
        assert (memory.retrieve("k"), ben.retrieve("k")) == (1, 2)
        assert ben.retrieve("k", agent_id="ann") == 1

    def test_another_agent_needs_its_own_token(self, memory):
        """The one that asks has nothing to do with it."""
        token = memory.grant_access("root", AccessTier.STEWARD)
        with pytest.raises(AccessDenied):
            memory.as_agent("root")
        assert memory.as_agent("root", token).access_tier is AccessTier.STEWARD
        assert memory.access_tier is AccessTier.CONTRIBUTOR

    def test_who_is_not_let_in_leaves_nothing_open(self, memory, config, monkeypatch):
        """Only what was opened for it is closed."""
        memory.grant_access("root", AccessTier.STEWARD)
        closed: list[Store] = []
        monkeypatch.setattr(Store, "close", lambda store: closed.append(store))
        with pytest.raises(AccessDenied):
            UnifiedMemory("root", store=memory.store)
        assert closed == []
        with pytest.raises(AccessDenied):
            UnifiedMemory("root", config)
        (store,) = closed
        assert store is not memory.store
        monkeypatch.undo()
        store.close()

    def test_a_seat_with_less_does_not_lend_more(self, config):
        """Nor does one that has less by its own will."""
        with UnifiedMemory("ann", config, access_tier=AccessTier.OBSERVER) as memory:
            assert memory.access_tier is AccessTier.OBSERVER
            with pytest.raises(AccessDenied):
                memory.stash("k", 1)

    def test_another_agent_acts_with_no_more_than_the_seat_that_asked(self, config):
        """Its own tier may be less, and its token opens no way around it."""
        with UnifiedMemory("ann", config, access_tier=AccessTier.OBSERVER) as memory:
            ben = memory.as_agent("ben")
            assert ben.access_tier is AccessTier.OBSERVER
            with pytest.raises(AccessDenied):
                ben.stash("k", 1)
            with pytest.raises(AccessDenied):
                ben.as_agent("cid").stash("k", 1)

    def test_another_agent_that_is_closed_leaves_the_store_open(self, memory):
        """Its copies, too; only its own threads end."""
        memory.stash("k", 1)
        memory.retrieve("k")
        ben = memory.as_agent("ben")
        ben.subscribe("room", print)
        with ben:
            pass
        assert ben.channel_stats().subscribed == ()
        assert memory.clear_local_cache() > 0

    def test_a_store_that_was_passed_is_closed_by_who_opened_it(self, monkeypatch):
        """One that was opened here is closed here."""
        backend = DictBackend(World(Clock()))
        closed = []
        monkeypatch.setattr(backend, "close", lambda: closed.append(True))
        store = Store(backend, Limits())
        with UnifiedMemory("ann", store=store):
            pass
        assert not closed
        monkeypatch.setattr(short_term, "open_store", lambda config: store)
        with UnifiedMemory("ann"):
            pass
        assert closed

    def test_what_is_closed_can_be_used_again(self, memory, config):
        """Everything is still there, and nothing is older than it is."""
        memory.stash("k", 1)
        memory.retrieve("k")
        for number in range(3):
            memory.close()
            memory.close()
            with UnifiedMemory("ann", config) as other:
                other.stash("k", number)
            assert memory.retrieve("k") == number

    def test_a_block_closes_what_it_opened(self, config):
        """Also after an error, which it lets through."""
        memory = UnifiedMemory("ann", config)
        memory.subscribe("room", print)
        with pytest.raises(ZeroDivisionError), memory:
            memory.stash("k", 1 // 0)
        assert "quarterdeck-channels" not in {thread.name for thread in threading.enumerate()}
        assert memory.retrieve("k") is None
        memory.close()

    def test_copies_can_be_dropped(self, memory):
        """They tell how many there were; nothing is lost."""
        memory.stash("k", 1)
        memory.retrieve("k")
        assert memory.clear_local_cache() > 0
        assert memory.clear_local_cache() == 0
        assert memory.retrieve("k") == 1


class TestHealth:
    def test_a_ping_writes_nothing(self, memory, config):
        """It is one read; a health check tries more."""
        memory.stash("k", 1)

        def changes():
            with closing(sqlite3.connect(config.path)) as connection:
                return connection.execute("SELECT n FROM clock").fetchone()

        before = changes()
        assert memory.ping() is True
        assert changes() == before
        memory.health_check()
        assert changes() > before

    def test_health_and_stats_are_ready_for_json(self, memory):
        """And say what a page shows."""
        memory.stash_batch({"a": 1, "b": "xx"})
        health = json.loads(json.dumps(memory.health_check()))
        assert (health["backend"], health["state"], health["problems"]) == ("embedded", "ok", [])
        stats = json.loads(json.dumps(memory.get_stats()))
        assert (stats["agent"], stats["access_tier"], stats["backend"]) == ("ann", "contributor", "embedded")
        assert (stats["keys"], stats["size_bytes"]) == (2, 5)
        assert stats["local_cache"]["name"] == "memory.local"
        assert memory.ping() is True

    def test_stats_of_a_memory_that_is_down_say_so(self, away):
        """As an error, at once: no figures are made up."""
        with pytest.raises(MemoryUnavailable):
            away.get_stats()

    def test_nothing_is_kept_in_its_place(self, away):
        """Neither here nor later."""
        with pytest.raises(MemoryUnavailable):
            away.stash("k", 1)
        away.store.backend.fails_with = None
        assert away.retrieve("k") is None

    def test_a_file_that_is_damaged_is_down_and_no_traceback(self, memory, config, tmp_path):
        """`health_check` and `ping` answer."""
        memory.close()
        (tmp_path / "memory.sqlite").write_bytes(b"no database" * 1000)
        health = json.loads(json.dumps(memory.health_check()))
        assert health["state"] != "ok"
        assert health["problems"]
        assert memory.ping() is (health["state"] != "down")


def test_the_list_of_names_is_short(memory):
    """What users import; everything else has a home of its own."""
    assert len(quarterdeck.memory.__all__) < 12

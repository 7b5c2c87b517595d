"""Memories on servers that share a library: each is read once, whatever it is called; damage stops none."""

from __future__ import annotations

import pytest

from quarterdeck.memory import UnifiedMemory, chain, open_store
from quarterdeck.memory.access import AccessTier
from quarterdeck.memory.learning import damaged
from quarterdeck.memory.settings import RedisConfig


@pytest.fixture
def at(redis_server, tmp_path):
    """Opens the memory of a namespace of the server, in a project whose library all of them share."""
    (tmp_path / "pyproject.toml").write_text(
        f'[tool.quarterdeck.patterns]\npath = "{tmp_path / "team.sqlite"}"\n'
    )
    stores = []

    def opened(namespace="default", host="127.0.0.1", token=None):
        config = RedisConfig(
            url=redis_server.url.replace("127.0.0.1", host), namespace=namespace, timeout_s=30
        )
        stores.append(open_store(config, str(tmp_path)))
        memory = UnifiedMemory("root", store=stores[-1], token=token)
        if token is None:
            memory.grant_access("root", AccessTier.STEWARD)
        return memory

    yield opened
    for store in stores:
        store.close()


@pytest.fixture
def acts_read(monkeypatch):
    """The acts that have been read of any chain, one after the other."""
    read, acts = chain.read, []

    def reading(*args):
        found = read(*args)
        acts.extend(found)
        return found

    monkeypatch.setattr(chain, "read", reading)
    return acts


def found(memory):
    return sorted(str(each["id"]) for each in memory.search_patterns("lesson"))


def test_namespaces_of_a_server_that_share_a_library_are_read_once_each(at, acts_read):
    """Neither makes the other one be read again."""
    memories = [at("one"), at("two")]
    ids = sorted(each.persist_pattern("lesson")["id"] for each in memories)
    assert [found(each) for each in memories] == [ids, ids]
    acts_read.clear()
    assert [found(each) for each in memories * 3] == [ids] * 6
    assert acts_read == []


def test_a_server_with_another_name_is_the_same_memory(at, acts_read):
    """What was deleted in the library does not come back, and nothing is read twice."""
    memory = at()
    token = memory.grant_access("root", AccessTier.STEWARD, new_token=True)
    gone, kept = (memory.persist_pattern(f"lesson {number}")["id"] for number in range(2))
    memory.store.library.delete_pattern(gone)
    assert found(memory) == [kept]
    acts_read.clear()
    assert found(at(host="localhost", token=token)) == [kept]
    assert acts_read == []


@pytest.mark.parametrize("data", [b"{", b"7"], ids=["no JSON", "no pattern"])
def test_one_bad_entry_stops_neither_search_nor_what_is_learned_then(at, data, monkeypatch):
    """It stays out, and whoever looks for damage finds which one it is."""
    memory = at()
    with monkeypatch.context() as patch:
        patch.setattr("quarterdeck.memory.learning.follow", lambda store, namespace: None)
        bad, good = (memory.persist_pattern(f"lesson {number}")["id"] for number in range(2))
    name = f"{{default..0}}:pattern:{bad}"
    memory.store.backend.put(name, data)
    memory.clear_local_cache()
    assert found(memory) == [good]
    new = memory.persist_pattern("lesson")["id"]
    assert found(memory) == sorted([good, new])
    assert damaged(memory.store, "default") == [name]


def test_the_library_says_who_promoted_and_who_persisted(at):
    """Not only who has learned it."""
    memory = at()
    staged = memory.as_agent("ben").stage_pattern({"name": "lesson"})
    memory.promote_pattern(staged)
    persisted = memory.persist_pattern("lesson")["id"]
    library = memory.store.library
    (first,), (second,) = library.get_provenance(staged), library.get_provenance(str(persisted))
    assert (first.act, first.agent_id, first.source) == ("promoted", "root", second.source)
    assert (second.act, second.agent_id) == ("persisted", "root")
    assert library.get_pattern(staged).agent_id == "ben"

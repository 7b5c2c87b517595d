"""Lasting patterns go on into the pattern library: each once, whatever happens in between."""

from __future__ import annotations

import pytest

from quarterdeck.errors import StoreFull
from quarterdeck.memory import AccessTier, MemoryConfig, UnifiedMemory, chain
from quarterdeck.memory.chain import Deed
from quarterdeck.memory.learning import damaged, library_pattern
from quarterdeck.memory.opening import open_store
from quarterdeck.memory.store import Entry, Store
from quarterdeck.patterns import PatternLibrary
from quarterdeck.patterns.truth import Truth

NAMES = ("retry reads", "never retry writes", "wait for the lock")


@pytest.fixture
def config(tmp_path):
    return MemoryConfig(path=str(tmp_path / "memory.sqlite"))


@pytest.fixture
def memory(config):
    with UnifiedMemory("ann", config) as memory:
        yield memory


def promoted(memory, name):
    """The id of a pattern that this agent has staged and promoted."""
    let_promote(memory)
    pattern_id = memory.stage_pattern({"name": name, "tags": ["io"]})
    memory.promote_pattern(pattern_id)
    return pattern_id


def let_promote(memory):
    """Everybody is a validator of this store from now on."""
    if not memory.list_agents():
        token = memory.as_agent("root").grant_access("root", AccessTier.STEWARD)
        memory.as_agent("root", token).set_default_access(AccessTier.VALIDATOR)


def library_of(tmp_path, namespace="default"):
    return PatternLibrary(str(tmp_path / "patterns" / f"{namespace}.sqlite"))


class TestFollowing:
    def test_a_promoted_pattern_is_in_the_library_beside_the_memory(self, memory, tmp_path):
        """Another process that knows nothing of the memory finds it, and where it comes from."""
        let_promote(memory)
        pattern_id = memory.stage_pattern({"name": "retry reads"})
        memory.as_agent("ben").promote_pattern(pattern_id)
        with library_of(tmp_path) as library:
            (match,) = library.search("retrying")
            assert (match.pattern.id, match.pattern.agent_id) == (pattern_id, "ann")
            (origin,) = library.get_provenance(pattern_id)
        assert (origin.act, origin.agent_id) == ("promoted", "ben")
        assert origin.source.startswith("memory default ")

    def test_what_is_persisted_is_said_to_be(self, memory, tmp_path):
        """And by whom; who has learned it says the pattern."""
        let_promote(memory)
        pattern_id = memory.as_agent("ben\nof ours").persist_pattern("retry reads")["id"]
        with library_of(tmp_path) as library:
            (origin,) = library.get_provenance(pattern_id)
        assert (origin.act, origin.agent_id) == ("persisted", "ben of ours")

    def test_what_is_only_staged_or_rejected_is_not_there(self, memory, tmp_path):
        """Nobody has vouched for it."""
        memory.stage_pattern({"name": "retry reads"})
        let_promote(memory)
        memory.reject_pattern(memory.stage_pattern({"name": "retry writes"}))
        assert memory.search_patterns("retry") == []

    def test_a_promotion_that_never_got_to_the_library_is_taken_over_by_the_next_who_asks(
        self, memory, config, tmp_path, monkeypatch
    ):
        """As after kill -9 between the two: once, and in order."""
        with monkeypatch.context() as patch:
            patch.setattr("quarterdeck.memory.learning.follow", lambda store, namespace: None)
            ids = [promoted(memory, name) for name in NAMES]
        with UnifiedMemory("ben", config) as other:
            assert sorted(str(each["id"]) for each in other.search_patterns("retry lock")) == sorted(ids)
            assert memory.search_patterns("retry lock") == other.search_patterns("retry lock")
        with library_of(tmp_path) as library:
            assert [pattern.id for pattern in library.patterns()] == ids

    def test_a_full_disk_of_the_library_loses_no_pattern(self, memory, monkeypatch):
        """The error says that it is kept, and the next search has it."""
        let_promote(memory)
        pattern_id = memory.stage_pattern({"name": "retry reads"})

        def full(*_, **__):
            raise StoreFull("the disk is full", hint="free some space")

        with monkeypatch.context() as patch:
            patch.setattr(Truth, "absorb", full)
            with pytest.raises(StoreFull, match=f"{pattern_id} is kept for good"):
                memory.promote_pattern(pattern_id)
        assert memory.get_staged_pattern(pattern_id) is None
        assert [each["id"] for each in memory.search_patterns("retry")] == [pattern_id]

    def test_what_is_deleted_in_the_library_does_not_come_back(self, memory, tmp_path):
        """Not even with what is promoted later; the memory has its own record still."""
        gone = promoted(memory, "retry reads")
        with library_of(tmp_path) as library:
            library.delete_pattern(gone)
            kept = promoted(memory, "retry nothing")
            assert [each["id"] for each in memory.search_patterns("retry")] == [kept]
        assert memory.recall_pattern(gone)["name"] == "retry reads"

    def test_a_library_that_is_lost_is_filled_anew(self, memory, config, tmp_path):
        """From the chain, in another process."""
        ids = [promoted(memory, name) for name in NAMES]
        memory.close()
        for file in (tmp_path / "patterns").iterdir():
            file.unlink()
        with UnifiedMemory("ben", config) as other:
            assert sorted(str(each["id"]) for each in other.search_patterns()) == sorted(ids)

    def test_an_emptied_memory_starts_anew(self, config, tmp_path):
        """Its chain is another one, though it may be longer by then."""
        with UnifiedMemory("ann", config) as memory:
            first = promoted(memory, "retry reads")
        for file in tmp_path.glob("memory.sqlite*"):
            file.unlink()
        with UnifiedMemory("ann", config) as memory:
            second = [promoted(memory, name) for name in NAMES]
            assert {each["id"] for each in memory.search_patterns()} == {first, *second}

    def test_namespaces_have_libraries_of_their_own(self, config, tmp_path):
        """Whatever their names."""
        for namespace in ("default", "../up", "team a/b"):
            given = MemoryConfig(path=config.path, namespace=namespace)
            with UnifiedMemory("ann", given) as memory:
                promoted(memory, f"retry in {namespace}")
                assert len(memory.search_patterns()) == 1
        assert sorted(file.name for file in (tmp_path / "patterns").glob("*.sqlite")) == [
            "..%2Fup.sqlite",
            "default.sqlite",
            "team%20a%2Fb.sqlite",
        ]

    def test_the_library_of_the_project_may_have_another_name(self, tmp_path, monkeypatch):
        """What is promoted is where `qd patterns` looks."""
        (tmp_path / "pyproject.toml").write_text('[tool.quarterdeck.patterns]\nnamespace = "team"\n')
        monkeypatch.chdir(tmp_path)
        with UnifiedMemory("ann") as memory, PatternLibrary() as library:
            pattern_id = promoted(memory, "retry reads")
            assert [match.pattern.id for match in library.search("retry")] == [pattern_id]
            assert library.path.endswith("team.sqlite")

    def test_what_was_contributed_to_the_library_is_found_and_recalled_too(self, memory):
        """As a dict, like all others."""
        pattern = library_pattern(
            {"id": "own", "agent_id": "ben", "pattern_type": "x", "name": "retry", "confidence": 1}
        )
        memory.store.library.contribute_pattern("ben", pattern)
        (found,) = memory.search_patterns("retry")
        assert found == memory.recall_pattern("own")
        assert (found["id"], found["name"]) == ("own", "retry")


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


class TestSeveralMemories:
    @pytest.fixture
    def projects(self, tmp_path):
        """Two that share a library."""
        projects = [tmp_path / name for name in ("one", "two")]
        for each in projects:
            each.mkdir()
            (each / "pyproject.toml").write_text(
                f'[tool.quarterdeck.patterns]\npath = "{tmp_path / "team.sqlite"}"\n'
            )
        return [str(each) for each in projects]

    def test_each_knows_how_far_it_was_read(self, projects, acts_read):
        """Though their names are the same; once read, no act is read again."""
        stores = [open_store(root=each) for each in projects]
        one, two = memories = [UnifiedMemory("ann", store=store) for store in stores]
        here, there = promoted(one, "retry here"), promoted(two, "retry there")
        for each in memories:
            assert {found["id"] for found in each.search_patterns("retry")} == {here, there}
        acts_read.clear()
        for _ in range(3):
            for each in memories:
                each.search_patterns("retry")
        assert acts_read == []
        for store in stores:
            store.close()

    def test_one_that_was_moved_is_the_same(self, tmp_path, acts_read):
        """What was deleted in the library stays so, and nothing is read twice."""
        before, after = tmp_path / "before", tmp_path / "elsewhere" / "other.sqlite"
        with UnifiedMemory("ann", MemoryConfig(path=str(before / "memory.sqlite"))) as memory:
            gone, kept = promoted(memory, "retry reads"), promoted(memory, "retry writes")
            memory.store.library.delete_pattern(gone)
        before.rename(after.parent)
        for file in after.parent.glob("memory.sqlite*"):
            file.rename(file.with_name(file.name.replace("memory", "other")))
        acts_read.clear()
        with UnifiedMemory("ann", MemoryConfig(path=str(after))) as memory:
            assert [each["id"] for each in memory.search_patterns("retry")] == [kept]
        assert acts_read == []


DAMAGE = {
    "no JSON": b"{",
    "no pattern": b"7",
    "without its confidence": b'{"id":"ID","agent_id":"ann","pattern_type":"x","name":"n"}',
    "with another id": b'{"id":"x","agent_id":"ann","pattern_type":"x","name":"n","confidence":1}',
}


class TestDamage:
    @pytest.fixture
    def missed(self, memory, monkeypatch):
        """The ids of patterns that the library has not taken over yet."""
        with monkeypatch.context() as patch:
            patch.setattr("quarterdeck.memory.learning.follow", lambda store, namespace: None)
            return [promoted(memory, name) for name in NAMES]

    @staticmethod
    def damage(memory, pattern_id, data):
        name = f"{{default..0}}:pattern:{pattern_id}"
        memory.store.backend.put(name, data.replace(b"ID", pattern_id.encode()))
        memory.clear_local_cache()
        return name

    @pytest.mark.parametrize("kind", DAMAGE)
    def test_one_bad_entry_stops_neither_search_nor_what_is_learned_then(self, memory, missed, kind):
        """It stays out, and whoever looks for damage finds which one it is."""
        name = self.damage(memory, missed[1], DAMAGE[kind])
        others = {missed[0], missed[2]}
        assert {each["id"] for each in memory.search_patterns("retry lock")} == others
        new = memory.persist_pattern("retry later")["id"]
        others |= {new, promoted(memory, "retry never")}
        assert {each["id"] for each in memory.search_patterns("retry lock")} == others
        assert damaged(memory.store, "default") == [name]

    @pytest.mark.parametrize("kind", DAMAGE)
    def test_what_the_library_has_is_found_whatever_became_of_its_entry(self, memory, kind):
        """As the library knows it."""
        pattern_id = promoted(memory, "retry reads")
        self.damage(memory, pattern_id, DAMAGE[kind])
        (found,) = memory.search_patterns("retry")
        assert (found["id"], found["name"]) == (pattern_id, "retry reads")

    def test_what_is_whole_is_not_found_to_be_damaged(self, memory):
        """Nor what another kind of entry says."""
        promoted(memory, "retry reads")
        memory.stage_pattern({"name": "retry writes"})
        assert damaged(memory.store, "default") == []

    @pytest.mark.parametrize("kind", DAMAGE)
    def test_a_first_act_that_is_lost_stops_nothing(self, memory, kind):
        """Whatever is in its place; no pattern comes twice."""
        ids = [promoted(memory, name) for name in NAMES]
        memory.store.backend.put("{default..0}:audit:000000000001", DAMAGE[kind])
        memory.clear_local_cache()
        assert sorted(str(each["id"]) for each in memory.search_patterns()) == sorted(ids)

    def test_a_pattern_that_the_library_cannot_take_stays_out(self, memory):
        """Its id is none there."""
        let_promote(memory)
        odd = {"id": "no id!", "agent_id": "ann", "pattern_type": "x", "name": "retry", "confidence": 1}
        entry = Entry("{default..0}:pattern:no id!", odd)
        chain.perform(
            memory.store, "default", "ann", (), lambda *_: (Deed("persist", "no id!", {}), (entry,))
        )
        kept = promoted(memory, "retry reads")
        assert [each["id"] for each in memory.search_patterns("retry")] == [kept]
        assert damaged(memory.store, "default") == [entry.name]

    def test_a_confidence_beyond_all_bounds_is_the_nearest_there_is(self, memory, missed):
        """JSON has numbers of any size."""
        data = DAMAGE["without its confidence"][:-1] + b',"confidence":1%s}' % (b"0" * 400)
        self.damage(memory, missed[0], data)
        memory.search_patterns("retry")
        assert memory.store.library.get_pattern(missed[0]).confidence == 1


class TestEncrypted:
    def test_no_file_has_a_pattern_of_an_encrypted_memory_in_plain(self, tmp_path):
        """Its library is in this process; another process makes its own."""
        from quarterdeck.memory.sealing import new_key

        key = tmp_path / "key"
        new_key(str(key))
        config = MemoryConfig(path=str(tmp_path / "memory.sqlite"), key_file=str(key))
        for agent in ("ann", "ben"):
            with UnifiedMemory(agent, config) as memory:
                if agent == "ann":
                    promoted(memory, "retry marmalade")
                assert len(memory.search_patterns("marmalade")) == 1
        files = [file for file in tmp_path.rglob("*") if file.is_file()]
        assert all(b"marmalade" not in file.read_bytes() for file in files)


class TestShape:
    def test_everything_is_in_the_pattern(self):
        """What it has no field for is in its context."""
        pattern = library_pattern(
            {
                "id": "x", "agent_id": "ann", "pattern_type": "temporal", "name": "n", "description": "d",
                "content": "c", "code": "1", "confidence": 1, "tags": ["t"], "context": {"k": 1},
                "steps": [1],
            }
        )  # fmt: skip
        assert (pattern.description, pattern.code, pattern.tags) == ("d\n\nc", "1", ["t"])
        assert pattern.context == {"steps": [1], "k": 1}

    @pytest.mark.parametrize(
        "odd",
        [
            {"name": "a\nb\x00" * 400}, {"description": "\x1b[31m" * 100_000}, {"tags": ["", "\n", "x"] * 90},
            {"deep": [[[]]]}, {"context": {"\x00": 1}}, {"agent_id": "\u2028"}, {"code": "\x7f"},
        ],
        ids=lambda odd: next(iter(odd)),
    )  # fmt: skip
    def test_whatever_the_memory_took_the_library_takes(self, odd):
        """Cut or cleaned where it must be."""
        value = {"id": "x", "agent_id": "ann", "pattern_type": "general", "name": "n", "confidence": 0.5}
        assert library_pattern(value | odd).id == "x"

    def test_what_is_nested_too_deep_is_left_out(self):
        """The memory has it."""
        deep: list[object] = []
        for _ in range(200):
            deep = [deep]
        value = {
            "id": "x",
            "agent_id": "a",
            "pattern_type": "g",
            "name": "n",
            "confidence": 0.5,
            "deep": deep,
        }
        assert library_pattern(value | {"context": {"k": 1}}).context == {"k": 1}


def test_a_store_of_its_own_has_a_library_of_its_own(tmp_path):
    """In this process, when nobody said where."""
    from quarterdeck.memory.embedded import EmbeddedBackend

    store = Store(EmbeddedBackend(str(tmp_path / "m.sqlite")), MemoryConfig())
    assert store.library is store.library
    assert store.library.path == ":memory:"
    store.close()
    assert [file.name for file in tmp_path.glob("patterns")] == []

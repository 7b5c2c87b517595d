"""Lasting patterns: kept for good by whoever may, found by whoever asks."""

from __future__ import annotations

import pytest

from quarterdeck.errors import AccessDenied, StoreCorrupt, UsageError
from quarterdeck.memory import chain
from quarterdeck.memory.access import AccessTier
from quarterdeck.memory.patterns import Patterns
from quarterdeck.memory.staging import Staging
from quarterdeck.memory.stewardship import Stewardship
from tests.access_worlds import NAMESPACE, Place

HOSTILE_QUERIES = [
    "",
    "*",
    "%",
    "' OR 1=1 --",
    "(((",
    "[",
    "\\",
    "a" * 100_000,
    "\ud800",
    "\0",
    "🚀",
    "ǅ İ ß",
    "_",
]


class Room(Patterns, Staging):
    """Both rooms, as in the whole memory."""


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    yield place
    place.close()


@pytest.fixture
def validator(place):
    root = place.room("root")
    token = root.grant_access("root", AccessTier.STEWARD)
    return Room(place.store(), "root", token=token)


@pytest.fixture
def reader(place):
    return Room(place.store(), "reader")


def found(room, *args, **kwargs):
    return [pattern["name"] for pattern in room.search_patterns(*args, **kwargs)]


class TestPersist:
    def test_a_text_is_a_pattern(self, place, validator, reader):
        """Read everywhere, for good."""
        kept = validator.persist_pattern("wait for the lock", "conditional", metadata={"language": "sql"})
        assert (kept["pattern_type"], kept["context"]) == ("conditional", {"language": "sql"})
        assert (kept["agent_id"], kept["confidence"]) == ("root", 0.5)
        place.clock.pass_time(3650 * 86_400)
        assert reader.recall_pattern(kept["id"]) == kept
        assert reader.search_patterns() == [kept]

    def test_a_dict_is_kept_whole(self, validator, reader):
        """And is left alone."""
        given = {"name": "locks", "tags": ["sqlite"], "confidence": 0.9, "seen_in": [1, None]}
        before = {**given}
        kept = validator.persist_pattern(given)
        assert given == before
        assert reader.recall_pattern(kept["id"]) == {**kept, **given}

    def test_it_stands_in_the_audit_chain(self, place, validator):
        """Who, what, which."""
        kept = validator.persist_pattern({"name": "locks"})
        act = chain.read(place.store(), NAMESPACE)[-1]
        assert (act.agent, act.act, act.subject) == ("root", "persist", kept["id"])

    def test_it_takes_a_validator(self, place, reader):
        """Whoever stages leaves it to others; the chain does not grow."""
        with pytest.raises(AccessDenied):
            reader.persist_pattern("wait for the lock")
        assert reader.search_patterns() == []
        assert chain.read(place.store(), NAMESPACE) == []

    @pytest.mark.parametrize(
        "content", ["", " \n", {}, {"tags": ["a"]}, None, 7, b"x", ["a"], {"id": "mine", "name": "x"}]
    )
    def test_what_is_no_pattern_is_a_usage_error(self, validator, content):
        """And nothing is kept."""
        with pytest.raises(UsageError):
            validator.persist_pattern(content)
        assert validator.search_patterns() == []

    @pytest.mark.parametrize("content", [5, None, [1]])
    def test_metadata_makes_no_pattern_of_what_is_none(self, validator, content):
        """Nor a traceback."""
        with pytest.raises(UsageError, match="must be a dict"):
            validator.persist_pattern(content, metadata={})

    def test_it_says_who_it_was_whatever_the_name(self, place):
        """Also when it looks like a telephone number, which is taken out of values."""
        store, agent = place.store(), "555-123-4567"
        token = Stewardship(store, agent).grant_access(agent, AccessTier.STEWARD)
        root = Room(store, agent, token=token)
        kept = root.persist_pattern("locks")
        assert root.recall_pattern(str(kept["id"])) == kept
        assert kept["agent_id"] == "555-123-4567"

    @pytest.mark.parametrize("stored", [{"confidence": 1}, {"confidence": True, "id": "a"}, [], None])
    def test_what_somebody_else_has_written_is_no_pattern(self, place, reader, stored):
        """One that lacks what every pattern has is called by its name."""
        place.store().put("{default..0}:pattern:x", stored)
        with pytest.raises(StoreCorrupt, match="a pattern in the memory"):
            reader.recall_pattern("x")

    @pytest.mark.parametrize("metadata", ["text", 7, [1], {"a": object()}])
    def test_what_is_no_metadata_is_a_usage_error(self, validator, metadata):
        """Likewise."""
        with pytest.raises(UsageError):
            validator.persist_pattern("locks", metadata=metadata)
        assert validator.search_patterns() == []

    def test_secrets_are_taken_out(self, validator, reader):
        """As everywhere."""
        secret = "ghp_" + "a1B2" * 9
        kept = validator.persist_pattern(f"use {secret}", metadata={"note": secret})
        assert secret not in repr(reader.recall_pattern(kept["id"]))


class TestRecall:
    def test_an_id_that_there_is_not_gives_none(self, reader):
        """Whatever it looks like."""
        for pattern_id in ("no-such", "*", "../../x", "a:b", "{default..0}:pattern:x"):
            assert reader.recall_pattern(pattern_id) is None

    @pytest.mark.parametrize("pattern_id", ["", "\ud800", "x" * 2000, None, 7], ids=ascii)
    def test_what_is_no_id_is_a_usage_error(self, reader, pattern_id):
        """Not nothing."""
        with pytest.raises(UsageError):
            reader.recall_pattern(pattern_id)

    def test_every_caller_has_a_copy(self, validator, reader):
        """The local tier is not changed by it."""
        kept = validator.persist_pattern({"name": "locks", "tags": ["a"]})
        for _ in range(2):
            pattern = reader.recall_pattern(kept["id"])
            assert pattern["tags"] == ["a"]
            pattern["tags"].append("b")

    def test_an_entry_that_is_no_pattern_is_corrupt(self, place, validator, reader):
        """Whoever wrote it."""
        kept = validator.persist_pattern("locks")
        place.store().put(f"{{default..0}}:pattern:{kept['id']}", ["no pattern"])
        with pytest.raises(StoreCorrupt):
            reader.recall_pattern(kept["id"])


class TestSearch:
    @pytest.fixture(autouse=True)
    def library(self, validator):
        """Where the word lock stands in ever less important places."""
        for pattern in (
            {"name": "in code", "code": "lock()", "confidence": 0.6},
            {"name": "in the description", "description": "Lock it", "confidence": 0.55},
            {"name": "in tags", "tags": ["LOCK"], "confidence": 0.5, "pattern_type": "temporal"},
            {"name": "lock in the name", "confidence": 0.4},
            {"name": "nowhere", "description": "locksmith", "confidence": 0.45},
        ):
            validator.persist_pattern(pattern)

    def test_the_best_come_first(self, reader):
        """The name before all else; what has more of the words; nothing that has none of them."""
        assert found(reader, "lock")[0] == "lock in the name"
        assert sorted(found(reader, "locking")) == [
            "in code",
            "in tags",
            "in the description",
            "lock in the name",
        ]
        assert found(reader, "LOCK, smith?") == found(reader, "lock")
        assert found(reader, "lock code")[0] == "in code"

    def test_without_a_query_all_are_found(self, reader):
        """The surest first."""
        assert found(reader) == ["in code", "in the description", "in tags", "nowhere", "lock in the name"]

    def test_a_type_leaves_out_the_others(self, reader):
        """None that there is not."""
        assert found(reader, "lock", "temporal") == found(reader, pattern_type="temporal") == ["in tags"]
        assert found(reader, "lock", "behavioral") == []

    def test_not_more_than_asked_for(self, reader):
        """The best of them."""
        assert found(reader, "lock", limit=2) == found(reader, "lock")[:2]
        assert len(found(reader, limit=10**9)) == 5

    @pytest.mark.parametrize("query", HOSTILE_QUERIES, ids=lambda query: ascii(query)[:12])
    def test_no_query_is_more_than_words(self, reader, query):
        """It finds nothing, and nothing else happens."""
        assert found(reader, query) == []

    def test_words_are_found_in_any_script_and_case(self, validator, reader):
        """As they fold."""
        validator.persist_pattern({"name": "STRASSE Ünïcode"})
        assert found(reader, "straße") == found(reader, "ünÏcode") == ["STRASSE Ünïcode"]

    @pytest.mark.parametrize(
        "bad",
        [
            {"limit": 0}, {"limit": -1}, {"limit": 1.5}, {"limit": True}, {"limit": "9"}, {"limit": None},
            {"query": 7}, {"query": b"lock"}, {"query": ["lock"]},
            {"pattern_type": 7}, {"pattern_type": ["x"]},
        ],
        ids=repr,
    )  # fmt: skip
    def test_what_is_no_search_is_a_usage_error(self, reader, bad):
        """Not a traceback, and not nothing."""
        with pytest.raises(UsageError):
            reader.search_patterns(**bad)

    def test_promoted_ones_are_found(self, validator, reader):
        """From then on, and not before."""
        pattern_id = reader.stage_pattern({"name": "wait", "tags": ["patience"]})
        assert found(reader, "patience") == []
        validator.promote_pattern(pattern_id)
        assert found(reader, "patience") == ["wait"]
        assert reader.recall_pattern(pattern_id)["promoted_by"] == "root"

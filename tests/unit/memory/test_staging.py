"""Patterns that wait for a second look, and what becomes of them."""

from __future__ import annotations

import json
import threading
from urllib.parse import unquote

import pytest

from quarterdeck.errors import AccessDenied, StateError, StoreCorrupt, TooLarge, UsageError
from quarterdeck.memory import audit, chain
from quarterdeck.memory.access import AccessTier
from quarterdeck.memory.store import MISSING
from tests.access_worlds import NAMESPACE, Place, Room

LESSON = {"name": "wait for the lock", "description": "sqlite: set busy_timeout"}


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    yield place
    place.close()


@pytest.fixture
def worker(place):
    return place.room("worker")


@pytest.fixture
def validator(place):
    return place.room_with(AccessTier.VALIDATOR)


def lasting(place, pattern_id):
    return place.store().get(f"{{default..0}}:pattern:{pattern_id}")


def last_act(place):
    return chain.read(place.store(), NAMESPACE)[-1]


class TestStage:
    def test_everything_given_is_kept(self, place, worker):
        """With who staged it, when, and until when."""
        given = {
            **LESSON,
            "content": "PRAGMA busy_timeout = 5000",
            "code": "x = 1",
            "confidence": 0.9,
            "tags": ["sqlite", "locks"],
            "context": {"language": "python"},
            "seen_in": [1, {"a": None}],
        }
        pattern_id = worker.stage_pattern(given, "conditional", ttl_hours=1.5)
        (pattern,) = place.room("reader").get_staged_patterns()
        assert pattern == {
            **given,
            "pattern_type": "conditional",
            "id": pattern_id,
            "agent_id": "worker",
            "staged_at": "2023-11-14T22:13:20.000+00:00",
            "expires_at": "2023-11-14T23:43:20.000+00:00",
        }
        assert place.room("reader").get_staged_pattern(pattern_id) == pattern

    def test_what_is_not_given_has_a_sensible_default(self, worker):
        """A pattern always has what the pattern library asks of one."""
        worker.stage_pattern({"content": "  first line\nsecond line"})
        (pattern,) = worker.get_staged_patterns()
        assert pattern["name"] == "first line"
        assert pattern["description"] == "  first line\nsecond line"
        assert (pattern["pattern_type"], pattern["confidence"]) == ("general", 0.5)
        assert (pattern["tags"], pattern["context"], pattern["code"]) == ([], {}, None)

    @pytest.mark.parametrize("name", ["name", "description", "content", "code"])
    def test_one_text_is_enough(self, worker, name):
        """It also gives the name, when there is none."""
        worker.stage_pattern({name: "w" * 500})
        (pattern,) = worker.get_staged_patterns()
        assert pattern["name"] == ("w" * 500 if name == "name" else "w" * 80)

    @pytest.mark.parametrize(
        "data",
        [
            {},
            {"tags": ["a"]},
            {"name": " \n "},
            {"name": 7},
            {**LESSON, "description": ["a"]},
            {**LESSON, "confidence": 1.01},
            {**LESSON, "confidence": -0.1},
            {**LESSON, "confidence": float("nan")},
            {**LESSON, "confidence": True},
            {**LESSON, "confidence": "high"},
            {**LESSON, "confidence": None},
            {**LESSON, "tags": "sqlite"},
            {**LESSON, "tags": [1]},
            {**LESSON, "context": "python"},
            {**LESSON, "pattern_type": ""},
            {**LESSON, "pattern_type": 7},
            {**LESSON, "id": "mine"},
            {**LESSON, "agent_id": "somebody-else"},
            {**LESSON, "promoted_by": "the-boss"},
            {**LESSON, "extra": object()},
            {**LESSON, "extra": "\ud800"},
            {**LESSON, "extra": float("inf")},
            "a lesson",
            None,
            [],
        ],
    )
    def test_what_is_no_pattern_is_refused(self, worker, data):
        """With an error that says why, and nothing is staged."""
        with pytest.raises(UsageError):
            worker.stage_pattern(data)
        assert worker.get_staged_patterns() == []

    def test_the_callers_dict_is_left_alone(self, worker):
        """Defaults go into a copy."""
        given = dict(LESSON)
        worker.stage_pattern(given)
        assert given == LESSON

    def test_the_type_may_stand_in_the_pattern(self, worker):
        """But not say something else than the call."""
        worker.stage_pattern({**LESSON, "pattern_type": "temporal"})
        worker.stage_pattern({**LESSON, "pattern_type": "temporal"}, "temporal")
        assert {pattern["pattern_type"] for pattern in worker.get_staged_patterns()} == {"temporal"}
        with pytest.raises(UsageError, match="another pattern_type"):
            worker.stage_pattern({**LESSON, "pattern_type": "temporal"}, "behavioral")

    def test_a_pattern_larger_than_the_limit_is_refused(self, place):
        """Not cut."""
        room = Room(place.store(max_value_bytes=1000), "worker")
        with pytest.raises(TooLarge):
            room.stage_pattern({**LESSON, "code": "x" * 1000})

    @pytest.mark.parametrize("hours", [0, -1, float("nan"), float("inf"), "24", True, 10**9])
    def test_a_time_that_is_none_is_refused(self, worker, hours):
        """It must be a positive number of hours."""
        with pytest.raises(UsageError):
            worker.stage_pattern(LESSON, ttl_hours=hours)

    def test_a_pattern_waits_until_its_time_is_up(self, place, worker, validator):
        """And not one millisecond longer, for anybody."""
        pattern_id = worker.stage_pattern(LESSON, ttl_hours=2)
        place.clock.pass_time(2 * 3600 - 0.001)
        assert [pattern["id"] for pattern in validator.get_staged_patterns()] == [pattern_id]
        place.clock.pass_time(0.001)
        assert validator.get_staged_patterns() == []
        assert validator.get_staged_pattern(pattern_id) is None
        assert validator.promote_pattern(pattern_id) is None
        assert validator.reject_pattern(pattern_id) is False

    def test_without_a_time_it_waits_until_somebody_decides(self, place, worker):
        """However long that takes."""
        worker.stage_pattern(LESSON, ttl_hours=None)
        place.clock.pass_time(5 * 365 * 86_400)
        (pattern,) = worker.get_staged_patterns()
        assert pattern["expires_at"] is None

    def test_an_observer_stages_nothing(self, place):
        """It reads what is staged."""
        observer = place.room_with(AccessTier.OBSERVER)
        with pytest.raises(AccessDenied, match="only a contributor or higher may stage patterns"):
            observer.stage_pattern(LESSON)
        assert observer.get_staged_patterns() == []

    def test_a_server_that_may_drop_them_is_refused(self, worker, monkeypatch):
        """With what to do about it; nothing is staged."""
        monkeypatch.setattr(
            worker.store.backend, "durability_problem", lambda: "its policy is allkeys-lru", raising=False
        )
        with pytest.raises(StateError, match="allkeys-lru") as raised:
            worker.stage_pattern(LESSON)
        assert "noeviction" in raised.value.hint
        assert worker.get_staged_patterns() == []


class TestIds:
    def test_they_sort_by_time_and_nobody_can_guess_them(self, place, worker):
        """So the oldest comes first, and no two are the same, also within a millisecond."""
        ids = []
        for _ in range(20):
            ids.append(worker.stage_pattern(LESSON))
            place.clock.pass_time(0.001)
        assert [pattern["id"] for pattern in worker.get_staged_patterns()] == ids == sorted(ids)
        assert len({worker.stage_pattern(LESSON) for _ in range(200)}) == 200

    def test_they_pass_the_scrubber(self, place, worker):
        """An id that looked like a number of something would be taken out of the audit chain."""
        for number in range(300):
            place.clock.pass_time(number * 1000)
            data = json.dumps(worker.stage_pattern(LESSON)).encode()
            assert worker.store.scrubber.scrub(data) == data

    @pytest.mark.parametrize("pattern_id", ["", None, 7, "\ud800", "x" * 2000])
    def test_what_cannot_be_one_is_refused(self, validator, pattern_id):
        """By every operation."""
        for operation in (validator.get_staged_pattern, validator.promote_pattern, validator.reject_pattern):
            with pytest.raises(UsageError):
                operation(pattern_id)

    @pytest.mark.parametrize("pattern_id", ["nobody", "*", "../x", "a:b", "}:agent:root", "head\x00"])
    def test_one_that_nobody_staged_is_nothing(self, validator, pattern_id):
        """Whatever is in it."""
        assert validator.get_staged_pattern(pattern_id) is None
        assert validator.promote_pattern(pattern_id) is None
        assert validator.reject_pattern(pattern_id) is False


class TestPromote:
    def test_a_promoted_pattern_lasts(self, place, worker, validator):
        """It is no longer staged, has no end, and says who staged and who promoted it."""
        pattern_id = worker.stage_pattern(LESSON)
        place.clock.pass_time(60)
        promoted = validator.promote_pattern(pattern_id)
        assert promoted is not None
        assert (promoted["id"], promoted["agent_id"]) == (pattern_id, "worker")
        assert (promoted["promoted_by"], promoted["promoted_at"]) == (
            "the-validator",
            "2023-11-14T22:14:20.000+00:00",
        )
        assert "expires_at" not in promoted
        assert promoted.items() >= LESSON.items()
        assert worker.get_staged_patterns() == []
        place.clock.pass_time(5 * 365 * 86_400)
        assert lasting(place, pattern_id) == promoted

    def test_it_is_written_in_the_chain(self, place, worker, validator):
        """Who promoted what, and whose it was."""
        pattern_id = worker.stage_pattern({**LESSON, "confidence": 0.8})
        validator.promote_pattern(pattern_id)
        act = last_act(place)
        assert (act.agent, act.act, act.subject) == ("the-validator", "promote", pattern_id)
        assert act.details == {
            "name": LESSON["name"],
            "pattern_type": "general",
            "confidence": 0.8,
            "agent_id": "worker",
        }
        assert audit.verify(place.store(), NAMESPACE).is_whole

    def test_a_second_promotion_gets_nothing(self, place, worker, validator):
        """And writes nothing."""
        pattern_id = worker.stage_pattern(LESSON)
        assert validator.promote_pattern(pattern_id)
        before = last_act(place)
        assert validator.promote_pattern(pattern_id) is None
        assert validator.reject_pattern(pattern_id) is False
        assert last_act(place) == before

    @pytest.mark.parametrize("tier", [AccessTier.OBSERVER, AccessTier.CONTRIBUTOR])
    def test_it_takes_a_validator(self, place, worker, tier):
        """Whatever the caller says of itself; the pattern stays staged."""
        pattern_id = worker.stage_pattern(LESSON)
        place.room_with(tier, "alice")
        alice = Room(place.store(), "bob", access_tier=AccessTier.STEWARD)
        for operation in (alice.promote_pattern, alice.reject_pattern):
            with pytest.raises(AccessDenied, match="only a validator or higher may"):
                operation(pattern_id)
        assert worker.get_staged_pattern(pattern_id) is not None
        assert lasting(place, pattern_id) is MISSING

    def test_a_validator_that_acts_with_less_promotes_nothing(self, place, worker):
        """It said so itself."""
        place.room_with(AccessTier.STEWARD)
        root = place.room("root", token=place.root_token, access_tier=AccessTier.CONTRIBUTOR)
        with pytest.raises(AccessDenied):
            root.promote_pattern(worker.stage_pattern(LESSON))

    def test_a_validator_may_promote_its_own(self, validator):
        """Who works alone needs that; the pattern says it."""
        promoted = validator.promote_pattern(validator.stage_pattern(LESSON))
        assert promoted is not None
        assert promoted["agent_id"] == promoted["promoted_by"]

    def test_one_that_is_not_sure_enough_stays_staged(self, worker, validator):
        """Also in a list of those that are."""
        low = worker.stage_pattern({**LESSON, "confidence": 0.4})
        high = worker.stage_pattern({**LESSON, "confidence": 1})
        assert [pattern["id"] for pattern in validator.get_staged_patterns(min_confidence=0.7)] == [high]
        assert validator.promote_pattern(low, min_confidence=0.7) is None
        assert validator.get_staged_pattern(low) is not None
        assert validator.promote_pattern(high, min_confidence=0.7) is not None
        assert validator.promote_pattern(low, min_confidence=0.4) is not None

    def test_exactly_one_of_many_promoters_wins(self, place, worker):
        """Each at a store of its own, all at once; some reject instead."""
        rooms = [place.room_with(AccessTier.VALIDATOR, f"v{number}") for number in range(4)]
        ids = [worker.stage_pattern(LESSON) for _ in range(15)]
        won: list[tuple[str, str]] = []
        start = threading.Barrier(len(rooms))

        def run(room):
            start.wait()
            for pattern_id in ids:
                done = (
                    room.reject_pattern(pattern_id)
                    if room.agent == "v3"
                    else room.promote_pattern(pattern_id)
                )
                if done:
                    won.append((pattern_id, room.agent))

        threads = [threading.Thread(target=run, args=(room,)) for room in rooms]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(pattern_id for pattern_id, _ in won) == sorted(ids)
        for pattern_id, agent in won:
            kept = lasting(place, pattern_id)
            assert (kept is MISSING) if agent == "v3" else (unquote(kept["promoted_by"]) == agent)
        assert audit.verify(place.store(), NAMESPACE).is_whole
        decided = [act for act in chain.read(place.store(), NAMESPACE) if act.act in {"promote", "reject"}]
        assert sorted((act.subject, act.agent) for act in decided) == sorted(won)


@pytest.mark.parametrize("agent", ["jane@example.com", "100%41", "a:b", "ä {x}", "555-123-4567"])
def test_a_pattern_says_whose_it_is_whatever_the_name(place, agent):
    """Also when it is a mail address, which would be taken out of a value."""
    room = place.room_with(AccessTier.VALIDATOR, agent)
    pattern_id = room.stage_pattern({**LESSON, "content": "ask jane@example.com"})
    (staged,) = place.room("reader").get_staged_patterns()
    assert staged["agent_id"] == agent
    assert "jane" not in str(staged["content"])
    promoted = room.promote_pattern(pattern_id)
    assert promoted is not None
    assert (promoted["agent_id"], promoted["promoted_by"]) == (agent, agent)
    assert last_act(place).agent == agent
    (record,) = [each for each in room.list_agents() if each.agent == agent]
    assert record.granted_by == "root"
    assert audit.verify(place.store(), NAMESPACE).is_whole


class TestReject:
    def test_a_rejected_pattern_is_gone_and_the_chain_says_why(self, place, worker, validator):
        """Who, what and the reason."""
        pattern_id = worker.stage_pattern(LESSON)
        assert validator.reject_pattern(pattern_id, "seen once only") is True
        assert worker.get_staged_patterns() == []
        assert lasting(place, pattern_id) is MISSING
        act = last_act(place)
        assert (act.agent, act.act, act.subject) == ("the-validator", "reject", pattern_id)
        assert act.details["reason"] == "seen once only"
        assert act.details["name"] == LESSON["name"]

    @pytest.mark.parametrize("reason", [None, 7, b"x"])
    def test_a_reason_is_text(self, worker, validator, reason):
        """Nothing happens with another."""
        pattern_id = worker.stage_pattern(LESSON)
        with pytest.raises(UsageError):
            validator.reject_pattern(pattern_id, reason)
        assert worker.get_staged_pattern(pattern_id) is not None


@pytest.mark.parametrize("value", [b"7", b"{}", b'{"confidence":"x"}', b"[]", b"{torn"])
def test_what_others_wrote_in_its_place_is_no_pattern(place, worker, validator, value):
    """An error that says so, and nothing of it becomes a lasting pattern."""
    pattern_id = worker.stage_pattern(LESSON)
    place.sql("UPDATE entries SET data = ? WHERE name LIKE ?", value, f"%:staged:{pattern_id}")
    room = place.room_with(AccessTier.VALIDATOR, "another")
    for attempt in (
        room.get_staged_patterns,
        lambda: room.get_staged_pattern(pattern_id),
        lambda: room.promote_pattern(pattern_id),
    ):
        with pytest.raises(StoreCorrupt):
            attempt()
    assert lasting(place, pattern_id) is MISSING

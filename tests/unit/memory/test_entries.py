"""Working memory: each agent's own to write, everybody's to read, and changed by nobody unseen."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from quarterdeck.errors import AccessDenied, ScrubRefused, TooLarge, UsageError
from quarterdeck.memory.access import AccessTier
from quarterdeck.memory.entries import Entries
from quarterdeck.memory.settings import MemoryConfig
from quarterdeck.memory.unified import UnifiedMemory
from tests.access_worlds import Place

HOSTILE = ["*", "a:b", "{x.y.0}", "new\nline", "nul\0", "%41", " ", "..", "/etc/passwd", "é👩‍🚀", "?[a]", "'"]
NO_KEYS = ["", "\ud800", "k" * 1_000_000, "é" * 600, None, 7, b"key", ["key"], ("a", "b")]
NO_TIMES = [0, 0.0, -1, -0.5, float("nan"), float("inf"), -float("inf"), True, "60", 1e300, 10**400, [1]]


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    yield place
    place.close()


@pytest.fixture
def enter(place):
    """A seat at a store of its own, as in another process."""
    return lambda agent="ann", **how: Entries(place.store(), agent, **how)


@pytest.fixture
def ann(enter):
    return enter("ann")


class TestStash:
    @pytest.mark.parametrize("again", [False, True], ids=["read", "from the local tier"])
    def test_every_reader_has_a_copy_of_its_own(self, ann, again):
        """Nobody changes what others have, or what is kept."""
        value = {"list": [1]}
        ann.stash("k", value)
        value["list"].append(2)
        if again:
            ann.retrieve("k")
        for found in (ann.retrieve("k"), ann.retrieve_batch(["k"])["k"]):
            assert found == {"list": [1]}
            found["list"].append(3)
        assert ann.retrieve("k") == {"list": [1]}

    def test_null_is_a_value(self, ann):
        """One key at a time it looks like nothing; a batch and a listing tell it from nothing."""
        ann.stash("null", None)
        assert ann.retrieve("null") is ann.retrieve("absent") is None
        assert ann.retrieve_batch(["null", "absent"]) == {"null": None}
        assert [info.key for info in ann.keys("")] == ["null"]
        assert ann.delete("null") is True
        assert ann.delete("null") is False

    @pytest.mark.parametrize("ttl", [1, 1.0, 0.5, 0.0001, 3650 * 86_400])
    def test_an_entry_lives_as_long_as_it_was_given(self, place, ann, enter, ttl):
        """To the millisecond, in the local tier too; less than one is one."""
        ann.stash("k", 1, ttl)
        other = enter()
        assert other.retrieve("k") == ann.retrieve("k") == 1
        place.clock.pass_time(max(ttl, 0.001) - 0.001)
        assert other.retrieve("k") == ann.retrieve("k") == 1
        place.clock.pass_time(0.001)
        assert other.retrieve("k") is ann.retrieve("k") is None
        assert ann.keys() == []
        assert ann.delete("k") is False

    def test_stashing_anew_begins_a_new_time(self, place, ann):
        """Also one without end."""
        ann.stash("k", 1, 5)
        ann.stash("k", 2)
        place.clock.pass_time(10)
        assert ann.retrieve("k") == 2

    @pytest.mark.parametrize("ttl", NO_TIMES, ids=repr)
    def test_what_is_no_time_to_live_is_refused(self, ann, ttl):
        """Before anything is kept, whichever way it comes."""
        ann.stash("old", 1)
        for use in (
            lambda: ann.stash("k", 1, ttl),
            lambda: ann.stash_batch({"k": 1}, ttl),
            lambda: ann.compare_and_set("k", None, 1, ttl),
            lambda: ann.update("k", lambda _: 1, ttl),
            lambda: ann.transaction(["k"], lambda _: {"k": 1}, ttl),
        ):
            with pytest.raises(UsageError):
                use()
        assert [info.key for info in ann.keys("")] == ["old"]

    def test_a_secret_is_no_key(self, ann):
        """It would stand in the file as it is."""
        with pytest.raises(ScrubRefused) as refused:
            ann.stash("ghp_" + "a1B2" * 9, 1)
        assert "a1B2" not in str(refused.value)
        assert ann.keys() == []


class TestKeys:
    def test_any_text_is_a_key(self, ann, enter):
        """None of it is a pattern or a path, and no two are the same."""
        items = {key: [key] for key in HOSTILE}
        assert ann.stash_batch(items) == len(HOSTILE)
        other = enter()
        assert other.retrieve_batch(items) == items
        assert [other.retrieve(key) for key in items] == list(items.values())
        assert [info.key for info in other.keys("")] == sorted(items)
        assert ann.delete("*")
        assert len(ann.keys()) == len(items) - 1

    @pytest.mark.parametrize("key", NO_KEYS, ids=lambda key: ascii(key)[:20])
    def test_what_is_no_key_is_a_usage_error(self, ann, key):
        """Of one kind and without a copy of it in the message, wherever it is passed."""
        for use in (
            lambda: ann.stash(key, 1),
            lambda: ann.stash_batch([("good", 1), (key, 1)]),
            lambda: ann.retrieve(key),
            lambda: ann.retrieve_batch([key]),
            lambda: ann.delete(key),
            lambda: ann.compare_and_set(key, None, 1),
            lambda: ann.update(key, lambda _: 1),
            lambda: ann.transaction([key], lambda _: {"good": 1}),
        ):
            with pytest.raises(UsageError) as raised:
                use()
            assert len(str(raised.value)) < 300
        if not isinstance(key, list):  # that is no key of a dict, either
            with pytest.raises(UsageError):
                ann.transaction(["good"], lambda _: {"good": 1, key: 1})
        assert ann.keys() == []

    @pytest.mark.parametrize(
        "agent", ["", "\ud800", "k" * 1_000_000, 7, b"ann"], ids=lambda key: ascii(key)[:20]
    )
    def test_what_is_no_agent_is_a_usage_error(self, ann, agent):
        """Nor is one's own memory given in its place."""
        ann.stash("k", 1)
        for use in (
            lambda: ann.retrieve("k", agent_id=agent),
            lambda: ann.retrieve_batch(["k"], agent_id=agent),
            lambda: ann.keys(agent_id=agent),
        ):
            with pytest.raises(UsageError):
                use()

    @pytest.mark.parametrize(
        "keys", [("a", "b"), {"a": 1}, (key for key in "abc")], ids=["tuple", "dict", "generator"]
    )
    def test_keys_are_anything_that_can_be_gone_through(self, ann, keys):
        """Once each."""
        ann.stash("a", 1)
        assert ann.retrieve_batch(keys) == {"a": 1}

    @pytest.mark.parametrize("keys", [7, None, "abc", b"abc"], ids=repr)
    def test_what_holds_no_keys_is_a_usage_error(self, ann, keys):
        """Nothing else is raised for it."""
        for use in (
            lambda: ann.retrieve_batch(keys),
            lambda: ann.stash_batch(keys),
            lambda: ann.transaction(keys, lambda _: None),
        ):
            with pytest.raises(UsageError):
                use()

    @pytest.mark.parametrize("items", [[("a",)], [("a", 1, 2)], ["abc"], [7]], ids=repr)
    def test_items_that_are_no_pairs_are_a_usage_error(self, ann, items):
        """And the good ones beside them are not kept."""
        with pytest.raises(UsageError):
            ann.stash_batch([("good", 1), *items])
        assert ann.keys() == []

    def test_a_listing_tells_what_there_is(self, place, ann):
        """Sorted, with sizes and ends; what has ended is left out."""
        ann.stash_batch({"b": 1, "a": "xx"})
        ann.stash("ab", None, 5)
        ann.stash("gone", 1, 1)
        place.clock.pass_time(1)
        listed = ann.keys()
        assert [(info.agent, info.key, info.size_bytes) for info in listed] == [
            ("ann", "a", 4),
            ("ann", "ab", 4),
            ("ann", "b", 1),
        ]
        assert [info.expires_at is None for info in listed] == [True, False, True]
        assert [info.key for info in ann.keys("a")] == ["a", "ab"]
        assert ann.keys("*") == ann.keys("gone") == []

    def test_the_end_of_a_key_is_in_the_future(self, enter, monkeypatch, place):
        """As wall time, in UTC."""
        ann = enter()
        ann.stash("k", 1, 60)
        [info] = ann.keys()
        left = (info.expires_at - datetime.now(UTC)).total_seconds()
        assert 0 < left <= 60
        assert info.to_dict()["expires_at"] == info.expires_at.isoformat()

    @pytest.mark.parametrize("prefix", [None, 7, b"a"], ids=repr)
    def test_what_is_no_prefix_is_a_usage_error(self, ann, prefix):
        """Also where there is nothing to compare it with."""
        for _ in range(2):
            with pytest.raises(UsageError):
                ann.keys(prefix)
            ann.stash("k", 1)


class TestBatches:
    def test_of_a_key_that_comes_twice_the_last_value_is_kept(self, ann):
        """It counts once."""
        assert ann.stash_batch([("a", 1), ("b", 2), ("a", 3)]) == 2
        assert ann.retrieve_batch(["a", "b", "a"]) == {"a": 3, "b": 2}

    @pytest.mark.parametrize(
        "bad,error",
        [
            (float("nan"), UsageError),
            (object(), UsageError),
            ("\ud800", UsageError),
            ("x" * 10_000_001, TooLarge),
        ],
        ids=["nan", "object", "surrogate", "huge"],
    )
    def test_one_bad_value_keeps_all_out(self, ann, bad, error):
        """And leaves what was there."""
        ann.stash("a", "old")
        with pytest.raises(error):
            ann.stash_batch({"a": 1, "bad": bad, "b": 2})
        assert ann.retrieve_batch(["a", "bad", "b"]) == {"a": "old"}

    def test_an_empty_batch_is_nothing(self, ann):
        """Nor is it an error."""
        assert ann.stash_batch({}) == ann.stash_batch([]) == ann.stash_batch(iter(())) == 0
        assert ann.retrieve_batch([]) == {}

    def test_many_misses_are_left_out(self, ann):
        """In the order asked for, however often it is asked."""
        ann.stash_batch({f"{number}": number for number in range(0, 3000, 300)})
        wanted = [f"{number}" for number in reversed(range(3000))]
        for _ in range(2):
            found = ann.retrieve_batch(wanted)
            assert list(found) == [f"{number}" for number in range(2700, -1, -300)]


class TestAgents:
    def test_names_that_look_alike_are_not_the_same(self, enter):
        """Wherever the separators of the store stand in them."""
        pairs = [
            ("a:b", "c"),
            ("a", "b:c"),
            ("a", "b"),
            ("*", "c"),
            ("a.b", "c"),
            ("a%3Ab", "c"),
            ("a}", "c"),
        ]
        for number, (agent, key) in enumerate(pairs):
            enter(agent).stash(key, number)
        reader = enter("reader")
        found = [reader.retrieve(key, agent_id=agent) for agent, key in pairs]
        assert found == list(range(len(pairs)))
        assert [info.key for info in reader.keys(agent_id="a")] == ["b", "b:c"]
        assert enter("*").clear_working_memory() == 1
        assert reader.retrieve("c", agent_id="a:b") == 0

    def test_others_are_read_and_not_written(self, enter):
        """There is no way to name another agent when writing."""
        ann, ben = enter("ann"), enter("ben")
        ann.stash_batch({"a": 1, "b": 2})
        assert ben.retrieve_batch(["a", "b"], agent_id="ann") == {"a": 1, "b": 2}
        assert ben.retrieve("a") is None
        assert ben.delete("a") is False
        ben.stash("a", "mine")
        assert ben.clear_working_memory() == 1
        assert ann.clear_working_memory() == 2
        assert ben.retrieve_batch(["a", "b"], agent_id="ann") == {}

    def test_who_only_reads_changes_nothing(self, enter):
        """Whichever way it tries."""
        enter().stash("k", 1)
        reader = enter(access_tier=AccessTier.OBSERVER)
        for use in (
            lambda: reader.stash("k", 2),
            lambda: reader.stash_batch({"k": 2}),
            lambda: reader.delete("k"),
            lambda: reader.clear_working_memory(),
            lambda: reader.compare_and_set("k", 1, 2),
            lambda: reader.update("k", lambda _: 2),
            lambda: reader.transaction(["k"], lambda _: {"k": 2}),
        ):
            with pytest.raises(AccessDenied):
                use()
        assert reader.retrieve("k") == 1


class TestCompareAndSet:
    def test_it_sets_only_what_is_as_expected(self, ann):
        """None means no entry, or null; and drops it, as a value."""
        assert ann.compare_and_set("k", None, {"a": 1, "b": [2]})
        assert not ann.compare_and_set("k", None, 1)
        assert ann.compare_and_set("k", {"b": [2], "a": 1}, 1)
        assert not ann.compare_and_set("k", 1.0, 2)
        assert not ann.compare_and_set("k", True, 2)
        assert ann.retrieve("k") == 1
        assert ann.compare_and_set("k", 1, None)
        assert ann.retrieve_batch(["k"]) == {}
        ann.stash("k", None)
        assert ann.compare_and_set("k", None, "set")

    def test_the_time_to_live_is_that_of_this_call(self, ann, place):
        """None is for ever."""
        ann.stash("k", 1, 5)
        assert ann.compare_and_set("k", 1, 2)
        place.clock.pass_time(6)
        assert ann.compare_and_set("k", 2, 3, 5)
        place.clock.pass_time(5)
        assert ann.retrieve("k") is None

    def test_of_eight_threads_one_wins(self, enter):
        """Each with a handle of its own."""
        with ThreadPoolExecutor(8) as pool:
            for number in range(5):
                won = pool.map(
                    lambda me, key=f"{number}": me.compare_and_set(key, None, 1), [enter() for _ in range(8)]
                )
                assert sum(won) == 1

    @pytest.mark.parametrize("bad", [object(), float("nan"), {1: object()}], ids=["object", "nan", "inside"])
    def test_what_is_not_json_is_neither_expected_nor_set(self, ann, bad):
        """NaN would equal null."""
        ann.stash("k", None)
        for use in (lambda: ann.compare_and_set("k", bad, 1), lambda: ann.compare_and_set("k", None, bad)):
            with pytest.raises(UsageError):
                use()
        assert ann.retrieve_batch(["k"]) == {"k": None}


class TestChanges:
    def test_an_update_sees_the_old_value(self, ann):
        """None where there is none; what it returns is kept and returned; None drops it."""
        assert ann.update("n", lambda old: [old]) == [None]
        assert ann.update("n", lambda old: [*old, 1]) == [None, 1]
        assert ann.retrieve("n") == [None, 1]
        assert ann.update("n", lambda _: None) is None
        assert ann.keys() == []

    def test_updates_of_four_processes_lose_nothing(self, place, ann):
        """The sum is right."""
        context = multiprocessing.get_context("spawn")
        workers = [context.Process(target=count, args=(place.path,)) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert [worker.exitcode for worker in workers] == [0] * 4
        with UnifiedMemory("team", MemoryConfig(path=place.path)) as team:
            assert team.retrieve("n") == 100

    def test_a_transaction_writes_drops_and_adds(self, ann):
        """Only what it returns is touched, keys it did not see among it; it tells what it wrote."""
        ann.stash_batch({"a": 1, "b": 2, "c": 3})
        written = ann.transaction(["a", "b"], lambda old: {"a": old["a"] + old["b"], "b": None, "new": [0]})
        assert written == {"a": 3, "b": None, "new": [0]}
        assert ann.retrieve_batch(["a", "b", "c"]) | ann.retrieve_batch(["new"]) == {
            "a": 3,
            "c": 3,
            "new": [0],
        }

    def test_a_transaction_may_leave_all_as_it_is(self, ann):
        """By returning None, or nothing."""
        ann.stash("a", 1)
        assert ann.transaction(["a"], lambda _: None) == ann.transaction(["a"], lambda _: {}) == {}
        assert ann.retrieve("a") == 1

    def test_a_transaction_begins_anew_when_another_was_first(self, ann, enter):
        """It tells what was written in the end, not what would have been."""
        other = enter()
        calls = []

        def change(old):
            calls.append(old["a"])
            if len(calls) == 1:
                other.stash("a", 5)
            return {f"seen {old['a']}": 1}

        assert ann.transaction(["a"], change) == {"seen 5": 1}
        assert calls == [None, 5]
        assert [info.key for info in other.keys("seen")] == ["seen 5"]

    def test_its_function_has_copies(self, ann):
        """What it does to them counts only when it is returned."""
        ann.stash("a", [1])
        ann.transaction(["a"], lambda old: old["a"].append(2))
        assert ann.retrieve("a") == [1]

    def test_each_keeps_the_time_it_still_had(self, ann, place):
        """Unless another is said, which then counts for all."""
        for key, ttl in (("short", 5), ("long", 50), ("ever", None)):
            ann.stash(key, 0, ttl)
        place.clock.pass_time(2)
        keys = ["short", "long", "ever"]
        ann.transaction(keys, lambda old: dict.fromkeys([*old, "new"], 1))
        place.clock.pass_time(2.9)
        assert len(ann.retrieve_batch(keys)) == 3
        place.clock.pass_time(0.1)
        assert ann.retrieve_batch([*keys, "new"]) == {"long": 1, "ever": 1, "new": 1}
        ann.transaction(keys, lambda old: dict.fromkeys(old, 2), 1)
        place.clock.pass_time(1)
        assert ann.retrieve_batch([*keys, "new"]) == {"new": 1}

    def test_an_end_does_not_move_however_often_a_value_changes(self, ann, place):
        """Nor when a transaction writes what it did not look at."""
        ann.stash_batch({"n": 0, "beside": 0}, 60)
        for _ in range(50):
            ann.update("n", lambda old: old + 1)
        ann.transaction(["n"], lambda old: {"beside": old["n"]})
        place.clock.pass_time(59.999)
        assert ann.retrieve_batch(["n", "beside"]) == {"n": 50, "beside": 50}
        place.clock.pass_time(0.001)
        assert ann.keys() == []

    def test_what_its_function_raises_is_raised(self, ann):
        """And nothing has happened."""
        ann.stash("a", 1)
        for use in (
            lambda: ann.transaction(["a"], lambda old: {"a": old["nothing"]}),
            lambda: ann.update("a", lambda old: {}[old]),
        ):
            with pytest.raises(KeyError):
                use()
        assert ann.retrieve("a") == 1

    @pytest.mark.parametrize(
        "returned",
        [7, "ab", [1], pytest.param({"a": object()}, id="no JSON"), {1: 1}, {"": 1}, {"a": float("nan")}],
        ids=repr,
    )
    def test_what_is_no_change_is_a_usage_error(self, ann, returned):
        """With what was there untouched."""
        ann.stash("a", 1)
        with pytest.raises(UsageError):
            ann.transaction(["a"], lambda _: returned)
        assert ann.retrieve("a") == 1
        assert len(ann.keys()) == 1

    @pytest.mark.parametrize("function", [None, 7, "abs"], ids=repr)
    def test_what_is_no_function_is_a_usage_error(self, ann, function):
        """Said before anything is read."""
        for use in (lambda: ann.transaction(["a"], function), lambda: ann.update("a", function)):
            with pytest.raises(UsageError):
                use()

    def test_a_transaction_depends_on_something(self, ann):
        """Otherwise it is a batch."""
        with pytest.raises(UsageError):
            ann.transaction([], lambda _: {"a": 1})

    def test_a_secret_in_a_change_is_taken_out(self, ann):
        """As in what is stashed."""
        secret = "ghp_" + "a1B2" * 9
        ann.update("a", lambda _: {"text": secret})
        assert secret not in repr(ann.retrieve("a"))


def count(path):
    """What each of several processes does."""
    with UnifiedMemory("team", MemoryConfig(path=path)) as memory:
        for _ in range(25):
            memory.update("n", lambda old: old + 1 if isinstance(old, int) else 1)

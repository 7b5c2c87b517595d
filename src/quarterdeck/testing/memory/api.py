"""The published API of agent memory, the same on every backend: `MemoryContract`.

    class TestMyMemory(MemoryContract):
        @pytest.fixture
        def new_store(self, namespace):         # a store of its own, as another process would have it
            return lambda: Store(MyBackend(…), Limits(namespace=namespace))

        @pytest.fixture
        def pass_time(self):
            return time.sleep

Each agent here has a store of its own, so everything goes through the backend.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar
from uuid import uuid4

import pytest

from quarterdeck.errors import AccessDenied, TooLarge, UsageError
from quarterdeck.memory.access import AccessTier
from quarterdeck.memory.unified import UnifiedMemory
from quarterdeck.testing.memory.given import HOSTILE_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from quarterdeck.memory.channels import Message
    from quarterdeck.memory.store import Store

T = TypeVar("T")

PLAN = {"files": ["a.py", "b.py"], "done": None, "cost": 0.5, "note": "é 👩‍🚀"}
PATTERN = {"name": "cache", "description": "keep what is asked often", "confidence": 0.9}


class Join(Protocol):
    """Opens the memory of an agent, on a store of its own."""

    def __call__(self, agent: str, token: str | None = None) -> UnifiedMemory:
        """The memory, open until the test is over."""


class MemoryContract:
    """`quarterdeck.memory.unified.UnifiedMemory`, room by room.

    Attributes:
        inexact_s: by how much the end of an entry may miss its time.
        patience_s: how long something that happens by itself in another thread may take.
    """

    inexact_s: ClassVar[float] = 0.0
    patience_s: ClassVar[float] = 10.0

    @pytest.fixture
    def namespace(self) -> str:
        """A namespace that no other test uses."""
        return f"contract-{uuid4().hex[:12]}"

    @pytest.fixture
    def new_store(self) -> Callable[[], Store]:
        """Makes a store of its own on what is shared."""
        raise NotImplementedError("the class under test brings it")

    @pytest.fixture
    def pass_time(self) -> Callable[[float], None]:
        """Lets so many seconds pass on the clock of the store."""
        raise NotImplementedError("the class under test brings it")

    @pytest.fixture
    def join(self, new_store: Callable[[], Store]) -> Iterator[Join]:
        """Opens memories, and closes them when the test is over."""
        with ExitStack() as opened:

            def join(agent: str, token: str | None = None) -> UnifiedMemory:
                store = opened.enter_context(closing(new_store()))
                return opened.enter_context(UnifiedMemory(agent, token=token, store=store))

            yield join

    @pytest.fixture
    def ann(self, join: Join) -> UnifiedMemory:
        """The memory of an agent."""
        return join("ann")

    @pytest.fixture
    def ben(self, join: Join) -> UnifiedMemory:
        """The memory of another."""
        return join("ben: the *second* {agent}")

    # Working memory

    def test_what_one_stashes_others_retrieve(
        self, ann: UnifiedMemory, ben: UnifiedMemory, join: Join
    ) -> None:
        """In its own name in any process, in another's when that is named; every time a copy."""
        assert ann.stash("plan", PLAN) is True
        found = join("ann").retrieve("plan")
        assert found == ben.retrieve("plan", agent_id="ann") == PLAN
        assert isinstance(found, dict)
        found["files"].append("c.py")
        assert ann.retrieve("plan") == PLAN
        assert ben.retrieve("plan") is None

    def test_the_last_one_counts_everywhere(self, ann: UnifiedMemory, join: Join) -> None:
        """No process reads what was before, however often it had read it."""
        again = join("ann")
        for number in range(20):
            (ann if number % 2 else again).stash("n", number)
            assert [ann.retrieve("n"), again.retrieve("n"), again.retrieve("n")] == [number] * 3
        assert again.delete("n") is True
        assert ann.retrieve("n") is None
        assert ann.delete("n") is False

    def test_a_time_to_live_is_kept_to_the_millisecond(
        self, ann: UnifiedMemory, ben: UnifiedMemory, pass_time: Callable[[float], None]
    ) -> None:
        """For whoever has it in its local tier, too."""
        now = ann.store.backend.now
        earliest = now() + 0.2 - self.inexact_s
        ann.stash("brief", 1, ttl_seconds=0.2)
        ann.stash_batch({"one": 1, "two": 2}, ttl_seconds=0.2)
        latest = now() + 0.2 + self.inexact_s
        for step_s in (0.1, 0.099, 0.001, 0.02):
            for memory in (ann, ben):
                asked = now()
                found = memory.retrieve("brief", agent_id="ann")
                assert asked < latest if found == 1 else now() >= earliest
            pass_time(step_s)
        assert ann.retrieve_batch(["brief", "one", "two"]) == {}
        assert ben.keys(agent_id="ann") == []

    def test_many_at_once(self, ann: UnifiedMemory, ben: UnifiedMemory) -> None:
        """Those that are there are found, and None is a value like any other."""
        items: dict[str, object] = {f"key {number}": [number] for number in range(150)} | {"none": None}
        assert ann.stash_batch(items) == 151
        assert ben.retrieve_batch([*items, "absent"], agent_id="ann") == items
        assert [key.key for key in ben.keys("key 1", agent_id="ann")] == sorted(
            key for key in items if key.startswith("key 1")
        )
        assert ben.clear_working_memory() == 0
        assert ann.clear_working_memory() == 151
        assert ben.retrieve_batch(items, agent_id="ann") == {}

    def test_any_text_is_a_key(self, ann: UnifiedMemory, ben: UnifiedMemory) -> None:
        """None of it is a pattern."""
        items: dict[str, object] = {key: key.encode().hex() for key in HOSTILE_KEYS}
        for key, value in items.items():
            ann.stash(key, value)
        assert ben.retrieve_batch(items, agent_id="ann") == items
        assert [each.key for each in ben.keys(agent_id="ann")] == sorted(items)
        assert ann.delete("*")
        assert len(ann.keys()) == len(items) - 1

    @pytest.mark.parametrize("key", ["", "\ud800", "x" * 2000, None, 1, b"a"], ids=ascii)
    def test_what_is_no_text_is_no_key(self, ann: UnifiedMemory, key: str) -> None:
        """Nothing is cut."""
        uses: tuple[Callable[[], object], ...] = (
            lambda: ann.stash(key, 1),
            lambda: ann.stash_batch([("good", 1), (key, 1)]),
            lambda: ann.retrieve(key),
            lambda: ann.retrieve_batch([key]),
            lambda: ann.delete(key),
            lambda: ann.update(key, lambda _: 1),
            lambda: ann.retrieve("good", agent_id=key or ""),
        )
        for use in uses:
            with pytest.raises(UsageError):
                use()
        assert ann.keys() == []

    def test_what_cannot_be_kept_is_an_error(self, ann: UnifiedMemory) -> None:
        """And keeps nothing of the good ones beside it."""
        for bad in (object(), float("nan"), "\ud800"):
            with pytest.raises(UsageError):
                ann.stash_batch({"good": 1, "bad": bad})
        with pytest.raises(TooLarge):
            ann.stash("bad", "x" * ann.store.limits.max_value_bytes)
        for ttl in (0, -1, float("nan"), float("inf"), True, "1"):
            with pytest.raises(UsageError):
                ann.stash("bad", 1, ttl_seconds=ttl)  # type: ignore[arg-type]
        assert ann.keys() == []

    def test_secrets_are_not_kept(self, ann: UnifiedMemory, ben: UnifiedMemory) -> None:
        """Whichever way they come."""
        secret = "AKIA" + "IOSFODNN7" + "QRSTUVW"
        value = {"text": f"the key is {secret}"}
        ann.stash("stash", value)
        ann.stash_batch({"batch": value})
        ann.update("update", lambda _: value)
        assert ann.compare_and_set("set", None, value)
        ann.queue_push("q", value)
        ann.send_signal("s", value)
        ann.stream_append("s", value)
        found = [
            *ben.retrieve_batch(["stash", "batch", "update", "set"], agent_id="ann").values(),
            *ben.queue_peek("q"),
            *(signal.data for signal in ben.receive_signals()),
            *(item.data for item in ben.stream_read("s")),
        ]
        assert len(found) == 7
        assert secret not in repr(found)

    # Changing together

    def test_of_those_who_set_at_once_one_wins(self, join: Join) -> None:
        """By comparing; the others are told so."""
        memories = [join("team") for _ in range(4)]
        assert sum(_all_at_once(lambda memory: memory.compare_and_set("leader", None, 1), memories)) == 1
        assert memories[0].compare_and_set("leader", 2, 3) is False
        assert memories[1].compare_and_set("leader", 1, None) is True
        assert memories[2].retrieve("leader") is None

    def test_updates_lose_nobodys_change(self, join: Join) -> None:
        """Four processes count together."""

        def count(memory: UnifiedMemory) -> None:
            for _ in range(10):
                memory.update("n", lambda old: (old or 0) + 1)  # type: ignore[operator]

        _all_at_once(count, [join("team") for _ in range(4)])
        assert join("team").retrieve("n") == 40

    def test_a_transaction_happens_at_one_instant(self, ann: UnifiedMemory, join: Join) -> None:
        """What moves from one key to another is never in both or in neither."""
        ann.stash_batch({"from": 10, "to": 0})

        def move(memory: UnifiedMemory) -> None:
            for _ in range(5):
                memory.transaction(
                    ["from", "to"],
                    lambda old: {"from": old["from"] - 1, "to": old["to"] + 1},  # type: ignore[operator]
                )

        _all_at_once(move, [join("ann") for _ in range(2)])
        assert ann.retrieve_batch(["from", "to"]) == {"from": 0, "to": 10}
        assert ann.transaction(["from"], lambda _: None) == {}
        with pytest.raises(ZeroDivisionError):
            ann.update("to", lambda old: 1 / 0)
        assert ann.retrieve("to") == 10

    # Sessions and signals

    def test_a_session_loses_nobody_who_joins(self, join: Join) -> None:
        """However many come at once."""
        agents = [f"agent {number}" for number in range(6)]
        assert join("host").create_session("review", {"topic": "memory"}) is True
        assert join("late").create_session("review") is False
        assert all(_all_at_once(lambda memory: memory.join_session("review"), map(join, agents)))
        session = join("guest").get_session("review")
        assert session is not None
        assert sorted(session.participants) == sorted(["host", *agents])
        assert session.metadata == {"topic": "memory"}
        assert join("guest").join_session("another") is False
        assert join("host").end_session("review") is True
        assert join("guest").get_session("review") is None

    def test_a_signal_reaches_whom_it_is_for(
        self, ann: UnifiedMemory, ben: UnifiedMemory, join: Join, pass_time: Callable[[float], None]
    ) -> None:
        """Once, in order, and not after its time."""
        eve = join("eve")
        ann.send_signal("brief", 0, ttl_seconds=0.02)
        pass_time(0.03)
        ann.send_signal("news", {"n": 1})
        ann.send_signal("task", [2], target_agent=ben.agent)
        assert [(each.signal_type, each.data) for each in ben.receive_signals()] == [
            ("news", {"n": 1}),
            ("task", [2]),
        ]
        assert ben.receive_signals() == []
        assert [each.data for each in eve.receive_signals("news")] == [{"n": 1}]
        assert ann.receive_signals() == []

    def test_a_waiting_receiver_is_woken(self, ann: UnifiedMemory, ben: UnifiedMemory) -> None:
        """By the signal, not by the clock."""
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(ben.receive_signals, wait_seconds=self.patience_s)
            ann.send_signal("now", 1, target_agent=ben.agent)
            [signal] = waiting.result(2 * self.patience_s)
        assert (signal.sender, signal.data) == ("ann", 1)

    # Queues, streams, channels

    def test_each_task_goes_to_one_consumer(self, ann: UnifiedMemory, join: Join) -> None:
        """All tasks are done, each once."""
        ann.queue_push_many("work", range(60))

        def work(memory: UnifiedMemory) -> list[object]:
            done = []
            while (task := memory.queue_claim("work")) is not None:
                assert memory.queue_done(task)
                done.append(task.value)
            return done

        results = _all_at_once(work, [join("worker") for _ in range(3)])
        assert sorted(str(each) for done in results for each in done) == sorted(map(str, range(60)))
        assert ann.queue_stats("work") == (0, 0)

    def test_a_queue_is_in_order_and_leases_end(
        self, ann: UnifiedMemory, ben: UnifiedMemory, pass_time: Callable[[float], None]
    ) -> None:
        """What nobody has done in time is there again, for another."""
        ann.queue_push("q", "second")
        ann.queue_push("q", "first", priority=True)
        task = ann.queue_claim("q", lease_seconds=0.05)
        assert task is not None
        assert task.value == "first"
        pass_time(0.08)
        assert ben.queue_pop("q") == "second"  # it has been due for longer
        again = ben.queue_claim("q")
        assert again is not None
        assert (again.value, again.attempts) == ("first", 2)
        assert ann.queue_done(task) is False
        assert ben.queue_done(again) is True
        assert ben.queue_pop("q") is None

    def test_a_stream_is_read_from_where_one_was(self, ann: UnifiedMemory, ben: UnifiedMemory) -> None:
        """Numbers ascend; each item once."""
        assert ben.stream_read_new("log") == []
        ids = [ann.stream_append("log", number) for number in range(5)]
        assert ids == sorted(set(ids))
        assert [(each.id, each.data) for each in ben.stream_read("log", ids[2])] == [(ids[3], 3), (ids[4], 4)]
        assert [each.data for each in ben.stream_read_new("log", block_ms=1000, count=3)] == [0, 1, 2]
        assert [each.data for each in ben.stream_read_new("log")] == [3, 4]
        assert ben.stream_read_new("log") == []

    def test_a_timeline_is_in_the_order_of_its_times(self, ann: UnifiedMemory, ben: UnifiedMemory) -> None:
        """Whatever the order of adding; an event that is added again moves."""
        noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
        for hours in (2, -1, 0):
            assert ann.timeline_add("t", f"{hours}", {"h": hours}, noon + timedelta(hours=hours)) is True
        assert [each.event_id for each in ben.timeline_query("t")] == ["-1", "0", "2"]
        assert [each.data for each in ben.timeline_query("t", since=noon, until=noon)] == [{"h": 0}]
        assert ben.timeline_add("t", "2", "moved", noon - timedelta(hours=9)) is False
        assert [each.data for each in ann.timeline_query("t")] == ["moved", {"h": -1}, {"h": 0}]
        assert ann.timeline_count("t") == 3

    def test_a_message_reaches_all_who_listen(
        self, ann: UnifiedMemory, ben: UnifiedMemory, join: Join
    ) -> None:
        """In order; what was said before is not heard."""
        heard: list[object] = []
        complete = threading.Event()

        def hear(message: Message) -> None:
            heard.append(message.value)
            if len(heard) == 6:
                complete.set()

        ann.publish("news", "before")
        for listener in (ben, join("eve")):
            listener.subscribe("news", hear)
        for number in range(3):
            ann.publish("news", number)
        assert complete.wait(self.patience_s)
        assert sorted(heard, key=str) == [0, 0, 1, 1, 2, 2]

    # Patterns and access

    def test_of_racing_promoters_one_wins(self, ann: UnifiedMemory, join: Join) -> None:
        """The pattern lasts from then on, and waits no more."""
        pattern_id = ann.stage_pattern(PATTERN)
        steward = join("steward")
        tokens = {"steward": steward.grant_access("steward", AccessTier.STEWARD)}
        steward = join("steward", tokens["steward"])
        for number in range(4):
            tokens[f"v{number}"] = steward.grant_access(f"v{number}", AccessTier.VALIDATOR)
        promoters = [join(f"v{number}", tokens[f"v{number}"]) for number in range(4)]
        won = _all_at_once(lambda memory: memory.promote_pattern(pattern_id), promoters)
        assert len([each for each in won if each is not None]) == 1
        assert ann.get_staged_patterns() == []
        kept = ann.recall_pattern(pattern_id)
        assert kept is not None
        assert kept["name"] == "cache"
        assert [each["id"] for each in ann.search_patterns("cache")] == [pattern_id]

    def test_the_store_says_who_may_do_what(self, ann: UnifiedMemory, join: Join) -> None:
        """Not the caller; a tier that was taken away is away for seats that are open."""
        steward = join("steward", join("steward").grant_access("steward", AccessTier.STEWARD))
        reader = join("reader", steward.grant_access("reader", AccessTier.OBSERVER))
        ann.stash("x", 1)
        assert reader.retrieve("x", agent_id="ann") == 1
        for write in (
            lambda: reader.stash("x", 2),
            lambda: reader.queue_push("q", 1),
            lambda: reader.publish("c", 1),
            lambda: reader.stage_pattern(PATTERN),
            lambda: reader.grant_access("reader", AccessTier.STEWARD),
            lambda: ann.promote_pattern(ann.stage_pattern(PATTERN)),
            lambda: join("steward"),
        ):
            with pytest.raises(AccessDenied):
                write()
        assert steward.revoke_access("reader") is True
        assert steward.set_default_access(AccessTier.OBSERVER) is True
        with pytest.raises(AccessDenied):
            ann.stash("x", 2)
        assert ann.retrieve("x") == 1

    # The rest

    def test_coroutines_do_the_same(self, ann: UnifiedMemory, ben: UnifiedMemory) -> None:
        """The async twins."""

        async def use() -> list[object]:
            await asyncio.gather(*(ann.astash(f"{number}", number) for number in range(20)))
            await ann.aqueue_push("q", "task")
            return [
                await ben.aretrieve_batch(map(str, range(20)), agent_id="ann"),
                await ann.aretrieve("7"),
                await ben.aqueue_pop("q", timeout=1),
                await ann.adelete("7"),
            ]

        assert asyncio.run(use()) == [{f"{number}": number for number in range(20)}, 7, "task", True]

    def test_it_says_how_it_is(self, ann: UnifiedMemory) -> None:
        """Health and statistics."""
        ann.stash("key", "value")
        assert ann.ping() is True
        assert ann.health_check()["state"] in {"ok", "degraded"}
        stats = ann.get_stats()
        assert (stats["agent"], stats["keys"], stats["size_bytes"]) == ("ann", 1, len('"value"'))

    def test_agents_whose_names_look_alike_are_apart(self, ann: UnifiedMemory, ben: UnifiedMemory) -> None:
        """``ann`` with ``b:c`` is not ``ann:b`` with ``c``, and ``*`` is just a name."""
        ann.stash("b:c", 1)
        assert ben.as_agent("ann:b").retrieve("c") is None
        assert ben.as_agent("a*").keys() == []
        assert [each.key for each in ben.as_agent("ann").keys("b")] == ["b:c"]


def _all_at_once(task: Callable[[UnifiedMemory], T], memories: Iterable[UnifiedMemory]) -> list[T]:
    """What *task* gives for each, begun in threads at the same moment."""
    memories = list(memories)
    start = threading.Barrier(len(memories))

    def run(memory: UnifiedMemory) -> T:
        start.wait(30)
        return task(memory)

    with ThreadPoolExecutor(len(memories)) as pool:
        return list(pool.map(run, memories))

"""The same methods for coroutines: nothing blocks the event loop, and nothing is lost to a cancellation."""

from __future__ import annotations

import asyncio
import inspect
import os
import random
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from quarterdeck.errors import AccessDenied, MemoryUnavailable, UsageError
from quarterdeck.memory import MemoryConfig, reading
from quarterdeck.memory.access import AccessTier
from quarterdeck.memory.queues import KIND as QUEUE
from quarterdeck.memory.twins import MAX_THREADS, Threads
from quarterdeck.memory.unified import UnifiedMemory
from tests.access_worlds import Place

MAKES_ANOTHER = {"as_agent"}
PATIENCE_S = 10


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    yield place
    place.close()


@pytest.fixture
def enter(place):
    """A memory with a store of its own, as in another process."""
    entered = []

    def enter(agent="ann", **how):
        entered.append(UnifiedMemory(agent, store=place.store(), **how))
        return entered[-1]

    yield enter
    for memory in entered:
        memory.close()


@pytest.fixture
def ann(enter):
    return enter("ann")


def is_asynchronous(method):
    return inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method)


def public_methods():
    return {
        name: method
        for name, method in inspect.getmembers(UnifiedMemory, inspect.isfunction)
        if not name.startswith("_")
    }


METHODS = {
    name
    for name, method in public_methods().items()
    if not is_asynchronous(method) and name not in MAKES_ANOTHER
}


def threads_of_handles():
    return {thread for thread in threading.enumerate() if thread.name.startswith("quarterdeck-memory")}


async def until(done):
    """Let the others go on until *done* says so."""
    async with asyncio.timeout(PATIENCE_S):
        while not done():  # noqa: ASYNC110  others are threads
            await asyncio.sleep(0.001)


# Each has one


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_method_that_may_wait_has_a_twin(name):
    """With the same parameters and defaults, and a docstring that leads to it."""
    method, twin = getattr(UnifiedMemory, name), getattr(UnifiedMemory, f"a{name}")
    assert is_asynchronous(twin)
    assert inspect.signature(twin).parameters == inspect.signature(method).parameters
    assert twin.__name__ == f"a{name}"
    assert twin.__doc__.startswith(f"See `{name}`")


def test_there_is_no_twin_of_nothing():
    """Every coroutine belongs to a method."""
    twins = {name for name, method in public_methods().items() if is_asynchronous(method)}
    assert twins == {f"a{name}" for name in METHODS}


def test_twins_do_what_their_methods_do(ann, enter):
    """Room by room; what one has written the other reads."""
    ben = enter("ben")
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)

    async def work():
        assert await ann.astash("k", {"a": 1}, ttl_seconds=60)
        assert await ben.aretrieve("k", agent_id="ann") == {"a": 1}
        assert await ann.astash_batch([("b", 2)]) == 1
        assert await ben.aretrieve_batch(["k", "b"], agent_id="ann") == {"k": {"a": 1}, "b": 2}
        assert [info.key for info in await ann.akeys()] == ["b", "k"]
        assert await ann.acompare_and_set("b", 2, 3)
        assert await ann.aupdate("b", lambda old: old + 1) == 4
        assert await ann.atransaction(["b"], lambda old: {"c": old["b"]}) == {"c": 4}
        assert await ann.adelete("c")
        assert await ann.acreate_session("s", {"topic": 1})
        assert await ben.ajoin_session("s")
        assert (await ann.aget_session("s")).participants == ("ann", "ben")
        assert await ben.aleave_session("s")
        assert len(await ben.alist_sessions()) == 1
        assert await ann.aend_session("s")
        await ann.asend_signal("news", 1, "ben")
        assert [signal.data for signal in await ben.areceive_signals("news", again=True)] == [1]
        assert [signal.data for signal in await ben.areceive_signals(wait_seconds=PATIENCE_S)] == [1]
        assert await ben.areceive_signals(wait_seconds=0.01) == []
        assert await ben.areceive_signals(again=True) == ben.receive_signals(again=True) != []
        await ann.aqueue_push("q", 1)
        await ann.aqueue_push_many("q", [2, 3])
        assert await ben.aqueue_wait("q", PATIENCE_S)
        assert await ben.aqueue_peek("q", 3) == [1, 2, 3]
        assert await ben.aqueue_pop("q") == 1
        task = await ben.aqueue_claim("q", 30)
        task = await ben.aqueue_extend(task, 60)
        assert await ben.aqueue_done(task)
        assert await ben.aqueue_release(await ben.aqueue_claim("q"))
        assert (await ben.aqueue_length("q"), await ben.aqueue_stats("q")) == (1, (1, 0))
        assert not await ben.aqueue_wait("empty", 0)
        assert await ben.astream_read_new("log") == []
        await ann.astream_append("log", "said")
        assert [item.data for item in await ben.astream_read_new("log", PATIENCE_S * 1000)] == ["said"]
        assert [item.data for item in await ben.astream_read("log")] == ["said"]
        assert await ann.atimeline_add("t", "e", 1, noon)
        assert await ann.atimeline_count("t") == len(await ann.atimeline_query("t")) == 1
        heard = threading.Event()
        await ben.asubscribe("room", lambda _: heard.set())
        await ann.apublish("room", "hello")
        assert await asyncio.to_thread(heard.wait, PATIENCE_S)
        assert (await ben.achannel_stats()).subscribed == ("room",)
        assert await ben.aunsubscribe("room")
        assert not await ben.aunsubscribe("room")
        assert await ben.aclear_local_cache() > 0
        assert await ann.aping()
        assert (await ann.ahealth_check())["state"] == "ok"
        assert (await ann.aget_stats())["keys"] == 2
        pattern_id = await ann.astage_pattern({"name": "locks"})
        assert [each["id"] for each in await ben.aget_staged_patterns()] == [pattern_id]
        assert (await ben.aget_staged_pattern(pattern_id))["name"] == "locks"
        token = await ann.agrant_access("root", AccessTier.STEWARD)
        root = enter("root", token=token)
        assert (await root.apromote_pattern(pattern_id))["promoted_by"] == "root"
        assert await root.areject_pattern(pattern_id) is False
        kept = await root.apersist_pattern("wait for the lock")
        assert (await ben.arecall_pattern(kept["id"]))["name"] == "wait for the lock"
        assert len(await ben.asearch_patterns("locks")) == 2
        assert await root.aset_default_access(AccessTier.OBSERVER)
        assert [record.agent for record in await ann.alist_agents()] == ["root"]
        assert await root.arevoke_access("nobody") is False
        assert await root.amend_audit() is None
        assert await root.atimeline_trim("t", datetime(2027, 1, 1, tzinfo=UTC)) == 1
        assert await root.aqueue_clear("q") == 1
        assert await root.aclear_working_memory() == 0

    asyncio.run(work())


@pytest.mark.parametrize(
    "call",
    [
        lambda memory: memory.aretrieve(""),
        lambda memory: memory.aretrieve("k", agent_id="\ud800"),
        lambda memory: memory.areceive_signals(7),
        lambda memory: memory.areceive_signals("\ud800"),
        lambda memory: memory.areceive_signals(wait_seconds=-1),
        lambda memory: memory.aqueue_pop(""),
        lambda memory: memory.aqueue_pop("q", "soon"),
        lambda memory: memory.aqueue_claim("q", timeout=float("nan")),
        lambda memory: memory.aqueue_claim("q", lease_seconds=-1),
        lambda memory: memory.aqueue_wait("q", None),
        lambda memory: memory.astream_read_new("s", -1),
        lambda memory: memory.astream_read_new("s", count=0),
        lambda memory: memory.astash("k", object()),
    ],
)
def test_what_is_wrong_is_said_as_by_the_method(ann, call):
    """A usage error, and no task is taken for it."""
    ann.queue_push("q", 1)
    with pytest.raises(UsageError):
        asyncio.run(call(ann))
    assert ann.queue_length("q") == 1


def test_who_only_reads_takes_no_task(ann, enter):
    """Also not for the moment of being told so."""
    ann.queue_push("q", 1)
    reader = enter("ben", access_tier=AccessTier.OBSERVER)
    for call in (reader.aqueue_pop, reader.aqueue_claim):
        with pytest.raises(AccessDenied):
            asyncio.run(call("q"))
    assert ann.queue_length("q") == 1


# The event loop


def test_the_event_loop_goes_on_while_calls_wait(ann, enter):
    """More of them at once than there are tasks, and each is woken."""
    producer = enter("producer")

    async def work():
        waiting = [
            asyncio.create_task(ann.aqueue_pop("q", PATIENCE_S)),
            asyncio.create_task(ann.aqueue_claim("other", timeout=PATIENCE_S)),
            asyncio.create_task(ann.areceive_signals(wait_seconds=PATIENCE_S)),
            asyncio.create_task(ann.astream_read_new("log", PATIENCE_S * 1000)),
        ]
        for _ in range(50):
            await asyncio.sleep(0.001)  # would not come back if one of them blocked
        assert not any(task.done() for task in waiting)
        await producer.aqueue_push("q", 1)
        await producer.aqueue_push("other", 2)
        await producer.asend_signal("news", 3)
        await producer.astream_append("log", 4)
        popped, claimed, [signal], [item] = await asyncio.gather(*waiting)
        assert (popped, claimed.value, signal.data, item.data) == (1, 2, 3, 4)

    asyncio.run(work())


def test_more_calls_than_threads_are_all_answered(ann):
    """They wait for each other."""

    async def work():
        waiting = [asyncio.create_task(ann.aqueue_pop("q", PATIENCE_S)) for _ in range(40)]
        await ann.aqueue_push_many("q", range(40))
        assert sorted(await asyncio.gather(*waiting)) == list(range(40))

    asyncio.run(work())


def test_what_is_near_needs_no_thread(ann):
    """Whoever has read it before is answered in one step of the coroutine."""
    ann.stash("k", [1])
    ann.retrieve("k")
    ann.retrieve("absent")
    for key, value in (("k", [1]), ("absent", None)):
        with pytest.raises(StopIteration) as answered:
            ann.aretrieve(key).send(None)
        assert answered.value.value == value


def test_what_was_near_is_asked_for_in_a_thread_when_its_time_is_up(place, ann, monkeypatch):
    """A copy that has passed its deadline keeps the event loop waiting for nobody."""
    ann.stash("k", 1, ttl_seconds=5)
    ann.retrieve("k")
    place.clock.pass_time(6)
    asked = []
    real = ann.store.backend.get

    def get(name):
        asked.append(threading.current_thread())
        return real(name)

    monkeypatch.setattr(ann.store.backend, "get", get)
    before = ann.store.near_stats()
    assert asyncio.run(ann.aretrieve("k")) is None
    assert len(asked) == 1
    assert threading.current_thread() not in asked
    after = ann.store.near_stats()
    assert (after.hits, after.misses) == (before.hits, before.misses + 1)


def test_two_event_loops_one_after_the_other(ann):
    """And in two threads at once: a handle belongs to none."""

    async def work(number):
        await ann.astash(f"{number}", number)
        return await asyncio.gather(*(ann.aretrieve(f"{number}") for _ in range(5)))

    assert asyncio.run(work(1)) == [1] * 5
    assert asyncio.run(work(2)) == [2] * 5
    results = {}
    threads = [
        threading.Thread(target=lambda n=number: results.update({n: asyncio.run(work(n))}))
        for number in (3, 4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {3: [3] * 5, 4: [4] * 5}


def test_a_forked_child_has_threads_of_its_own(ann, enter):
    """The parent's were left behind."""

    async def work():
        await ann.astash("k", 1)
        await ann.aqueue_push("q", os.getpid())
        return await ann.aqueue_pop("q", PATIENCE_S)

    assert asyncio.run(work()) == os.getpid()
    child = os.fork()
    if not child:
        signal.alarm(PATIENCE_S)
        code = 1
        try:
            code = 0 if asyncio.run(work()) == os.getpid() else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert asyncio.run(work()) == os.getpid()


def test_no_lock_of_ours_is_held_while_threads_are_given_work(monkeypatch):
    """Whoever forks takes a lock of `concurrent.futures` first and then ours; work needs that lock, too."""
    threads = Threads()
    seen = []
    real = ThreadPoolExecutor.submit

    def is_free():
        free = threads.lock.acquire(blocking=False)
        if free:
            threads.lock.release()
        return free

    def submit(self, *args):
        with ThreadPoolExecutor(1) as other:
            seen.append(real(other, is_free).result())
        return real(self, *args)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", submit)
    assert threads.submit(int).result() == 0
    assert seen == [True]
    threads.close()


def test_work_that_comes_while_threads_are_closed_is_done_by_new_ones(monkeypatch):
    """Closed at the worst moment, too; what no thread can do at all is said."""
    threads = Threads()
    real = ThreadPoolExecutor.submit

    def closed_first(self, *args):
        monkeypatch.setattr(ThreadPoolExecutor, "submit", real)
        threads.close()
        return real(self, *args)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", closed_first)
    assert threads.submit(int).result() == 0

    def refuses(self, *args):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(ThreadPoolExecutor, "submit", refuses)
    with pytest.raises(RuntimeError):
        threads.submit(int)
    threads.close()


def test_closing_ends_the_threads(ann):
    """Those that wait are over in a moment; the next call starts new ones."""
    before = threads_of_handles()

    async def work():
        waiting = asyncio.create_task(ann.aqueue_pop("q", PATIENCE_S))
        await until(lambda: threads_of_handles() - before)
        await asyncio.to_thread(ann.close)
        await ann.aqueue_push("q", "after")
        assert await waiting == "after"

    asyncio.run(work())
    ann.close()
    assert not threads_of_handles() - before


def test_what_is_said_in_a_channel_is_heard(ann, enter):
    """In order, from the first step on, and until nothing has been said for so long."""
    ben = enter("ben")

    async def work():
        await ann.apublish("room", "before")
        heard = ben.alisten("room", PATIENCE_S)
        first = asyncio.ensure_future(anext(heard))
        while not first.done():
            await ann.apublish("room", "now")
        assert (await first).value == "now"
        await ann.apublish("room", "last")
        async for message in heard:
            if message.value == "last":
                break
        await heard.aclose()
        assert [message async for message in ben.alisten("room", 0.01)] == []
        with pytest.raises(UsageError):
            await anext(ben.alisten("room", -1))

    asyncio.run(work())


def test_a_block_closes_what_it_opened(tmp_path):
    """`aclose` ends the threads of the handle, and the event loop goes on meanwhile."""

    async def fail_in(memory):
        async with memory:
            await memory.asubscribe("room", print)
            return 1 // 0

    async def work():
        async with UnifiedMemory("ann", MemoryConfig(path=str(tmp_path / "m.sqlite"))) as memory:
            await memory.astash("k", 1)
            ben = memory.as_agent("ben")
            with pytest.raises(ZeroDivisionError):
                await fail_in(ben)
            assert (await ben.achannel_stats()).subscribed == ()
            assert await memory.aretrieve("k") == 1
            await ben.aclose()
        return memory

    memory = asyncio.run(work())
    assert not threads_of_handles()
    assert memory.clear_local_cache() == 0
    assert memory.retrieve("k") == 1
    memory.close()


@pytest.fixture
def watchers(ann, monkeypatch):
    """Those that `ann` has opened, and how many are open."""
    opened, closed = [], []
    real = ann.store.backend.watch

    @contextmanager
    def watch(prefix):
        opened.append(prefix)
        with real(prefix) as watcher:
            try:
                yield watcher
            finally:
                closed.append(prefix)

    monkeypatch.setattr(ann.store.backend, "watch", watch)
    return SimpleNamespace(opened=opened, count=lambda: len(opened) - len(closed))


WAYS_TO_WAIT = {
    "pop": lambda memory: memory.aqueue_pop("q", 60),
    "claim": lambda memory: memory.aqueue_claim("q", timeout=60),
    "wait": lambda memory: memory.aqueue_wait("q", 60),
    "signals": lambda memory: memory.areceive_signals(wait_seconds=60),
    "stream": lambda memory: memory.astream_read_new("log", 60_000),
    "listen": lambda memory: anext(memory.alisten("room")),
}


@pytest.mark.parametrize("way", WAYS_TO_WAIT)
def test_one_watcher_serves_a_whole_wait_and_ends_with_it(ann, enter, watchers, way, monkeypatch):
    """Whatever else happens in the store; cancelled, its thread ends soon, without having been woken."""
    monkeypatch.setattr(reading, "SLICE_S", 0.001)
    other = enter("other")

    async def work():
        call = asyncio.create_task(WAYS_TO_WAIT[way](ann))
        await until(watchers.count)
        for number in range(20):
            await other.astash("k", number)
            await asyncio.sleep(0.002)
        assert (len(watchers.opened), call.done()) == (1, False)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: not watchers.count())

    asyncio.run(work())
    assert len(watchers.opened) == 1


def test_consumers_that_get_nothing_keep_their_watchers(ann, enter, watchers):
    """All of them wake for a task, and all but one wait on."""
    other = enter("other")

    async def work():
        calls = [asyncio.create_task(ann.aqueue_pop("q", 60)) for _ in range(4)]
        await until(lambda: watchers.count() == 4)
        for number in range(4):
            await other.aqueue_push("q", number)
            await until(lambda number=number: sum(call.done() for call in calls) == number + 1)
        assert sorted([await call for call in calls]) == [0, 1, 2, 3]

    asyncio.run(work())
    assert len(watchers.opened) == 4


def test_calls_that_wait_keep_none_from_being_done(ann, watchers):
    """They have threads of their own, and if there are too many they take turns in them."""

    async def work():
        waiting = [asyncio.create_task(ann.aqueue_pop(f"q{number}", 60)) for number in range(MAX_THREADS)]
        await until(lambda: watchers.count() == MAX_THREADS)
        async with asyncio.timeout(PATIENCE_S):
            await ann.aqueue_push("last", "task")
            assert await ann.areceive_signals() == []
            assert await ann.aqueue_pop("empty") is None
            assert await ann.aqueue_wait("last", 0)
            waiting.append(asyncio.create_task(ann.aqueue_pop("last", 60)))
            assert await waiting[-1] == "task"
        for call in waiting:
            call.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(work())


# Cancelling


@pytest.mark.parametrize("fails", ["take", "give back"])
def test_a_cancelled_call_ends_cancelled_whatever_goes_wrong_behind_it(ann, enter, monkeypatch, fails):
    """What went wrong is told as the cause."""
    worker = enter("worker")
    ann.queue_push("q", 1)
    taken, go_on = threading.Event(), threading.Event()
    real = worker.store.backend.take

    def away(*args, **kwargs):
        raise MemoryUnavailable("the server does not answer", hint="start it")

    def take(*args, **kwargs):
        items = real(*args, **kwargs)
        taken.set()
        assert go_on.wait(PATIENCE_S)
        return items if fails == "give back" else away()

    monkeypatch.setattr(worker.store.backend, "take", take)
    monkeypatch.setattr(worker.store.backend, "add", away)

    async def work():
        call = asyncio.create_task(worker.aqueue_pop("q"))
        await until(taken.is_set)
        call.cancel()
        asyncio.get_running_loop().call_later(0.01, go_on.set)
        with pytest.raises(asyncio.CancelledError) as ended:
            await call
        assert call.cancelled()
        assert isinstance(ended.value.__cause__, MemoryUnavailable)

    asyncio.run(work())


@pytest.mark.parametrize("way", ["pop", "claim"])
def test_no_task_is_lost_to_cancellations(place, ann, enter, way):
    """However many come at whatever moments: each task is done once, or is there still."""
    tasks = 60
    ann.queue_push_many("q", range(tasks))
    chance = random.Random(7)
    worker = enter("worker")
    done: list[int] = []

    async def one():
        if way == "pop":
            return await worker.aqueue_pop("q")
        task = await worker.aqueue_claim("q", 3600)
        return None if task is None else task.value

    async def work():
        for _ in range(tasks):
            calls = [asyncio.create_task(one()) for _ in range(3)]
            await asyncio.sleep(chance.random() * 0.002)
            for call in calls[:2]:
                call.cancel()
                if chance.random() < 0.3:  # cancelled once more, while it gives back
                    await asyncio.sleep(0)
                    call.cancel()
            found = await asyncio.gather(*calls, return_exceptions=True)
            done.extend(each for each in found if isinstance(each, int))

    asyncio.run(work())
    worker.close()  # whatever is given back is back
    left = []
    place.clock.pass_time(1)
    while (value := ann.queue_pop("q")) is not None:
        left.append(value)
    assert sorted(done + left) == list(range(tasks))


@pytest.mark.parametrize("way", ["pop", "claim"])
def test_a_task_goes_back_when_the_event_loop_ends(place, ann, enter, way, monkeypatch):
    """`asyncio.run` cancels everything, in the middle of taking too."""
    worker = enter("worker")
    taken = threading.Event()
    go_on = threading.Event()
    name = "take" if way == "pop" else "claim"
    real = getattr(worker.store.backend, name)

    def slowly(*args, **kwargs):
        items = real(*args, **kwargs)
        taken.set()
        assert go_on.wait(PATIENCE_S)
        return items

    monkeypatch.setattr(worker.store.backend, name, slowly)
    ann.queue_push("q", "task")

    async def work():
        call = asyncio.create_task(worker.aqueue_pop("q") if way == "pop" else worker.aqueue_claim("q", 3600))
        await until(taken.is_set)
        asyncio.get_running_loop().call_later(0.01, go_on.set)
        return call

    asyncio.run(work())
    worker.close()
    place.clock.pass_time(1)
    assert ann.queue_pop("q") == "task"


def test_a_task_that_was_popped_goes_back_to_its_place(place, ann, enter, monkeypatch):
    """Before those that are due after it, and with its priority; as often as it takes."""
    worker = enter("worker")
    place.clock.pass_time(1)
    ann.queue_push("q", "first", priority=True)
    ann.queue_push("q", "second")
    log = ann._in_shared(QUEUE, "q")
    scores = [item.score for item in ann.store.backend.items(log)]
    taken = threading.Event()
    real = worker.store.backend.take

    def take(*args, **kwargs):
        items = real(*args, **kwargs)
        taken.set()
        return items

    monkeypatch.setattr(worker.store.backend, "take", take)

    async def cancelled():
        call = asyncio.create_task(worker.aqueue_pop("q"))
        await asyncio.sleep(0)
        assert taken.wait(PATIENCE_S)  # the loop does not get to hear of it
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    for _ in range(2):
        taken.clear()
        asyncio.run(cancelled())
    assert ann.queue_peek("q", 2) == ["first", "second"]
    assert [item.score for item in ann.store.backend.items(log)] == scores
    task = ann.queue_claim("q")
    assert (task.value, task.priority) == ("first", True)


def test_a_time_out_is_a_cancellation(ann):
    """`asyncio.timeout` and `asyncio.wait_for` get to see what they expect."""

    async def work():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ann.aqueue_pop("q", PATIENCE_S), 0.01)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await ann.areceive_signals(wait_seconds=PATIENCE_S)

    asyncio.run(work())


@pytest.mark.parametrize("way", ["signals", "stream"])
def test_cancelled_readers_leave_what_they_have_not_been_given(ann, enter, way):
    """Each signal and each item is given once, to one of them."""
    ben = enter("ben")
    chance = random.Random(11)
    ben.stream_read_new("log")
    got = []

    async def read():
        if way == "signals":
            return [signal.data for signal in await ben.areceive_signals(wait_seconds=0.005)]
        return [item.data for item in await ben.astream_read_new("log", 5)]

    async def work():
        for number in range(60):
            await (ann.asend_signal("n", number) if way == "signals" else ann.astream_append("log", number))
            calls = [asyncio.create_task(read()) for _ in range(2)]
            await asyncio.sleep(chance.random() * 0.002)
            calls[0].cancel()
            for found in await asyncio.gather(*calls, return_exceptions=True):
                got.extend(found if isinstance(found, list) else [])
        got.extend(await read())

    asyncio.run(work())
    assert sorted(got) == list(range(60))


def test_a_write_that_is_cancelled_is_whole_or_not_at_all(ann):
    """Nobody can tell which; nothing is torn."""

    async def work():
        for number in range(30):
            call = asyncio.create_task(ann.astash_batch({"a": number, "b": number}))
            await asyncio.sleep(0)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)

    asyncio.run(work())
    ann.close()
    found = ann.retrieve_batch(["a", "b"])
    assert found in ({}, {"a": found.get("a"), "b": found.get("a")})


def test_a_queue_that_somebody_else_wrote_is_not_popped_as_a_task(ann):
    """It is said to be damaged, as by the method."""
    from quarterdeck.errors import StoreCorrupt

    ann.store.add(ann._in_shared(QUEUE, "q"), ["no task"], score=0)
    with pytest.raises(StoreCorrupt):
        asyncio.run(ann.aqueue_pop("q"))

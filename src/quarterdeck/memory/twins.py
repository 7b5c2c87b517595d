"""The same methods for coroutines: ``await memory.astash(…)``.

What the local tier knows is answered at once; everything else happens in threads of this handle, so the event
loop never waits. A coroutine that is cancelled loses nothing: what it was about to be given stays, or goes
back. Of what it was about to write, cancelled, nobody can tell whether it is written.

asyncio is imported by the first coroutine: whoever needs none does not wait for it.
"""

from __future__ import annotations

import math
import threading
import time
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from quarterdeck import forks
from quarterdeck.memory import names
from quarterdeck.memory.access import AccessTier
from quarterdeck.memory.amounts import seconds, whole
from quarterdeck.memory.channels import Channels, messages_after
from quarterdeck.memory.entries import Entries
from quarterdeck.memory.queues import Queues, as_pushed
from quarterdeck.memory.reading import newest, wait_for
from quarterdeck.memory.sessions import Sessions
from quarterdeck.memory.signals import KIND as SIGNAL
from quarterdeck.memory.signals import Signals
from quarterdeck.memory.store import MISSING
from quarterdeck.memory.streams import STREAM, Streams

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from concurrent.futures import Future, ThreadPoolExecutor
    from types import TracebackType
    from typing import Self

    from quarterdeck.memory.channels import Message
    from quarterdeck.memory.queues import Task
    from quarterdeck.memory.signals import Arrived, Signal
    from quarterdeck.memory.store import Record, Store
    from quarterdeck.memory.streams import StreamItem

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")
U = TypeVar("U")

MAX_THREADS = 32
"""So many calls of one handle can be at work at once, and so many others wait for something to come."""
TURN_S = 1.0
"""How long a call may wait on when others have no thread to wait in; then they take turns."""
HOUR_S = 3600.0
"""How long is for ever, once."""


def twin(
    method: Callable[Concatenate[S, P], T],
) -> Callable[Concatenate[AsyncTwins, P], Coroutine[Any, Any, T]]:
    """*method* for coroutines: the same parameters and the same answer, from another thread."""

    @wraps(method)
    async def waiting(self: AsyncTwins, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._aside(getattr(self, method.__name__), *args, **kwargs)

    waiting.__name__ = f"a{method.__name__}"
    waiting.__qualname__ = f"AsyncTwins.{waiting.__name__}"
    waiting.__doc__ = f"See `{method.__name__}`."
    return waiting


class AsyncTwins(Entries, Sessions, Signals, Queues, Streams, Channels):
    """Every method that may wait, as a coroutine; each twin does what the method without the ``a`` does.

    Functions that `aupdate`, `atransaction` and `asubscribe` are given are called in other threads.
    """

    def __init__(
        self, store: Store, agent: str, *, token: str | None = None, access_tier: AccessTier | None = None
    ) -> None:
        """See `Seat`; starts no thread yet."""
        super().__init__(store, agent, token=token, access_tier=access_tier)
        self._threads = Threads()
        self._waits = Threads()  # others, so that calls that wait for something keep none from being done

    # Working memory

    astash = twin(Entries.stash)
    astash_batch = twin(Entries.stash_batch)
    aretrieve_batch = twin(Entries.retrieve_batch)
    adelete = twin(Entries.delete)
    aclear_working_memory = twin(Entries.clear_working_memory)
    akeys = twin(Entries.keys)
    acompare_and_set = twin(Entries.compare_and_set)
    aupdate = twin(Entries.update)
    atransaction = twin(Entries.transaction)

    async def aretrieve(self, key: str, *, agent_id: str | None = None) -> object:
        """See `retrieve`; a value that the local tier has is there at once."""
        name = self._name(key, agent_id)
        near = self.store.get_near(name)
        value = near[0] if near else await self._aside(self.store.fetch, name)
        return None if value is MISSING else value

    # Sessions and signals

    acreate_session = twin(Sessions.create_session)
    ajoin_session = twin(Sessions.join_session)
    aleave_session = twin(Sessions.leave_session)
    aend_session = twin(Sessions.end_session)
    aget_session = twin(Sessions.get_session)
    alist_sessions = twin(Sessions.list_sessions)
    asend_signal = twin(Signals.send_signal)

    async def areceive_signals(
        self, signal_type: str | None = None, *, wait_seconds: float = 0.0, again: bool = False
    ) -> list[Signal]:
        """See `receive_signals`; cancelled while it waits, it leaves the signals for the next call."""
        if signal_type is not None:
            names.checked(signal_type, "signal type", self.store.limits.max_key_bytes)

        def look() -> Arrived | None:
            arrived = self._arrived(signal_type, again=again)
            return arrived if arrived.signals else None

        def give(arrived: Arrived | None) -> list[Signal]:
            if arrived is None or again:
                return arrived.signals if arrived else []
            return self._give(arrived, signal_type)

        return await self._read(self._in_shared(SIGNAL), look, give, seconds(wait_seconds, "wait_seconds"))

    # Queues

    aqueue_push = twin(Queues.queue_push)
    aqueue_push_many = twin(Queues.queue_push_many)
    aqueue_done = twin(Queues.queue_done)
    aqueue_extend = twin(Queues.queue_extend)
    aqueue_release = twin(Queues.queue_release)
    aqueue_length = twin(Queues.queue_length)
    aqueue_stats = twin(Queues.queue_stats)
    aqueue_peek = twin(Queues.queue_peek)
    aqueue_clear = twin(Queues.queue_clear)

    async def aqueue_pop(self, queue: str, timeout: float = 0.0) -> object:  # noqa: ASYNC109  as in `queue_pop`
        """See `queue_pop`; cancelled at the moment it gets a task, it puts the task back, behind its equals.

        Should the memory refuse that, the task is lost, and the error is the cause of the `CancelledError`.
        """
        log = self._queue(queue)

        def take() -> list[Record]:
            self._need(AccessTier.CONTRIBUTOR, "take from queues")
            return self._take(log)

        def put_back(taken: list[Record]) -> None:
            for record in taken:
                self.store.add(log, [record.value], score=record.score)

        taken = await self._as_due(queue, seconds(timeout, "timeout"), take, put_back)
        return as_pushed(taken[0]).task if taken else None

    async def aqueue_claim(
        self,
        queue: str,
        lease_seconds: float = 60.0,
        timeout: float = 0.0,  # noqa: ASYNC109  as in `queue_claim`
    ) -> Task | None:
        """See `queue_claim`; cancelled at the moment it gets a task, it releases the task."""

        def claim() -> Task | None:
            return self.queue_claim(queue, lease_seconds)

        def release(task: Task | None) -> None:
            if task is not None:
                self.queue_release(task)

        return await self._as_due(queue, seconds(timeout, "timeout"), claim, release)

    async def aqueue_wait(self, queue: str, timeout: float) -> bool:  # noqa: ASYNC109  as in `queue_wait`
        """See `queue_wait`."""
        log, timeout_s = self._queue(queue), seconds(timeout, "timeout")
        due_s = partial(self._due_in_s, log)
        return await self._read(log, lambda: due_s() <= 0, bool, timeout_s, due_s)

    # Streams, timelines and channels

    astream_append = twin(Streams.stream_append)
    astream_read = twin(Streams.stream_read)
    atimeline_add = twin(Streams.timeline_add)
    atimeline_query = twin(Streams.timeline_query)
    atimeline_count = twin(Streams.timeline_count)
    atimeline_trim = twin(Streams.timeline_trim)
    apublish = twin(Channels.publish)
    asubscribe = twin(Channels.subscribe)
    aunsubscribe = twin(Channels.unsubscribe)
    achannel_stats = twin(Channels.channel_stats)

    async def astream_read_new(self, stream: str, block_ms: int = 0, count: int = 100) -> list[StreamItem]:
        """See `stream_read_new`; cancelled while it waits, it leaves the items for the next call."""
        log, wanted = self._named(STREAM, stream), whole(count, "count")

        def look() -> list[StreamItem]:
            return self._look_new(log, wanted)

        def give(items: list[StreamItem]) -> list[StreamItem]:
            return self._give_new(log, items)

        return await self._read(log, look, give, seconds(block_ms, "block_ms", 0.001))

    async def alisten(
        self,
        channel: str,
        timeout: float | None = None,  # noqa: ASYNC109  as in `listen`
    ) -> AsyncIterator[Message]:
        """See `listen`; ``async for``, and from its first step on."""
        log, backend = self._channel(channel), self.store.backend
        timeout_s = HOUR_S if timeout is None else seconds(timeout, "timeout")
        number = await self._aside(newest, backend, log)
        give: Callable[[list[Message]], list[Message]] = list
        while True:
            heard = await self._read(
                log, partial(messages_after, self.store, channel, log, number), give, timeout_s
            )
            for message in heard:
                number = message.id
                yield message
            if not heard and timeout is not None:
                return

    def close(self) -> None:
        """End the threads of coroutines, after what they are at; whoever waits goes on in new ones."""
        self._waits.close()
        self._threads.close()
        super().close()

    async def aclose(self) -> None:
        """See `close`; ``async with`` ends with it."""
        import asyncio

        await asyncio.to_thread(self.close)  # which ends the threads of this handle, so in none of them

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # How they wait

    async def _aside(self, method: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """*method* in a thread of this handle."""
        import asyncio

        return await asyncio.wrap_future(self._threads.submit(method, *args, **kwargs))

    async def _as_due(
        self, queue: str, timeout_s: float, take: Callable[[], T], give_back: Callable[[T], None]
    ) -> T:
        """What *take* takes from a queue, as soon as it is something or the time is up.

        Cancelled before this coroutine has it, it is given back.
        """
        log, ends = self._queue(queue), time.monotonic() + timeout_s
        due_s = partial(self._due_in_s, log)

        def taken(turn: Turn) -> T:
            found = take()
            if found or time.monotonic() >= ends:
                return found
            return self._wait(turn, log, lambda: take() if due_s() <= 0 else found, ends, due_s)

        threads = self._waits if timeout_s else self._threads
        while True:
            with threads.turn() as turn:
                found = await self._handed(threads.submit(taken, turn), turn, give_back)
            if found or time.monotonic() >= ends:
                return found

    async def _handed(self, taking: Future[T], turn: Turn, give_back: Callable[[T], None]) -> T:
        """What a thread takes; cancelled before this coroutine has it, it is given back."""
        import asyncio

        try:
            return await asyncio.wrap_future(taking)
        except asyncio.CancelledError as cancelled:
            turn.end()
            if taking.cancel():
                raise
            giving_back = asyncio.wrap_future(self._threads.submit(lambda: give_back(taking.result())))
            await asyncio.wait([giving_back])  # which goes on also if this is cancelled once more
            raise cancelled from giving_back.exception()

    async def _read(
        self,
        prefix: str,
        look: Callable[[], T],
        give: Callable[[T], U],
        timeout_s: float,
        due_s: Callable[[], float] = lambda: math.inf,
    ) -> U:
        """What *give* makes of what *look* sees, as soon as it is something or the time is up.

        Threads only look, which changes nothing; given is here, where no cancellation can come between.
        """
        import asyncio

        ends = time.monotonic() + timeout_s
        threads = self._waits if timeout_s else self._threads
        while True:
            with threads.turn() as turn:
                waiting = threads.submit(self._wait, turn, prefix, look, ends, due_s)
                found = give(await asyncio.wrap_future(waiting))
            if found or time.monotonic() >= ends:
                return found

    def _wait(
        self, turn: Turn, prefix: str, look: Callable[[], T], ends: float, due_s: Callable[[], float]
    ) -> T:
        """`wait_for` in a thread, as long as its turn is not over."""
        turn.begin()
        left = max(0.0, ends - time.monotonic())
        return wait_for(self.store.backend, prefix, look, left, due_s, turn.is_over)


class Threads:
    """Threads of one handle, started when first needed; a forked child has none of its parent's."""

    def __init__(self) -> None:
        """Starts nothing yet."""
        self.lock = threading.RLock()
        self._pool: ThreadPoolExecutor | None = None
        self._turns: set[Turn] = set()
        forks.guard(self, Threads.forget)

    def submit(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have one of them call *function*."""
        while True:
            pool = self._opened()
            try:
                return pool.submit(function, *args, **kwargs)  # without our lock: it waits for one of its own
            except RuntimeError:
                if pool is self._pool:
                    raise  # not because somebody has closed it meanwhile

    def turn(self) -> Turn:
        """For a call that is to wait in one of them."""
        return Turn(self._turns)

    def forget(self) -> None:
        """The threads were left behind in the parent."""
        self._pool = None
        self._turns.clear()

    def close(self) -> None:
        """Wait for what they are at; those that wait for something wait no more."""
        with self.lock:
            pool, self._pool = self._pool, None
        for turn in list(self._turns):
            turn.end()
        if pool is not None:
            pool.shutdown()

    def _opened(self) -> ThreadPoolExecutor:
        from concurrent.futures import ThreadPoolExecutor

        with self.lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="quarterdeck-memory")
            return self._pool


class Turn:
    """One wait of a coroutine in a thread: tells the thread when it is over."""

    __slots__ = ("_began", "_is_over", "_turns")

    def __init__(self, turns: set[Turn]) -> None:
        """*turns* are all that want a thread now."""
        self._turns = turns
        self._began = math.inf
        self._is_over = False

    def begin(self) -> None:
        """It has a thread."""
        self._began = time.monotonic()

    def end(self) -> None:
        """Nobody waits for it any more, or its thread is to end."""
        self._is_over = True

    def is_over(self) -> bool:
        """Whether its thread should stop to wait."""
        is_crowded = len(self._turns) > MAX_THREADS
        return self._is_over or (is_crowded and time.monotonic() > self._began + TURN_S)

    def __enter__(self) -> Self:
        self._turns.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        self._turns.discard(self)

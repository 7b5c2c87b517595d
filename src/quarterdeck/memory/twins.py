"""The same methods for coroutines: ``await memory.astash(…)``.

What the local tier knows is answered at once; everything else waits in threads of this handle, so the event
loop never does. A coroutine that is cancelled loses nothing: what it was about to be given stays, or goes
back.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from quarterdeck import forks
from quarterdeck.memory.amounts import seconds
from quarterdeck.memory.channels import Channels
from quarterdeck.memory.entries import Entries
from quarterdeck.memory.queues import Queues
from quarterdeck.memory.reading import wait_for
from quarterdeck.memory.sessions import Sessions
from quarterdeck.memory.signals import KIND as SIGNAL
from quarterdeck.memory.signals import Signals
from quarterdeck.memory.streams import STREAM, Streams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from quarterdeck.memory.queues import Task
    from quarterdeck.memory.sessions import Session
    from quarterdeck.memory.signals import Arrived, Signal
    from quarterdeck.memory.streams import StreamItem

P = ParamSpec("P")
T = TypeVar("T")
U = TypeVar("U")

MAX_THREADS = 32
"""So many calls of one handle can wait at once; the next one waits for one of them."""
RETURN_S = 60.0
"""A task that a coroutine was about to be given when its process was killed comes back after so long."""
GLANCE_S = 0.25
"""How long a thread goes on waiting after its coroutine was cancelled."""


class AsyncTwins(Entries, Sessions, Signals, Queues, Streams, Channels):
    """Every method that may wait, as a coroutine; each twin does what the method without the ``a`` does."""

    _threads: Threads | None = None

    async def astash(self, key: str, value: object, ttl_seconds: float | None = None) -> bool:
        """See `stash`."""
        return await self._aside(self.stash, key, value, ttl_seconds)

    async def aretrieve(self, key: str, *, agent_id: str | None = None) -> object:
        """See `retrieve`; a value that the local tier has is there at once."""
        if self.store.has_copy(self._name(key, agent_id)):
            return self.retrieve(key, agent_id=agent_id)
        return await self._aside(self.retrieve, key, agent_id=agent_id)

    async def astash_batch(
        self, items: Mapping[str, object] | Iterable[tuple[str, object]], ttl_seconds: float | None = None
    ) -> int:
        """See `stash_batch`."""
        return await self._aside(self.stash_batch, items, ttl_seconds)

    async def aretrieve_batch(self, keys: Iterable[str], *, agent_id: str | None = None) -> dict[str, object]:
        """See `retrieve_batch`."""
        return await self._aside(self.retrieve_batch, keys, agent_id=agent_id)

    async def adelete(self, key: str) -> bool:
        """See `delete`."""
        return await self._aside(self.delete, key)

    async def aclear_working_memory(self) -> int:
        """See `clear_working_memory`."""
        return await self._aside(self.clear_working_memory)

    async def acompare_and_set(
        self, key: str, expected: object, value: object, ttl_seconds: float | None = None
    ) -> bool:
        """See `compare_and_set`."""
        return await self._aside(self.compare_and_set, key, expected, value, ttl_seconds)

    async def aupdate(
        self, key: str, function: Callable[[object], object], ttl_seconds: float | None = None
    ) -> object:
        """See `update`; *function* is called in another thread."""
        return await self._aside(self.update, key, function, ttl_seconds)

    async def atransaction(
        self,
        keys: Iterable[str],
        function: Callable[[dict[str, object]], Mapping[str, object] | None],
        ttl_seconds: float | None = None,
    ) -> dict[str, object]:
        """See `transaction`; *function* is called in another thread."""
        return await self._aside(self.transaction, keys, function, ttl_seconds)

    async def acreate_session(
        self,
        session_id: str,
        metadata: Mapping[str, object] | None = None,
        ttl_seconds: float | None = 1800,
    ) -> bool:
        """See `create_session`."""
        return await self._aside(self.create_session, session_id, metadata, ttl_seconds)

    async def ajoin_session(self, session_id: str) -> bool:
        """See `join_session`."""
        return await self._aside(self.join_session, session_id)

    async def aleave_session(self, session_id: str) -> bool:
        """See `leave_session`."""
        return await self._aside(self.leave_session, session_id)

    async def aget_session(self, session_id: str) -> Session | None:
        """See `get_session`."""
        return await self._aside(self.get_session, session_id)

    async def asend_signal(
        self,
        signal_type: str,
        data: object = None,
        target_agent: str | None = None,
        ttl_seconds: float | None = 300,
    ) -> int:
        """See `send_signal`."""
        return await self._aside(self.send_signal, signal_type, data, target_agent, ttl_seconds)

    async def areceive_signals(
        self, signal_type: str | None = None, *, wait_seconds: float = 0.0, again: bool = False
    ) -> list[Signal]:
        """See `receive_signals`; cancelled while it waits, it leaves the signals for the next call."""
        if again:
            return await self._aside(self.receive_signals, signal_type, again=True)

        def look() -> Arrived | None:
            arrived = self._arrived(signal_type)
            return arrived if arrived.signals else None

        def give(arrived: Arrived | None) -> list[Signal]:
            return [] if arrived is None else self._give(arrived, signal_type)

        return await self._read(self._in_shared(SIGNAL), look, give, seconds(wait_seconds, "wait_seconds"))

    async def aqueue_push(
        self, queue: str, task: object, priority: bool = False, *, delay_seconds: float = 0
    ) -> int:
        """See `queue_push`."""
        return await self._aside(self.queue_push, queue, task, priority, delay_seconds=delay_seconds)

    async def aqueue_pop(self, queue: str, timeout: float = 0.0) -> object:
        """See `queue_pop`; a task is gone only when this coroutine has it: cancelled, it goes back."""
        task = await self.aqueue_claim(queue, RETURN_S, timeout)
        if task is None:
            return None
        await self._aside(self.queue_done, task)
        return task.value

    async def aqueue_claim(
        self, queue: str, lease_seconds: float = 60.0, timeout: float = 0.0
    ) -> Task | None:
        """See `queue_claim`; cancelled at the moment it gets a task, it gives the task back."""
        ends = asyncio.get_running_loop().time() + timeout
        while True:
            claiming = asyncio.ensure_future(self._aside(self.queue_claim, queue, lease_seconds))
            try:
                task = await asyncio.shield(claiming)
            except asyncio.CancelledError:
                if (claimed := await claiming) is not None:
                    await self._aside(self.queue_release, claimed)
                raise
            left = ends - asyncio.get_running_loop().time()
            if task is not None or left <= 0:
                return task
            await self._aside(self.queue_wait, queue, min(left, GLANCE_S))

    async def aqueue_done(self, task: Task) -> bool:
        """See `queue_done`."""
        return await self._aside(self.queue_done, task)

    async def aqueue_release(self, task: Task, delay_seconds: float = 0) -> bool:
        """See `queue_release`."""
        return await self._aside(self.queue_release, task, delay_seconds)

    async def astream_append(self, stream: str, data: object, max_len: int = 10_000) -> int:
        """See `stream_append`."""
        return await self._aside(self.stream_append, stream, data, max_len)

    async def astream_read(self, stream: str, start_id: int = 0, count: int = 100) -> list[StreamItem]:
        """See `stream_read`."""
        return await self._aside(self.stream_read, stream, start_id, count)

    async def astream_read_new(self, stream: str, block_ms: int = 0, count: int = 100) -> list[StreamItem]:
        """See `stream_read_new`; cancelled while it waits, it leaves the items for the next call."""
        log = self._named(STREAM, stream)

        def look() -> list[StreamItem]:
            return self._look_new(log, count)

        def give(items: list[StreamItem]) -> list[StreamItem]:
            return self._give_new(log, items)

        return await self._read(log, look, give, seconds(block_ms, "block_ms") / 1000)

    async def apublish(self, channel: str, message: object) -> int:
        """See `publish`."""
        return await self._aside(self.publish, channel, message)

    def close(self) -> None:
        """Wait for the threads of coroutines that are still at it, and end them."""
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.close()
        super().close()

    async def _aside(self, method: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """*method* in a thread of this handle."""
        if self._threads is None:
            self._threads = Threads()
        work = self._threads.pool().submit(method, *args, **kwargs)
        return await asyncio.wrap_future(work)

    async def _read(
        self, prefix: str, look: Callable[[], T], give: Callable[[T], list[U]], timeout_s: float
    ) -> list[U]:
        """What *give* makes of what *look* sees, as soon as it is something or the time is up.

        Threads only look, which changes nothing; given is here, where no cancellation can come between.
        """
        ends = asyncio.get_running_loop().time() + timeout_s
        while True:
            left = max(0.0, ends - asyncio.get_running_loop().time())
            wait_s = min(left, GLANCE_S)
            found = give(await self._aside(wait_for, self.store.backend, prefix, look, wait_s))
            if found or not left:
                return found


class Threads:
    """The threads of one handle, started when first needed; a forked child has none of its parent's."""

    def __init__(self) -> None:
        """Starts nothing yet."""
        self.lock = threading.RLock()
        self._pool: ThreadPoolExecutor | None = None
        forks.guard(self, Threads.forget)

    def pool(self) -> ThreadPoolExecutor:
        """What runs them."""
        with self.lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="quarterdeck-memory")
            return self._pool

    def forget(self) -> None:
        """The threads were left behind in the parent."""
        self._pool = None

    def close(self) -> None:
        """Wait for what they are at."""
        with self.lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()

"""Queues: tasks that agents leave for whoever comes first.

A queue is a log whose scores say when a task is due, in milliseconds; a task with priority has the score 0.
Nothing ever moves from one place to another, so nothing can be lost on the way:

    push      the task is added, due now or later
    pop       the first task that is due is removed: done at most once
    claim     the first task that is due becomes due when the lease ends: done at least once
    extend    it becomes due later, and release: at once, if its score is still that of the lease
    done      it is removed, if its score is still that of the lease

A lease that has run out ended before the next one was given, so the score of the next one is higher: a
consumer that was too slow cannot end, extend or give back what is another's now. How often a task has been
claimed is an entry beside the log, which goes when the task is done.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from quarterdeck.errors import UsageError
from quarterdeck.memory import names
from quarterdeck.memory.access import AccessTier
from quarterdeck.memory.amounts import seconds, whole
from quarterdeck.memory.chain import Deed
from quarterdeck.memory.moments import moment
from quarterdeck.memory.reading import readable, shaped, wait_for
from quarterdeck.memory.seat import Seat
from quarterdeck.memory.store import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from quarterdeck.memory.access import Standing
    from quarterdeck.memory.store import Entry, Record, Seen

KIND = "queue"
WHAT = "a task"
CLAIMS = "queue-claims"
CLAIMS_KEPT_MS = 7 * 86_400_000
"""How long a task may lie between two claims and still have them counted together."""
FIRST = 0
"""The score of all that goes before what is due at some time."""
APART_MS = 5
"""How far the clocks of two machines may be apart: what is due at once is due at once for both."""


class Task(NamedTuple):
    """A task that this consumer has for a while.

    Attributes:
        queue: where it is from.
        id: what `queue_push` returned.
        value: as it was pushed.
        attempts: how often it has been claimed, this time included.
        leased_until: from then on others may claim it.
        priority: whether it was pushed to the front.
        lease: what proves that it is still yours: its score, which changes with every claim and extension.
    """

    queue: str
    id: int
    value: object
    attempts: int
    leased_until: datetime
    priority: bool
    lease: int

    def to_dict(self) -> dict[str, object]:
        """Ready for JSON, without the lease."""
        fields = self._asdict()
        del fields["lease"]
        return {**fields, "leased_until": self.leased_until.isoformat()}


class QueueStats(NamedTuple):
    """How many tasks a queue has.

    Attributes:
        due: may be had at once.
        later: are claimed by somebody, or delayed.
    """

    due: int
    later: int

    def to_dict(self) -> dict[str, object]:
        """Ready for JSON."""
        return self._asdict()


class _Pushed(msgspec.Struct, frozen=True, omit_defaults=True):
    """A task as it is stored."""

    task: Any
    priority: bool = False


class Queues(Seat):
    """The queues of all agents. Each task goes to one consumer, in the order in which tasks become due."""

    # Producers

    def queue_push(
        self, queue: str, task: object, priority: bool = False, *, delay_seconds: float = 0
    ) -> int:
        """Leave a task; returns its number. One commit, or one round trip.

        Args:
            queue: its name; it begins and ends with its tasks.
            task: anything JSON.
            priority: before all tasks without, after those that have it already.
            delay_seconds: nobody gets it before.

        Raises:
            UsageError, TooLarge, ScrubRefused: as for `stash`.
        """
        return self.queue_push_many(queue, [task], priority, delay_seconds=delay_seconds)[0]

    def queue_push_many(
        self, queue: str, tasks: Iterable[object], priority: bool = False, *, delay_seconds: float = 0
    ) -> list[int]:
        """`queue_push` for many, all or none; returns their numbers.

        Raises:
            UsageError: also when one of them is None, which `queue_pop` could not tell from no task.
        """
        self._need(AccessTier.CONTRIBUTOR, "push to queues")
        delay_ms = round(seconds(delay_seconds, "delay_seconds") * 1000)
        if priority and delay_ms:
            raise UsageError(
                "a task is either before all others or delayed", hint="leave out priority or delay_seconds"
            )
        log = self._in_shared(KIND, self._key(queue, "queue"))
        pushed = [_Pushed(task, priority) for task in _each(tasks)]
        return self.store.add(log, pushed, score=self._due_ms(priority, delay_ms))

    # Consumers that take

    def queue_pop(self, queue: str, timeout: float = 0.0) -> object:
        """Remove the first task that is due, and return it; None when there is none in time.

        It goes to this caller only, and is gone should the caller be killed; see `queue_claim`.

        Args:
            queue: its name.
            timeout: wait for one so many seconds; 0: do not wait.
        """
        self._need(AccessTier.CONTRIBUTOR, "take from queues")
        log = self._queue(queue)
        taken = self._first(queue, timeout, lambda: self._take(log))
        return as_pushed(taken[0]).task if taken else None

    # Consumers that claim

    def queue_claim(self, queue: str, lease_seconds: float = 60.0, timeout: float = 0.0) -> Task | None:
        """Lease the first task that is due; None when there is none in time.

            while (task := memory.queue_claim("reviews", timeout=30)) is not None:
                review(task.value)
                memory.queue_done(task)

        Unless `queue_done` is called before the lease ends, the task is there again for everybody: each task
        is done at least once, whoever is killed meanwhile.

        Args:
            queue: its name.
            lease_seconds: how long it is yours; see `queue_extend`.
            timeout: wait for one so many seconds; 0: do not wait.
        """
        self._need(AccessTier.CONTRIBUTOR, "take from queues")
        lease_ms = _lease_ms(lease_seconds)
        log = self._queue(queue)
        claimed = self._first(queue, timeout, lambda: self._claim(log, lease_ms))
        return self._claimed(queue, claimed[0]) if claimed else None

    def queue_done(self, task: Task) -> bool:
        """Remove a task that has been claimed.

        Returns:
            False, and nothing has happened, when its lease had ended and others may be at it.
        """
        self._need(AccessTier.CONTRIBUTOR, "take from queues")
        log = self._leased(task)
        if not self.store.backend.remove(log, [task.id], score=task.lease):
            return False
        self.store.delete([self._claims(task.id)])
        return True

    def queue_extend(self, task: Task, lease_seconds: float = 60.0) -> Task | None:
        """Keep a claimed task for so long from now on; returns it with its new lease, to be used from now on.

        Returns:
            None, and nothing has happened, when its lease had ended and others may be at it.
        """
        ends_ms = self.store.backend.time_ms() + _lease_ms(lease_seconds)
        if not self._reschedule(self._leased(task), task, ends_ms):
            return None
        return task._replace(lease=ends_ms, leased_until=moment(ends_ms))

    def queue_release(self, task: Task, delay_seconds: float = 0) -> bool:
        """Give a claimed task back, for everybody to claim after so many seconds.

        Returns:
            False, and nothing has happened, when its lease had ended anyway.
        """
        log = self._leased(task)
        delay_ms = round(seconds(delay_seconds, "delay_seconds") * 1000)
        return self._reschedule(log, task, self._due_ms(task.priority, delay_ms))

    # Whoever looks

    def queue_wait(self, queue: str, timeout: float) -> bool:
        """Wait until a task is due, for so many seconds at most; takes none. Whether one is."""
        log = self._queue(queue)
        return wait_for(
            self.store.backend,
            log,
            lambda: self._due_in_s(log) <= 0,
            seconds(timeout, "timeout"),
            lambda: self._due_in_s(log),
        )

    def queue_length(self, queue: str) -> int:
        """How many tasks may be had at once."""
        return self.queue_stats(queue).due

    def queue_stats(self, queue: str) -> QueueStats:
        """How many tasks are due, and how many will be."""
        backend, log = self.store.backend, self._queue(queue)
        now = backend.time_ms()
        return QueueStats(backend.count(log, high=now), backend.count(log, low=now + 1))

    def queue_peek(self, queue: str, count: int = 1) -> list[object]:
        """The next tasks that are due, up to *count*; they stay where they are."""
        backend, log = self.store.backend, self._queue(queue)
        items = backend.items(log, high=backend.time_ms(), limit=whole(count, "count"))
        return [pushed.task for _, pushed in readable(self.store, log, items, _Pushed, WHAT)]

    def queue_clear(self, queue: str) -> int:
        """Remove all tasks, claimed and delayed ones too; returns how many there were.

        Only for stewards. Who did it stands in the audit chain, and before it is done.
        """
        backend, log = self.store.backend, self._queue(queue)

        def decide(standing: Standing, _: Mapping[str, Seen]) -> tuple[Deed, Sequence[Entry]] | None:
            standing.require(AccessTier.STEWARD, "clear queues")
            tasks = backend.count(log)
            return (Deed("clear", queue, {"tasks": tasks}), ()) if tasks else None

        if self._perform((), decide) is None:
            return 0
        count = backend.count(log)
        backend.drop([log])
        return count

    def _queue(self, queue: object) -> str:
        """The log of a queue."""
        return self._in_shared(KIND, names.checked(queue, "queue", self.store.limits.max_key_bytes))

    def _leased(self, task: object) -> str:
        """The log that a claimed task is from.

        Raises:
            UsageError: it is no task.
        """
        if not isinstance(task, Task):
            raise UsageError(
                f"a task that was claimed must be a Task, got {type(task).__name__}",
                hint="pass what queue_claim has returned, unless that was None",
            )
        return self._queue(task.queue)

    def _claims(self, task_id: int) -> str:
        """The entry that counts how often a task has been claimed."""
        return self._in_shared(CLAIMS, str(task_id))

    def _due_ms(self, priority: bool, delay_ms: int) -> int:
        """The score of a task that is due so long from now."""
        if priority and not delay_ms:
            return FIRST
        return max(FIRST + 1, self.store.backend.time_ms() + (delay_ms or -APART_MS))

    def _first(self, queue: str, timeout: float, step: Callable[[], list[Record]]) -> list[Record]:
        """What *step* gives as soon as it gives something; it is tried only when a task is due."""
        ends = time.monotonic() + seconds(timeout, "timeout")
        while not (found := step()):
            left = ends - time.monotonic()
            if left <= 0 or not self.queue_wait(queue, left):
                break
        return found

    def _take(self, log: str) -> list[Record]:
        backend = self.store.backend
        return self.store.records(log, backend.take(log, high=backend.time_ms()))

    def _claim(self, log: str, lease_ms: int) -> list[Record]:
        backend = self.store.backend
        now = backend.time_ms()
        return self.store.records(log, backend.claim(log, high=now, score=now + lease_ms))

    def _claimed(self, queue: str, record: Record) -> Task:
        """The task of an item that was just claimed; counts that."""
        pushed = as_pushed(record)
        claims = self._claims(record.id)
        before = self.store.get(claims)
        attempts = 1 if before is MISSING else shaped(before, int, "the claims of a task") + 1
        left_ms = max(0, record.score - self.store.backend.time_ms())
        self.store.put(claims, attempts, left_ms + CLAIMS_KEPT_MS)
        ends = moment(record.score)
        return Task(queue, record.id, pushed.task, attempts, ends, pushed.priority, record.score)

    def _reschedule(self, log: str, task: Task, score: int) -> bool:
        """Give a task another score, if it is still leased."""
        self._need(AccessTier.CONTRIBUTOR, "take from queues")
        moved = self.store.backend.move(log, [task.id], score=score, was=task.lease)
        return bool(moved)

    def _due_in_s(self, log: str) -> float:
        """In how many seconds the next task will be due, 0 or less when it is; infinite without any."""
        backend = self.store.backend
        first = backend.items(log, limit=1)
        return (first[0].score - backend.time_ms()) / 1000 if first else math.inf


def as_pushed(record: Record) -> _Pushed:
    """What was put into the queue."""
    return shaped(record.value, _Pushed, WHAT)


def _each(tasks: Iterable[object]) -> list[object]:
    """Those tasks.

    Raises:
        UsageError: they are none, or one of them is nothing.
    """
    if isinstance(tasks, str | bytes | Mapping) or not isinstance(tasks, Iterable):
        raise UsageError(f"the tasks must be a list, got {type(tasks).__name__}", hint="pass [task]")
    wanted = list(tasks)
    if any(task is None for task in wanted):
        raise UsageError("None is no task", hint="push True, an empty text or an empty dict instead")
    return wanted


def _lease_ms(lease_seconds: float) -> int:
    return max(1, round(seconds(lease_seconds, "lease_seconds") * 1000))

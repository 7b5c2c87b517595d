"""Whatever is pushed, popped, claimed, done, given back and let lapse: a queue is a sorted list."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from quarterdeck.memory.queues import APART_MS, FIRST
from tests.room_worlds import Ship

QUEUE = "q"
SECONDS = st.sampled_from([0.001, 0.002, 0.5, 1, 2, 60])
ANY = st.integers(0, 10**6)
"""Which of those there are; taken modulo how many."""


class Expected:
    """A task of the model; its place is that of (score, id)."""

    def __init__(self, number, value, priority):
        self.id = number
        self.value = value
        self.priority = priority
        self.attempts = 0
        self.score = 0


class QueueMachine(RuleBasedStateMachine):
    """Three objects stand for as many processes; the model is a list of tasks and a list of leases."""

    @initialize()
    def nothing_pushed(self):
        self.folder = Path(tempfile.mkdtemp(prefix="qd-queues-"))
        self.ship = Ship(self.folder)
        self.agents = [self.ship.agent(f"agent-{number}") for number in range(3)]
        self.tasks = []
        self.leases = []  # (what the consumer has, the task of the model, the score it had then)

    def teardown(self):
        if hasattr(self, "ship"):
            self.ship.close()
            shutil.rmtree(self.folder)

    def now(self):
        return self.ship.clock.ms

    def put(self, task, delay_s):
        """Give *task* the score it has when it is due so long from now."""
        first = task.priority and not delay_s
        task.score = FIRST if first else self.now() + (round(delay_s * 1000) or -APART_MS)

    def due(self):
        """The tasks that may be had now, in order."""
        return sorted(
            (task for task in self.tasks if task.score <= self.now()),
            key=lambda task: (task.score, task.id),
        )

    def holds(self, task, score):
        """Whether a lease that gave *task* that score is still one."""
        return task in self.tasks and task.score == score

    @rule(who=ANY, value=st.integers() | st.text(max_size=5), priority=st.booleans())
    def push(self, who, value, priority):
        number = self.agents[who % 3].queue_push(QUEUE, value, priority)
        task = Expected(number, value, priority)
        self.put(task, 0)
        self.tasks.append(task)

    @rule(who=ANY, values=st.lists(st.integers(), max_size=3), delay_s=SECONDS)
    def push_many_for_later(self, who, values, delay_s):
        numbers = self.agents[who % 3].queue_push_many(QUEUE, values, delay_seconds=delay_s)
        for number, value in zip(numbers, values, strict=True):
            task = Expected(number, value, priority=False)
            self.put(task, delay_s)
            self.tasks.append(task)

    @rule(seconds=SECONDS)
    def time_passes(self, seconds):
        self.ship.clock.pass_time(seconds)

    @rule(who=ANY)
    def pop(self, who):
        popped = self.agents[who % 3].queue_pop(QUEUE)
        due = self.due()
        assert popped == (due[0].value if due else None)
        if due:
            self.tasks.remove(due[0])

    @rule(who=ANY, lease_s=SECONDS)
    def claim(self, who, lease_s):
        claimed = self.agents[who % 3].queue_claim(QUEUE, lease_s)
        due = self.due()
        assert (claimed is None) == (not due)
        if claimed:
            task = due[0]
            task.attempts += 1
            task.score = self.now() + round(lease_s * 1000)
            assert claimed[1:4] == (task.id, task.value, task.attempts)
            self.leases.append((claimed, task, task.score))

    @precondition(lambda self: self.leases)
    @rule(who=ANY, which=ANY)
    def finish(self, who, which):
        claimed, task, score = self.leases[which % len(self.leases)]
        right = self.holds(task, score)
        assert self.agents[who % 3].queue_done(claimed) == right
        if right:
            self.tasks.remove(task)

    @precondition(lambda self: self.leases)
    @rule(who=ANY, which=ANY, lease_s=SECONDS)
    def extend(self, who, which, lease_s):
        claimed, task, score = self.leases.pop(which % len(self.leases))
        extended = self.agents[who % 3].queue_extend(claimed, lease_s)
        assert (extended is not None) == self.holds(task, score)
        if extended:
            task.score = self.now() + round(lease_s * 1000)
            self.leases.append((extended, task, task.score))

    @precondition(lambda self: self.leases)
    @rule(who=ANY, which=ANY, delay_s=st.just(0) | SECONDS)
    def release(self, who, which, delay_s):
        claimed, task, score = self.leases.pop(which % len(self.leases))
        right = self.holds(task, score)
        assert self.agents[who % 3].queue_release(claimed, delay_s) == right
        if right:
            self.put(task, delay_s)

    @invariant()
    def looks_the_same(self):
        due = self.due()
        stats = self.agents[0].queue_stats(QUEUE)
        assert stats == (len(due), len(self.tasks) - len(due))
        assert self.agents[1].queue_peek(QUEUE, 100) == [task.value for task in due]


TestQueue = QueueMachine.TestCase
TestQueue.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

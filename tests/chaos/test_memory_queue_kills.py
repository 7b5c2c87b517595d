"""kill -9 at any moment of pushing, claiming or finishing: every task that was acknowledged is done."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter

from tests.room_worlds import Ship

PRODUCERS, CONSUMERS = 2, 4
KILLS = 10
START = """
import itertools, os, sys, time
from quarterdeck.memory.embedded import EmbeddedBackend
from quarterdeck.memory.queues import Queues
from quarterdeck.memory.settings import Limits
from quarterdeck.memory.store import Store
path, name, journal, count = sys.argv[1:]
memory = Queues(Store(EmbeddedBackend(path), Limits()), name)
out = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
note = lambda task: os.write(out, f"{task}\\n".encode())
"""
PUSH = """
for number in itertools.islice(itertools.count(), int(count) or None):
    task = f"{name}-{os.getpid()}-{number}"
    memory.queue_push("q", task, priority=number % 5 == 0)
    note(task)
    time.sleep(0.002)
"""
CLAIM = """
while (task := memory.queue_claim("q", lease_seconds=0.5, timeout=2)) is not None:
    note(task.value)
    if len(task.value) % 2:
        task = memory.queue_extend(task, 0.5) or task
    memory.queue_done(task)
"""
POP = """
while (task := memory.queue_pop("q", timeout=2)) is not None:
    note(task)
"""


class Crew:
    """Processes that push and take, and what each of them has noted."""

    def __init__(self, folder):
        self.ship = Ship(folder)
        self.ship.agent().queue_length("q")  # the file is there before they all want to make it
        self._folder = folder

    def start(self, code, name, count=0):
        return subprocess.Popen(
            [sys.executable, "-c", START + code, self.ship.path, name, self._folder / name, str(count)],
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )

    def noted(self, role):
        """The tasks that all processes of a role have noted, and how often."""
        lines = [path.read_text().splitlines() for path in self._folder.glob(f"{role}-*")]
        return Counter(task for tasks in lines for task in tasks)


def ended(process, by=0):
    """Wait for the end of a process that has nothing to complain about."""
    _, complaint = process.communicate(timeout=60)
    assert complaint == b""
    assert process.returncode == by


def kill(process):
    process.send_signal(signal.SIGKILL)
    ended(process, by=-signal.SIGKILL)


def test_every_acknowledged_task_is_done_however_many_are_killed(tmp_path):
    """Two producers and four consumers, killed and started again; in the end the queue is empty."""
    crew, dice = Crew(tmp_path), random.Random(4)
    roles = [(PUSH, f"push-{n}") for n in range(PRODUCERS)]
    roles += [(CLAIM, f"claim-{n}") for n in range(CONSUMERS)]
    running = [(*role, crew.start(*role)) for role in roles]
    for _ in range(KILLS):
        before = sum(crew.noted("claim").values())
        give_up = time.monotonic() + 60
        while sum(crew.noted("claim").values()) < before + 20:  # they are at work
            assert time.monotonic() < give_up
            time.sleep(0.01 * dice.random())
        code, name, process = running.pop(dice.randrange(len(running)))
        kill(process)
        running.append((code, name, crew.start(code, name)))
    for code, _, process in running:
        if code is PUSH:
            kill(process)
    for code, _, process in running:
        if code is CLAIM:
            ended(process)
    pushed, done = crew.noted("push"), crew.noted("claim")
    assert len(pushed) > 100
    assert pushed.keys() <= done.keys()
    assert crew.ship.agent().queue_stats("q") == (0, 0)
    crew.ship.close()


def test_without_kills_every_task_is_done_once(tmp_path):
    """Two producers and four consumers at the same time; each task goes to one of them."""
    crew = Crew(tmp_path)
    processes = [crew.start(PUSH, f"push-{n}", 150) for n in range(PRODUCERS)]
    processes += [crew.start(POP, f"pop-{n}") for n in range(CONSUMERS)]
    for process in processes:
        ended(process)
    pushed, done = crew.noted("push"), crew.noted("pop")
    assert sum(pushed.values()) == 150 * PRODUCERS
    assert done == pushed
    crew.ship.close()

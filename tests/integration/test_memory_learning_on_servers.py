"""Machines that share a memory server: the library of each has every promoted pattern, exactly once."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys

import pytest

from quarterdeck.memory import UnifiedMemory
from quarterdeck.memory.access import AccessTier
from quarterdeck.memory.opening import open_store
from quarterdeck.memory.settings import RedisConfig
from quarterdeck.patterns import PatternLibrary
from tests.budget_worlds import start
from tests.library_worlds import ids
from tests.room_worlds import at_once

PATTERNS = 40
ROUNDS = 3

PROMOTE = """
import json, random, sys
from quarterdeck.memory.opening import open_store
from quarterdeck.memory.settings import RedisConfig
from quarterdeck.memory.unified import UnifiedMemory
settings, root, token, seed = sys.argv[1:]
memory = UnifiedMemory("root", store=open_store(RedisConfig(**json.loads(settings)), root), token=token)
waiting, dice = [pattern["id"] for pattern in memory.get_staged_patterns()], random.Random(seed)
print("ready", flush=True)
sys.stdin.readline()
dice.shuffle(waiting)
for each in waiting:
    if memory.promote_pattern(each):
        print(each, flush=True)
print("done", flush=True)
"""

LOOK = """
import json, sys
from quarterdeck.memory.opening import open_store
from quarterdeck.memory.settings import RedisConfig
from quarterdeck.memory.unified import UnifiedMemory
store = open_store(RedisConfig(**json.loads(sys.argv[1])), sys.argv[2])
memory = UnifiedMemory("root", store=store, token=sys.argv[3])
print(json.dumps([pattern["id"] for pattern in memory.search_patterns("lesson", limit=1000)]))
memory.close()
"""


class Machine:
    """A folder of a project that has a state of its own, and with it a library; the server is shared."""

    def __init__(self, config, root):
        root.mkdir()
        (root / "pyproject.toml").touch()
        self.config, self.root, self.token = config, str(root), None
        self._open = []

    def memory(self, agent="root"):
        """As a process of its own has it."""
        memory = UnifiedMemory(agent, store=open_store(self.config, self.root), token=self.token)
        self._open.append(memory)
        return memory

    @property
    def library_path(self):
        return self.memory().store.library.path

    def library(self):
        """Its ids, one by one, without a look at the memory."""
        with PatternLibrary(self.library_path) as library:
            return sorted(ids(library.patterns()))

    def close(self):
        for each in self._open:
            each.store.close()


@pytest.fixture
def machines(redis_server, tmp_path):
    config = RedisConfig(url=redis_server.url, timeout_s=30)
    machines = [Machine(config, tmp_path / name) for name in ("one", "two")]
    let_in(machines)
    yield machines
    for each in machines:
        each.close()


def let_in(machines):
    """A steward whom both know."""
    token = machines[0].memory().grant_access("root", AccessTier.STEWARD)
    for each in machines:
        each.token = token


def staged(memory, count, what="lesson"):
    return [memory.stage_pattern({"name": f"{what} {number}", "tags": ["io"]}) for number in range(count)]


def found(memory):
    return sorted(each["id"] for each in memory.search_patterns("lesson", limit=1000))


def test_each_machine_has_a_library_of_its_own(machines):
    """Though they share the memory."""
    assert len({each.library_path for each in machines}) == 2


def test_both_get_each_pattern_once_whoever_promoted_it(machines):
    """By turns, and then all at once; in the same order."""
    one, two = (each.memory() for each in machines)
    every: list[str] = []
    for memory, other in ((one, two), (two, one)):
        new = staged(memory, 5)
        every += new
        for each in new:
            assert memory.promote_pattern(each)
        assert found(other) == found(memory) == sorted(every)
    waiting = staged(one, 20)

    def promote(memory):
        for each in waiting:
            memory.promote_pattern(each)

    memories = [machine.memory() for machine in machines * 2]
    at_once(*(lambda each=each: promote(each) for each in memories))
    every += waiting
    for machine, memory in zip(machines, (one, two), strict=True):
        assert found(memory) == machine.library() == sorted(every)
    orders = []
    for machine in machines:
        with PatternLibrary(machine.library_path) as library:
            orders.append(ids(library.patterns()))
            assert {origin.act for each in every for origin in library.get_provenance(each)} == {"promoted"}
    assert orders[0] == orders[1]


def test_an_emptied_server_begins_a_new_chain_and_nothing_comes_twice(machines, redis_server):
    """What the libraries have, they keep; what is promoted then comes to both."""
    one, two = (each.memory() for each in machines)
    first = staged(one, 5)
    for each in first:
        one.promote_pattern(each)
    assert found(one) == sorted(first)
    redis_server.flush()
    machines[0].token = machines[1].token = None
    let_in(machines)
    one, two = (each.memory() for each in machines)
    second = staged(two, 9)
    for each in second:
        two.promote_pattern(each)
    assert found(one) == machines[0].library() == sorted(first + second)
    assert found(two) == machines[1].library()
    assert set(second) <= set(machines[1].library())


def test_a_server_that_is_emptied_again_and_again_while_both_promote(machines, redis_server):
    """No library ever has a pattern twice, nor misses one that was promoted since the last time."""
    for number in range(3):
        redis_server.flush()
        machines[0].token = machines[1].token = None
        let_in(machines)
        one, two = (each.memory() for each in machines)
        new = staged(one, 4 + 3 * number)
        for place, each in enumerate(new):
            (one, two)[place % 2].promote_pattern(each)
        for machine, memory in zip(machines, (one, two), strict=True):
            assert set(new) <= set(found(memory))
            assert len(machine.library()) == len(set(machine.library()))


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_not_staged_any_more_is_found_however_its_promoter_ended(machines, seed):
    """Killed at any moment: a fresh process on either machine finds each exactly once."""
    dice, one = random.Random(seed), machines[0].memory()
    settings = json.dumps({"url": machines[0].config.url, "timeout_s": 30})
    every: list[str] = []
    in_the_middle = 0
    for number in range(ROUNDS):
        every += staged(one, PATTERNS)
        with start(
            PROMOTE, settings, machines[number % 2].root, machines[0].token, seed * 10 + number
        ) as child:
            assert child.stdout.readline() == "ready\n"
            child.stdin.write("go\n")
            child.stdin.flush()
            for _ in range(dice.randrange(PATTERNS // 2)):
                assert child.stdout.readline()
            child.send_signal(signal.SIGKILL)
            in_the_middle += "done" not in child.stdout.read()
            child.wait(60)
        staged_still = {each["id"] for each in one.get_staged_patterns()}
        gone = sorted(set(every) - staged_still)
        for machine in machines:
            looked = subprocess.run(
                [sys.executable, "-c", LOOK, settings, machine.root, machines[0].token],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            assert sorted(json.loads(looked.stdout)) == machine.library() == gone
    assert in_the_middle, "it is through too early: the race is too easy"

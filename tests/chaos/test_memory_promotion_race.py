"""Many processes promote the same patterns, some are killed: each is promoted once, and none is lost."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import signal
from urllib.parse import unquote

import pytest

from quarterdeck.memory import audit, chain
from quarterdeck.memory.access import AccessTier
from quarterdeck.memory.opening import open_store
from quarterdeck.memory.settings import MemoryConfig, RedisConfig
from tests.access_worlds import NAMESPACE, Room
from tests.budget_worlds import ended, start

PROMOTERS = 4
ROUNDS = 6
PATTERNS_A_ROUND = 48

PROMOTE = """
import json, random, sys
from quarterdeck.memory.opening import open_store
from quarterdeck.memory.settings import MemoryConfig, RedisConfig
from quarterdeck.memory.staging import Staging
kind, settings, agent, token, seed = sys.argv[1:]
config = {"embedded": MemoryConfig, "redis": RedisConfig}[kind](**json.loads(settings))
room, dice = Staging(open_store(config), agent, token=token), random.Random(seed)
print("ready", flush=True)
for _ in sys.stdin:
    while waiting := [pattern["id"] for pattern in room.get_staged_patterns()]:
        dice.shuffle(waiting)
        for each in waiting:
            if room.promote_pattern(each):
                print(each, flush=True)
    print("done", flush=True)
"""


@pytest.fixture
def on_a_file(tmp_path):
    return MemoryConfig(path=str(tmp_path / "memory.sqlite"))


@pytest.fixture
def on_a_server(redis_server):
    return RedisConfig(url=redis_server.url, timeout_s=30)


def test_on_a_file(on_a_file):
    """The embedded backend."""
    with contextlib.ExitStack() as stack:
        race(stack, "embedded", on_a_file, {"path": on_a_file.path})


def test_on_a_server(on_a_server):
    """Each server there is."""
    with contextlib.ExitStack() as stack:
        race(stack, "redis", on_a_server, {"url": on_a_server.url, "timeout_s": 30})


class Promoter:
    """A child that promotes whatever is staged, each time it is told to."""

    def __init__(self, stack, kind, settings, agent, token, seed):
        self.agent = agent
        self.child = stack.enter_context(start(PROMOTE, kind, json.dumps(settings), agent, token, seed))
        stack.callback(self.child.kill)
        assert self.child.stdout.readline() == "ready\n", self.child.communicate()

    def go(self):
        """Have it begin a round."""
        self.child.stdin.write("go\n")
        self.child.stdin.flush()

    def wins(self):
        """The ids that it says it has promoted, as they come, to the end of the round."""
        while (line := self.child.stdout.readline()) != "done\n":
            assert line, f"it has ended: {self.child.communicate()}"
            yield line.strip(), self.agent

    def killed(self):
        """What else it has said, and whether that was in the middle of its round."""
        self.child.kill()
        said = self.child.stdout.read()  # communicate() would leave out the lines that are here already
        _, complaint = self.child.communicate(timeout=60)
        assert (self.child.returncode, complaint) == (-signal.SIGKILL, "")
        lines = said.split("\n")[:-1]  # behind the last line end is nothing, or half a line
        return [(each, self.agent) for each in lines if each != "done"], "done" not in lines


def race(stack, kind, config, settings):
    dice, store = random.Random(7), stack.enter_context(contextlib.closing(open_store(config)))
    root = Room(store, "root")
    root = Room(store, "root", token=root.grant_access("root", AccessTier.STEWARD))
    tokens = {f"v{n}": root.grant_access(f"v{n}", AccessTier.VALIDATOR) for n in range(PROMOTERS)}
    prefix = f"{{{NAMESPACE}..0}}:pattern:"

    def lasting():
        return {entry.name.removeprefix(prefix) for entry in store.backend.listing(prefix)}

    won: list[tuple[str, str]] = []
    ids: list[str] = []
    in_the_middle = 0
    promoters = [Promoter(stack, kind, settings, agent, token, 0) for agent, token in tokens.items()]
    for seed in range(1, ROUNDS + 1):
        ids += [root.stage_pattern({"name": f"lesson {number}"}) for number in range(PATTERNS_A_ROUND)]
        for promoter in promoters:
            promoter.go()
        victim = promoters.pop(dice.randrange(PROMOTERS))
        won += itertools.islice(victim.wins(), dice.randrange(4))
        rest, was_at_it = victim.killed()
        in_the_middle += was_at_it
        won += rest
        waiting = {pattern["id"] for pattern in root.get_staged_patterns()}
        assert waiting | lasting() == set(ids), "some are lost"
        for promoter in promoters:
            won += promoter.wins()
        promoters.append(Promoter(stack, kind, settings, victim.agent, tokens[victim.agent], seed))
    for promoter in promoters:
        ended(promoter.child)

    assert in_the_middle >= ROUNDS // 3, "they are through too early: the race is too easy"
    assert root.get_staged_patterns() == []
    assert lasting() == set(ids)
    acts = [act for act in chain.read(store, NAMESPACE, limit=10_000) if act.act == "promote"]
    promoted = {act.subject: act.agent for act in acts}
    assert len(acts) == len(promoted) == len(ids), "some are promoted twice, or without an act"
    assert len({each for each, _ in won}) == len(won), "one has had two winners"
    assert promoted.items() >= dict(won).items()
    assert len(ids) - len(won) <= ROUNDS, "more than those who were killed before they could say so"
    for each, agent in promoted.items():
        kept = store.get(prefix + each)
        assert isinstance(kept, dict)
        assert (kept["id"], unquote(kept["promoted_by"])) == (each, agent)
    assert audit.verify(store, NAMESPACE).is_whole

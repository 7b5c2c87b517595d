"""Agents that work together over one memory, each with a store of its own, as other processes have it."""

from __future__ import annotations

import threading

from quarterdeck.memory.access import AccessTier
from quarterdeck.memory.channels import Channels
from quarterdeck.memory.embedded import EmbeddedBackend
from quarterdeck.memory.queues import Queues
from quarterdeck.memory.server import RedisBackend
from quarterdeck.memory.sessions import Sessions
from quarterdeck.memory.settings import Limits, RedisConfig
from quarterdeck.memory.signals import Signals
from quarterdeck.memory.stewardship import Stewardship
from quarterdeck.memory.store import Store
from quarterdeck.memory.streams import Streams
from tests.memory_worlds import Clock


class Agent(Sessions, Signals, Queues, Streams, Channels, Stewardship):
    """One agent in all the rooms that agents share."""


class Ship:
    """One memory file, and the agents aboard; the clock stands still until a test moves it."""

    def __init__(self, folder):
        self.path = str(folder / "memory.sqlite")
        self.clock = Clock()
        self._agents = []

    def backend(self):
        """Another handle on the memory."""
        return EmbeddedBackend(self.path, clock=self.clock)

    def agent(self, name="somebody", **how):
        """An object of agent *name* in a process of its own."""
        agent = Agent(Store(self.backend(), Limits()), name, **how)
        self._agents.append(agent)
        return agent

    def observer(self):
        """An agent that only reads."""
        return self.agent("observer", access_tier=AccessTier.OBSERVER)

    def steward(self):
        """An agent that may do everything."""
        return self.agent("root", token=self.agent("root").grant_access("root", AccessTier.STEWARD))

    def close(self):
        """Give everything back."""
        for agent in self._agents:
            agent.close()
            agent.store.close()


class Fleet(Ship):
    """The same over a server, whose clock nobody holds."""

    def __init__(self, url):
        self.url = url
        self._agents = []

    def backend(self):
        return RedisBackend(RedisConfig(url=self.url))


def at_once(*functions):
    """What functions return that are called at the same moment, each in a thread of its own."""
    together = threading.Barrier(len(functions))
    results = [None] * len(functions)

    def run(number, function):
        together.wait()
        results[number] = function()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def after_a_while(function):
    """Call *function* in a thread, when the caller is likely to wait already; returns the thread."""
    thread = threading.Timer(0.05, function)
    thread.start()
    return thread

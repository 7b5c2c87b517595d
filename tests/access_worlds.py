"""One memory file and several stores on it, each with a handle and a local tier as another process has."""

from __future__ import annotations

import sqlite3

from quarterdeck.memory.access import AccessTier
from quarterdeck.memory.embedded import EmbeddedBackend
from quarterdeck.memory.settings import Limits
from quarterdeck.memory.staging import Staging
from quarterdeck.memory.stewardship import Stewardship
from quarterdeck.memory.store import Store
from tests.memory_worlds import Clock

NAMESPACE = Limits.namespace


class Room(Staging, Stewardship):
    """Where everything can be done that takes a tier."""


class Place:
    """One memory file, and the stores that are open on it."""

    def __init__(self, folder):
        self.path = str(folder / "memory.sqlite")
        self.clock = Clock()
        self.root_token = None
        self._stores = []

    def store(self, **limits):
        """Another store on the file, as another process has it."""
        self._stores.append(Store(EmbeddedBackend(self.path, clock=self.clock), Limits(**limits)))
        return self._stores[-1]

    def room(self, agent="somebody", **how):
        """A seat of *agent* at a store of its own."""
        return Room(self.store(), agent, **how)

    def room_with(self, tier, agent=None):
        """A seat of an agent with that tier; the steward ``root`` is registered if nobody is."""
        agent = agent or f"the-{tier.name.lower()}"
        root = self.room("root", token=self.root_token)
        if self.root_token is None:
            self.root_token = root.grant_access("root", AccessTier.STEWARD)
        return self.room(agent, token=root.grant_access(agent, tier))

    def sql(self, statement, *values):
        """What somebody does to the file who does not ask Quarterdeck."""
        connection = sqlite3.connect(self.path)
        with connection:
            rows = connection.execute(statement, values).fetchall()
        connection.close()
        return rows

    def close(self):
        for store in self._stores:
            store.close()

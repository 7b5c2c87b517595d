"""The contract of memory backends holds for plain dicts: the suite asks for nothing that cannot be had."""

from __future__ import annotations

import pytest

from quarterdeck.testing.memory import CoherenceContract, EntriesContract, LogsContract, TransactionsContract
from tests.memory_worlds import Clock, DictBackend, World


class TestDicts(EntriesContract, TransactionsContract, LogsContract, CoherenceContract):
    """All but what needs more than one process."""

    @pytest.fixture
    def world(self):
        return World(Clock())

    @pytest.fixture
    def backend(self, world):
        return DictBackend(world)

    @pytest.fixture
    def other(self, world):
        return DictBackend(world)

    @pytest.fixture
    def pass_time(self, world):
        return world.clock.pass_time

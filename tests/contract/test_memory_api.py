"""The published API of agent memory, on a file and on every server of this machine."""

from __future__ import annotations

import time

import pytest

from quarterdeck.memory.embedded import EmbeddedBackend
from quarterdeck.memory.server import RedisBackend
from quarterdeck.memory.settings import MemoryConfig, RedisConfig
from quarterdeck.memory.store import Store
from quarterdeck.testing.memory.api import MemoryContract
from tests.memory_worlds import Clock


class TestOnAFile(MemoryContract):
    """With one clock that only the test moves."""

    @pytest.fixture
    def clock(self):
        return Clock()

    @pytest.fixture
    def new_store(self, tmp_path, namespace, clock):
        path = str(tmp_path / "memory.sqlite")
        return lambda: Store(EmbeddedBackend(path, clock=clock), MemoryConfig(namespace=namespace))

    @pytest.fixture
    def pass_time(self, clock):
        return clock.pass_time


class TestOnAServer(MemoryContract):
    """Redis and Valkey; time passes by itself."""

    inexact_s = 0.005  # the server's clock ticks once a millisecond, and is not ours

    @pytest.fixture
    def new_store(self, redis_server, namespace):
        config = RedisConfig(url=redis_server.url, namespace=namespace)
        return lambda: Store(RedisBackend(config), config)

    @pytest.fixture
    def pass_time(self):
        return time.sleep

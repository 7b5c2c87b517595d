"""The contract of memory backends, on every Redis and Valkey server of this machine."""

from __future__ import annotations

import time
from contextlib import closing

import pytest

from quarterdeck.memory.server import RedisBackend
from quarterdeck.memory.settings import RedisConfig
from quarterdeck.testing.memory import BackendContract


class TestRedis(BackendContract):
    """Both handles on one server, with connections of their own."""

    inexact_s = 0.005  # the server's clock ticks once a millisecond, and is not ours

    @pytest.fixture
    def config(self, redis_server, namespace):
        return RedisConfig(url=redis_server.url, namespace=namespace)

    @pytest.fixture
    def backend(self, config):
        with closing(RedisBackend(config)) as backend:
            yield backend

    @pytest.fixture
    def other(self, config):
        with closing(RedisBackend(config)) as backend:
            yield backend

    @pytest.fixture
    def pass_time(self):
        return time.sleep

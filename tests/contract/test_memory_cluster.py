"""The contract of memory backends, on a cluster of three masters with a replica each."""

from __future__ import annotations

import time
from contextlib import closing

import pytest

from quarterdeck.memory.server import RedisBackend
from quarterdeck.memory.settings import RedisConfig
from quarterdeck.testing.memory import BackendContract
from tests.memory_servers import find_servers


@pytest.fixture(scope="module")
def cluster(redis_fleet):
    """Of the last server found; every test has a namespace of its own."""
    cluster = redis_fleet.shared("cluster", find_servers()[-1])
    cluster.flush()
    return cluster


class TestCluster(BackendContract):
    """Both handles on one cluster, with connections of their own."""

    inexact_s = 0.005  # the server's clock ticks once a millisecond, and is not ours
    keeps_absence = False  # its slot may move without a word

    @pytest.fixture
    def config(self, cluster, namespace):
        return RedisConfig(url=cluster.url, namespace=namespace)

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

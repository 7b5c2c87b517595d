"""Who has an entry, when another thread forgets it in the middle."""

from __future__ import annotations

import contextlib
from unittest.mock import create_autospec

import pytest

from quarterdeck.memory.server.address import Place, address_of
from quarterdeck.memory.server.connect import Node
from quarterdeck.memory.server.masters import Cluster, Span, Watched
from quarterdeck.memory.settings import RedisConfig


def nothing():
    """What an outage means here."""


class ForgetfulWatched(Watched):
    """Its master is forgotten as soon as it is known."""

    def __setattr__(self, name, value):
        super().__setattr__(name, None if name == "_master" else value)

    def _ask(self, place):
        return [b"127.0.0.1", b"7000"]


class ForgetfulCluster(Cluster):
    """Its slots are forgotten as soon as they have been looked at; but for the first time."""

    looks = 0

    @property
    def _spans(self):
        self.looks += 1
        return self._known if self.looks == 2 else []

    @_spans.setter
    def _spans(self, spans):
        self._known = spans


@pytest.fixture
def watched():
    address = address_of(RedisConfig(url="redis+sentinel://127.0.0.1:7001/service"))
    with contextlib.closing(ForgetfulWatched(address, nothing)) as made:
        yield made


def test_a_master_that_is_forgotten_meanwhile_is_used_once(watched):
    """By whoever has just been told of it; there is always one."""
    assert watched.of("k").place == Place("127.0.0.1", 7000)
    assert [node.place for node in watched.all()] == [Place("127.0.0.1", 7000)]


def test_slots_that_are_forgotten_meanwhile_are_used_once():
    """Two threads look for them at a time, and the second one finds them known."""
    node = create_autospec(Node, instance=True)
    cluster = ForgetfulCluster(address_of(RedisConfig(url="redis+cluster://127.0.0.1:7000")), nothing)
    cluster._spans = [Span(0, 16_383, node)]
    assert cluster.of("k") is node

"""Every way to write goes through the scrubber, one entry or many."""

from __future__ import annotations

import pytest

from quarterdeck.errors import ScrubRefused
from quarterdeck.memory.settings import Limits
from quarterdeck.memory.store import Entry, Store
from tests.memory_worlds import Clock, DictBackend, World

A, B, LOG = "{n.a.0}:k:a", "{n.a.0}:k:b", "{n.a.0}:log:a"
SECRET = {"password": "hunter2", "mail": "alice@example.com"}
LEFT = {"password": "[REDACTED:password]", "mail": "[REDACTED:email]"}


@pytest.fixture
def backend():
    return DictBackend(World(Clock()))


@pytest.fixture
def store(backend):
    return Store(backend, Limits())


class TestStore:
    def test_a_batch_is_scrubbed(self, store):
        """As one entry is."""
        store.put(A, SECRET)
        store.put_many({B: [SECRET]})
        assert store.get_many([A, B]) == [LEFT, [LEFT]]

    def test_a_transaction_and_a_log_are_scrubbed(self, store, backend):
        """Also when a value depends on what was there."""
        store.change([A], lambda seen: [Entry(A, SECRET)])
        store.add(LOG, [SECRET])
        assert store.get(A) == LEFT
        assert [record.value for record in store.records(LOG, backend.items(LOG))] == [LEFT]

    def test_one_bad_value_keeps_the_whole_batch_out(self, store):
        """Nothing is stored."""
        with pytest.raises(ScrubRefused):
            store.put_many({A: 1, B: {"a@example.com": 1, "b@example.com": 2}})
        assert not store.get(A)

    def test_it_can_be_switched_off(self, backend):
        """Each half by its own setting."""
        store = Store(backend, Limits(pii_scrub_enabled=False, secrets_detection_enabled=False))
        store.put(A, SECRET)
        assert store.get(A) == SECRET

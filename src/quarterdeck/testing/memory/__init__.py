"""The contract suites of agent memory: whoever writes a backend runs them on it (with pytest).

    class TestMyBackend(BackendContract):
        @pytest.fixture
        def backend(self, namespace):           # a handle on the store
            with closing(MyBackend(…, namespace)) as backend:
                yield backend

        @pytest.fixture
        def other(self, namespace):             # a second one, as another process would have it
            …

        @pytest.fixture
        def pass_time(self):                    # moves the clock of both, or waits for a real one
            return time.sleep

One suite per part, each sentence of `quarterdeck.memory.backend` a test or more:

    BackendContract = EntriesContract · TransactionsContract · LogsContract · CoherenceContract · UseContract

Stores may be shared by all tests, and hold anything else: every test has a *namespace* of its own. A line
``pytest.register_assert_rewrite("quarterdeck.testing.memory")`` in a ``conftest.py`` makes failures speak.

What agents see of a store has a suite of its own, `quarterdeck.testing.memory.api.MemoryContract`.
"""

from __future__ import annotations

from quarterdeck.testing.memory.coherence import CoherenceContract
from quarterdeck.testing.memory.entries import EntriesContract
from quarterdeck.testing.memory.logs import LogsContract
from quarterdeck.testing.memory.transactions import TransactionsContract
from quarterdeck.testing.memory.use import UseContract

__all__ = [
    "BackendContract",
    "CoherenceContract",
    "EntriesContract",
    "LogsContract",
    "TransactionsContract",
    "UseContract",
]


class BackendContract(EntriesContract, TransactionsContract, LogsContract, CoherenceContract, UseContract):
    """Everything that a `quarterdeck.memory.backend.Backend` must do."""

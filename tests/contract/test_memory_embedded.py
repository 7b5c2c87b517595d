"""The contract of memory backends, on the file that all processes of a machine share."""

from __future__ import annotations

from contextlib import closing

import pytest

from quarterdeck.memory.embedded import EmbeddedBackend
from quarterdeck.testing.memory import BackendContract
from tests.memory_worlds import Clock


class TestEmbedded(BackendContract):
    """Both handles on one file, with one clock that only the test moves."""

    @pytest.fixture
    def clock(self):
        return Clock()

    @pytest.fixture
    def backend(self, tmp_path, clock):
        with closing(EmbeddedBackend(str(tmp_path / "memory.sqlite"), clock=clock)) as backend:
            yield backend

    @pytest.fixture
    def other(self, tmp_path, clock):
        with closing(EmbeddedBackend(str(tmp_path / "memory.sqlite"), clock=clock)) as backend:
            yield backend

    @pytest.fixture
    def pass_time(self, clock):
        return clock.pass_time

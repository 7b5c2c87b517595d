"""Copies of a store whose files are deleted while it is in use: found out without any read or write of it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from quarterdeck.memory.embedded import EmbeddedBackend
from quarterdeck.memory.settings import MemoryConfig
from quarterdeck.memory.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAME = "{default.a.0}:work:k"
PATIENCE_S = 10.0


def in_time(holds: Callable[[], bool]) -> bool:
    """Whether *holds* becomes true before anybody loses patience."""
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        if holds():
            return True
    return False


@pytest.mark.parametrize("gone", [("-slots",), ("", "-wal", "-shm", "-slots")], ids=["slots", "everything"])
def test_a_reader_that_only_uses_copies_finds_out_that_files_were_deleted(
    tmp_path: Path, gone: tuple[str, ...]
) -> None:
    """It looks now and then; from then on it reads what the others write."""
    path = str(tmp_path / "memory.sqlite")
    reader = Store(EmbeddedBackend(path), MemoryConfig())
    writer = Store(EmbeddedBackend(path), MemoryConfig())
    writer.put(NAME, 1)
    assert reader.get(NAME) == 1
    assert reader.get_near(NAME) == (1,)
    for suffix in gone:
        if os.path.exists(path + suffix):
            os.unlink(path + suffix)
    other = Store(EmbeddedBackend(path), MemoryConfig())
    other.put(NAME, 2)
    assert in_time(lambda: reader.get(NAME) == 2)
    other.put(NAME, 3)
    assert reader.get(NAME) == 3
    for store in (reader, writer, other):
        store.close()

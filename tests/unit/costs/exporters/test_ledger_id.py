"""A ledger has one id, random, for as long as its folder lives."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from quarterdeck.costs.exporters import ledger_id
from quarterdeck.errors import NothingToRead, StoreCorrupt
from tests.exporter_worlds import lived


def test_all_who_ask_at_once_get_the_same(tmp_path):
    """The id is made once, whoever is first; nothing else is left in the folder."""
    folder = lived(tmp_path, answers=1).folder
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(ledger_id, [folder] * 64))
    assert len(ids) == 1
    assert ledger_id(folder) in ids
    assert [path.name for path in tmp_path.glob("ledger.id*")] == ["ledger.id"]
    assert stat.S_IMODE((tmp_path / "ledger.id").stat().st_mode) == 0o600


def test_two_ledgers_have_two(tmp_path):
    """Two machines that ship into one database never meet."""
    assert ledger_id(lived(tmp_path / "a", answers=1).folder) != ledger_id(
        lived(tmp_path / "b", answers=1).folder
    )


def test_where_nothing_was_recorded_there_is_no_ledger(tmp_path):
    """Asking makes no file."""
    with pytest.raises(NothingToRead):
        ledger_id(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"not an id", b"\xff\xfe"])
def test_a_damaged_id_is_never_replaced(tmp_path, content):
    """A new id would ship everything a second time."""
    folder = lived(tmp_path, answers=1).folder
    (tmp_path / "ledger.id").write_bytes(content)
    with pytest.raises(StoreCorrupt, match=r"ledger\.id"):
        ledger_id(folder)
    assert (tmp_path / "ledger.id").read_bytes() == content

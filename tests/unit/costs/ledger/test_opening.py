"""Which ledger is meant."""

from __future__ import annotations

import pytest

from quarterdeck.costs.ledger.opening import open_ledger
from quarterdeck.errors import StateError


def test_the_project_that_is_named_sets_the_ledger(tmp_path):
    """Not the one that the working folder lies in."""
    (tmp_path / "pyproject.toml").write_text('[tool.quarterdeck.costs]\nledger = "/srv/ledger"\n')
    assert open_ledger(root=str(tmp_path)).folder == "/srv/ledger"
    assert open_ledger().folder != "/srv/ledger"


def test_without_a_home_a_named_folder_still_works(tmp_path, monkeypatch):
    """And without one the error says what to set."""
    for name in ("HOME", "QUARTERDECK_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # as for a number without an account
    assert open_ledger(tmp_path).folder == str(tmp_path)
    with pytest.raises(StateError, match="no home folder"):
        open_ledger()


def test_prices_are_remembered_for_the_next_process(tmp_path, monkeypatch):
    """In the cache, not in the ledger."""
    monkeypatch.setenv("QUARTERDECK_HOME", str(tmp_path / "home"))
    ledger = open_ledger(tmp_path / "ledger")
    assert ledger.card_until("claude-haiku-4-5")[0] is not None
    assert [path.name for path in tmp_path.rglob("cards.jsonl")] == ["cards.jsonl"]
    assert not (tmp_path / "ledger").exists()

"""What answers in transcripts are priced by."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest

from quarterdeck.costs.ledger.opening import open_ledger
from quarterdeck.costs.pricing import published
from quarterdeck.loops.sessions import prices

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_prices_that_the_ledger_has_found_are_found_again(tmp_path, monkeypatch):
    """Both keep them in one file, and where that has them the price list is not asked."""
    with contextlib.closing(open_ledger(tmp_path / "ledger", root=str(tmp_path))) as ledger:
        assert ledger.prices.card("claude-sonnet-4-5", at=NOW) is not None
    monkeypatch.setattr(published, "resolve", lambda *name: pytest.fail("asked again"))
    assert prices.prices_of(str(tmp_path)).card("claude-sonnet-4-5", at=NOW) is not None


def test_the_users_own_prices_count(tmp_path):
    """As they do for the ledger."""
    (tmp_path / "quarterdeck.toml").write_text(
        '[costs.prices."our-model"]\ninput_per_mtok = 2\noutput_per_mtok = 3\n'
    )
    assert prices.prices_of(str(tmp_path)).card("our-model", at=NOW) is not None
    assert prices.prices_of(str(tmp_path)).card("nobodys-model", at=NOW) is None

"""What answers in transcripts are priced by."""

from __future__ import annotations

from datetime import UTC, datetime

from quarterdeck.costs.ledger import opening
from quarterdeck.loops.sessions import prices

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_prices_that_the_ledger_has_found_are_found_again():
    """Both keep them in one file."""
    assert prices.CARDS == opening.CARDS


def test_the_users_own_prices_count(tmp_path):
    """As they do for the ledger."""
    (tmp_path / "quarterdeck.toml").write_text(
        '[costs.prices."our-model"]\ninput_per_mtok = 2\noutput_per_mtok = 3\n'
    )
    assert prices.prices_of(str(tmp_path)).card("our-model", at=NOW) is not None
    assert prices.prices_of(str(tmp_path)).card("nobodys-model", at=NOW) is None

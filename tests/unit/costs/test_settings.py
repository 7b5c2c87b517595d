"""The settings of the section, from where they are meant to be set."""

from __future__ import annotations

import pytest

from quarterdeck.costs.ledger.opening import open_ledger
from quarterdeck.costs.settings import CostsConfig
from quarterdeck.errors import ConfigError


def test_without_settings_the_ledger_is_the_users_own(monkeypatch, tmp_path):
    """Not the project's, and nothing is created."""
    monkeypatch.setenv("QUARTERDECK_HOME", str(tmp_path / "home"))
    ledger = open_ledger()
    assert ledger.folder == str(tmp_path / "home" / "costs")
    assert ledger.config == CostsConfig()
    assert not (tmp_path / "home").exists()


def test_each_setting_reaches_the_ledger_from_the_environment(monkeypatch, tmp_path):
    """Under its own name."""
    given = {
        "ledger": "~/mine",
        "durability": "power",
        "sync_interval_s": "0.5",
        "baseline_model": "gpt-4o",
        "cheap": "a",
        "capable": "b",
        "premium": "c",
        "rotate_bytes": "1000",
        "compact_after_days": "2",
        "prices": '{"a": {"input_per_mtok": 1, "output_per_mtok": 2}}',
    }
    assert set(given) == set(CostsConfig._fields)
    for name, value in given.items():
        monkeypatch.setenv(f"QUARTERDECK_COSTS_{name.upper()}", value)
    monkeypatch.setenv("HOME", str(tmp_path))
    ledger = open_ledger()
    assert ledger.folder == str(tmp_path / "mine")
    assert ledger.config[1:9] == ("power", 0.5, "gpt-4o", "a", "b", "c", 1000, 2.0)
    assert ledger.card_until("cheap")[0] is not None


def test_a_folder_that_is_named_wins_over_the_setting(monkeypatch, tmp_path):
    """As a path object, too."""
    monkeypatch.setenv("QUARTERDECK_COSTS_LEDGER", "/elsewhere")
    assert open_ledger(tmp_path / "here").folder == str(tmp_path / "here")
    assert open_ledger().folder == "/elsewhere"


@pytest.mark.parametrize(
    "flags",
    [
        {"durability": "eternal"},
        {"nonsense": 1},
        {"rotate_bytes": -1},
        {"prices": {"a": {"input_per_mtok": -1}}},
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_at_once(flags):
    """Before anything is recorded by it."""
    with pytest.raises(ConfigError) as raised:
        open_ledger(flags=flags)
    assert raised.value.hint

"""``qd config``: every setting and where it came from."""

from __future__ import annotations

import json
import re

import pytest

from quarterdeck.costs.settings import CostsConfig
from quarterdeck.index.settings import IndexConfig
from quarterdeck.loops.settings import LoopSettings
from quarterdeck.memory.settings import MemorySettings
from quarterdeck.patterns.settings import PatternSettings


def test_every_setting_is_shown_with_its_source(qd, project, monkeypatch):
    """A default, a file, a variable."""
    (project / "quarterdeck.toml").write_text("[index]\nchurn_days = 30\n")
    monkeypatch.setenv("QUARTERDECK_INDEX_SUBMODULES", "yes")
    settings = {each["setting"]: each for each in qd("config", "--json").json["settings"]}
    parts = {
        "costs": CostsConfig._fields,
        "index": IndexConfig._fields,
        "loops": LoopSettings._fields,
        "memory": MemorySettings._fields,
        "patterns": PatternSettings._fields,
    }
    assert list(settings) == [f"{part}.{name}" for part, names in parts.items() for name in names]
    assert (settings["index.churn_days"]["value"], settings["index.submodules"]["value"]) == (30, True)
    assert settings["index.churn_days"]["source"].endswith("quarterdeck.toml")
    assert settings["index.submodules"]["source"] == "QUARTERDECK_INDEX_SUBMODULES"
    assert settings["index.lint"]["source"] == "default"
    assert "index.churn_days" in qd("config").out


def test_a_wrong_setting_is_a_usage_error(qd, project):
    """The file and the name are in the message."""
    (project / "quarterdeck.toml").write_text("[index]\nchurn = 30\n")
    result = qd("config")
    assert result.code == 2
    assert "index.churn" in result.err


@pytest.mark.usefixtures("project")
def test_no_index_is_made(qd, tmp_path):
    """Showing settings reads settings."""
    qd("config")
    assert not list(tmp_path.rglob("index.sqlite"))


PRICES = """
[costs.prices."my-model"]
input = 1.5
since = 2026-01-31
odd = [nan, -inf, 12:30:00]
[costs.prices."a.b\\n\u202e"]
output = 2
"""
SHOWN = {
    "my-model": {"input": 1.5, "since": "2026-01-31", "odd": ["nan", "-inf", "12:30:00"]},
    "a.b\n\u202e": {"output": 2},
}


def test_a_table_is_shown_entry_by_entry(qd, project):
    """Each under its own name, whatever it is called; to a program it is one object of valid JSON."""
    (project / "quarterdeck.toml").write_text(PRICES)
    settings = {each["setting"]: each["value"] for each in qd("config", "--json").json["settings"]}
    assert settings["costs.prices"] == SHOWN
    rows = [re.split(r"\s{2,}", line.strip()) for line in qd("config").out.splitlines()]
    for model, entry in SHOWN.items():
        row = [f"costs.prices.{json.dumps(model)}", json.dumps(entry), str(project / "quarterdeck.toml")]
        assert row in rows


@pytest.mark.usefixtures("project")
def test_an_empty_table_is_shown_too(qd):
    """It can be filled, so it is worth a line."""
    assert any(line.split() == ["costs.prices", "{}", "default"] for line in qd("config").out.splitlines())


def test_a_password_in_the_url_of_the_memory_is_not_shown(qd, monkeypatch):
    """Neither as a table nor as JSON."""
    monkeypatch.setenv("QUARTERDECK_MEMORY_URL", "redis://ada:correct-horse@memory.lan/2")
    for options in ((), ("--json",)):
        shown = qd("config", *options).out
        assert "memory.lan" in shown
        assert "correct-horse" not in shown

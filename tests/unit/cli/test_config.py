"""``qd config``: every setting and where it came from."""

from __future__ import annotations

import pytest

from quarterdeck.index.settings import IndexConfig


def test_every_setting_is_shown_with_its_source(qd, project, monkeypatch):
    """A default, a file, a variable."""
    (project / "quarterdeck.toml").write_text("[index]\nchurn_days = 30\n")
    monkeypatch.setenv("QUARTERDECK_INDEX_SUBMODULES", "yes")
    settings = {each["setting"]: each for each in qd("config", "--json").json["settings"]}
    assert set(settings) == {f"index.{name}" for name in IndexConfig._fields}
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

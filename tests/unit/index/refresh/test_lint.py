"""Findings per file by a real ruff, and "unknown" wherever it gives no answer."""

from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path

import pytest

from quarterdeck.index.refresh.lint import lint_counts

RUFF = os.path.join(sysconfig.get_path("scripts"), "ruff")


@pytest.fixture
def root(tmp_path):
    """Two unused imports in one file, one in another, none in a third."""
    root = tmp_path / "project"
    (root / "pkg").mkdir(parents=True)
    (root / "pkg" / "bad.py").write_text("import os\nimport sys\n")
    (root / "worse é.py").write_text("import os\n")
    (root / "good.py").write_text("x = 1\n")
    return root


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A PATH of one folder, with nothing in it yet."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def program(folder, text):
    (folder / "ruff").write_text(f"#!/bin/sh\n{text}\n")
    (folder / "ruff").chmod(0o755)


@pytest.fixture
def ruff(path):
    """The real one, alone on PATH."""
    found = RUFF if os.path.exists(RUFF) else shutil.which("ruff", path=os.defpath)
    assert found, "ruff is one of the development tools"
    (path / "ruff").symlink_to(found)


def test_findings_are_counted_per_file(root, ruff):
    """By relative path; a file without findings is not named."""
    assert lint_counts(str(root)) == {"pkg/bad.py": 2, "worse é.py": 1}


def test_the_projects_own_settings_hold(root, ruff):
    """What the project does not want to hear of is no finding."""
    (root / "ruff.toml").write_text('lint.ignore = ["F401"]\n')
    assert lint_counts(str(root)) == {}


def test_without_ruff_nothing_is_known(root, path):
    """None, which is not the same as no findings."""
    assert lint_counts(str(root)) is None


def test_a_ruff_in_the_project_is_not_run(root, path, tmp_path, monkeypatch):
    """A relative PATH entry could lead to what was checked out."""
    program(root, f"touch {tmp_path}/ran; echo '[]'")
    monkeypatch.setenv("PATH", ".")
    monkeypatch.chdir(root)
    assert lint_counts(str(root)) is None
    assert not Path(tmp_path, "ran").exists()


@pytest.mark.parametrize(
    "output",
    ["", "not json", "null", "3", '["text"]', "[{}]", '[{"filename": null}]', '[{"filename": 1}]'],
)
def test_an_answer_that_is_none_is_unknown(root, path, output):
    """A broken or another ruff ends no scan."""
    program(path, f"echo '{output}'")
    assert lint_counts(str(root)) is None


def test_settings_that_ruff_refuses_are_unknown(root, ruff):
    """It says nothing on standard output then."""
    (root / "ruff.toml").write_text("no such = [setting")
    assert lint_counts(str(root)) is None

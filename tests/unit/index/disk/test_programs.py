"""Which program is run is not for the project to say."""

from __future__ import annotations

import pytest

from quarterdeck.index.disk.programs import find_program
from quarterdeck.index.refresh.lint import lint_counts


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """A project with a ``ruff`` of its own that leaves a trace, and a PATH that begins right there."""
    program = tmp_path / "ruff"
    program.write_text("#!/bin/sh\ntouch ran\necho []\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", ".")
    return tmp_path


def test_a_program_of_the_folder_that_is_read_is_not_found(planted):
    """A relative entry of PATH means whatever folder one stands in."""
    assert find_program("ruff") == ""


def test_linting_runs_no_program_of_the_project(planted):
    """Then nothing is known, which is not the same as no findings."""
    assert lint_counts(str(planted)) is None
    assert not (planted / "ran").exists()

"""The tour through the program: what it may see, and that it tells when something went wrong."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from quarterdeck.testing import demo


@pytest.fixture
def tour(tmp_path):
    """A tour in an empty folder."""
    return demo.Tour(tmp_path, {**os.environ, "QUARTERDECK_HOME": str(tmp_path / "state")})


def test_the_ledger_is_shown_without_anything_of_the_person_who_looks(tmp_path, monkeypatch):
    """Neither their transcripts nor their ledger nor their settings can be found from the environment."""
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_CONFIG_HOME", "QUARTERDECK_COSTS_LEDGER"):
        monkeypatch.setenv(name, str(tmp_path / "theirs"))
    folder, env = demo.generated(tmp_path)
    assert [name for name, value in env.items() if "theirs" in value] == []
    assert env["HOME"] == str(folder)
    assert env["QUARTERDECK_HOME"].startswith(str(tmp_path))


def test_a_command_that_fails_is_told_in_the_end(tour, capfd):
    """An exit code that nobody expected makes the tour a failure; one that was expected does not."""
    tour.show("There is no budget of that number.", "costs", "budget", "rm", "7", ends_with=2)
    assert not tour.failed
    tour.show("There is no budget of that number.", "costs", "budget", "rm", "7")
    assert tour.failed
    assert "$ qd costs budget rm 7" in capfd.readouterr().out


def test_a_command_may_read_a_file(tour, tmp_path, capfd):
    """It is shown as it would be typed."""
    (tmp_path / "trust.json").write_text('[{"trust": 0.5}, {"trust": 0.5}, {"trust": 0.5}]')
    tour.show("Nothing moves.", "loops", "check", "-", reads="trust.json")
    told = capfd.readouterr().out
    assert not tour.failed
    assert "$ qd loops check - < trust.json\nno loop in 3 snapshots\n" in told


def test_of_long_answers_only_the_head_is_shown(tour, capfd):
    """And the command line says so, as it would be typed."""
    tour.show("All there is.", "costs", "--help", head=2)
    assert capfd.readouterr().out.splitlines()[1:] == [
        "# All there is.",
        "$ qd costs --help | head -n 2",
        "Usage: qd costs [OPTIONS] [COMMAND] [ARGS]...",
        "",
    ]


def test_of_many_remarks_the_rest_is_counted(tour, tmp_path, capfd):
    """Those that are left out are not hidden."""
    projects = tmp_path / "projects"
    projects.mkdir()
    torn = '{"type":"assistant","message":{"usage":{"input_tokens":-1}}}\n'
    (projects / "session.jsonl").write_text(torn * 5)
    tour.show("Five lines.", "costs", "import", "claude-code", "--root", str(projects), notes=2)
    told = capfd.readouterr().out
    assert told.count("note: ") == 2
    assert "(3 more such notes are left out here)" in told


def test_the_tour_goes_to_its_end(tmp_path):
    """Every command ends as it should, on code and on transcripts up to this day; then it is your turn."""
    (tmp_path / "app.py").write_text("def main():\n    return 1\n")
    place = tmp_path / "tmp"
    place.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "quarterdeck.testing.demo"],
        cwd=tmp_path, env={**os.environ, "TMPDIR": str(place)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every sum is that of the journal" in done.stdout
    assert "2 loops in 2 of 3 sessions" in done.stdout
    assert "quarterdeck loops: repetition" in done.stderr
    assert done.stdout.endswith(f"{demo.YOUR_TURN}\n")
    assert not list(place.glob("quarterdeck-demo.*"))

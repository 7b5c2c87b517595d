"""``qd loops watch`` while its file is made, grows, is cut short, replaced and removed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.session_worlds import Transcript

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WATCH = [
    sys.executable,
    "-c",
    "from quarterdeck.cli import main; main()",
    "loops",
    "watch",
    "--every",
    "20ms",
]


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Any]:
    """Starts watchers, each of which has said that it watches; none outlives the test."""
    started: list[subprocess.Popen[str]] = []

    def start(path: Path, *options: str) -> subprocess.Popen[str]:
        watcher = subprocess.Popen(
            [*WATCH, str(path), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
        started.append(watcher)
        assert watcher.stderr is not None
        said = watcher.stderr.readline().rstrip("\n")
        assert said.startswith("watching ")
        assert said.isprintable()
        return watcher

    yield start
    for watcher in started:
        watcher.kill()
        watcher.communicate()


def begun(watcher: subprocess.Popen[str]) -> str:
    """What it says when it has found the transcript."""
    assert watcher.stderr is not None
    return watcher.stderr.readline()


def alarm(watcher: subprocess.Popen[str]) -> dict[str, Any]:
    """The next one, of a watcher with ``--json``."""
    assert watcher.stdout is not None
    found: dict[str, Any] = json.loads(watcher.stdout.readline())
    assert found["schema"] == "quarterdeck.loops.alarm/1"
    return found


def test_a_session_is_waited_for_and_followed_until_it_must_stop(watching, tmp_path):
    """Each level once; then it ends with 1, as it was told."""
    path = tmp_path / "session.jsonl"
    watcher = watching(path, "--json", "--exit-on", "stop")
    transcript = Transcript(path).asked()
    assert "so far" in begun(watcher)
    transcript.called(20)
    assert [alarm(watcher)["level"] for _ in range(3)] == ["nudge", "pause", "stop"]
    assert watcher.wait(60) == 1


def test_a_transcript_that_is_cut_short_or_replaced_is_begun_anew(watching, tmp_path):
    """What was seen before counts no more."""
    path = tmp_path / "session.jsonl"
    transcript = Transcript(path).asked()
    watcher = watching(path, "--json")
    assert "so far" in begun(watcher)
    transcript.called(4)
    assert alarm(watcher)["level"] == "nudge"
    path.write_text("")
    other = Transcript(path).asked().called(4, tool="Read", outcome="one")
    assert alarm(watcher)["what"].startswith("Read")
    path.unlink()
    new = Transcript(tmp_path / "new.jsonl").asked().called(4, tool="Glob", outcome="two")
    new.path.rename(path)
    found = alarm(watcher)
    assert (found["what"][:4], found["times"]) == ("Glob", 4)
    assert other.path == path


def test_subagents_are_followed_as_well(watching, tmp_path):
    """They write files of their own beside the session's."""
    path = tmp_path / "session.jsonl"
    Transcript(path).asked()
    watcher = watching(path, "--json")
    assert "so far" in begun(watcher)
    agent = Transcript(tmp_path / "session" / "subagents" / "agent-a1.jsonl", agent="a1").asked()
    assert "so far" in begun(watcher)
    agent.called(4)
    found = alarm(watcher)
    assert (found["actor"], found["path"]) == ("a1", str(agent.path))


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_it_ends_when_it_is_told_to(watching, tmp_path, number: signal.Signals, code: int):
    """By Ctrl-C as every command."""
    watcher = watching(tmp_path / "session.jsonl")
    watcher.send_signal(number)
    assert watcher.wait(60) == code


def test_garbage_is_said_once_and_what_comes_after_it_is_read(watching, tmp_path):
    """A file of no known format may become one."""
    path = tmp_path / "\x1b[2J\u202e.jsonl"
    path.write_text("\x1b[2J\u202e no transcript\n")
    watcher = watching(path, "--exit-on", "nudge")
    said = begun(watcher)
    assert said.startswith("note: ")
    assert said.rstrip("\n").isprintable()
    path.unlink()
    Transcript(path).asked().called(4)
    assert watcher.wait(60) == 1
    assert watcher.stdout is not None
    assert "NUDGE" in watcher.stdout.read()

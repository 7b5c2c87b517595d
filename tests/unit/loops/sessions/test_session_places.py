"""Where sessions are looked for."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from quarterdeck.loops.sessions.places import named, usual
from tests.session_worlds import Transcript

if TYPE_CHECKING:
    from pathlib import Path


def written(path: Path, at: float, cwd: str = "/home/ada/engine") -> Path:
    """A session that was written to at *at*."""
    Transcript(path, cwd=cwd).asked()
    os.utime(path, (at, at))
    return path


def test_the_newest_comes_first_each_once(tmp_path):
    """A file may be named twice, alone and by its folder."""
    old, new = written(tmp_path / "b" / "old.jsonl", 100), written(tmp_path / "a.jsonl", 200)
    (tmp_path / "notes.txt").write_text("no session")
    found = named([str(tmp_path), str(old), str(tmp_path)])
    assert found.files == [str(new), str(old)]
    assert not found.problems


def test_a_file_that_is_named_may_be_called_anything(tmp_path):
    """Whoever names it knows what it is."""
    path = written(tmp_path / "session.log", 100)
    assert named([str(path)]).files == [str(path)]
    assert named([str(tmp_path)]).files == []


def test_what_is_not_there_or_is_a_link_is_told(tmp_path):
    """And the rest is read."""
    path = written(tmp_path / "s" / "a.jsonl", 100)
    (tmp_path / "s" / "link.jsonl").symlink_to("/etc/passwd")
    found = named([str(tmp_path / "gone"), str(tmp_path / "s")])
    assert found.files == [str(path)]
    assert [os.path.basename(each.path) for each in found.problems] == ["gone", "link.jsonl"]


def test_a_link_that_somebody_names_is_what_it_leads_to(tmp_path):
    """They mean it; what is neither a file nor a folder is told."""
    path = written(tmp_path / "s" / "a.jsonl", 100)
    (tmp_path / "link").symlink_to(path)
    os.mkfifo(tmp_path / "pipe")
    found = named([str(tmp_path / "link"), str(tmp_path / "pipe")])
    assert found.files == [str(path)]
    assert [os.path.basename(each.path) for each in found.problems] == ["pipe"]


def test_what_is_older_than_was_asked_for_is_left_out(tmp_path):
    """By the time it was written to last."""
    written(tmp_path / "a.jsonl", 100)
    new = written(tmp_path / "b.jsonl", 200)
    assert named([str(tmp_path)], since_s=150).files == [str(new)]


def test_the_usual_places_of_agents_are_looked_through_for_a_project(tmp_path):
    """Those begun in it or below it, by the folder that they name first."""
    root = tmp_path / "engine"
    (root / "src").mkdir(parents=True)
    claude = tmp_path / "claude" / "projects"
    own = written(claude / "-engine" / "own.jsonl", 300, str(root))
    below = written(claude / "-engine-src" / "below.jsonl", 200, str(root / "src"))
    other = written(claude / "-engine-2" / "other.jsonl", 400, f"{root}-2")
    codex = tmp_path / "codex" / "sessions" / "2026" / "03" / "01" / "rollout-1.jsonl"
    codex.parent.mkdir(parents=True)
    codex.write_text(json.dumps({"type": "session_meta", "payload": {"id": "1", "cwd": str(root)}}) + "\n")
    os.utime(codex, (100, 100))
    environment = {"CLAUDE_CONFIG_DIR": str(tmp_path / "claude"), "CODEX_HOME": str(tmp_path / "codex")}
    assert usual(environment, str(root)).files == [str(own), str(below), str(codex)]
    assert usual(environment).files == [str(other), str(own), str(below), str(codex)]
    assert usual(environment, str(root), since_s=250).files == [str(own)]
    assert usual(environment, "/").files == usual(environment).files


def test_a_session_that_names_no_folder_or_a_hostile_one_is_of_no_project(tmp_path):
    """And stops nothing."""
    claude = tmp_path / "projects" / "x"
    claude.mkdir(parents=True)
    for number, text in enumerate(
        ('{"cwd": "\\u0000"}', '{"cwd": "\\ud800"}', '{"cwd": 3}', "", '{"cwd": "\\q"}')
    ):
        (claude / f"{number}.jsonl").write_text(text)
    os.mkfifo(claude / "pipe.jsonl")
    environment = {"CLAUDE_CONFIG_DIR": str(tmp_path), "CODEX_HOME": str(tmp_path / "none")}
    assert usual(environment, "/home/ada").files == []
    assert len(usual(environment).files) == 6


def test_nothing_there_says_where_it_was_looked(tmp_path):
    """So that somebody can tell what is wrong."""
    environment = {"CLAUDE_CONFIG_DIR": str(tmp_path / "a"), "CODEX_HOME": str(tmp_path / "b")}
    found = usual(environment, "/home/ada")
    assert found.files == []
    assert [os.path.relpath(place, tmp_path) for place in found.looked] == [
        "a/projects",
        "b/sessions",
        "b/archived_sessions",
    ]

"""Where sources look, and what they meet there."""

from __future__ import annotations

import os

import pytest

from quarterdeck.costs.importers.source import Problem, below_home, walk


def names(place):
    return [
        os.path.relpath(str(path), place) for path in walk(str(place), lambda name: name.endswith(".jsonl"))
    ]


def test_files_come_folder_by_folder_and_by_name(tmp_path):
    """Always in the same order; those that are not wanted are left out."""
    for name in ("b.jsonl", "a.jsonl", "c.txt", "z/a.jsonl", "d/e/f.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert names(tmp_path) == ["a.jsonl", "b.jsonl", "d/e/f.jsonl", "z/a.jsonl"]


def test_a_place_may_be_a_file(tmp_path):
    """Whatever its name; one that is not there holds nothing."""
    (tmp_path / "usage.db").touch()
    assert names(tmp_path / "usage.db") == ["."]
    assert names(tmp_path / "missing") == []


def test_links_below_a_place_are_told_and_not_followed(tmp_path):
    """They may lead anywhere; those to what is not wanted do not matter."""
    (tmp_path / "place").mkdir()
    for name, target in (("up", tmp_path), ("gone.jsonl", "nowhere"), ("other.txt", "nowhere")):
        (tmp_path / "place" / name).symlink_to(target)
    assert list(walk(str(tmp_path / "place"), lambda name: name.endswith(".jsonl"))) == [
        Problem(str(tmp_path / "place" / name), 0, "a symbolic link: not followed")
        for name in ("gone.jsonl", "up")
    ]


@pytest.mark.parametrize("variable", [{}, {"HOME": ""}, {"HOME": "relative"}])
def test_without_a_home_in_the_environment_it_is_the_accounts(variable, monkeypatch):
    """As the shell has it."""
    monkeypatch.setattr(os.path, "expanduser", lambda path: "/home/ada")
    assert below_home(variable, ".claude") == ["/home/ada/.claude"]


def test_without_any_home_there_is_no_place(monkeypatch):
    """An account for this user's number need not exist."""
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert below_home({}, ".claude") == []

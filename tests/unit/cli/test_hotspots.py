"""``qd hotspots``: the ranking, with and without a history."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from quarterdeck.index.advice.hotspots import FunctionHotSpot, HotSpot

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repository(project: Path) -> Path:
    """The project in git, with three commits to ``shop/orders.py``."""
    for number in range(3):
        orders = project / "shop" / "orders.py"
        orders.write_text(f"{orders.read_text()}# {number}\n")
        for command in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "work")):
            subprocess.run(["git", *command], cwd=project, check=True, capture_output=True)
    return project


def test_files_are_ranked_with_what_makes_them_hot(qd, repository: Path):
    """Commits from git, and the worst function with its line."""
    result = qd("hotspots")
    assert result.code == 0
    assert result.out.startswith("3 commits since ")
    assert "knot (21), line 4" in result.out
    answer = qd("hotspots", "--json").json
    assert answer["schema"] == "quarterdeck.hotspots/1"
    assert set(answer["files"][0]) == set(HotSpot._fields)
    by_path = {spot["path"]: spot for spot in answer["files"]}
    assert by_path["shop/orders.py"]["commits"] == 3
    assert by_path["shop/knot.py"]["commits"] == 1
    assert answer["history"]["commits"] == 3


def test_functions_can_be_ranked_instead(qd, repository: Path):
    """Each with its place."""
    assert "shop/knot.py:4" in qd("hotspots", "--functions").out
    answer = qd("hotspots", "--functions", "-n", "1", "--json").json
    assert len(answer["functions"]) == 1
    assert set(answer["functions"][0]) == set(FunctionHotSpot._fields)


def test_without_a_repository_it_says_what_stands_in_for_change(qd, project: Path):
    """Dependents instead of commits, and no number that nobody knows."""
    result = qd("hotspots")
    assert result.code == 0
    assert result.out.startswith("no history: it is not in a git repository")
    assert "dependents" in result.out
    assert "commits" not in result.out
    answer = qd("hotspots", "--json").json
    assert answer["history"]["reason"] == "it is not in a git repository"
    assert answer["files"][0]["commits"] is None


def test_the_limit_cuts_and_zero_does_not(qd, project: Path):
    """``-n`` counts rows."""
    assert len(qd("hotspots", "-n", "2", "--json").json["files"]) == 2
    assert len(qd("hotspots", "-n", "0", "--json").json["files"]) == 3


@pytest.mark.parametrize("days", ["0", "-1", "x", "99999999999"])
def test_a_window_that_cannot_be_is_a_usage_error(qd, project: Path, days: str):
    """Exit code 2."""
    assert qd("hotspots", "--since", days).code == 2


def test_an_empty_folder_has_nothing_to_rank(qd, empty: Path):
    """Exit code 3."""
    assert qd("hotspots").code == 3


def test_a_project_without_code_says_so(qd, empty: Path):
    """It can be read; there is just no code in it."""
    (empty / "README.md").write_text("# words\n")
    result = qd("hotspots")
    assert (result.code, result.out) == (0, "there is no code to rank\n")

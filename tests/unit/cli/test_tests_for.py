"""``qd tests for``: which tests to run."""

from __future__ import annotations

import os
import subprocess

import pytest


def git(project, *arguments):
    subprocess.run(["git", "-C", str(project), *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(project):
    """The project, committed."""
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "first")
    return project


def found(qd, *arguments):
    answer = qd("tests", "for", *arguments, "--json").json
    return answer["changed"], [(each["test"], each["how"]) for each in answer["tests"]]


@pytest.mark.usefixtures("project")
def test_a_files_tests_are_named_with_how_we_know(qd):
    """For a file, and for all files below a folder."""
    assert found(qd, "shop/prices.py") == (["shop/prices.py"], [("tests/test_prices.py", "import")])
    assert found(qd, "shop")[1] == [("tests/test_prices.py", "import")]
    assert "import" in qd("tests", "for", "shop/prices.py").out


@pytest.mark.usefixtures("project")
def test_none_is_an_answer(qd):
    """In words, in JSON and as paths; it is no error."""
    assert "no test to run" in qd("tests", "for", "README.md").out
    assert found(qd, "README.md") == (["README.md"], [])
    assert qd("tests", "for", "README.md", "--paths-only") == (0, "", "")


def test_staged_unstaged_and_untracked_files_count_as_changed(qd, repository):
    """Touched ones, and ones that were changed back, do not."""
    assert found(qd, "--changed") == ([], [])
    assert "nothing has changed" in qd("tests", "for", "--changed").out
    os.utime(repository / "shop/orders.py", ns=(1, 1))
    (repository / "shop/knot.py").write_text("staged = 1\n")
    git(repository, "add", "-A")
    (repository / "shop/prices.py").write_text("def price(x): return 2\n")
    (repository / "shop/new.py").write_text("")
    changed, tests = found(qd, "--changed")
    assert changed == ["shop/knot.py", "shop/new.py", "shop/prices.py"]
    assert tests == [("tests/test_prices.py", "import")]


def test_a_deleted_module_calls_for_the_tests_of_what_still_imports_it(qd, repository):
    """Its importers say so in their text, though there is nothing any more for them to find."""
    (repository / "shop/prices.py").unlink()
    assert found(qd, "--changed") == (["shop/prices.py"], [("tests/test_prices.py", "import")])
    assert found(qd, "shop/prices.py")[1] == [("tests/test_prices.py", "import")]


def test_before_the_first_commit_everything_has_changed(qd, project):
    """There is nothing to compare with."""
    git(project, "init", "-q")
    assert found(qd, "--changed")[1] == [("tests/test_prices.py", "itself")]


def test_another_revision_can_be_compared_with(qd, repository):
    """Committed changes count against it."""
    git(repository, "branch", "base")
    (repository / "shop/prices.py").write_text("def price(x): return 2\n")
    git(repository, "commit", "-qam", "second")
    assert found(qd, "--changed")[0] == []
    assert found(qd, "--changed", "base")[0] == ["shop/prices.py"]
    assert qd("tests", "for", "--changed", "nowhere").code == 2


def test_paths_are_for_a_test_runner(qd, project, monkeypatch):
    """From where one stands, byte for byte, and none to be taken for an option."""
    (project / "-q").mkdir()
    (project / "-q/test_x.py").write_text("import shop.prices\n\ndef test_x(): pass\n")
    assert qd("tests", "for", "shop/prices.py", "--paths-only").out.splitlines() == [
        "./-q/test_x.py",
        "tests/test_prices.py",
    ]
    monkeypatch.chdir(project / "shop")
    out = qd("tests", "for", "prices.py", "--paths-only", "-0").out
    assert out == "../-q/test_x.py\0../tests/test_prices.py\0"


@pytest.mark.usefixtures("project")
def test_the_unsure_can_be_left_out(qd):
    """The confidence of each is in the answer."""
    assert found(qd, "shop/prices.py", "--min-confidence", "0.99")[1] == []
    assert qd("tests", "for", "shop/prices.py", "--min-confidence", "2").code == 2


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("arguments, code", [([], 2), (["nowhere.py"], 3), (["--changed"], 2)])
def test_a_question_without_meaning_is_an_error(qd, arguments, code):
    """Nothing named, nothing there, no repository."""
    result = qd("tests", "for", *arguments)
    assert (result.code, result.out) == (code, "")
    assert "hint: " in result.err


def test_a_dot_is_the_folder_one_stands_in(qd, project, monkeypatch):
    """Not the folder above it."""
    monkeypatch.chdir(project / "shop")
    assert found(qd, ".")[0] == [path for path in found(qd, "../shop")[0] if path.startswith("shop/")]


@pytest.mark.usefixtures("project")
def test_what_is_less_sure_is_counted_and_asked_for(qd):
    """By default only tests that are probably concerned are named; the others are said to be there."""
    every = qd("tests", "for", "shop", "--min-confidence", "0", "--json").json
    sure = qd("tests", "for", "shop", "--json").json
    assert every["left_out"] == 0
    assert len(every["tests"]) == len(sure["tests"]) + sure["left_out"]
    assert all(test["confidence"] >= 0.5 for test in sure["tests"])

"""``qd changed``: since a name, a state, a commit."""

from __future__ import annotations

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


def edit(project):
    """One file of each fate."""
    prices = project / "shop/prices.py"
    prices.write_text(prices.read_text().replace("return x", "return x + 1"))
    (project / "README.md").rename(project / "READ.md")
    (project / "shop/knot.py").unlink()
    (project / "shop/new.py").write_text("def new(): pass\n")


FATES = {
    "shop/prices.py": "modified",
    "READ.md": "renamed",
    "shop/knot.py": "removed",
    "shop/new.py": "added",
}


def fates(answer):
    return {each["path"]: each["status"] for each in answer["files"]}


def test_every_fate_is_told_since_a_snapshot(qd, project):
    """And which tests to run for them."""
    assert qd("snapshot", "before").code == 0
    edit(project)
    answer = qd("changed", "--since", "before", "--json").json
    assert fates(answer) == FATES
    assert [each["test"] for each in answer["tests"]] == ["tests/test_prices.py"]
    assert answer["dependents"] == ["shop/orders.py", "tests/test_prices.py"]
    assert "READ.md, was README.md" in qd("changed", "--since", "before").out


def test_every_fate_is_told_since_a_commit_with_the_functions(qd, repository):
    """Git still has the old content, so the answer is exact."""
    edit(repository)
    answer = qd("changed", "--since", "git:HEAD", "--json").json
    assert fates(answer) == FATES
    symbols = next(each["symbols"] for each in answer["files"] if each["path"] == "shop/prices.py")
    assert symbols == {"added": [], "removed": [], "changed": ["price"], "exact": True}


def test_the_state_of_any_answer_can_be_handed_back(qd, project):
    """Its first six digits are enough."""
    state = qd("scan", "--json").json["state"]["id"]
    (project / "shop/new.py").write_text("x = 1\n")
    assert fates(qd("changed", "--since", state[:6], "--json").json) == {"shop/new.py": "added"}
    (project / "shop/new.py").unlink()
    assert qd("changed", "--since", state).out == f"nothing has changed since {state}\n"


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "since, code, words",
    [
        ("nowhere", 3, "qd snapshot NAME"),
        ("abcdef123", 3, "qd snapshot"),
        ("git:HEAD", 2, "git"),
        ("", 3, "qd snapshot"),
    ],
)
def test_what_nobody_recorded_is_an_error_with_a_way_out(qd, since, code, words):
    """A name, an id, a commit where there is no repository."""
    result = qd("changed", "--since", since)
    assert result.code == code
    assert words in result.err


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("revision", ["nowhere", "--output=/tmp/x", "HEAD; touch x", ""])
def test_a_revision_git_does_not_know_is_a_usage_error(qd, revision):
    """None of them is an option, or a shell's."""
    assert qd("changed", "--since", f"git:{revision}").code == 2


def test_a_filter_of_the_repository_never_runs(qd, repository):
    """It is a program, and reading a project runs none of the project's programs."""
    mark = repository / "ran"
    git(repository, "config", "filter.evil.clean", f"touch {mark}; cat")
    git(repository, "config", "filter.evil.process", f"touch {mark}")
    (repository / ".gitattributes").write_text("* filter=evil\n")
    prices = repository / "shop/prices.py"
    prices.write_text(prices.read_text().replace("x", "y"))
    assert "shop/prices.py" in fates(qd("changed", "--since", "git:HEAD", "--json").json)
    assert not mark.exists()

"""Churn from real git repositories, held against git's own answers."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from quarterdeck.index.advice import history
from quarterdeck.index.advice.committed import unmodified
from quarterdeck.index.advice.evidence import gather
from quarterdeck.index.advice.history import Churn, churn_by_path, head_of, parse_log, read_history
from quarterdeck.index.disk.git import GitSilent, answer
from quarterdeck.index.project_index import ProjectIndex
from quarterdeck.index.settings import IndexConfig
from quarterdeck.workspace import open_workspace

if TYPE_CHECKING:
    from collections.abc import Callable

NOW_S = 1_700_000_000
DAY_S = 86_400


class Repo:
    """A repository whose commits are made on given days, counted back from `NOW_S`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str | bytes, days_ago: float = 0, email: str = "ann@localhost") -> str:
        at = f"@{NOW_S - int(days_ago * DAY_S)} +0000"
        dates = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at, "GIT_AUTHOR_EMAIL": email}
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, env=os.environ | dates, capture_output=True, check=True
        )
        return os.fsdecode(done.stdout)

    def write(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def commit(self, *, days_ago: float = 0, email: str = "ann@localhost") -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "work", days_ago=days_ago, email=email)
        return self.git("rev-parse", "HEAD").strip()

    def churn(self, days: int = 365, *, now_s: float = NOW_S, folder: str = "") -> dict[str, Churn]:
        past = read_history(open_workspace(str(self.root / folder)), days, now_s=now_s)
        assert past.known, past.reason
        tracked = {path for path in self.git("-C", folder or ".", "ls-files", "-z").split("\0") if path}
        return churn_by_path(past.commits, tracked)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The arguments of every git command that the history runs from now on."""
    seen: list[tuple[str, ...]] = []

    def spy(git: str, arguments: tuple[str, ...], folder: str, **options: Any) -> bytes:
        seen.append(tuple(arguments))
        return answer(git, arguments, folder, **options)

    monkeypatch.setattr("quarterdeck.index.advice.history.answer", spy)
    return seen


def lines(*numbers: int) -> str:
    return "".join(f"line {number}\n" for number in numbers)


@pytest.mark.parametrize("seed", range(3))
def test_counts_equal_gits_own_on_a_generated_repository_with_branches(repo: Repo, seed: int):
    """Commits, authors and lines of every file are what git tells when asked about that file alone."""
    chance = random.Random(seed)
    paths = [f"{folder}/f{number}.py" for folder in ("a", "b") for number in range(3)]
    repo.write("base.py", "x\n")
    repo.commit(days_ago=60)
    for step in range(14):
        days_ago = 50 - step
        if step in (4, 9):
            repo.git("switch", "-q", "-c", f"side{step}", "HEAD~1")
            repo.write(f"side{step}.py", lines(step))
            repo.commit(days_ago=days_ago, email="side@localhost")
            repo.git("switch", "-q", "main")
            repo.git("merge", "-q", "--no-ff", "-m", "merge", f"side{step}", days_ago=days_ago)
        for path in chance.sample(paths, 2):
            repo.write(path, lines(*(chance.randrange(1000) for _ in range(chance.randrange(1, 12)))))
        repo.commit(days_ago=days_ago, email=f"dev{chance.randrange(3)}@localhost")
    days = 45
    plain = ("--no-merges", "--full-history", f"--since=@{NOW_S - days * DAY_S}")
    found = repo.churn(days)
    expected = {}
    for path in repo.git("ls-files").split():
        log = repo.git("log", *plain, "--numstat", "--format=@%aE", "--", path)
        numbers = [line.split("\t") for line in log.splitlines() if "\t" in line]
        authors = {line for line in log.splitlines() if line.startswith("@")}
        added, removed = (sum(int(row[column]) for row in numbers) for column in (0, 1))
        count = int(repo.git("rev-list", "--count", *plain, "HEAD", "--", path))
        if count:
            expected[path] = (count, len(authors), added, removed)
    assert {path: churn[:4] for path, churn in found.items()} == expected
    assert expected
    assert "base.py" not in expected


def test_a_renamed_file_keeps_its_churn(repo: Repo):
    """The count is that of ``git log --follow``, over two renames and an edit in one of them."""
    repo.write("one.py", lines(*range(40)))
    repo.commit(days_ago=9)
    repo.write("one.py", lines(*range(41)))
    repo.commit(days_ago=8)
    repo.git("mv", "one.py", "two.py")
    repo.commit(days_ago=7)
    repo.write("pkg/three.py", lines(*range(42)))
    (repo.root / "two.py").unlink()
    repo.commit(days_ago=6)
    repo.write("one.py", "another file of the old name\n")
    repo.commit(days_ago=5)
    followed = repo.git("log", "--follow", "--format=%H", "--", "pkg/three.py").split()
    found = repo.churn()
    assert found["pkg/three.py"].commits == len(followed) == 4
    assert found["one.py"].commits == 1
    assert set(found) == {"pkg/three.py", "one.py"}


def test_a_name_taken_over_does_not_bring_the_churn_of_the_file_that_had_it(repo: Repo):
    """What happened under that name before the rename happened to another file, as ``--follow`` has it."""
    for number in range(3):
        repo.write("name.py", f"the first of that name, {number}\n")
        repo.commit(days_ago=20 - number)
    (repo.root / "name.py").unlink()
    repo.write("other.py", lines(*range(40)))
    repo.commit(days_ago=10)
    repo.git("mv", "other.py", "name.py")
    repo.commit(days_ago=5)
    followed = repo.git("log", "--follow", "--format=%H", "--", "name.py").split()
    assert repo.churn()["name.py"].commits == len(followed) == 2


def test_a_change_made_on_a_branch_beside_the_rename_counts_for_the_renamed_file(repo: Repo):
    """A merge brings a rename and an edit under the old name together; neither is lost."""
    repo.write("old.py", lines(*range(40)))
    repo.commit(days_ago=9)
    repo.git("switch", "-q", "-c", "side")
    repo.write("old.py", lines(*range(41)))
    repo.commit(days_ago=5)
    repo.git("switch", "-q", "main")
    repo.git("mv", "old.py", "new.py")
    repo.commit(days_ago=7)
    repo.git("merge", "-q", "--no-ff", "-m", "merge", "side", days_ago=4)
    assert repo.churn()["new.py"].commits == 3


def test_only_new_commits_are_read_when_head_moves_forward(repo: Repo, asked: list[tuple[str, ...]]):
    """The second reading asks for old..new alone, and its answer is that of a fresh one."""
    repo.write("a.py", "1\n")
    old = repo.commit(days_ago=3)
    assert repo.churn()["a.py"].commits == 1
    repo.write("a.py", "2\n")
    new = repo.commit(days_ago=2)
    asked.clear()
    incremental = repo.churn()
    logs = [arguments for arguments in asked if "log" in arguments]
    assert len(logs) == 1
    assert f"{old}..{new}" in logs[0]
    asked.clear()
    assert repo.churn() == incremental
    assert asked == [("rev-parse", "HEAD")]
    os.unlink(open_workspace(str(repo.root)).state_file(history.FILE))
    assert repo.churn() == incremental
    assert incremental["a.py"][:4] == (2, 1, 2, 1)


def test_a_rewritten_history_is_read_anew(repo: Repo):
    """Commits that were amended away are not counted."""
    repo.write("a.py", "1\n")
    repo.commit(days_ago=3)
    repo.write("a.py", "2\n")
    repo.write("gone.py", "2\n")
    repo.commit(days_ago=2)
    assert repo.churn()["a.py"].commits == 2
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    repo.write("b.py", "3\n")
    repo.commit(days_ago=1)
    found = repo.churn()
    assert {path: churn.commits for path, churn in found.items()} == {"a.py": 1, "b.py": 1}


def test_commits_leave_the_window_as_time_goes_by(repo: Repo, asked: list[tuple[str, ...]]):
    """Nothing is read for that: the rows know their time."""
    repo.write("a.py", "1\n")
    repo.commit(days_ago=20)
    repo.write("a.py", "2\n")
    repo.commit(days_ago=5)
    assert repo.churn(30)["a.py"].commits == 2
    asked.clear()
    assert repo.churn(30, now_s=NOW_S + 15 * DAY_S)["a.py"].commits == 1
    assert repo.churn(30, now_s=NOW_S + 40 * DAY_S) == {}
    assert repo.churn(10)["a.py"].commits == 1
    assert not [arguments for arguments in asked if "log" in arguments]


def test_a_wider_window_reads_further_back(repo: Repo):
    """What an earlier, narrower question left out is there for the wider one."""
    repo.write("a.py", "1\n")
    repo.commit(days_ago=100)
    repo.write("a.py", "2\n")
    repo.commit(days_ago=5)
    assert repo.churn(30)["a.py"].commits == 1
    assert repo.churn(200)["a.py"].commits == 2
    assert repo.churn(30)["a.py"].commits == 1


def test_a_subfolder_names_its_files_from_itself(repo: Repo):
    """Paths are relative to the project's root, and what lies outside does not count."""
    repo.write("sub/deep/a.py", "1\n")
    repo.write("outside.py", "1\n")
    repo.commit(days_ago=2)
    assert set(repo.churn(folder="sub")) == {"deep/a.py"}


def test_hostile_names_and_authors_come_through(repo: Repo):
    """Newlines, tabs, control characters and bytes that are not UTF-8 in names break nothing."""
    names = ["new\nline.py", "tab\t.py", "\x01header.py", "-dash.py", os.fsdecode(b"bad\xff.py")]
    for name in names:
        (repo.root / name).write_text("1\n")
    (repo.root / "binary").write_bytes(b"\0\1")
    repo.commit(days_ago=3, email=os.fsdecode(b"\xff\x01odd"))
    found = repo.churn()
    assert set(found) == {*names, "binary"}
    assert all(churn[:3] == (1, 1, 1) for path, churn in found.items() if path != "binary")
    assert found["binary"][:4] == (1, 1, 0, 0)


def test_nothing_that_the_repository_configures_is_run(repo: Repo, tmp_path: Path):
    """External diffs, text conversions, signature checks and pagers stay off, whatever its config says."""
    trap = tmp_path / "ran"
    program = tmp_path / "trap.sh"
    program.write_text(f"#!/bin/sh\ntouch '{trap}'\n")
    program.chmod(0o755)
    repo.write(".gitattributes", "*.py diff=evil filter=evil\n")
    repo.write("a.py", "1\n")
    repo.commit(days_ago=2)
    settings = (
        "diff.external",
        "diff.evil.command",
        "diff.evil.textconv",
        "core.pager",
        "core.fsmonitor",
        "gpg.program",
    )
    for key in (*settings, "filter.evil.clean", "filter.evil.smudge"):
        repo.git("config", key, str(program))
    repo.git("config", "log.showSignature", "true")
    assert len(read_history(open_workspace(str(repo.root)), 365, now_s=NOW_S).commits) == 1
    assert unmodified(str(repo.root), head_of(str(repo.root)), ["a.py"]) == {"a.py"}
    assert not trap.exists()


def _plain_folder(repo: Repo, tmp_path: Path) -> Path:
    (tmp_path / "plain").mkdir()
    return tmp_path / "plain"


def _unborn(repo: Repo, tmp_path: Path) -> Path:
    return repo.root


def _broken(repo: Repo, tmp_path: Path) -> Path:
    repo.write("a.py", "1\n")
    head = repo.commit()
    (repo.root / ".git" / "objects" / head[:2] / head[2:]).unlink()
    return repo.root


@pytest.mark.parametrize(
    "make, reason",
    [
        (_plain_folder, "it is not in a git repository"),
        (_unborn, "there is no commit yet"),
        (_broken, "git refused: "),
    ],
)
def test_where_there_is_no_history_the_reason_is_said(
    repo: Repo, tmp_path: Path, make: Callable[[Repo, Path], Path], reason: str
):
    """An empty history and a clause, never an error."""
    past = read_history(open_workspace(str(make(repo, tmp_path))), 365, now_s=NOW_S)
    assert past.reason.startswith(reason)
    assert past.commits == ()
    assert not past.known


def test_a_machine_without_git_has_no_history(repo: Repo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The reason says so."""
    repo.write("a.py", "1\n")
    repo.commit()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_history(open_workspace(str(repo.root)), 365).reason == "git is not installed"


def test_a_shallow_clone_counts_what_it_holds_and_says_so(repo: Repo, tmp_path: Path):
    """The oldest commit of a shallow clone seems to add every file there is: it is left out."""
    for number in range(4):
        repo.write("a.py", f"{number}\n")
        repo.commit(days_ago=9 - number)
    shallow = tmp_path / "shallow"
    repo.git("clone", "-q", "--depth", "3", f"file://{repo.root}", str(shallow))
    past = read_history(open_workspace(str(shallow)), 365, now_s=NOW_S)
    assert len(past.commits) == 2
    assert "shallow" in past.notes[0]
    repo.git("-C", str(shallow), "fetch", "-q", "--unshallow")
    whole = read_history(open_workspace(str(shallow)), 365, now_s=NOW_S)
    assert len(whole.commits) == 4
    assert whole.notes == ()


def test_a_history_too_long_to_read_is_cut_with_a_note(repo: Repo, monkeypatch: pytest.MonkeyPatch):
    """The newest whole commits are kept; a narrower window that they cover carries no note."""
    for number in range(3):
        repo.write("a.py", f"{number}\n")
        repo.commit(days_ago=30 - 10 * number)

    def slow(git: str, arguments: tuple[str, ...], folder: str, **options: Any) -> bytes:
        whole = answer(git, arguments, folder, **options)
        if "log" in arguments:
            raise GitSilent("no answer within 30 s", whole[:-12])
        return whole

    monkeypatch.setattr("quarterdeck.index.advice.history.answer", slow)
    past = read_history(open_workspace(str(repo.root)), 365, now_s=NOW_S)
    assert len(past.commits) == 2
    assert "stopped after 30 s" in past.notes[0]
    assert read_history(open_workspace(str(repo.root)), 15, now_s=NOW_S).notes == ()


def test_a_question_that_git_does_not_answer_in_time_proves_nothing(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
):
    """A rewritten history that nobody confirms to be an addition is read from its beginning."""
    repo.write("a.py", "1\n")
    repo.commit(days_ago=3)
    workspace = open_workspace(str(repo.root))
    read_history(workspace, 365, now_s=NOW_S)
    repo.git("commit", "-q", "--amend", "-m", "another")

    def silent(git: str, arguments: tuple[str, ...], folder: str, **options: Any) -> bytes:
        if "rev-list" in arguments:
            raise GitSilent("no answer within 60 s", b"")
        return answer(git, arguments, folder, **options)

    monkeypatch.setattr("quarterdeck.index.advice.history.answer", silent)
    assert len(read_history(workspace, 365, now_s=NOW_S).commits) == 1


def test_output_that_breaks_off_anywhere_gives_whole_commits_only(repo: Repo):
    """Whatever byte a time-out cuts at, the commits before it are complete."""
    for number in range(3):
        repo.write("a.py", lines(*range(number * 30)))
        repo.write("b.py", f"{number}\n")
        repo.commit(days_ago=9 - number)
    raw = subprocess.run(
        ["git", *history._LOG, "HEAD"], cwd=repo.root, capture_output=True, check=True
    ).stdout
    whole = parse_log(raw)
    assert len(whole) == 3
    for end in range(len(raw)):
        parsed = parse_log(raw[:end], cut=True)
        assert parsed == whole[: len(parsed)]


def test_a_damaged_cache_is_made_anew(repo: Repo):
    """It holds nothing that git does not know."""
    repo.write("a.py", "1\n")
    repo.commit(days_ago=2)
    expected = repo.churn()
    Path(open_workspace(str(repo.root)).state_file(history.FILE)).write_bytes(b"not a database" * 100)
    assert repo.churn() == expected


def test_a_modified_file_is_told_from_a_committed_one(repo: Repo):
    """By its bytes, in a subfolder too; a file git does not know is not unmodified."""
    repo.write("sub/same.py", "1\n")
    repo.write("sub/other.py", "1\n")
    head = repo.commit()
    repo.write("sub/other.py", "2\n")
    repo.write("sub/untracked.py", "1\n")
    names = ["same.py", "other.py", "untracked.py", "missing.py"]
    assert unmodified(str(repo.root / "sub"), head, names) == {"same.py"}
    assert unmodified(str(repo.root / "sub"), "", names) == frozenset()


def test_staleness_survives_a_fresh_clone(repo: Repo, tmp_path: Path):
    """All files of a clone are as old as the clone; the commits still tell which one moved on."""
    repo.write("pkg/__init__.py", "")
    repo.write("pkg/core.py", "def f(x):\n    return x\n")
    repo.write("tests/test_core.py", "from pkg.core import f\n\ndef test_f():\n    assert f(1) == 1\n")
    repo.commit(days_ago=40)
    repo.write("pkg/core.py", "def f(x):\n    return x if x else 0\n")
    repo.commit(days_ago=10)
    clone = tmp_path / "clone"
    repo.git("clone", "-q", str(repo.root), str(clone))
    with ProjectIndex(str(clone), IndexConfig(churn_days=36_500)) as index:
        assert index.require_file("pkg/core.py").staleness_days == 0
        (stale,) = gather(index).stale
    assert stale[:4] == ("pkg/core.py", "tests/test_core.py", 30, False)

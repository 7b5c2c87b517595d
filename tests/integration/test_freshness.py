"""Every change of a tree is seen by the very next query, and where nothing changed nothing is read."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from quarterdeck.index import IndexConfig, ProjectIndex
from tests.index_worlds import everything, qd, rebuilt, run

PAST_S = 1_700_000_000


@pytest.fixture
def git_config(tmp_path, monkeypatch):
    """A global git configuration of this test's own, with a global excludes file behind a symlink."""
    config, excludes = tmp_path / "gitconfig", tmp_path / "dotfiles" / "ignore"
    excludes.parent.mkdir()
    excludes.write_text("")
    (tmp_path / "ignore").symlink_to(excludes)
    config.write_text(
        f'[core]\n\texcludesFile = {tmp_path / "ignore"}\n[protocol "file"]\n\tallow = always\n'
        "[init]\n\tdefaultBranch = main\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    return excludes


@pytest.fixture
def root(tmp_path, git_config):
    """A repository with two branches, an empty and an ignored folder, indexed and settled."""
    root = tmp_path / "project"
    (root / "app").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "build").mkdir()
    (root / "app" / "a.py").write_text("import app.b\n\ndef f():\n    return 1\n")
    (root / "app" / "b.py").write_text("x = 1\n")
    (root / "notes.md").write_text("# Notes\n")
    (root / ".gitignore").write_text("build/\n*.log\n")
    (root / "link").symlink_to("app/a.py")
    (root / "pyproject.toml").write_text("[tool.quarterdeck.index]\nlow_coverage_threshold = 10.0\n")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "one")
    git(root, "checkout", "-qb", "other")
    (root / "app" / "b.py").write_text("import app.a\ny = 2\n")
    (root / "app" / "c.py").write_text("import app.b\n")
    git(root, "add", ".")
    git(root, "commit", "-qm", "two")
    git(root, "checkout", "-q", "main")
    age(root)
    return root


def git(root, *arguments):
    subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)


def age(root):
    """Date the whole tree back; ctime cannot be, so the index must still look at it for a while."""
    for folder, _, names in os.walk(root):
        if ".git" not in folder.split(os.sep):
            for name in names:
                os.utime(os.path.join(folder, name), (PAST_S, PAST_S), follow_symlinks=False)


def settle(root):
    """Make the stored signatures count as proof, as they do two seconds after the last change."""
    with ProjectIndex(str(root)) as index:
        index.refresh()
    (path,) = Path(os.environ["QUARTERDECK_HOME"]).rglob("index.sqlite")
    with changed_store(path) as connection:
        connection.execute("UPDATE entry SET racy = 0")
        connection.execute("UPDATE watched SET racy = 0")


@contextlib.contextmanager
def changed_store(path):
    """Write to the index behind its back, and seal it again as the index itself would have."""
    from quarterdeck.index.store import seal

    connection = sqlite3.connect(path)
    yield connection
    connection.commit()
    seal.close(connection, str(path))


def same_size_and_mtime(root):
    path = root / "app" / "a.py"
    status = path.stat()
    path.write_text(path.read_text().replace("app.b", "app.c"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def replaced_by_an_older_file(root):
    (root / "new").write_text("import app.b\n\nz = 33333\n")
    os.utime(root / "new", (PAST_S - 9999, PAST_S - 9999))
    (root / "new").rename(root / "app" / "a.py")


def mapped_write(root):
    import mmap

    with (root / "app" / "b.py").open("r+b") as file, mmap.mmap(file.fileno(), 0) as view:
        view[:] = b"z = 7\n"


def another_branch(root):
    git(root, "checkout", "-q", "other")


def stashed(root):
    (root / "app" / "b.py").write_text("import app.a\n")
    settle(root)
    git(root, "stash")


def gitignore_edited(root):
    (root / ".gitignore").write_text("build/\napp/b.py\n*.md\n")


def untracked_then_ignored(root):
    (root / "app" / "d.py").write_text("")
    settle(root)
    with (root / ".gitignore").open("a") as file:
        file.write("d.py\n")


def a_new_gitignore_below(root):
    (root / "build" / "late.py").write_text("")
    (root / ".gitignore").unlink()


def info_exclude(root):
    (root / "empty" / "mine.py").write_text("")
    settle(root)
    (root / ".git" / "info" / "exclude").write_text("mine.py\n")


def global_excludes(root):
    (root / "empty" / "mine.py").write_text("")
    settle(root)
    (root.parent / "dotfiles" / "ignore").write_text("mine.py\n")


def global_config(root):
    (root / "empty" / "mine.py").write_text("")
    settle(root)
    (root.parent / "other-ignore").write_text("mine.py\n")
    git(root, "config", "--global", "core.excludesFile", str(root.parent / "other-ignore"))


def a_file_in_an_empty_folder(root):
    (root / "empty" / "new.py").write_text("import app.a\n")


def a_folder_in_a_folder(root):
    (root / "empty" / "deep" / "er").mkdir(parents=True)
    settle(root)
    (root / "empty" / "deep" / "er" / "new.py").write_text("")


def un_ignored(root):
    (root / "build" / "made.py").write_text("import app.a\n")
    settle(root)
    (root / ".gitignore").write_text("*.log\n")


def a_tracked_file_that_is_ignored(root):
    (root / "build" / "made.py").write_text("import app.a\n")
    settle(root)
    git(root, "add", "-f", "build/made.py")


def executable(root):
    (root / "app" / "a.py").chmod(0o755)


def symlink_swapped(root):
    (root / "link").unlink()
    (root / "link").symlink_to("app/b.py")


def file_becomes_symlink(root):
    (root / "app" / "b.py").unlink()
    (root / "app" / "b.py").symlink_to("a.py")


def file_becomes_folder(root):
    (root / "app" / "b.py").unlink()
    (root / "app" / "b.py").mkdir()
    (root / "app" / "b.py" / "__init__.py").write_text("")


def folder_becomes_symlink(root):
    (root / "app").rename(root.parent / "moved")
    (root / "app").symlink_to(root.parent / "moved")


def settings_edited(root):
    (root / "pyproject.toml").write_text('[tool.quarterdeck.index]\nexclude_patterns = ["app/b.py"]\n')


def a_submodule(root):
    other = root.parent / "library"
    other.mkdir()
    (other / "lib.py").write_text("")
    git(other, "init", "-q")
    git(other, "add", ".")
    git(other, "commit", "-qm", "lib")
    git(root, "submodule", "add", "-q", str(other), "library")


def folder_renamed(root):
    (root / "app").rename(root / "application")


def swapped(root):
    a, b, away = root / "app" / "a.py", root / "app" / "b.py", root / "away"
    a.rename(away)
    b.rename(a)
    away.rename(b)


def deleted(root):
    (root / "app" / "b.py").unlink()


def repository_gone(root):
    (root / ".git").rename(root.parent / "git-moved")


CHANGES = [
    same_size_and_mtime,
    replaced_by_an_older_file,
    mapped_write,
    another_branch,
    stashed,
    gitignore_edited,
    untracked_then_ignored,
    a_new_gitignore_below,
    info_exclude,
    global_excludes,
    global_config,
    a_file_in_an_empty_folder,
    a_folder_in_a_folder,
    un_ignored,
    a_tracked_file_that_is_ignored,
    executable,
    symlink_swapped,
    file_becomes_symlink,
    file_becomes_folder,
    folder_becomes_symlink,
    settings_edited,
    a_submodule,
    folder_renamed,
    swapped,
    deleted,
    repository_gone,
]
SAME_IN_THE_END = {executable, repository_gone, info_exclude, global_excludes, global_config}
"""Changes that alter no answer, or that take back what had been seen in between."""


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen_at_once(root, change):
    """An index that is open and one that is opened anew both answer as a clean one does."""
    settle(root)
    with ProjectIndex(str(root)) as held:
        before = everything(held)
        change(root)
        expected = rebuilt(root)
        if change is settings_edited:  # settings are read when an index is opened
            with ProjectIndex(str(root)) as fresh:
                assert everything(fresh) == expected
        else:
            assert everything(held) == expected
    with ProjectIndex(str(root)) as fresh:
        assert everything(fresh) == expected
    assert (before == expected) == (change in SAME_IN_THE_END)


def test_another_process_sees_it_too(root):
    """What this process has read and kept is checked again by the next one."""
    settle(root)
    same_size_and_mtime(root)
    _, out, _ = qd("scan", "-C", root, "--json")
    with ProjectIndex(str(root), use_cache=False) as clean:
        assert json.loads(out)["state"]["id"] == clean.state.id


def test_a_new_file_in_an_ignored_folder_is_not_seen(root):
    """What git ignores stays out, and costs nothing: the state is the same."""
    settle(root)
    with ProjectIndex(str(root)) as index:
        before = index.state.id
        (root / "build" / "made.py").write_text("import app.a\n")
        assert index.refresh().id == before
        assert index.get_file("build/made.py") is None


def test_a_second_write_within_one_tick_of_the_clock_is_seen(root):
    """The same size, times and inode, other bytes: young signatures are not believed."""
    path = root / "app" / "b.py"
    path.write_text("x = 1\n")
    with ProjectIndex(str(root)) as index:
        index.refresh()
        path.write_text("x = 2\n")
        (store,) = Path(os.environ["QUARTERDECK_HOME"]).rglob("index.sqlite")
    status = path.stat()
    with changed_store(store) as connection:
        connection.execute(
            "UPDATE entry SET size = ?, mtime_ns = ?, ctime_ns = ?, inode = ? WHERE path = 'app/b.py'",
            (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino),
        )
    with ProjectIndex(str(root)) as index:
        assert everything(index) == rebuilt(root)


def test_a_file_from_the_future_is_read_every_time(root):
    """A time stamp ahead of the clock proves nothing, today or later."""
    path = root / "app" / "b.py"
    ahead = time.time() + 90_000
    os.utime(path, (ahead, ahead))
    with ProjectIndex(str(root)) as index:
        index.refresh()
    (store,) = Path(os.environ["QUARTERDECK_HOME"]).rglob("index.sqlite")
    with contextlib.closing(sqlite3.connect(store)) as connection:
        assert connection.execute("SELECT racy FROM entry WHERE path = 'app/b.py'").fetchone() == (1,)


WATCHED = """
import json, os, sys
root = os.path.realpath(sys.argv[1])
seen = []
def note(event, arguments):
    if event in {"open", "os.rename", "os.remove", "os.mkdir", "os.scandir", "subprocess.Popen"}:
        seen.append((event, arguments[0]))
from quarterdeck.index import ProjectIndex
sys.addaudithook(note)
with ProjectIndex(root) as index:
    index.get_all_files(), index.get_summary(), index.get_dependents("app/b.py")
print(json.dumps([(event, os.fsdecode(name)) for event, name in seen if isinstance(name, (str, bytes))]))
"""


def test_a_warm_query_reads_no_file_and_writes_nothing(root):
    """Only settings are opened in the project; no program is run, no folder listed, no store rewritten."""
    settle(root)
    home = Path(os.environ["QUARTERDECK_HOME"])
    stamps = {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()}
    code, out, err = run(WATCHED, root)
    assert (code, err) == (0, "")
    seen = [
        (event, name) for event, name in json.loads(out) if name.startswith((str(root), str(home), "git"))
    ]
    allowed = {str(root / "pyproject.toml"), str(root / "quarterdeck.toml"), str(home / "config.toml")}
    stores = {name for _, name in seen} - allowed
    assert all(Path(name).name.startswith("index.sqlite") for name in stores), seen
    assert not [event for event, _ in seen if event != "open"]
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()} == stamps


def test_a_size_limit_in_one_project_says_nothing_in_another(tmp_path):
    """What one project refuses to parse is parsed where the limit allows it, though facts are shared."""
    code = "def f():\n    return 1\n"
    for name in ("strict", "usual"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text(code)
    with ProjectIndex(str(tmp_path / "strict"), IndexConfig(max_file_bytes=1)) as index:
        assert "larger than" in index.require_file("a.py").error
    with ProjectIndex(str(tmp_path / "usual"), IndexConfig()) as index:
        assert index.require_file("a.py").error == ""
        assert index.require_file("a.py").functions == 1
    with ProjectIndex(str(tmp_path / "strict"), IndexConfig(max_file_bytes=1_000)) as index:
        assert index.require_file("a.py").functions == 1


def test_coverage_of_other_content_is_called_outdated(tmp_path):
    """A percentage stays when the file changes, and says that it was measured before."""
    (tmp_path / "a.py").write_text("x = 1\n")
    with ProjectIndex(str(tmp_path)) as index:
        index.update_coverage({"a.py": 50.0})
        assert not index.require_file("a.py").coverage_outdated
        (tmp_path / "a.py").write_text("y = 2\n")
        assert index.require_file("a.py").coverage_percent == 50.0
        assert index.require_file("a.py").coverage_outdated

"""Discovery's own part: roots, symlinks, what is left out and said; git's rules have an oracle."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess

import pytest

from quarterdeck.errors import NothingToRead
from quarterdeck.index.disk import discover as discover_module
from quarterdeck.index.disk import git as git_runner
from quarterdeck.index.disk.discover import discover

GIT = shutil.which("git") or "git"


@pytest.fixture(autouse=True)
def no_git_config_of_the_developer(tmp_path_factory, monkeypatch):
    """Git sees an empty home and no system settings."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def root(tmp_path):
    """A plain folder: `a.py`, `pkg/b.py`, `pkg/b.log` and a `.gitignore` with `*.log`."""
    root = tmp_path / "root"
    (root / "pkg").mkdir(parents=True)
    (root / "a.py").touch()
    (root / "pkg" / "b.py").touch()
    (root / "pkg" / "b.log").touch()
    (root / ".gitignore").write_text("*.log\n")
    return root


@pytest.fixture
def no_git(monkeypatch):
    """A machine without a git program."""
    monkeypatch.setattr(discover_module, "find_git", lambda: "")


PLAIN = (".gitignore", "a.py", "pkg/b.py")


def test_a_plain_folders_ignore_file_counts(root):
    """No repository is needed for a .gitignore to be obeyed, and none is made."""
    found = discover(str(root))
    assert found.files == PLAIN
    assert found.notes == ()
    assert not (root / ".git").exists()


def test_without_git_the_rules_are_read_by_other_means_and_that_is_said(root, no_git):
    """The fallback lists the same for plain patterns, and its limits are no secret."""
    found = discover(str(root))
    assert found.files == PLAIN
    assert found.folders == (".", "pkg")
    assert len(found.notes) == 1
    assert "git was not found" in found.notes[0]


@pytest.mark.parametrize("available", [True, False])
def test_a_plain_folder_owes_nothing_to_the_folders_above_it(root, request, available):
    """A stray .gitignore in a parent that is no repository has no say."""
    if not available:
        request.getfixturevalue("no_git")
    (root.parent / ".gitignore").write_text("*.py\n")
    assert discover(str(root)).files == PLAIN


def test_without_git_a_repository_is_known_to_be_half_known(root, no_git):
    """What is tracked stands in the index, which only git can read."""
    subprocess.run([GIT, "init", "-q"], cwd=root, check=True)
    assert "tracked-but-ignored files are unknown: git was not found" in discover(str(root)).notes


@pytest.mark.parametrize("available", [True, False])
def test_the_folders_to_watch_are_all_that_are_not_ignored(root, request, available):
    """Empty ones and those with nothing but ignored files too: a new file changes only its own folder."""
    if not available:
        request.getfixturevalue("no_git")
    (root / ".gitignore").write_text("*.log\ngone/\n")
    for folder in ("empty/deeper", "logs", "gone/deeper"):
        (root / folder).mkdir(parents=True)
    (root / "logs" / "x.log").touch()
    (root / "gone" / "x.py").touch()
    assert discover(str(root)).folders == (".", "empty", "empty/deeper", "logs", "pkg")


@pytest.mark.parametrize("available", [True, False])
def test_symlinks_are_listed_once_with_their_target_and_never_followed(root, request, available):
    """To a file, to a folder, in a circle, to nowhere: four links and nothing behind them."""
    if not available:
        request.getfixturevalue("no_git")
    targets = {"file": "a.py", "folder": "pkg", "circle": "..", "nowhere": "/no/such/thing"}
    for name, target in targets.items():
        os.symlink(target, root / name)
    found = discover(str(root))
    assert found.symlinks == targets
    assert found.files == PLAIN
    assert found.folders == (".", "pkg")


def test_a_root_that_is_a_symlink_is_the_folder_it_leads_to(root, tmp_path):
    """The same answer by either name; inputs are real paths."""
    os.symlink(root, tmp_path / "link")
    assert discover(str(tmp_path / "link")) == discover(str(root))


@pytest.mark.parametrize("available", [True, False])
def test_hostile_names_come_out_as_they_are(root, request, available):
    """Newlines, bytes that are not UTF-8, dashes, pathspec magic and names of 255 bytes."""
    if not available:
        request.getfixturevalue("no_git")
    names = {"-rf", "new\nline", os.fsdecode(b"\xff\xfe"), "n" * 255, ":(top)x", "a\\b", " ", "*", "\u202e"}
    for name in names:
        (root / name).touch()
    for name in ("-d", ":(top)d", "d\n"):
        (root / name).mkdir()
    found = discover(str(root))
    assert set(found.files) == names | set(PLAIN)
    assert set(found.folders) == {".", "pkg", "-d", ":(top)d", "d\n"}


@pytest.mark.parametrize("available", [True, False])
def test_pipes_and_sockets_are_left_out(root, request, available):
    """Nobody waits for a writer."""
    if not available:
        request.getfixturevalue("no_git")
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(root / "socket"))
    found = discover(str(root))
    assert found.files == PLAIN
    assert found.symlinks == {}


@pytest.mark.parametrize("available", [True, False])
def test_gits_data_and_our_own_are_no_part_of_a_code_base(root, request, available):
    """`.git` and `.quarterdeck` are skipped at any depth."""
    if not available:
        request.getfixturevalue("no_git")
    subprocess.run([GIT, "init", "-q"], cwd=root, check=True)
    for folder in (".quarterdeck", "pkg/.quarterdeck"):
        (root / folder).mkdir()
        (root / folder / "state.db").touch()
    found = discover(str(root))
    assert found.files == PLAIN
    assert found.folders == (".", "pkg")


@pytest.mark.parametrize("available", [True, False])
def test_a_nested_repository_is_counted_and_not_scanned(root, request, available):
    """In a plain folder as well, with and without git."""
    if not available:
        request.getfixturevalue("no_git")
    (root / "pkg" / "nested").mkdir()
    (root / "pkg" / "nested" / "c.py").touch()
    subprocess.run([GIT, "init", "-q"], cwd=root / "pkg" / "nested", check=True)
    found = discover(str(root))
    assert found.files == PLAIN
    assert found.skipped == ("pkg/nested",)
    assert found.notes[-1] == "1 submodule or nested repository not scanned"
    assert discover(str(root), submodules=True).files == (*PLAIN, "pkg/nested/c.py")


@pytest.mark.parametrize(
    "patterns, left",
    [
        (["*.py"], {".gitignore"}),
        (["pkg/"], {".gitignore", "a.py"}),
        (["/b.py"], {".gitignore", "a.py", "pkg/b.py"}),
        (["**/b.*"], {".gitignore", "a.py"}),
        (["[", ""], {".gitignore", "a.py", "pkg/b.py"}),
    ],
)
@pytest.mark.parametrize("available", [True, False])
def test_exclude_leaves_out_more_even_what_is_tracked(root, request, available, patterns, left):
    """The user's patterns are lines of a .gitignore that also applies to tracked files."""
    subprocess.run([GIT, "init", "-q"], cwd=root, check=True)
    subprocess.run([GIT, "add", "-A"], cwd=root, check=True)
    if not available:
        request.getfixturevalue("no_git")
    assert set(discover(str(root), exclude=patterns).files) == left


def test_exclude_knows_exceptions_and_takes_nothing_back_that_git_ignores(root):
    """A negated pattern frees from the user's patterns, not from the repository's."""
    found = discover(str(root), exclude=["*.py", "!b.py", "!b.log"])
    assert found.files == (".gitignore", "pkg/b.py")


def test_negated_excludes_without_git_are_said_to_have_no_effect(root, no_git):
    """Better said than guessed."""
    found = discover(str(root), exclude=["*.py", "!b.py"])
    assert found.files == (".gitignore",)
    assert any("negated exclude patterns" in note for note in found.notes)


def test_every_ignore_file_in_a_watched_folder_is_an_input(root):
    """Even one that is itself ignored: it still decides."""
    (root / "pkg" / ".gitignore").write_text(".gitignore\n")
    found = discover(str(root))
    assert "pkg/.gitignore" not in found.files
    assert {str(root / ".gitignore"), str(root / "pkg" / ".gitignore")} <= set(found.inputs)


def test_a_repository_that_comes_to_life_above_is_an_input(root):
    """`git init` in a parent folder would change which rules apply."""
    assert str(root.parent / ".git") in discover(str(root)).inputs


def test_a_refused_repository_is_listed_by_its_ignore_files_and_that_is_said(root, monkeypatch):
    """Git refuses a folder of another owner; its rules are followed, its settings are not read."""
    subprocess.run([GIT, "init", "-q"], cwd=root, check=True)
    (root / ".git" / "info" / "exclude").write_text("a.py\n")
    (root / "kept.log").touch()
    subprocess.run([GIT, "add", "-f", "kept.log"], cwd=root, check=True)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    environment = git_runner._environment
    monkeypatch.setattr(
        git_runner, "_environment", lambda: environment() | {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    )
    found = discover(str(root))
    assert found.files == (".gitignore", "pkg/b.py")
    assert found.notes == ("tracked-but-ignored files are unknown: git refused (dubious ownership)",)


def test_a_broken_repository_is_listed_all_the_same(root):
    """A damaged index costs the tracked-but-ignored files, not the scan."""
    subprocess.run([GIT, "init", "-q"], cwd=root, check=True)
    (root / ".git" / "index").write_bytes(b"not an index")
    found = discover(str(root))
    assert found.files == PLAIN
    assert found.notes[0].startswith("tracked-but-ignored files are unknown: git refused (")


def test_variables_of_a_git_hook_do_not_point_elsewhere(root, tmp_path, monkeypatch):
    """GIT_DIR and its like are set while a hook runs; they are about another repository."""
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert discover(str(root)).files == PLAIN


def test_a_git_program_from_a_relative_path_is_not_run(root, monkeypatch):
    """PATH may hold `.`, and the folder that is read may hold a `git`."""
    (root / "git").write_text("#!/bin/sh\ntouch ran\n")
    (root / "git").chmod(0o755)
    monkeypatch.chdir(root)
    monkeypatch.setenv("PATH", ".")
    assert git_runner.find_git() == ""
    assert "git" in discover(".").files
    assert not (root / "ran").exists()


def test_a_git_that_hangs_is_an_error_with_a_hint(root, monkeypatch):
    """A pipe called .gitignore stops git for ever; we stop waiting."""
    (root / ".gitignore").unlink()
    os.mkfifo(root / ".gitignore")
    monkeypatch.setattr(git_runner, "TIMEOUT_S", 0.2)
    with pytest.raises(NothingToRead) as caught:
        discover(str(root))
    assert "no answer" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("path", ["none", "root/a.py", "root/a.py/x", "nu\0ll", "n" * 300])
def test_a_root_that_is_no_folder_is_an_error_with_a_hint(root, path):
    """Never an empty answer for a mistyped path."""
    with pytest.raises(NothingToRead) as caught:
        discover(os.path.join(str(root.parent), path))
    assert caught.value.hint


def refuse(monkeypatch, folder, error):
    """Makes scandir of one folder fail: root may read everything, so it cannot be done with modes."""
    scandir = os.scandir

    def refusing(path):
        if isinstance(path, str) and path.rstrip("/").endswith(folder):
            raise error
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)


def test_an_unreadable_folder_is_said_and_still_watched(root, monkeypatch):
    """What cannot be read is not what is not there."""
    refuse(monkeypatch, "/pkg", PermissionError(13, "Permission denied"))
    found = discover(str(root))
    assert found.files == (".gitignore", "a.py")
    assert found.folders == (".", "pkg")
    assert found.notes == ("1 folder could not be read, the first is 'pkg'",)


def test_an_unreadable_root_is_an_error_with_a_hint(root, monkeypatch):
    """There is nothing to say about a root that cannot be listed."""
    refuse(monkeypatch, "/root", PermissionError(13, "Permission denied"))
    with pytest.raises(NothingToRead, match="permissions"):
        discover(str(root))


def test_a_folder_that_vanishes_during_the_walk_is_no_error(root, monkeypatch):
    """It was there when its parent was listed, and that is all."""
    refuse(monkeypatch, "/pkg", FileNotFoundError(2, "No such file or directory"))
    found = discover(str(root))
    assert found.files == (".gitignore", "a.py")
    assert found.notes == ()

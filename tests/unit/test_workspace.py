"""Where state lives, and where it goes when it cannot live there."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from quarterdeck import workspace
from quarterdeck.errors import NothingToRead, StateError
from quarterdeck.workspace import find_root, open_workspace, user_config_file, user_state_folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


@pytest.fixture
def at_home(monkeypatch) -> Path:
    """No QUARTERDECK_HOME: the places most people have."""
    monkeypatch.delenv("QUARTERDECK_HOME")
    return Path(os.environ["HOME"])


def test_opening_creates_nothing(project, at_home):
    """To ask where something would be leaves no trace."""
    open_workspace(str(project))
    user_state_folder("costs")
    assert not list(project.iterdir())
    assert not list(at_home.iterdir())


def test_state_lives_in_the_project_and_caches_with_the_user(project, at_home):
    """The folders are private, and git is told to ignore them."""
    space = open_workspace(str(project))
    assert space.state_file("a.sqlite") == str(project / ".quarterdeck" / "a.sqlite")
    assert space.cache_file("b.sqlite") == str(at_home / ".cache" / "quarterdeck" / "b.sqlite")
    assert (project / ".quarterdeck" / ".gitignore").read_text() == "*\n"
    for folder in (space.state, space.cache):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700


def test_with_a_home_of_its_own_nothing_is_written_elsewhere(project):
    """State, cache and settings all lie below QUARTERDECK_HOME."""
    home = Path(os.environ["QUARTERDECK_HOME"])
    space = open_workspace(str(project))
    for path in (
        space.state_file("a"),
        space.cache_file("b"),
        user_config_file(),
        user_state_folder("costs"),
        space.fallback,
    ):
        assert Path(path).is_relative_to(home)
    assert not list(project.iterdir())


@pytest.mark.parametrize("home", ["~/deck", "deck"])
def test_a_home_is_the_same_place_for_everything(monkeypatch, project, home: str):
    """A tilde and a relative path mean one folder, also after the working folder has changed."""
    monkeypatch.setenv("QUARTERDECK_HOME", home)
    space = open_workspace(str(project))
    below = (space.cache, user_config_file(), user_state_folder("costs"))
    assert {Path(path).parent for path in below} == {Path(home).expanduser().absolute()}


def test_a_relative_xdg_folder_counts_as_none(monkeypatch, project, at_home):
    """The specification says so, and a cache in the working folder would be a surprise."""
    for name in ("CACHE", "CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", "relative")
    space = open_workspace(str(project))
    assert space.cache == str(at_home / ".cache" / "quarterdeck")
    assert user_config_file() == str(at_home / ".config" / "quarterdeck" / "config.toml")
    assert Path(space.fallback).is_relative_to(at_home / ".local" / "state" / "quarterdeck")
    assert user_state_folder("costs") == str(at_home / ".local" / "state" / "quarterdeck" / "costs")


def test_state_of_the_user_is_the_same_from_every_project(monkeypatch, at_home, tmp_path):
    """It lies where the desktop's convention puts state, beside the projects' and apart from them."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert user_state_folder("costs") == str(tmp_path / "state" / "quarterdeck" / "costs")
    fallback = Path(open_workspace(str(tmp_path)).fallback)
    assert fallback.is_relative_to(tmp_path / "state" / "quarterdeck" / "projects")


def test_without_any_home_it_says_what_to_set(monkeypatch, at_home):
    """A user number without an account and without HOME: nothing is put in the working folder."""
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as it answers where nobody is at home
    with pytest.raises(StateError, match="no home folder for the state of costs") as caught:
        user_state_folder("costs")
    assert "QUARTERDECK_HOME" in caught.value.hint


def test_state_goes_to_the_user_when_a_link_stands_in_its_place(project, at_home, tmp_path):
    """A project that somebody else wrote must not make us write elsewhere."""
    (tmp_path / "elsewhere").mkdir()
    (project / ".quarterdeck").symlink_to(tmp_path / "elsewhere")
    space = open_workspace(str(project))
    assert space.state_file("a") == os.path.join(space.fallback, "a")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_state_goes_to_the_user_when_a_file_stands_in_its_place(project, at_home):
    """It is left as it is."""
    (project / ".quarterdeck").write_text("mine")
    space = open_workspace(str(project))
    assert space.state_file("a") == os.path.join(space.fallback, "a")
    assert (project / ".quarterdeck").read_text() == "mine"


@pytest.mark.parametrize("reason", ["not writable", "somebody else's"])
def test_state_goes_to_the_user_when_the_folder_is_not_ours(monkeypatch, project, at_home, reason: str):
    """A read-only checkout, and a folder that another user can change at any time."""
    (project / ".quarterdeck").mkdir()
    state = str(project / ".quarterdeck")
    if reason == "not writable":
        access = os.access
        monkeypatch.setattr(os, "access", lambda path, mode: path != state and access(path, mode))
    else:
        lstat = os.lstat
        other = os.stat_result((*lstat(state)[:4], os.geteuid() + 1, *lstat(state)[5:]))
        monkeypatch.setattr(os, "lstat", lambda path, **kw: other if path == state else lstat(path, **kw))
    space = open_workspace(str(project))
    assert space.state_file("a") == os.path.join(space.fallback, "a")


def test_when_neither_place_can_be_written_to_it_says_so(project, at_home):
    """The caller decides what to do without any state."""
    (project / ".quarterdeck").touch()
    Path(os.environ["XDG_STATE_HOME"]).parent.mkdir(parents=True)
    Path(os.environ["XDG_STATE_HOME"]).touch()
    with pytest.raises(FileExistsError):
        open_workspace(str(project)).state_file("a")


def test_an_own_gitignore_is_kept(project, at_home):
    """Who wants to commit some state may say so."""
    (project / ".quarterdeck").mkdir()
    (project / ".quarterdeck" / ".gitignore").write_text("!notes\n")
    open_workspace(str(project)).state_file("a")
    assert (project / ".quarterdeck" / ".gitignore").read_text() == "!notes\n"


def test_projects_of_one_name_do_not_share_state(tmp_path):
    """Below one home each has a folder of its own that can still be recognised."""
    names = set()
    for parent in ("a", "b"):
        (tmp_path / parent / "app").mkdir(parents=True)
        names.add(Path(open_workspace(str(tmp_path / parent / "app")).state).name)
    assert len(names) == 2
    assert all(name.startswith("app-") for name in names)


@pytest.mark.parametrize("name", ["a\nb", "\udcff", "…", "-rf", "x" * 250])
def test_a_hostile_name_makes_a_harmless_folder(tmp_path, name: str):
    """Letters, digits and dashes, never longer than a file name may be."""
    (tmp_path / name).mkdir()
    slug = Path(open_workspace(str(tmp_path / name)).state_file("a")).parent.name
    assert slug.isascii()
    assert slug.replace("-", "").isalnum()
    assert len(slug) < 80


def test_one_project_has_one_workspace_however_it_is_reached(project, tmp_path, monkeypatch):
    """Through a link, relative, or with a slash at its end."""
    (tmp_path / "link").symlink_to(project)
    monkeypatch.chdir(project)
    spaces = {open_workspace(root) for root in (".", f"{project}/", str(tmp_path / "link"))}
    assert len(spaces) == 1
    assert spaces.pop().root == str(project)


@pytest.mark.parametrize("root", ["missing", "file"])
def test_a_project_that_is_no_folder_is_nothing_to_read(tmp_path, root: str):
    """The message names it as it was given."""
    (tmp_path / "file").touch()
    with pytest.raises(NothingToRead, match=root) as caught:
        open_workspace(str(tmp_path / root))
    assert caught.value.hint


@pytest.mark.parametrize("mark", workspace.ROOT_MARKS)
def test_the_nearest_mark_makes_the_root(tmp_path, mark: str):
    """A mark further up does not count when there is a nearer one."""
    (tmp_path / ".git").mkdir()
    inner = tmp_path / "inner"
    (inner / "a" / "b").mkdir(parents=True)
    assert find_root(str(inner / "a" / "b")) == str(tmp_path)
    (inner / mark).touch()
    assert find_root(str(inner / "a" / "b")) == str(inner)
    assert find_root(str(inner)) == str(inner)


def test_without_a_mark_the_folder_itself_is_the_root(tmp_path, monkeypatch):
    """Nothing above it is taken in by accident."""
    (tmp_path / "a").mkdir()
    monkeypatch.setattr(workspace, "ROOT_MARKS", ("no such mark",))
    assert find_root(str(tmp_path / "a")) == str(tmp_path / "a")

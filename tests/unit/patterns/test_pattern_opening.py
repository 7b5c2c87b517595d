"""Where a library is: by its path, its namespace, the settings of the project; and where none can be."""

from __future__ import annotations

import errno
import os
import pathlib
import stat

import pytest

from quarterdeck.errors import ConfigError, StateError, UsageError
from quarterdeck.patterns import PatternLibrary, PatternSettings
from quarterdeck.patterns.opening import configured, index_folder, library_file
from tests.library_worlds import ids
from tests.truth_worlds import a_pattern


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The folder of a project that has settings, in which we are."""
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def set_(project, lines):
    (project / "pyproject.toml").write_text(f"[tool.quarterdeck.patterns]\n{lines}\n")


class TestOfAProject:
    def test_the_library_of_a_project_is_in_its_state(self, project):
        """For the owner's eyes only."""
        with PatternLibrary() as library:
            library.contribute_pattern("ann", a_pattern())
            assert os.path.basename(library.path) == "default.sqlite"
            assert os.path.basename(os.path.dirname(library.path)) == "patterns"
            assert os.environ["QUARTERDECK_HOME"] in library.path
            assert stat.S_IMODE(os.stat(library.path).st_mode) == 0o600
            assert stat.S_IMODE(os.stat(os.path.dirname(library.path)).st_mode) == 0o700
        assert not list(project.glob("*.sqlite*"))

    def test_below_the_project_it_is_the_same_one(self, project, monkeypatch):
        """Wherever in it we are."""
        (project / ".git").mkdir()
        with PatternLibrary() as library:
            library.contribute_pattern("ann", a_pattern())
        (project / "src" / "deep").mkdir(parents=True)
        monkeypatch.chdir(project / "src" / "deep")
        with PatternLibrary() as library:
            assert library.get_pattern("p")

    def test_one_in_memory_is_no_projects(self, project):
        """So it asks for no settings, which may be broken."""
        set_(project, "half_life_days = -1")
        with PatternLibrary(":memory:") as library:
            assert library.settings == PatternSettings(path=":memory:")

    def test_another_project_has_another_one(self, project, tmp_path_factory, monkeypatch):
        """What one has learned is not shown to all."""
        with PatternLibrary() as library:
            library.contribute_pattern("ann", a_pattern())
        monkeypatch.chdir(tmp_path_factory.mktemp("other"))
        with PatternLibrary() as library:
            assert library.search("") == []

    def test_namespaces_are_libraries_of_their_own(self, project):
        """Neither is found, counted nor reset with the other."""
        with PatternLibrary(namespace="one") as one, PatternLibrary(namespace="two") as two:
            one.contribute_pattern("ann", a_pattern("in-one"))
            two.contribute_pattern("ann", a_pattern("in-two"))
            assert ids(one.search("")) == ["in-one"]
            assert two.reset() == 1
            assert one.get_library_stats()["patterns"] == 1
        with PatternLibrary() as default:
            assert default.search("") == []

    @pytest.mark.parametrize(
        "namespace", ["", "..", "../up", "a/b", ".hidden", "a\0", "a" * 201, 5, [], True]
    )
    def test_a_namespace_cannot_leave_its_folder(self, project, namespace):
        """It is the name of a file."""
        with pytest.raises(UsageError, match="namespace of a library"):
            PatternLibrary(namespace=namespace)

    def test_the_longest_namespace_can_be_used(self, project):
        """With all files beside it."""
        with PatternLibrary(namespace="n" * 200) as library:
            library.contribute_pattern("ann", a_pattern())
            library.reindex()
            assert ids(library.search("sqlite")) == ["p"]


class TestSettings:
    def test_a_relative_path_in_the_settings_is_below_the_project(self, project, monkeypatch):
        """Not below the folder we happen to be in."""
        set_(project, 'path = "shared/team.sqlite"')
        (project / "src").mkdir()
        monkeypatch.chdir(project / "src")
        with PatternLibrary() as library:
            assert library.path == str(project / "shared" / "team.sqlite")
            library.contribute_pattern("ann", a_pattern())
        assert (project / "shared" / "team.sqlite").is_file()

    def test_a_home_in_a_path_is_that_of_the_user(self, project):
        """As a shell has it."""
        set_(project, 'path = "~/team.sqlite"')
        with PatternLibrary() as library:
            assert library.path == os.path.join(os.environ["HOME"], "team.sqlite")

    def test_a_namespace_that_is_given_counts_more_than_a_path_in_the_settings(self, project):
        """As whatever is nearer."""
        set_(project, 'path = "team.sqlite"')
        with PatternLibrary(namespace="mine") as library:
            assert library.path.endswith("patterns/mine.sqlite")

    def test_a_path_that_is_given_counts_more_than_all_settings(self, project, tmp_path):
        """But what they say of ranking stays."""
        set_(project, 'path = "team.sqlite"\nexplore = false\nhalf_life_days = 7')
        with PatternLibrary(str(tmp_path / "own.sqlite")) as library:
            assert library.path == str(tmp_path / "own.sqlite")
            assert (library.settings.explore, library.settings.half_life_days) == (False, 7)

    @pytest.mark.parametrize(
        "line",
        ['half_life_days = 0', "half_life_days = -1", "half_life_days = nan", "half_life_days = inf",
         "half_life_days = 40000", 'half_life_days = "long"', 'explore = "no"', "path = 5", "unknown = 1"],
    )  # fmt: skip
    def test_a_wrong_setting_is_told(self, project, line):
        """Before anything is opened."""
        set_(project, line)
        with pytest.raises(ConfigError):
            PatternLibrary()
        assert not list(project.glob("*.sqlite*"))

    @pytest.mark.parametrize("days", ["90", None, True, float("nan"), []], ids=repr)
    def test_a_wrong_half_life_that_is_given_in_python_too(self, days):
        """It has not gone through a file of settings."""
        with pytest.raises(ConfigError, match="half_life_days"):
            PatternLibrary(":memory:", settings=PatternSettings(half_life_days=days))

    def test_flags_are_settings(self, project):
        """Of a command."""
        assert configured(flags={"namespace": "mine"}).namespace == "mine"


class TestPaths:
    def test_both_a_path_and_a_namespace_are_one_too_many(self, tmp_path):
        """Which is meant?"""
        with pytest.raises(UsageError, match="both a path and a namespace"):
            PatternLibrary(str(tmp_path / "a.sqlite"), namespace="b")
        assert list(tmp_path.iterdir()) == []

    def test_a_relative_path_is_below_the_folder_we_are_in(self, tmp_path, monkeypatch):
        """And stays there when we go elsewhere; missing folders are made, for the owner only."""
        monkeypatch.chdir(tmp_path)
        with PatternLibrary("new/deep/own.sqlite") as library:
            monkeypatch.chdir("/")
            library.contribute_pattern("ann", a_pattern())
        assert (tmp_path / "new" / "deep" / "own.sqlite").is_file()
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700

    @pytest.mark.parametrize("kind", [pathlib.Path, os.fsencode, str], ids=["Path", "bytes", "str"])
    def test_a_path_may_be_said_in_any_way_that_python_knows(self, tmp_path, kind):
        """A Path is what most would give."""
        with PatternLibrary(kind(tmp_path / "own.sqlite")) as library:
            library.contribute_pattern("ann", a_pattern())
            assert library.path == str(tmp_path / "own.sqlite")
            assert ids(library.search("sqlite")) == ["p"]

    @pytest.mark.parametrize("path", [5, [], {}, True, "a\0b", "\ud800", object()], ids=range(7))
    def test_what_is_no_path_is_told(self, path):
        """Not taken for the default."""
        with pytest.raises(UsageError, match="no file has the path"):
            PatternLibrary(path)

    def test_in_memory_there_is_no_file(self, tmp_path, monkeypatch):
        """Nor a folder of an index, whatever is searched."""
        monkeypatch.chdir(tmp_path)
        with PatternLibrary(":memory:") as library:
            library.contribute_pattern("ann", a_pattern())
            library.reindex()
            assert ids(library.search("sqlite")) == ["p"]
        assert list(tmp_path.iterdir()) == []
        assert index_folder(":memory:") is None

    def test_nothing_is_made_before_it_is_used(self, tmp_path):
        """To look whether there is one does not make one."""
        with PatternLibrary(str(tmp_path / "own.sqlite")):
            assert list(tmp_path.iterdir()) == []


class TestNoPlace:
    def test_a_folder_in_its_place(self, tmp_path):
        """It is left alone."""
        with PatternLibrary(str(tmp_path)) as library, pytest.raises(StateError):
            library.search("x")
        assert tmp_path.is_dir()

    def test_a_file_where_a_folder_should_be(self, tmp_path):
        """It is left alone, too."""
        (tmp_path / "file").write_text("mine")
        with pytest.raises(StateError):
            PatternLibrary(str(tmp_path / "file" / "own.sqlite"))
        assert (tmp_path / "file").read_text() == "mine"

    def test_a_name_that_is_too_long_for_the_system(self, tmp_path):
        """As it says so."""
        with pytest.raises(StateError):
            PatternLibrary(str(tmp_path / ("x" * 300) / "own.sqlite"))

    def test_a_file_that_is_no_library(self, tmp_path):
        """Somebody's notes are not overwritten."""
        path = tmp_path / "own.sqlite"
        path.write_text("dear diary, " * 1000)
        with PatternLibrary(str(path)) as library:
            for use in (lambda: library.search("x"), lambda: library.contribute_pattern("ann", a_pattern())):
                with pytest.raises(StateError):
                    use()
        assert path.read_text() == "dear diary, " * 1000

    def test_a_folder_that_cannot_be_made(self, tmp_path, monkeypatch):
        """It is told when the library is opened; here the system says so to root as well."""

        def refused(path, *_):
            raise PermissionError(errno.EACCES, "not allowed", path)

        monkeypatch.setattr(os, "mkdir", refused)
        with pytest.raises(StateError):
            PatternLibrary(str(tmp_path / "sub" / "own.sqlite"))


class TestReadOnly:
    """In a folder that this process may not write to; root may, so here the system says otherwise."""

    @pytest.fixture
    def locked(self, monkeypatch):
        """Takes the right to write from a folder and from all in it."""
        folders = []

        def lock(folder):
            for each in [folder, *folder.rglob("*")]:
                each.chmod(0o500 if each.is_dir() else 0o400)
            folders.append(str(folder))

        may = os.access

        def access(path, mode):
            is_locked = any(str(path).startswith(folder) for folder in folders)
            return may(path, mode) and not (is_locked and mode & os.W_OK)

        monkeypatch.setattr(os, "access", access)
        return lock

    def test_the_library_of_a_project_is_read(self, project, monkeypatch, locked):
        """The one that is there, not an empty one elsewhere."""
        monkeypatch.delenv("QUARTERDECK_HOME")
        with PatternLibrary() as library:
            library.contribute_many("ann", [a_pattern("p"), a_pattern("q")])
            path = library.path
        locked(project / ".quarterdeck")
        before = sorted(os.listdir(os.path.dirname(path)))
        with PatternLibrary() as library:
            assert library.path == path
            assert sorted(ids(library.search("sqlite"))) == ["p", "q"]
            assert library.get_library_stats()["patterns"] == 2
            assert len(library.get_top_patterns(2)) == 2
            for write in (
                lambda: library.contribute_pattern("ann", a_pattern("r")),
                lambda: library.record_pattern_outcome("p", success=True),
                lambda: library.delete_pattern("p"),
            ):
                with pytest.raises(StateError, match="can only be read"):
                    write()
            library.reindex()
        assert sorted(os.listdir(os.path.dirname(path))) == before

    def test_without_a_library_there_the_user_gets_one(self, project, monkeypatch, locked):
        """In a folder of one's own; so it stays, as long as the project has none."""
        monkeypatch.delenv("QUARTERDECK_HOME")
        (project / ".quarterdeck").mkdir()
        locked(project / ".quarterdeck")
        for _ in range(2):
            with PatternLibrary() as library:
                assert library.path.startswith(os.environ["XDG_STATE_HOME"])
                if not library.count():
                    library.contribute_pattern("ann", a_pattern())
                assert ids(library.search("sqlite")) == ["p"]

    def test_a_state_that_is_a_link_is_not_followed(self, project, tmp_path_factory, monkeypatch, locked):
        """Somebody may have put it there."""
        monkeypatch.delenv("QUARTERDECK_HOME")
        theirs = tmp_path_factory.mktemp("theirs")
        (theirs / "patterns").mkdir()
        with PatternLibrary(str(theirs / "patterns" / "default.sqlite")) as library:
            library.contribute_pattern("eve", a_pattern())
        locked(theirs)
        (project / ".quarterdeck").symlink_to(theirs)
        with PatternLibrary() as library:
            assert library.search("") == []

    def test_its_index_is_in_the_cache_of_the_user(self, tmp_path, monkeypatch, locked):
        """Where it can be written."""
        monkeypatch.delenv("QUARTERDECK_HOME")
        path = tmp_path / "lib" / "own.sqlite"
        with PatternLibrary(str(path)) as library:
            library.contribute_many("ann", [a_pattern(f"p{number}") for number in range(1100)])
        locked(path.parent)
        with PatternLibrary(str(path)) as library:
            library.reindex()
            assert len(library.search("sqlite", limit=2000)) == 1100
        folder = index_folder(str(path))
        assert folder is not None
        assert folder.startswith(os.environ["XDG_CACHE_HOME"])
        assert os.path.isdir(folder)

    def test_what_others_write_is_read_then(self, tmp_path, monkeypatch, locked):
        """A folder may be mounted so that only others can write to it."""
        path = tmp_path / "lib" / "own.sqlite"
        writer = PatternLibrary(str(path))
        writer.contribute_pattern("ann", a_pattern("a"))
        writer.close()
        locked(path.parent)
        with PatternLibrary(str(path)) as reader:
            assert ids(reader.search("")) == ["a"]
            with monkeypatch.context() as allowed:
                allowed.setattr(os, "access", lambda path, mode: True)
                for each in [path.parent, *path.parent.iterdir()]:
                    each.chmod(0o700)
                writer.contribute_pattern("ann", a_pattern("b"))  # now there is a log
            assert sorted(ids(reader.search(""))) == ["a", "b"]
            writer.close()  # and now there is none
            assert sorted(ids(reader.search(""))) == ["a", "b"]

    def test_what_was_never_finished_cannot_be_read(self, tmp_path, locked):
        """It would have to be written first; it is told how."""
        path = tmp_path / "lib" / "own.sqlite"
        path.parent.mkdir()
        path.touch()
        locked(path.parent)
        with PatternLibrary(str(path)) as library, pytest.raises(StateError) as told:
            library.search("")
        assert "can only be read" in told.value.message
        assert "where it can be written" in told.value.hint


def test_a_place_below_a_device_or_a_system_file_is_none():
    """Also for root: whom a folder without permission to write does not stop."""
    settings = PatternSettings(path="/dev/null/own.sqlite")
    with pytest.raises(StateError):
        library_file(settings)
    with pytest.raises(StateError):
        library_file(PatternSettings(path="/proc/none/own.sqlite"))

"""Stores damaged, foreign, unwritable or full: caches are made anew, the user's notes are left alone."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import tempfile
from pathlib import Path

import pytest

from quarterdeck.errors import StoreCorrupt, StoreTooNew
from quarterdeck.index import ProjectIndex, ProjectScanner
from tests.index_worlds import NOBODY, assert_right, everything, grow, qd, rebuilt, run

FLIPS = 60


@pytest.fixture
def project(tmp_path):
    """Sixteen modules, indexed and closed."""
    root = tmp_path / "project"
    grow(root, 14, functions=4)
    (root / "tests").mkdir()
    (root / "tests" / "test_m0.py").write_text("from pkg.m0 import f0\n\ndef test_it():\n    assert f0(1)\n")
    (root / "notes.md").write_text("# Notes\n")
    assert assert_right(root) == ()
    return root


@pytest.fixture
def open_world():
    """A folder that everybody can enter, for children that are not root."""
    folder = Path(tempfile.mkdtemp(prefix="qd-open-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def store(name):
    (found,) = Path(os.environ["QUARTERDECK_HOME"]).rglob(name)
    return found


def truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def cut_to_a_stump(path):
    path.write_bytes(path.read_bytes()[:100])


def emptied(path):
    path.write_bytes(b"")


def noise(path):
    path.write_bytes(random.Random(3).randbytes(40_000))


def noise_inside(path):
    content = bytearray(path.read_bytes())
    content[4096:-4096] = random.Random(4).randbytes(len(content) - 8192)
    path.write_bytes(content)


def of_another_version(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version=99")


def of_another_program(path):
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE entry (path)")
        connection.commit()


def without_a_table(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            connection.execute(f"DROP TABLE {table}")
        connection.commit()


DAMAGE = [
    truncated,
    cut_to_a_stump,
    emptied,
    noise,
    noise_inside,
    of_another_version,
    of_another_program,
    without_a_table,
]


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ["index.sqlite", "facts.sqlite"])
def test_a_damaged_cache_is_made_anew(project, name, damage):
    """Whatever happened to the file, the answer is right, and from then on it is kept again."""
    damage(store(name))
    touched = project / "pkg" / "m1.py"
    touched.write_text("import pkg.m5\n" + touched.read_text())
    assert_right(project)
    assert assert_right(project) == ()
    ProjectScanner(str(project)).clear_cache()
    assert assert_right(project) == ()


@pytest.mark.parametrize("name", ["index.sqlite", "facts.sqlite"])
@pytest.mark.parametrize("kind", ["folder", "symlink"])
def test_something_else_in_a_caches_place_is_left_there(project, tmp_path, name, kind):
    """A folder or a symlink is not ours to remove or to write through: the answer is right and not kept."""
    path = store(name)
    path.unlink()
    (tmp_path / "elsewhere").write_text("precious")
    if kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "elsewhere")
    (project / "pkg" / "m1.py").write_text("import pkg.m5\n")
    problems = assert_right(project)
    if name == "index.sqlite":
        assert "not kept" in problems[0]
    assert path.is_dir() if kind == "folder" else path.is_symlink()
    assert (tmp_path / "elsewhere").read_text() == "precious"


@pytest.mark.parametrize("name", ["index.sqlite", "facts.sqlite"])
def test_a_cache_that_may_not_be_read_is_done_without(open_world, name):
    """Mode 000: the answer is right; the index is made anew, and that facts are not kept is said."""
    root, home = open_world / "project", open_world / "home"
    grow(root, 5)
    home.mkdir()
    for path in (root, home):
        shutil.chown(
            path, NOBODY if os.geteuid() == 0 else None, NOBODY if os.geteuid() == 0 else os.getgid()
        )
    code, out, err = qd("scan", "-C", root, nobody=True, QUARTERDECK_HOME=home)
    assert (code, err) == (0, "")
    (path,) = home.rglob(name)
    path.chmod(0)
    (root / "pkg" / "m1.py").write_text("x = 1\n")
    code, out, err = qd("scan", "-C", root, "--json", nobody=True, QUARTERDECK_HOME=home)
    assert code == 0
    assert json.loads(out)["summary"]["total_files"] == 5
    assert err == "" if name == "index.sqlite" else err.startswith("note: extracted facts are not kept")


@pytest.mark.parametrize("name", ["index.sqlite", "facts.sqlite"])
def test_no_flipped_bit_changes_an_answer(project, name):
    """One wrong bit anywhere in a store: the answer is right all the same."""
    path = store(name)
    dice = random.Random(name)
    expected = rebuilt(project)
    for _ in range(FLIPS):
        content = bytearray(path.read_bytes())
        content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        path.write_bytes(content)
        with ProjectIndex(str(project)) as index:
            if dice.random() < 0.5:  # make it look at the facts of files that have not changed
                touched = project / "pkg" / f"m{dice.randrange(14)}.py"
                touched.write_text(f"import pkg.m{dice.randrange(14)}\n")
                expected = rebuilt(project)
            assert everything(index) == expected
            assert index.problems == ()


def test_a_store_from_a_backup_is_not_believed(project):
    """Yesterday's file in today's place has another signature: nothing it says is taken over."""
    path = store("index.sqlite")
    (project / "pkg" / "m1.py").write_text("x = 1\n")
    assert_right(project)
    content = bytearray(path.read_bytes())
    at = content.index(b"pkg/m2.py")
    content[at : at + 9] = b"pkg/zz.py"
    status = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert assert_right(project) == ()


# what the user noted ---------------------------------------------------------------------------------


@pytest.fixture
def noted(project):
    """The file with the user's notes."""
    with ProjectIndex(str(project)) as index:
        index.update_file("pkg/m1.py", owner="Ada")
        index.update_coverage({"pkg/m2.py": 75.0})
    return store("annotations.sqlite")


@pytest.mark.parametrize("damage", [truncated, cut_to_a_stump, noise, noise_inside, of_another_program])
def test_damaged_notes_are_an_error_and_stay_as_they_are(project, noted, damage):
    """No cache stands in for what only the user knows: the error says which file, and how to go on."""
    damage(noted)
    content = noted.read_bytes()
    with ProjectIndex(str(project)) as index, pytest.raises(StoreCorrupt) as caught:
        index.get_all_files()
    assert str(noted) in caught.value.message
    assert caught.value.hint
    assert noted.read_bytes() == content
    code, out, err = qd("scan", "-C", project)
    assert (code, out) == (1, "")
    assert "hint:" in err
    assert "Traceback" not in err


def test_notes_of_a_newer_version_are_an_error_and_stay_as_they_are(project, noted):
    """An older Quarterdeck does not guess at a newer one's schema."""
    of_another_version(noted)
    content = noted.read_bytes()
    with ProjectIndex(str(project)) as index, pytest.raises(StoreTooNew, match="99"):
        index.get_all_files()
    assert noted.read_bytes() == content


def test_flipped_bits_in_the_notes_never_end_in_a_traceback(project, noted):
    """Every answer is either given or refused with an error of ours; the file itself is not rewritten."""
    whole = noted.read_bytes()
    dice = random.Random(5)
    for _ in range(FLIPS):
        content = bytearray(whole)
        content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        noted.write_bytes(content)
        with ProjectIndex(str(project)) as index:
            with contextlib.suppress(StoreCorrupt, StoreTooNew):
                index.get_all_files()
            assert index.problems == ()
    noted.write_bytes(whole)
    with ProjectIndex(str(project)) as index:
        assert index.require_file("pkg/m1.py").metadata == {"owner": "Ada"}


# no room, no right -----------------------------------------------------------------------------------

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)
from quarterdeck.cli import main
main(sys.argv[1:])
"""


@pytest.fixture
def small_disk(tmp_path):
    """A file system with room for very little; a plain folder where mounting is not allowed."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        yield None
    else:
        yield folder
        subprocess.run(["umount", "-l", str(folder)], check=True)


def assert_not_kept(answer, files):
    code, out, err = answer
    assert "Traceback" not in err
    assert code == 0
    assert json.loads(out)["summary"]["total_files"] == files
    assert err.startswith("note: ")
    assert "not kept" in err


def test_a_full_disk_stops_no_answer(tmp_path, small_disk):
    """The answer is right and a note says that it is not kept; with space again, it is kept."""
    root = tmp_path / "project"
    grow(root, 150)
    if small_disk is None:  # CI runs as root and may mount; elsewhere the limit below has to do
        assert not os.environ.get("CI"), "this test needs the right to mount a tmpfs: run it as root"
        return
    assert_not_kept(qd("scan", "-C", root, "--json", QUARTERDECK_HOME=small_disk), 150)
    subprocess.run(["mount", "-o", "remount,size=16m", str(small_disk)], check=True)
    assert qd("scan", "-C", root, QUARTERDECK_HOME=small_disk)[::2] == (0, "")
    assert qd("scan", "-C", root, "--json", QUARTERDECK_HOME=small_disk)[::2] == (0, "")


@pytest.mark.parametrize("limit", [0, 5_000, 40_000, 90_000])
def test_a_limit_on_file_sizes_stops_no_answer(tmp_path, limit):
    """As a full disk, at several moments of the first scan."""
    root = tmp_path / "project"
    grow(root, 150)
    assert_not_kept(run(LIMITED, limit, "scan", "-C", root, "--json"), 150)
    assert assert_right(root) == ()


def test_a_read_only_project_keeps_its_state_with_the_user(open_world):
    """Somebody else's folder: the user's own state folder is used, and nothing is left in the project."""
    root, home = open_world / "project", open_world / "home"
    grow(root, 5)
    home.mkdir()
    if os.geteuid() == 0:
        shutil.chown(home, NOBODY, NOBODY)
    else:
        root.chmod(0o555)
    places = {
        "QUARTERDECK_HOME": "",
        "HOME": home,
        "XDG_STATE_HOME": "",
        "XDG_CACHE_HOME": "",
        "XDG_CONFIG_HOME": "",
    }
    code, _, err = qd("scan", "-C", root, nobody=True, **places)
    root.chmod(0o755)
    assert (code, err) == (0, "")
    assert not (root / ".quarterdeck").exists()
    assert [path.name for path in (home / ".local/state/quarterdeck/projects").rglob("index.sqlite")]
    assert (home / ".cache/quarterdeck/facts.sqlite").exists()


@pytest.mark.parametrize("home", ["unset", "unwritable", "relative", "missing", "a file"])
def test_without_a_usable_home_the_answer_is_the_same(open_world, home):
    """No home, one that is not ours, or one that is no folder: exit 0, and no folder called ~ anywhere."""
    root, elsewhere = open_world / "project", open_world / "home"
    grow(root, 5)
    elsewhere.mkdir()
    (open_world / "file").touch()
    value = {
        "unset": None,
        "unwritable": elsewhere,
        "relative": "some/where",
        "missing": elsewhere / "not" / "there",
        "a file": open_world / "file",
    }[home]
    names = ("QUARTERDECK_HOME", "HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
    clean = f"for name in {names!r}: os.environ.pop(name, None)\n"
    setting = "" if value is None else f"os.environ['HOME'] = {str(value)!r}\n"
    # A user id without an account: nothing else says where home is.
    from tests.index_worlds import AS_NOBODY, QD

    code, out, err = run(
        AS_NOBODY.replace(str(NOBODY), "54321") + clean + setting + QD, "scan", "-C", root, "--json"
    )
    assert code == 0, err
    assert "Traceback" not in err
    assert json.loads(out)["summary"]["total_files"] == 5
    assert not list(Path.cwd().iterdir())


def test_a_relative_quarterdeck_home_is_relative_to_the_working_folder(project):
    """QUARTERDECK_HOME=here/there: everything is below it, wherever the project lies."""
    code, _, err = qd("scan", "-C", project, QUARTERDECK_HOME="here/there")
    assert (code, err) == (0, "")
    assert list(Path("here/there").rglob("index.sqlite"))


@pytest.mark.parametrize(
    "name",
    [
        b"new\nline",
        b"esc\x1b[31mape",
        b"not\xffutf\xfe8",
        b"n" * 200,
        b"sp ace",
        b"-C",
        b"%41?*[a]",
        "名前".encode(),
    ],
)
def test_a_project_may_be_called_anything(tmp_path, name):
    """The folder's name reaches git, the workers, the stores and the terminal, and harms none of them."""
    root = os.fsdecode(os.path.join(os.fsencode(tmp_path), name))
    grow(root, 150, functions=2)
    assert assert_right(root) == ()
    for spelling in (
        root + "/",
        os.path.join(root, "..", os.fsdecode(name)),
        os.path.join(root, "pkg", ".."),
    ):
        code, out, err = qd("scan", "-C", spelling, "--json")
        assert (code, err) == (0, "")
        assert json.loads(out)["state"]["files"] == 150
        assert os.fsencode(json.loads(out)["project"]) == os.fsencode(root)
    code, out, err = qd("scan", "-C", root)
    assert (code, err) == (0, "")
    assert all(line.isprintable() for line in out.splitlines())


def test_a_symlink_to_a_project_is_the_project(project, tmp_path):
    """Both names lead to one index."""
    (tmp_path / "link").symlink_to(project)
    with ProjectIndex(str(tmp_path / "link")) as index:
        assert index.state.refreshed == 0
        assert index.root == str(project)

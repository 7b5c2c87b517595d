"""Private files and folders, and replacements that are whole or did not happen."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from quarterdeck.files import private_folder, write_atomically

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 2_000_000
WRITE_FOREVER = f"""
import sys
from quarterdeck.files import write_atomically
while True:
    for letter in (b"a", b"b"):
        write_atomically(sys.argv[1], letter * {SIZE})
        print(flush=True)
"""


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777], ids=oct)
def umask(request):
    """Each of the masks people have, and two nobody should."""
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: str | Path) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


@pytest.mark.parametrize("rounds", range(4))
def test_a_killed_writer_leaves_the_old_file_or_the_new_one(tmp_path, rounds: int):
    """Kill -9 in the middle of a replacement never shows a part of a file."""
    path = tmp_path / "file"
    with subprocess.Popen([sys.executable, "-c", WRITE_FOREVER, str(path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        for _ in range(1 + rounds):
            writer.stdout.readline()
        writer.kill()
    content = path.read_bytes()
    assert content in (b"a" * SIZE, b"b" * SIZE)


@pytest.mark.usefixtures("umask")
def test_a_file_is_the_owners_whatever_the_umask(tmp_path):
    """Nobody else reads it, and the owner always can."""
    path = tmp_path / "file"
    write_atomically(str(path), b"secret")
    assert mode(path) == 0o600
    write_atomically(str(path), b"public", mode=0o644)
    assert mode(path) == 0o644


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077], indirect=True)
@pytest.mark.usefixtures("umask")
def test_every_new_folder_is_the_owners(tmp_path):
    """Also those above it: a folder that others may write to is no safe place for a private one."""
    assert private_folder(str(tmp_path / "a" / "b" / "c")) == str(tmp_path / "a" / "b" / "c")
    assert [mode(tmp_path / name) for name in ("a", "a/b", "a/b/c")] == [0o700] * 3


def test_a_folder_that_is_there_keeps_its_mode(tmp_path):
    """It may be the user's own choice."""
    (tmp_path / "a").mkdir(mode=0o755)
    private_folder(str(tmp_path / "a"))
    assert mode(tmp_path / "a") == 0o755


def test_a_folder_may_be_named_relative_to_the_working_directory():
    """Its parent then has no name."""
    private_folder("a/b")
    assert os.path.isdir("a/b")


def test_a_file_where_a_folder_should_be_is_an_error(tmp_path):
    """Whether it stands there itself or further up."""
    (tmp_path / "a").touch()
    with pytest.raises(FileExistsError):
        private_folder(str(tmp_path / "a"))
    with pytest.raises(FileExistsError):
        private_folder(str(tmp_path / "a" / "b"))


def test_a_failed_replacement_leaves_nothing_behind(tmp_path):
    """The old content stands and the temporary file is gone."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "kept").touch()
    with pytest.raises(IsADirectoryError):
        write_atomically(str(tmp_path / "folder"), b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert (tmp_path / "folder" / "kept").exists()


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_a_write_that_fails_half_way_leaves_nothing_behind(tmp_path, monkeypatch, failure):
    """A full disk or an interrupt costs the new content only."""
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(_: int) -> None:
        raise failure

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(failure if isinstance(failure, type) else type(failure)):
        write_atomically(str(path), b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_replaced_not_followed(tmp_path):
    """What it points to belongs to somebody else."""
    target = tmp_path / "target"
    target.write_bytes(b"theirs")
    link = tmp_path / "link"
    link.symlink_to(target)
    write_atomically(str(link), b"ours")
    assert target.read_bytes() == b"theirs"
    assert not link.is_symlink()
    assert link.read_bytes() == b"ours"

"""Signatures and stable reading, on real files."""

from __future__ import annotations

import hashlib
import os
import socket
import time

import pytest

from quarterdeck.index.disk import signature
from quarterdeck.index.disk.signature import RACY_WINDOW_NS, Signature, is_racy, of, read_stable

NOW_NS = 1_800_000_000_000_000_000


def quiet(path):
    """Puts the time stamps that can be set far into the past."""
    os.utime(path, ns=(1, 1))


def test_a_signature_holds_size_times_and_inode(tmp_path):
    """The four things that lstat knows and a change alters."""
    (tmp_path / "a").write_bytes(b"abc")
    st = os.lstat(tmp_path / "a")
    assert of(st) == Signature(3, st.st_mtime_ns, st.st_ctime_ns, st.st_ino)


def test_a_rewrite_that_restores_size_and_mtime_is_still_seen(tmp_path):
    """Ctime cannot be set back by a user, so `touch -r` hides nothing."""
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    quiet(path)
    before = of(os.lstat(path))._replace(ctime_ns=1)
    path.write_bytes(b"xyz")
    quiet(path)
    after = of(os.lstat(path))
    assert (after.size, after.mtime_ns, after.inode) == (before.size, before.mtime_ns, before.inode)
    assert after != before


@pytest.mark.parametrize(
    "mtime_ns, ctime_ns, racy",
    [
        (NOW_NS - RACY_WINDOW_NS, NOW_NS - RACY_WINDOW_NS, False),
        (NOW_NS - RACY_WINDOW_NS + 1, 0, True),
        (0, NOW_NS - RACY_WINDOW_NS + 1, True),
        (NOW_NS + 10 * RACY_WINDOW_NS, 0, True),
        (0, 0, False),
    ],
)
def test_a_file_is_racy_when_it_changed_within_the_window_or_in_the_future(mtime_ns, ctime_ns, racy):
    """The window is open at its far end: exactly two seconds ago is safe."""
    assert is_racy(Signature(1, mtime_ns, ctime_ns, 1), NOW_NS) is racy


@pytest.mark.parametrize(
    "content, lines", [(b"", 0), (b"a", 1), (b"a\n", 1), (b"a\nb", 2), (b"\n\n", 2), (b"\0\xff", 1)]
)
@pytest.mark.parametrize("limit", [0, 100])
def test_content_hash_and_lines_are_the_files(tmp_path, content, lines, limit):
    """The same hash and count whether the content is held or not."""
    path = tmp_path / "a"
    path.write_bytes(content)
    read = read_stable(str(path), limit)
    assert read.reason == ""
    assert read.digest == hashlib.blake2b(content, digest_size=16).hexdigest() == signature.digest_of(content)
    assert read.lines == lines
    assert read.content == (content if len(content) <= limit else None)
    assert read.signature == of(os.lstat(path))


def test_a_file_above_the_limit_is_hashed_in_chunks(tmp_path, monkeypatch):
    """No read asks for more than a chunk, and nothing is kept."""
    content = b"line\n" * 1000
    (tmp_path / "a").write_bytes(content)
    monkeypatch.setattr(signature, "_CHUNK_BYTES", 64)
    read = read_stable(str(tmp_path / "a"), 63)
    assert read.content is None
    assert (read.lines, read.digest) == (1000, signature.digest_of(content))


def test_a_fresh_file_is_racy_and_an_old_one_is_not(tmp_path, monkeypatch):
    """The clock at the start of reading decides."""
    path = tmp_path / "a"
    path.write_bytes(b"a")
    written_ns = os.lstat(path).st_ctime_ns
    monkeypatch.setattr(time, "time_ns", lambda: written_ns + 1)
    assert read_stable(str(path), 10).racy
    monkeypatch.setattr(time, "time_ns", lambda: written_ns + RACY_WINDOW_NS)
    assert not read_stable(str(path), 10).racy


def version(number):
    """Shorter each time: two writes may share a time stamp, and a longer one goes on after its end."""
    return b"version %d" % number + b"." * (100 - number)


class ChangingFile:
    """Wraps os.read so that the file changes during each of the first *times* attempts."""

    def __init__(self, monkeypatch, path, times):
        self.attempts = 0
        self.inode = os.lstat(path).st_ino
        self.path, self.times = path, times
        self.read = os.read
        monkeypatch.setattr(os, "read", self)

    def __call__(self, descriptor, size):
        chunk = self.read(descriptor, size)
        if chunk and os.fstat(descriptor).st_ino == self.inode:
            self.attempts += 1
            if self.attempts <= self.times:
                self.path.write_bytes(version(self.attempts))
        return chunk


@pytest.fixture
def long_ago(tmp_path, monkeypatch):
    """A file, and a clock that says it was written long ago."""
    path = tmp_path / "a"
    path.write_bytes(version(0))
    monkeypatch.setattr(time, "time_ns", lambda: os.lstat(path).st_ctime_ns + 10 * RACY_WINDOW_NS)
    return path


def test_a_file_that_changes_while_it_is_read_is_read_again(long_ago, monkeypatch):
    """The answer is one version, whole, with that version's signature."""
    file = ChangingFile(monkeypatch, long_ago, times=2)
    read = read_stable(str(long_ago), 1000)
    assert read.content == version(2)
    assert read.signature == of(os.lstat(long_ago))
    assert not read.racy
    assert file.attempts == 3


def test_a_file_that_never_stands_still_comes_back_as_racy(long_ago, monkeypatch):
    """After three attempts the last content is returned, to be read again at the next question."""
    file = ChangingFile(monkeypatch, long_ago, times=99)
    read = read_stable(str(long_ago), 1000)
    assert read.content == version(2)
    assert read.racy
    assert file.attempts == 3


def test_what_is_not_a_regular_file_has_a_reason(tmp_path):
    """Folders, symlinks, pipes and sockets are refused without waiting."""
    (tmp_path / "file").write_bytes(b"x")
    os.symlink("file", tmp_path / "link")
    os.mkfifo(tmp_path / "pipe")
    assert read_stable(str(tmp_path), 10).reason == "it is a folder"
    assert read_stable(str(tmp_path / "link"), 10).reason == "it is a symlink"
    assert read_stable(str(tmp_path / "pipe"), 10).reason == "it is not a regular file"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))
        assert read_stable(str(tmp_path / "socket"), 10).reason == "it is not a regular file"


def test_a_path_that_cannot_be_has_a_reason(tmp_path):
    """Gone, below a file, too long, with a null byte: values, not exceptions."""
    (tmp_path / "file").write_bytes(b"x")
    assert read_stable(str(tmp_path / "none"), 10).reason == "it is gone"
    assert read_stable(str(tmp_path / "file" / "x"), 10).reason == "it is gone"
    assert read_stable(str(tmp_path / ("n" * 300)), 10).reason == "file name too long"
    assert read_stable("a\0b", 10).reason == "embedded null byte"


def test_a_file_that_must_not_be_read_has_a_reason(tmp_path, monkeypatch):
    """Permission is a reason as well; root may read everything, so the refusal is made up."""

    def refuse(path, flags):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "open", refuse)
    assert read_stable(str(tmp_path / "a"), 10) == signature.Read("permission denied")


def test_no_descriptor_is_left_open(tmp_path):
    """Neither by a success nor by a refusal."""
    (tmp_path / "a").write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe")
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for name in ("a", "pipe", "none"):
        read_stable(str(tmp_path / name), 10)
    assert before == (len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0)


def test_a_name_of_any_bytes_can_be_read(tmp_path):
    """Newlines and bytes that are not UTF-8 come in as surrogate escapes."""
    name = os.fsdecode(os.fsencode(tmp_path) + b"/-\xff\n")
    with open(name, "wb") as file:
        file.write(b"x")
    assert read_stable(name, 10).content == b"x"

"""``qd memory key``: values that nobody reads without the key."""

from __future__ import annotations

import pytest


@pytest.fixture
def key(qd, tmp_path, monkeypatch) -> str:
    """A new key, which is used from now on."""
    path = str(tmp_path / "keys" / "memory.key")
    assert qd("memory", "key", "new", path).code == 0
    monkeypatch.setenv("QUARTERDECK_MEMORY_KEY_FILE", path)
    return path


def test_what_is_put_is_encrypted(qd, key, tmp_path):
    """In the file there is nothing to be read; the doctor says so, too."""
    path = tmp_path / "memory.sqlite"
    qd("memory", "put", "k", "nobody reads this", "--path", str(path))
    lies = b"".join(each.read_bytes() for each in tmp_path.glob("memory.sqlite*"))
    assert b"nobody" not in lies
    assert qd("memory", "get", "k", "--path", str(path)).out == '"nobody reads this"\n'
    assert f"values are encrypted with {key}" in qd("memory", "doctor", "--path", str(path)).out


def test_a_key_is_renewed_and_the_old_values_stay_readable(qd, key):
    """Each value names the key that opens it."""
    qd("memory", "put", "old", "1")
    renewed = qd("memory", "key", "rotate", key, "--json").json
    assert (renewed["schema"], renewed["path"]) == ("quarterdeck.memory.key/1", key)
    qd("memory", "put", "new", "2")
    assert (qd("memory", "get", "old").out, qd("memory", "get", "new").out) == ("1\n", "2\n")


def test_a_key_file_is_not_overwritten(qd, key):
    """It would take everything with it that was encrypted with it."""
    result = qd("memory", "key", "new", key)
    assert (result.code, result.out) == (2, "")
    assert "there already" in result.err
    assert qd("memory", "key", "rotate", f"{key}.other").code == 2


def test_without_its_key_nothing_is_read(qd, key, monkeypatch):
    """Said, and no traceback; and the value is not lost."""
    qd("memory", "put", "k", "1")
    monkeypatch.delenv("QUARTERDECK_MEMORY_KEY_FILE")
    result = qd("memory", "get", "k")
    assert (result.code, result.out) == (1, "")
    monkeypatch.setenv("QUARTERDECK_MEMORY_KEY_FILE", key)
    assert qd("memory", "get", "k").out == "1\n"


def test_the_home_folder_may_be_written_as_a_tilde(qd, tmp_path, monkeypatch):
    """Also where no shell has replaced it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert str(tmp_path / "m.key") in qd("memory", "key", "new", "~/m.key").out
    assert (tmp_path / "m.key").stat().st_mode & 0o777 == 0o600

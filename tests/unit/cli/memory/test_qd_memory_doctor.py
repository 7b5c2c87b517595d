"""``qd memory doctor``: what is wrong, and how to mend it."""

from __future__ import annotations

import os
import sqlite3

import pytest


@pytest.fixture
def path(qd, tmp_path, monkeypatch) -> str:
    """The file of a memory with something in it."""
    path = str(tmp_path / "memory.sqlite")
    monkeypatch.setenv("QUARTERDECK_MEMORY_PATH", path)
    for key in "abc":
        qd("memory", "put", key, "x" * 10_000, "--text")
    qd("memory", "grant", "boss", "steward")
    return path


def test_a_healthy_memory_is_said_to_be(qd, path):
    """With what was looked at."""
    result = qd("memory", "doctor")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("embedded: ok\n")
    assert path in result.out
    answer = qd("memory", "doctor", "--json").json
    assert (answer["schema"], answer["problems"]) == ("quarterdeck.memory.doctor/1", [])
    assert [each["what"] for each in answer["checks"]] == ["use", "file", "audit"]
    assert answer["health"]["state"] == "ok"


def test_a_file_that_others_can_read_is_found(qd, path):
    """And how to shut it."""
    os.chmod(path, 0o644)
    result = qd("memory", "doctor")
    assert result.code == 1
    assert f"problem: others can read {path} (mode 644): run chmod 600 on it\n" in result.out


def test_a_damaged_file_is_found(qd, path):
    """Also where nobody has asked for what is damaged yet."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    size = os.path.getsize(path)
    with open(path, "r+b") as file:
        file.seek(size - 8000)
        file.write(os.urandom(6000))
    result = qd("memory", "doctor", "--json")
    assert result.code == 1
    assert any("damaged" in problem for problem in result.json["problems"]), result.json


def test_a_changed_audit_chain_is_found(qd, path):
    """With the act that does not fit."""
    with sqlite3.connect(path) as connection:
        done = connection.execute(
            "UPDATE entries SET data = replace(data, 'steward', 'observer') WHERE name LIKE '%:audit:%'"
        )
        assert done.rowcount == 1
    connection.close()
    result = qd("memory", "doctor")
    assert result.code == 1
    assert "problem: act 1 of the audit chain" in result.out


def test_a_server_that_is_down_is_a_finding_and_no_error(qd):
    """Exit code 1, with what was found: the address, without its password."""
    url = "redis://:hunter22@127.0.0.1:1"
    result = qd("memory", "doctor", "--url", url, "--json")
    assert result.code == 1
    answer = result.json
    assert (answer["backend"], answer["health"]["state"]) == ("redis", "down")
    assert [each["what"] for each in answer["checks"]] == ["use"]
    assert answer["problems"]
    shown = qd("memory", "doctor", "--url", url)
    assert shown.code == 1
    assert "redis: down" in shown.out
    assert "hunter22" not in shown.out + shown.err + result.out + result.err


def test_a_path_may_be_any_bytes(qd, tmp_path):
    """Also those that are no text."""
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.sqlite")
    assert qd("memory", "put", "k", "1", "--path", path).code == 0
    assert qd("memory", "doctor", "--path", path).code == 0
    assert qd("memory", "doctor", "--path", path, "--json").json["health"]["details"]["path"] == path


def test_nobody_has_to_be_let_in(qd, path, monkeypatch):
    """Who has lost a token can still ask what is wrong."""
    monkeypatch.setenv("QUARTERDECK_AGENT", "boss")
    assert qd("memory", "put", "k", "1").code == 1
    assert qd("memory", "doctor").code == 0

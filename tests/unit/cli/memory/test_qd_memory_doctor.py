"""``qd memory doctor``: what is wrong, and how to mend it."""

from __future__ import annotations

import os
import sqlite3

import pytest

from quarterdeck.cli.memory import readable


@pytest.fixture
def path(qd, tmp_path, monkeypatch) -> str:
    """The file of a memory with something in it."""
    path = str(tmp_path / "memory.sqlite")
    monkeypatch.setenv("QUARTERDECK_MEMORY_PATH", path)
    for key in "abc":
        qd("memory", "put", key, "x" * 10_000, "--text")
    token = qd("memory", "grant", "boss", "steward").out.strip()
    with monkeypatch.context() as as_boss:
        as_boss.setenv("QUARTERDECK_AGENT", "boss")
        as_boss.setenv("QUARTERDECK_AGENT_TOKEN", token)
        assert qd("memory", "grant", "eve", "observer").code == 0
    return path


def test_a_healthy_memory_is_said_to_be(qd, path):
    """With what was looked at."""
    result = qd("memory", "doctor")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("embedded: ok\n")
    assert path in result.out
    answer = qd("memory", "doctor", "--json").json
    assert (answer["schema"], answer["problems"]) == ("quarterdeck.memory.doctor/1", [])
    assert [each["what"] for each in answer["checks"]] == [
        "use", "file", "entries", "audit", "rights", "patterns",
    ]  # fmt: skip
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
            "UPDATE entries SET data = replace(data, 'steward', 'observer') WHERE name LIKE '%:audit:%1'"
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


def written(path: str, statement: str) -> None:
    """What somebody does to the file who does not ask Quarterdeck."""
    with sqlite3.connect(path) as connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()


@pytest.mark.parametrize(
    "statement, said",
    [
        (
            "UPDATE entries SET data = replace(data, 'observer', 'steward') WHERE name LIKE '%:agent:eve'",
            "agent 'eve' is steward",
        ),
        ("DELETE FROM entries WHERE name LIKE '%:agent:eve'", "the record of agent 'eve' has been removed"),
        ("UPDATE entries SET data = '{\"tier\":' WHERE name LIKE '%:agent:eve'", "{default..0}:agent:eve"),
        ("DELETE FROM entries WHERE name LIKE '%:access:policy'", "anybody can become a steward"),
        ("DELETE FROM entries WHERE name LIKE '%:audit:%' OR name LIKE '%:chain:%'", "chain is empty"),
    ],
)
def test_rights_that_no_act_has_given_are_found(qd, path, statement: str, said: str):
    """By the doctor and with the chain; the other agents are still listed."""
    written(path, statement)
    for command in ("doctor",), ("audit", "--verify"):
        result = qd("memory", *command)
        assert result.code == 1
        assert said in result.out
        assert any(said in problem for problem in qd("memory", *command, "--json").json["problems"])


def test_lasting_patterns_that_are_garbage_are_found(qd, path):
    """The first few by name, and how many more there are."""
    names = [f"{{default..0}}:pattern:p{number}" for number in range(7)]
    for name in names:
        written(path, f"INSERT INTO entries (name, data) VALUES ('{name}', '7')")
    result = qd("memory", "doctor", "--json")
    (found,) = [each for each in result.json["checks"] if each["what"] == "patterns"]
    assert (result.code, found["said"]) == (1, "7 cannot be used")
    *named, more = result.json["problems"]
    assert [name in problem for name, problem in zip(names, named, strict=False)] == [True] * 5
    assert more == "2 more patterns cannot be used"


def test_one_record_that_is_garbage_does_not_hide_the_other_agents(qd, path):
    """The entry is named, with what to do about it."""
    written(path, "UPDATE entries SET data = '7' WHERE name LIKE '%:agent:eve'")
    result = qd("memory", "agents")
    assert result.code == 1
    assert "boss" in result.out
    assert "'{default..0}:agent:eve'" in result.err
    answer = qd("memory", "agents", "--json").json
    assert ([each["agent"] for each in answer["agents"]], answer["unreadable"]) == (["boss"], ["eve"])


@pytest.fixture
def key(qd, path, tmp_path, monkeypatch) -> str:
    """A key file with which the value of ``sealed`` is encrypted; those of before are not."""
    key = str(tmp_path / "m.key")
    qd("memory", "key", "new", key)
    monkeypatch.setenv("QUARTERDECK_MEMORY_KEY_FILE", key)
    assert qd("memory", "put", "sealed", "1").code == 0
    return key


@pytest.mark.usefixtures("key")
def test_what_is_encrypted_and_what_is_not_is_counted(qd):
    """So that one sees when no plain value is left."""
    result = qd("memory", "doctor")
    assert result.code == 0
    assert ", 1 encrypted and " in result.out
    assert "all can be read" in result.out


def test_values_without_their_key_are_found(qd, key, monkeypatch):
    """Whether it is not set, another one, or cannot be used; the rest is looked at as ever."""
    monkeypatch.delenv("QUARTERDECK_MEMORY_KEY_FILE")
    result = qd("memory", "doctor")
    assert result.code == 1
    assert "1 entry is encrypted, and there is no key" in result.out
    monkeypatch.setenv("QUARTERDECK_MEMORY_KEY_FILE", f"{key}.other")
    missing = qd("memory", "doctor")
    assert missing.code == 1
    assert f"the key file {key}.other cannot be used" in missing.out
    assert "qd memory key new" in missing.out
    assert "the chain is whole" in missing.out
    qd("memory", "key", "new", f"{key}.other")
    other = qd("memory", "doctor")
    assert other.code == 1
    assert "1 cannot be read" in other.out
    os.chmod(key, 0o644)
    monkeypatch.setenv("QUARTERDECK_MEMORY_KEY_FILE", key)
    assert qd("memory", "doctor").out.count("problem: ") == 2


@pytest.mark.usefixtures("key")
def test_a_value_under_another_name_is_found(qd, path):
    """What is sealed fits under its own name alone."""
    qd("memory", "put", "other", "2")
    written(
        path,
        "UPDATE entries SET data = (SELECT data FROM entries WHERE name LIKE '%:sealed') "
        "WHERE name LIKE '%:other'",
    )
    result = qd("memory", "doctor")
    assert result.code == 1
    assert "1 cannot be read" in result.out


def test_plain_values_that_are_accepted_no_more_are_found(qd, key):
    """The first few by name, and how many there are."""
    with open(key) as file:
        text = file.read()
    with open(key, "w") as file:
        file.write(text.replace("accept-plain\n", ""))
    result = qd("memory", "doctor")
    assert result.code == 1
    assert "more entries cannot be read" in result.out


def test_of_very_many_entries_the_first_are_read(qd, path, monkeypatch):
    """And that is said."""
    monkeypatch.setattr(readable, "MOST", 2)
    result = qd("memory", "doctor")
    assert result.code == 0
    assert "the first 2 entries: all can be read" in result.out


def test_what_is_said_of_a_server_that_is_down_is_for_who_has_asked(qd):
    """The process ends, so nothing is tried again; and nobody is sent back to the doctor."""
    for command in (("get", "k"), ("doctor",)):
        result = qd("memory", *command, "--url", "redis://127.0.0.1:1")
        assert result.code == 1
        assert "tried again" not in result.out + result.err
    assert not any(line.endswith("qd memory doctor") for line in result.out.splitlines())

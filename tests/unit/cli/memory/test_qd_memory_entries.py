"""``qd memory put``, ``get``, ``rm``, ``ls``, ``stats``: values from a shell and back."""

from __future__ import annotations

import json

import pytest

HOSTILE = "a\x1b[2Jb\nc\u202ed|=*\x9b1m"
SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"  # the form of a token, made up


def put(qd, *arguments: str):
    result = qd("memory", "put", *arguments)
    assert result.code == 0, result.err
    return result


# put and get -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed, value",
    [
        ('{"files": ["a.py"], "n": 1.5}', {"files": ["a.py"], "n": 1.5}),
        ("null", None),
        ("-1", -1),
        ('"text"', "text"),
        ("plain words", "plain words"),
        ("", ""),
        (" 7 ", 7),
        ("NaN", "NaN"),
        ("123456789012345678901234567890", 123456789012345678901234567890),
    ],
)
def test_what_can_be_read_as_json_is_json_and_all_else_is_text(qd, typed: str, value: object):
    """As one types it, without quotes inside quotes for a word."""
    put(qd, "k", "--", typed)
    result = qd("memory", "get", "k")
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out) == value


def test_text_is_text_whatever_it_looks_like(qd):
    """And comes back without quotes, and without a line feed that nobody has put there."""
    put(qd, "k", "[1, 2]", "--text")
    assert qd("memory", "get", "k").out == '"[1, 2]"\n'
    assert qd("memory", "get", "k", "--text").out == "[1, 2]"


@pytest.mark.parametrize("dash", [(), ("-",)], ids=str)
def test_a_value_is_read_from_stdin(qd, piped, dash: tuple[str, ...]):
    """So that it need not stand on a command line, which everybody can see."""
    piped(b'{"a": [1, 2]}\n')
    put(qd, "k", *dash)
    assert qd("memory", "get", "k").out == '{"a":[1,2]}\n'


def test_piped_words_lose_the_line_feed_of_echo(qd, piped):
    """What is piped as text does not: a file comes back byte by byte."""
    piped(b"hello\n")
    put(qd, "k")
    assert qd("memory", "get", "k").out == '"hello"\n'
    piped(b"one\r\ntwo\n\n")
    put(qd, "k", "--text")
    assert qd("memory", "get", "k", "--text").out == "one\r\ntwo\n\n"


def test_what_was_meant_to_be_json_and_is_not_is_remarked(qd):
    """A forgotten brace must not be found out by whoever reads the value."""
    result = put(qd, "k", '{"a": 1')
    assert "looks like JSON" in result.err
    assert put(qd, "k", '{"a": 1', "--text").err == ""


@pytest.mark.parametrize("data, said", [(b"\xff", "not UTF-8"), (b"x" * 101, "more than 100 bytes")])
def test_what_cannot_be_a_value_is_refused(qd, piped, monkeypatch, data: bytes, said: str):
    """A pipe without end must not fill the machine."""
    monkeypatch.setenv("QUARTERDECK_MEMORY_MAX_VALUE_BYTES", "100")
    piped(data)
    result = qd("memory", "put", "k")
    assert result.code == 2
    assert said in result.err


def test_a_value_that_has_no_end_on_a_terminal_is_not_waited_for(qd, monkeypatch):
    """Who forgets the value is told, and does not sit before a cursor."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    result = qd("memory", "put", "k")
    assert result.code == 2
    assert "there is no value" in result.err


def test_null_is_a_value_and_nothing_is_none(qd):
    """`get` can tell them apart: exit code 3, and words."""
    put(qd, "k", "null")
    assert qd("memory", "get", "k") == (0, "null\n", "")
    result = qd("memory", "get", "other")
    assert (result.code, result.out) == (3, "")
    assert "nothing under 'other'" in result.err
    assert qd("memory", "get", "other", "--json").json["code"] == "nothing-to-read"


def test_the_answers_have_a_schema(qd):
    """With where they come from; a program need not guess."""
    assert put(qd, "k", "[1]", "--json").json == {
        "schema": "quarterdeck.memory.put/1",
        "backend": "embedded",
        "namespace": "default",
        "agent": "default",
        "key": "k",
        "kept": True,
    }
    assert qd("memory", "get", "k", "--json").json == {
        "schema": "quarterdeck.memory.get/1",
        "backend": "embedded",
        "namespace": "default",
        "agent": "default",
        "key": "k",
        "value": [1],
    }


def test_one_agent_reads_what_another_has_put_down(qd, monkeypatch):
    """Who asks stands in an option or in the environment."""
    put(qd, "plan", "1", "--agent", "planner")
    monkeypatch.setenv("QUARTERDECK_AGENT", "reviewer")
    assert qd("memory", "get", "plan").code == 3
    assert qd("memory", "get", "plan", "--from", "planner").out == "1\n"
    put(qd, "plan", "2")
    assert qd("memory", "get", "plan", "--agent", "planner").out == "1\n"
    assert qd("memory", "get", "plan").out == "2\n"


def test_what_is_secret_is_taken_out_and_said(qd):
    """Where, and not what: stderr may end up in a log."""
    result = put(qd, "k", json.dumps({"ok": 1, "deep": [{"note": f"use {SECRET}"}]}))
    assert SECRET not in result.err + result.out
    assert result.err == "note: github-token was taken out of the value['deep'][0]['note']\n"
    assert SECRET not in qd("memory", "get", "k").out
    assert put(qd, "k", "nothing secret").err == ""


def test_a_put_on_a_condition_is_done_once(qd):
    """Exit code 1 tells the loser."""
    assert put(qd, "leader", "a", "--if-absent").out == "leader is kept\n"
    result = qd("memory", "put", "leader", "b", "--if-absent", "--json")
    assert (result.code, result.json["kept"]) == (1, False)
    assert qd("memory", "put", "leader", "b", "--if", "x").code == 1
    put(qd, "leader", "b", "--if", "a")
    assert qd("memory", "get", "leader").out == '"b"\n'
    put(qd, "new", "1", "--if", "null")
    put(qd, "new", "2", "--text", "--if-absent", "--agent", "bob")
    assert qd("memory", "put", "new", "3", "--if", "2", "--agent", "bob").code == 1
    put(qd, "new", "3", "--text", "--if", "2", "--agent", "bob")


def test_an_entry_is_gone_when_its_time_is_up(qd):
    """The command that waits for it is woken by nobody, and still ends."""
    put(qd, "k", "1", "--ttl", "1ms")
    assert qd("memory", "get", "k").code == 3
    put(qd, "k", "1", "--ttl", "1h")
    assert qd("memory", "get", "k").code == 0


def test_a_get_that_waits_ends_with_3(qd):
    """And at once when there is something."""
    assert qd("memory", "get", "k", "--wait", "1ms").code == 3
    put(qd, "k", "1")
    assert qd("memory", "get", "k", "--wait", "1h").out == "1\n"


# where it lies ---------------------------------------------------------------------------------------


def test_a_file_may_be_named(qd, tmp_path, monkeypatch):
    """Whatever the settings say; relative to the working folder."""
    monkeypatch.setenv("QUARTERDECK_MEMORY_URL", "redis://127.0.0.1:1")
    put(qd, "k", "1", "--path", str(tmp_path / "own.sqlite"))
    assert (tmp_path / "own.sqlite").stat().st_mode & 0o777 == 0o600
    monkeypatch.chdir(tmp_path)
    assert qd("memory", "get", "k", "--path", "own.sqlite").out == "1\n"


def test_a_project_may_be_named(qd, tmp_path):
    """Its memory is that of whoever works in it."""
    (tmp_path / "pyproject.toml").write_text('[tool.quarterdeck.memory]\nnamespace = "shop"\n')
    inside = tmp_path / "deep"
    inside.mkdir()
    assert put(qd, "k", "1", "-C", str(inside), "--json").json["namespace"] == "shop"
    assert qd("memory", "get", "k", "-C", str(tmp_path)).code == 0
    assert qd("memory", "get", "k").code == 3


def test_namespaces_do_not_see_each_other(qd):
    """One file, several memories."""
    put(qd, "k", "1", "--namespace", "blue")
    assert qd("memory", "get", "k", "--namespace", "blue").code == 0
    assert qd("memory", "get", "k", "--namespace", "blu").code == 3
    assert qd("memory", "ls", "--all", "--json").json["keys"] == []


# ls, rm, stats ---------------------------------------------------------------------------------------


def test_keys_are_listed_with_what_is_left_to_them(qd):
    """Of one agent, of another, of all; by prefix."""
    put(qd, "plan/a", "[1,2]", "--ttl", "2d")
    put(qd, "plan/b", "x")
    put(qd, "other", "1")
    put(qd, "plan/c", "1", "--agent", "bob")
    lines = [line.split() for line in qd("memory", "ls", "plan/").out.splitlines()]
    assert lines == [
        ["key", "size", "time", "left", "agent"],
        ["plan/a", "5", "B", "2", "d", "default"],
        ["plan/b", "3", "B", "–", "default"],
    ]
    assert [each["key"] for each in qd("memory", "ls", "--json").json["keys"]] == [
        "other",
        "plan/a",
        "plan/b",
    ]
    everybody = qd("memory", "ls", "plan/", "--all", "--json").json["keys"]
    assert [(each["agent"], each["key"]) for each in everybody] == [
        ("bob", "plan/c"),
        ("default", "plan/a"),
        ("default", "plan/b"),
    ]
    assert everybody[0]["expires_at"] is None
    assert everybody[1]["expires_at"].endswith("+00:00")
    assert [each["key"] for each in qd("memory", "ls", "--from", "bob", "--json").json["keys"]] == ["plan/c"]


def test_no_key_is_said(qd):
    """In words; an empty table looks like a mistake."""
    assert qd("memory", "ls") == (0, "there is nothing of agent default\n", "")
    assert qd("memory", "ls", "x", "--all").out == "there is nothing of any agent that begins with 'x'\n"


def test_what_only_begins_like_an_agent_is_not_its_own(qd):
    """Names are told apart however they are chosen."""
    put(qd, "k", "1", "--agent", "a")
    put(qd, "k", "2", "--agent", "a.0")
    put(qd, "k", "3", "--agent", "*")
    assert len(qd("memory", "ls", "--from", "a", "--json").json["keys"]) == 1
    assert qd("memory", "get", "k", "--from", "*").out == "3\n"


def test_entries_are_removed(qd):
    """How many were there; none of them is exit code 3."""
    for key in "abc":
        put(qd, key, "1")
    assert qd("memory", "rm", "a", "x").out == "1 entry removed\n"
    assert qd("memory", "rm", "a", "x").code == 3
    assert qd("memory", "rm", "--all", "--json").json["removed"] == 2
    assert qd("memory", "rm", "--all", "--json").json["removed"] == 0
    assert qd("memory", "rm").code == qd("memory", "rm", "a", "--all").code == 2


def test_everything_is_counted(qd):
    """By agent, and by kind."""
    put(qd, "k", "[1,2]")
    put(qd, "k", "1", "--agent", "bob")
    qd("memory", "push", "reviews", "1")
    qd("memory", "push", "reviews", "2")
    answer = qd("memory", "stats", "--json").json
    assert answer["agents"] == [
        {"agent": "bob", "keys": 1, "size_bytes": 1},
        {"agent": "default", "keys": 1, "size_bytes": 5},
    ]
    assert (answer["logs"], answer["items"]) == ({"queue": 1}, {"queue": 2})
    said = qd("memory", "stats").out
    assert said.startswith("2 keys of 2 agents, 6 B (embedded, namespace default)\n")
    assert "queue" in said

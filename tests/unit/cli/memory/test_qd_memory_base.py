"""What all commands of ``qd memory`` have in common: wrong calls, hostile names, closed pipes, imports."""

from __future__ import annotations

import importlib
import json
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.cli.memory import COMMANDS
from quarterdeck.cli.memory.output import as_json, one_line, time_left

QD = [sys.executable, "-c", "from quarterdeck.cli import main; main()", "memory"]
HOSTILE = "a\x1b[2Jb\nc\u202ed|=*\x9b1m"


@pytest.mark.parametrize(
    "arguments",
    [
        ("put",),
        ("put", "", "1"),
        ("put", "k", "1", "--ttl", "0"),
        ("put", "k", "1", "--ttl", "0.0s"),
        ("put", "k", "1", "--ttl", "-1s"),
        ("put", "k", "1", "--ttl", "soon"),
        ("put", "k", "1", "--ttl", "1w"),
        ("put", "k", "1", "--ttl", "20000d"),
        ("put", "k", "1", "--ttl", "99999999999d"),
        ("put", "k", "--unknown"),
        ("put", "k", "--unknown=1"),
        ("put", "k", "-x", "-y"),
        ("put", "k", "-5C", "."),
        ("put", "k", "1", "--url", ""),
        ("put", "k", "1", "--ttl", "nan"),
        ("put", "k", "1", "--if", "2", "--if-absent"),
        ("put", "k", "null", "--if-absent"),
        ("put", "k" * 2000, "1"),
        ("put", "k", "1", "--agent", "a" * 2000),
        ("put", "k", "1", "--url", "redis://127.0.0.1", "--path", "x"),
        ("put", "k", "1", "--url", "http://127.0.0.1"),
        ("get", "k", "--wait", "0"),
        ("ls", "--all", "--from", "bob"),
        ("rm",),
        ("watch", "--count", "0"),
        ("watch", "--all", "--from", "bob"),
        ("push", "", "1"),
        ("stage", "[1]"),
        ("stage", "{}"),
        ("grant", "bob", "king"),
        ("audit", "--noted", "1"),
        ("audit", "--noted", "x:abc"),
        ("audit", "-n", "-1"),
        ("key", "new"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_meant_is_answered_with_how_to_mend(qd, arguments: tuple[str, ...]):
    """Exit code 2, words on stderr, an object for programs; never a traceback."""
    result = qd("memory", *arguments, "--json")
    assert result.code == 2
    assert result.err.startswith("error: ")
    assert "\n  hint: " in result.err
    assert result.json["code"] in {"usage", "too-large", "config"}


PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n"


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("put", "k", "-5"), ""),
        (("put", "k", PEM), ""),
        (("put", "k", "--", "--unknown"), ""),
        (("put", "k", "-5", "--if-absent", "--json"), ""),
        (("push", "q", "-5"), ""),
        (("send", "ready", "-5"), ""),
        (("stage", PEM), "a pattern is a JSON object"),
        (("put", "k", "1", PEM), "one argument too many: '-----BEGIN P…'"),
        (("put", "k", "1", "words that are secret"), "one argument too many: 'words that a…'"),
        (("put", "k", f"--token={PEM}"), "no option '--token'"),
        (("put", "k", "--hunter22hunter22"), "no option '--hunter22hu…'"),
    ],
    ids=str,
)
def test_a_value_may_begin_with_a_dash(qd, arguments: tuple[str, ...], said: str):
    """What is not taken as one is not repeated: it may be a secret."""
    result = qd("memory", *arguments)
    assert result.code == (2 if said else 0)
    assert said in result.err
    assert not any(secret in result.out + result.err for secret in ("MIIEvQ", "are secret", "hunter22hunter"))


def test_a_number_below_zero_is_a_number(qd):
    """And a text that begins with a dash a text."""
    qd("memory", "put", "k", "-5")
    assert qd("memory", "get", "k").out == "-5\n"
    assert qd("memory", "put", "k", "--if", "-5", "-word").code == 0
    assert qd("memory", "get", "k", "--text").out == "-word"


@pytest.mark.parametrize("arguments", [("put", "k", "1", "--ttl", "99999999999d"), ("key", "new", "a/b/c")])
def test_a_hint_is_something_to_type(qd, tmp_path, monkeypatch, arguments: tuple[str, ...]):
    """No name of a function or of its arguments."""
    (tmp_path / "a").touch()
    monkeypatch.chdir(tmp_path)
    result = qd("memory", *arguments)
    assert result.code == 2
    assert not any(word in result.err for word in ("None", "ttl_seconds", "new_key", "rotate_key"))


def test_an_answer_that_cannot_be_written_is_an_error(qd):
    """Said once, on stderr; and never a traceback."""
    qd("memory", "put", "k", "1")
    for options in ((), ("--json",)):
        with open("/dev/full", "w") as full:
            ran = subprocess.run(
                [*QD, "get", "k", *options], stdout=full, stderr=subprocess.PIPE, text=True, check=False
            )
        assert ran.returncode == 1
        assert ran.stderr.count("error: ") == 1
        assert ran.stderr.startswith("error: what was to be written cannot be: No space left")
        with open("/dev/full", "w") as full:
            assert subprocess.run([*QD, "get", "k"], stdout=full, stderr=full, check=False).returncode == 1


def test_it_is_said_which_memory_was_asked(qd, tmp_path):
    """The file, or the server."""
    result = qd("memory", "get", "k", "--path", str(tmp_path / "m.sqlite"))
    assert result.code == 3
    assert f"nothing under 'k' in {tmp_path / 'm.sqlite'}\n" in result.err


def test_a_memory_outside_the_project_is_remarked(qd, tmp_path, monkeypatch):
    """The project's own folder belongs to somebody else, so another file is used: say which."""
    monkeypatch.delenv("QUARTERDECK_HOME")
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    assert qd("memory", "put", "k", "1").err == ""
    os.rename(tmp_path / ".quarterdeck", tmp_path / "elsewhere")
    (tmp_path / ".quarterdeck").symlink_to("elsewhere")
    for command in (("put", "k", "1"), ("get", "k"), ("ls",), ("doctor",)):
        result = qd("memory", *command)
        assert result.code == 0
        assert result.err.startswith(f"note: {tmp_path / '.quarterdeck'} cannot be used, so the memory is ")
        assert "memory.sqlite" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("get", HOSTILE),
        ("get", "missing", "--from", HOSTILE),
        ("ls",),
        ("ls", "--all"),
        ("ls", HOSTILE, "--from", "nobody"),
        ("put", HOSTILE, HOSTILE),
        ("put", "k", HOSTILE, "--if-absent"),
        ("rm", "x" + HOSTILE),
        ("stats",),
        ("doctor",),
        ("staged",),
        ("promote", HOSTILE),
        ("agents",),
        ("audit",),
        ("receive", "--agent", "other"),
        ("push", HOSTILE, HOSTILE),
        ("pop", HOSTILE),
        ("pop", "no" + HOSTILE),
        ("watch", "--count", "1", "--timeout", "1ms"),
        ("get", "k", "--path", f"/dev/null/{HOSTILE}"),
        ("get", "k", "--url", f"redis://{HOSTILE}"),
    ],
    ids=str,
)
def test_a_hostile_name_or_value_cannot_reach_the_terminal(qd, monkeypatch, arguments: tuple[str, ...]):
    """Neither as it lies in the memory nor as it is typed."""
    for seed in (
        ("put", HOSTILE, HOSTILE, "--agent", HOSTILE),
        ("put", HOSTILE, json.dumps({HOSTILE: [HOSTILE]})),
        ("send", HOSTILE, HOSTILE),
        ("push", HOSTILE, HOSTILE),
        ("stage", json.dumps({"name": HOSTILE})),
        ("grant", HOSTILE, "steward"),
    ):
        assert qd("memory", *seed).code == 0
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for options in ((), ("--json",)):
        result = qd("memory", *arguments, *options)
        assert result.out + result.err
        assert (result.out + result.err).replace("\n", "").isprintable()


@pytest.mark.parametrize("arguments", [("get", "k"), ("get", "k", "--text"), ("ls",), ("stats", "--json")])
def test_a_closed_pipe_ends_quietly(qd, arguments: tuple[str, ...]):
    """``qd memory … | head -0``."""
    qd("memory", "put", "k", "text")
    reader, writer = os.pipe()
    os.close(reader)
    ran = subprocess.run([*QD, *arguments], stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (141, b"")


def test_a_terminal_gets_a_line_for_each_element(qd):
    """And a text as text."""
    qd("memory", "put", "k", '{"a": [1], "b": "é\u202e"}')
    assert on_terminal("get", "k") == '{\r\n  "a": [\r\n    1\r\n  ],\r\n  "b": "é\\u202e"\r\n}\r\n'
    qd("memory", "put", "k", "one\ttwo\nthree\x1b")
    assert on_terminal("get", "k", "--text") == "one     two\r\nthree\\x1b\r\n"


def test_the_first_screen_knows_nothing_of_memory(qd):
    """Nor does the list of the commands of ``qd memory``; and a get loads no server, no sockets, no rooms."""
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(*sys.modules))\n"
        "from quarterdeck.cli import main\n"
        "main()"
    )
    qd("memory", "put", "k", "1")

    def loaded(*arguments: str) -> set[str]:
        ran = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
        )
        return set(ran.stdout.splitlines()[-1].split())

    assert not [name for name in loaded("--help") if "memory" in name]
    assert not [name for name in loaded("memory", "--help") if name.startswith("quarterdeck.memory")]
    modules = loaded("memory", "get", "k")
    assert "sqlite3" in modules
    unwanted = {
        "asyncio",
        "redis",
        "hiredis",
        "rich",
        "cryptography",
        "subprocess",
        "quarterdeck.memory.queues",
    }
    assert not unwanted & modules


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_shows_how_it_is_called(qd, name: str):
    """With an example, and with the options that say which memory is meant."""
    module = importlib.import_module(f"quarterdeck.cli.memory.{COMMANDS[name].module}")
    said = qd("memory", name, "--help").out
    assert f"qd memory {name}" in said.partition("Usage:")[2].partition("\n")[2]
    if name != "key":
        assert all(option in said for option in ("--agent", "--url", "--path", "--namespace", "--json"))
    assert module.command is not None


# how values are shown --------------------------------------------------------------------------------

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab\x1b\u202e😀\U000e0001"), inner),
    max_leaves=8,
)


@given(JSON)
def test_what_is_shown_means_the_same(value: object):
    """And nothing in it moves the cursor."""
    shown = as_json(value)
    assert shown.isprintable()
    assert msgspec.json.decode(shown) == json.loads(shown) == value
    assert len(one_line(value)) <= 100


@pytest.mark.parametrize(
    "left, said",
    [
        (timedelta(days=3), "3 d"),
        (timedelta(hours=48, seconds=-5), "2 d"),
        (timedelta(hours=35), "35 h"),
        (timedelta(minutes=89), "89 min"),
        (timedelta(seconds=89), "89 s"),
        (timedelta(seconds=9.9), "9.9 s"),
        (timedelta(seconds=-5), "0.0 s"),
        (None, "–"),
    ],
    ids=str,
)
def test_what_is_left_is_said_in_the_unit_that_fits(left: timedelta | None, said: str):
    """To the nearest: two hours are two hours also a moment later."""
    now = datetime.now(UTC)
    assert time_left(None if left is None else now + left, now) == said


def on_terminal(*arguments: str) -> str:
    """All that ``qd memory`` writes to a terminal of its own."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*QD, *arguments], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        chunks = []
        try:
            while chunk := os.read(ours, 4096):
                chunks.append(chunk)
        except OSError:  # how Linux says that the other end of a terminal is closed
            pass
        process.wait()
    os.close(ours)
    return b"".join(chunks).decode()

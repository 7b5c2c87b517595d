"""``qd patterns``, as it is typed: each command a process of its own."""

from __future__ import annotations

import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

QD = [sys.executable, "-c", "from quarterdeck.cli import main; main()", "patterns"]
PATIENCE_S = 120


@pytest.fixture(autouse=True)
def library(tmp_path, tmp_path_factory, monkeypatch) -> Path:
    """Where the library of every command lies; what is imported is compiled once."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.getbasetemp() / "compiled"))
    file: Path = tmp_path / "library" / "patterns.sqlite"
    file.parent.mkdir()
    monkeypatch.setenv("QUARTERDECK_PATTERNS_PATH", str(file))
    monkeypatch.chdir(tmp_path)
    return file


def qd(*arguments: str, given: str = "", code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run ``qd patterns ARGUMENTS`` to its end, which is to be *code*."""
    ran = subprocess.run(
        [*QD, *arguments], input=given, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert (ran.returncode, "Traceback" in ran.stderr) == (code, False), ran.stderr
    return ran


def answer(*arguments: str) -> dict[str, Any]:
    """What it says with ``--json``."""
    found: dict[str, Any] = json.loads(qd(*arguments, "--json").stdout)
    return found


def ids(found: dict[str, Any]) -> list[str]:
    """Of the matches of an answer."""
    return [each["pattern"]["id"] for each in found["matches"]]


def test_what_one_process_learns_another_finds(library):
    """Several at the same time; nothing is lost, nothing is there twice."""
    names = [f"lesson {number} about locks" for number in range(8)]
    started = [
        subprocess.Popen([*QD, "add", "--name", name, "--agent", f"a{at}"], stdout=subprocess.PIPE, text=True)
        for at, name in enumerate(names)
    ]
    added = [process.communicate(timeout=PATIENCE_S)[0].strip() for process in started]
    assert [process.returncode for process in started] == [0] * len(names)
    assert sorted(ids(answer("search", "lock"))) == sorted(added)
    stats = answer("stats")
    assert (stats["patterns"], stats["agents"], stats["library"]) == (8, 8, str(library))


def test_of_several_that_add_the_same_id_one_does():
    """The others are told."""
    started = [
        subprocess.Popen([*QD, "add", "--name", "n"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    for process in started:
        process.communicate(timeout=PATIENCE_S)
    assert sorted(process.returncode for process in started) == [0, 2, 2, 2]


def test_outcomes_of_many_processes_all_count():
    """And the order follows them."""
    qd("add", "--id", "one", "--name", "same words")
    qd("add", "--id", "two", "--name", "same words")
    started = [
        subprocess.Popen([*QD, "outcome", "two", "worked"], stdout=subprocess.DEVNULL) for _ in range(8)
    ]
    assert [process.wait(PATIENCE_S) for process in started] == [0] * 8
    assert answer("show", "two")["pattern"]["success_count"] == 8
    assert ids(answer("search", "same words")) == ["two", "one"]


def test_what_was_added_survives_the_death_of_its_process():
    """Kill -9 as soon as the command has said that it is done: nothing is closed, nothing is flushed."""
    program = (
        "import os, sys\n"
        "from quarterdeck.cli.patterns import add\n"
        "add.say = lambda *lines: os.kill(os.getpid(), 9)\n"
        "from quarterdeck.cli import main\n"
        "main()"
    )
    ran = subprocess.run([sys.executable, "-c", program, "patterns", "add", "--name", "kept"], check=False)
    assert ran.returncode == -signal.SIGKILL
    assert ids(answer("search", "kept")) == ["kept"]


@pytest.mark.parametrize(
    "given",
    ["", "{", "7", "null", "[" * 100_000, "\x1b]0;x\x07", '{"name": "' + "x" * 4_100_000 + '"}'],
    ids=len,
)
def test_what_is_no_pattern_is_refused(library, given: str):
    """Whatever comes through a pipe, an error says what is wrong; and no library is made for it."""
    ran = qd("add", "-", given=given, code=2)
    assert ran.stderr.startswith("error: ")
    assert ran.stderr.replace("\n", "").isprintable()
    assert len(ran.stderr) < 1000
    assert not library.exists()


def test_the_largest_pattern_there_may_be_comes_back_as_it_was():
    """A megabyte of text; a byte more is refused."""
    text = ("ä\n" * 333_333)[:-1]
    fields = {"name": "n", "description": text, "code": "x" * 1_000_000}
    assert qd("add", "-", given=json.dumps(fields)).stdout == "n\n"
    found = answer("show", "n")["pattern"]
    assert (found["description"], found["code"]) == (text, fields["code"])
    assert len(qd("search", "n").stdout) < 2000
    qd("add", "-", given=json.dumps({**fields, "id": "m", "code": "x" * 1_000_001}), code=2)


@pytest.mark.parametrize(
    "arguments",
    [("search", "n"), ("search", "n", "--render", "500"), ("show", "n"), ("top",), ("export", "-")],
)
def test_a_closed_pipe_ends_quietly(arguments: tuple[str, ...]):
    """``qd patterns … | head -0``."""
    qd("add", "--name", "n")
    for options in ((), ("--json",)) if arguments != ("export", "-") else ((),):
        reader, writer = os.pipe()
        os.close(reader)
        ran = subprocess.run([*QD, *arguments, *options], stdout=writer, stderr=subprocess.PIPE, check=False)
        os.close(writer)
        assert (ran.returncode, ran.stderr) == (141, b"")


def test_an_answer_that_cannot_be_written_is_an_error():
    """Said once, on stderr."""
    qd("add", "--name", "n")
    for arguments in (("search", "n"), ("export", "-"), ("show", "n", "--json")):
        with open("/dev/full", "w") as full:
            ran = subprocess.run(
                [*QD, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
            )
        assert ran.returncode == 1
        assert ran.stderr.count("error: ") == 1
        assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    "content", [b"not a database" * 1000, b"SQLite format 3\0" + b"\xff" * 4080], ids=len
)
@pytest.mark.parametrize(
    "arguments", [("search", "n"), ("add", "--name", "n"), ("stats",), ("import", "in.jsonl")]
)
def test_a_damaged_library_is_said_and_left_as_it_is(
    library, tmp_path, content: bytes, arguments: tuple[str, ...]
):
    """For somebody to look at."""
    library.write_bytes(content)
    line = {"pattern": {"id": "n", "agent_id": "a", "pattern_type": "t", "name": "n"}}
    head = {"format": "quarterdeck-patterns", "version": 1}
    (tmp_path / "in.jsonl").write_text(f"{json.dumps(head)}\n{json.dumps(line)}\n")
    ran = qd(*arguments, "--json", code=1)
    assert json.loads(ran.stdout)["code"] == "store-corrupt"
    assert library.read_bytes() == content


def test_a_library_of_a_newer_version_is_not_touched(library):
    """It is said that a newer Quarterdeck wrote it."""
    qd("add", "--name", "n")
    with sqlite3.connect(library) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    assert json.loads(qd("search", "n", "--json", code=1).stdout)["code"] == "store-too-new"


@pytest.mark.parametrize("place", ["/proc/patterns.sqlite", "/dev/null/patterns.sqlite", "folder"])
def test_a_place_that_cannot_be_written_is_an_error(tmp_path, place: str):
    """With words on stderr, and no traceback."""
    (tmp_path / "folder").mkdir()
    ran = subprocess.run(
        [*QD, "add", "--name", "n", "--path", place], capture_output=True, text=True, check=False
    )
    assert ran.returncode in {1, 2}
    assert ran.stderr.startswith("error: ")
    assert "Traceback" not in ran.stderr


AS_NOBODY = """
import os, sys
from quarterdeck.cli import main, program
from quarterdeck.cli.patterns import add, search
from quarterdeck.patterns import Pattern, PatternLibrary
with PatternLibrary(":memory:") as library:  # imported now: as nobody it may not be readable
    library.contribute_pattern("a", Pattern("a", "a", "t", "name", description="a@b.example"))
    library.search("name")
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
main()
"""


@pytest.mark.parametrize("arguments", [("add", "--name", "m"), ("search", "n")], ids=" ".join)
def test_a_library_that_may_not_be_opened_is_an_error(arguments: tuple[str, ...]):
    """Somebody else's: it is said, and it stays as it was."""
    with tempfile.TemporaryDirectory(prefix="qd-patterns-") as folder:
        file = os.path.join(folder, "patterns.sqlite")
        qd("add", "--name", "n", "--path", file)
        os.chmod(file, 0o400 if os.geteuid() == 0 else 0)
        os.chmod(folder, 0o555)
        ran = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, "patterns", *arguments, "--path", file],
            cwd="/",
            env={**os.environ, "QUARTERDECK_HOME": folder},
            capture_output=True,
            text=True,
            check=False,
        )
        os.chmod(folder, 0o755)
        os.chmod(file, 0o600)
        assert (ran.returncode, ran.stdout) == (1, ""), ran.stderr
        assert ran.stderr.startswith("error: ")
        assert "Traceback" not in ran.stderr
        assert [each["id"] for each in answer("top", "--path", file)["patterns"]] == ["n"]


def test_a_library_in_a_folder_that_may_only_be_read_is_read():
    """As in a container; and to write is an error that says so."""
    with tempfile.TemporaryDirectory(prefix="qd-patterns-") as folder:
        file = os.path.join(folder, "patterns.sqlite")
        qd("add", "--name", "n", "--path", file)
        os.chmod(file, 0o444)
        os.chmod(folder, 0o555)
        found = {}
        for arguments in (("search", "n", "--json"), ("add", "--name", "m")):
            found[arguments[0]] = subprocess.run(
                [sys.executable, "-c", AS_NOBODY, "patterns", *arguments, "--path", file],
                cwd="/",
                env={**os.environ, "QUARTERDECK_HOME": folder},
                capture_output=True,
                text=True,
                check=False,
            )
        os.chmod(folder, 0o755)
        os.chmod(file, 0o600)
        assert ids(json.loads(found["search"].stdout)) == ["n"], found["search"].stderr
        assert found["add"].returncode == 1
        assert f"error: {file} can only be read" in found["add"].stderr
        assert [each["id"] for each in answer("top", "--path", file)["patterns"]] == ["n"]


def test_above_a_thousand_patterns_answers_are_the_same(library, tmp_path):
    """There is an index then; it is made anew when it is asked for, or gone."""
    lines = [{"format": "quarterdeck-patterns", "version": 1}]
    for number in range(1500):
        words = f"lesson {number} about {'locks' if number % 500 == 7 else 'gardens'}"
        fields = {"id": f"p{number}", "agent_id": "a", "pattern_type": "t", "name": words}
        lines.append({"pattern": fields})
    (tmp_path / "in.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert qd("import", "in.jsonl").stdout == "1,500 patterns added\n"
    expected = ["p7", "p507", "p1007"]
    assert ids(answer("search", "locks")) == expected
    assert qd("reindex").stdout == "1,500 patterns indexed\n"
    assert library.with_suffix(".index").is_dir()
    assert ids(answer("search", "locks")) == expected
    qd("add", "--id", "new", "--name", "lesson 9 about locks")
    assert sorted(ids(answer("search", "locks"))) == sorted([*expected, "new"])
    for file in library.with_suffix(".index").rglob("*"):
        if file.is_file():
            file.write_bytes(b"damaged")
    assert sorted(ids(answer("search", "locks"))) == sorted([*expected, "new"])


def test_an_import_can_be_interrupted(library):
    """One line says so, and what was written by then stays."""
    process = subprocess.Popen(
        [*QD, "import", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write('{"format": "quarterdeck-patterns", "version": 1}\n')
    for number in range(2000):
        fields = {"id": f"p{number}", "agent_id": "a", "pattern_type": "t", "name": "n"}
        process.stdin.write(f"{json.dumps({'pattern': fields})}\n")
    process.stdin.flush()  # and it is not closed: there may be more to come
    deadline = time.monotonic() + PATIENCE_S
    while not library.exists() or answer("stats")["patterns"] < 500:
        assert time.monotonic() < deadline
    os.killpg(process.pid, signal.SIGINT)
    assert process.stderr.read() == "interrupted\n"
    assert process.wait(PATIENCE_S) == 130
    process.stdin.close()
    process.stderr.close()
    assert answer("stats")["patterns"] % 500 == 0


def test_on_a_terminal_the_id_stands_out():
    """In bold; with NO_COLOR there is no escape code at all."""
    qd("add", "--name", "Wait for locks")

    def on_terminal(**environment: str) -> str:
        ours, theirs = pty.openpty()
        env = {**os.environ, "TERM": "xterm", **environment}
        with subprocess.Popen([*QD, "search", "locks"], stdout=theirs, stderr=theirs, env=env) as process:
            os.close(theirs)
            written = b""
            try:
                while chunk := os.read(ours, 4096):
                    written += chunk
            except OSError:  # Linux says so when the other side is closed
                pass
            os.close(ours)
        assert process.returncode == 0
        return written.decode()

    assert on_terminal(NO_COLOR="").startswith("\x1b[1mwait-for-locks\x1b[0m  Wait for locks\r\n")
    plain = on_terminal(NO_COLOR="1")
    assert plain.startswith("wait-for-locks  Wait for locks\r\n")
    assert "\x1b" not in plain

"""What all commands have in common: names, errors, exit codes, terminals, pipes, completion."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck import __version__
from quarterdeck.cli import COMMANDS, main
from quarterdeck.cli.options import inside
from quarterdeck.cli.output import print_table, progress
from quarterdeck.errors import StoreBusy, UsageError
from quarterdeck.words import harmless

if TYPE_CHECKING:
    from collections.abc import Iterator

QD = [sys.executable, "-c", "from quarterdeck.cli import main; main()"]
PLAIN = [{"TERM": "xterm-256color", "NO_COLOR": "1"}, {"TERM": "dumb", "NO_COLOR": ""}]
HOSTILE = "a\x1b[2Jb\nc\u202ed"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "a.py").write_text("import b\n")
    (tmp_path / "b.py").write_text("def f():\n    return 1\n")
    (tmp_path / "pyproject.toml").touch()
    return tmp_path


@pytest.fixture
def qd(capsys):
    """Runs ``qd`` in this process: (exit code, stdout, stderr)."""

    def run(*args: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main(list(args))
        code = stop.value.code
        assert isinstance(code, int)
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def failing(monkeypatch):
    """Makes ``qd summary`` end with an exception."""

    def fail(error: BaseException) -> None:
        @click.command()
        @click.option("--json", is_flag=True)
        def command(json: bool) -> None:
            raise error

        module = importlib.import_module("quarterdeck.cli.summary")
        monkeypatch.setattr(module, "command", command)

    return fail


def on_terminal(*args: str, cwd: Path, **env: str) -> tuple[int, str]:
    """Run a program on a terminal of its own: exit code, and all that was written to it."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(args, cwd=cwd, stdout=theirs, stderr=theirs, env={**os.environ, **env}) as process:
        os.close(theirs)
        written = b"".join(read_all(ours))
    os.close(ours)
    return process.returncode, written.decode()


def read_all(descriptor: int) -> Iterator[bytes]:
    try:
        while chunk := os.read(descriptor, 4096):
            yield chunk
    except OSError:  # how Linux says that the other end of a terminal is closed
        return


# commands --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_table_says_what_the_command_says(name: str):
    """``qd --help`` is printed without importing the commands, and still cannot drift from them."""
    command = importlib.import_module(f"quarterdeck.cli.{COMMANDS[name].module}").command
    assert isinstance(command, click.Command)
    assert inspect.cleandoc(command.help or "").splitlines()[0] == COMMANDS[name].summary


def test_the_table_is_complete():
    """A command that has a file but no line in the table could not be called."""
    import quarterdeck.cli

    folder = Path(quarterdeck.cli.__file__).parent
    files = {
        path.stem for path in folder.glob("*.py") if "\ndef command(" in path.read_text(encoding="utf-8")
    }
    assert {entry.module for entry in COMMANDS.values()} >= files


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself(qd, name: str):
    """It works anywhere, reads nothing and says how the command is called."""
    code, out, err = qd(name, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: qd {name} ")


def test_alone_it_shows_the_commands(qd):
    """The first thing anybody types."""
    assert qd() == qd("--help") == qd("-h")
    code, out, _ = qd()
    assert code == 0
    assert all(name in out and entry.summary[:40] in out for name, entry in COMMANDS.items())


def test_it_knows_its_version(qd):
    """As its distribution has it."""
    assert qd("--version") == (0, f"qd, version {__version__}\n", "")


# errors ----------------------------------------------------------------------------------------------


def test_a_mistyped_command_is_answered_with_the_nearest(qd):
    """Exit code 2: the command line is wrong."""
    assert qd("sumary") == (
        2,
        "",
        "error: No such command 'sumary'. Did you mean 'summary'?\n  hint: see qd --help\n",
    )


def test_a_command_like_no_other_is_answered_with_help(qd):
    """A suggestion that helps nobody is not made."""
    code, _, err = qd("zzz")
    assert code == 2
    assert "Did you mean" not in err


def test_a_mistyped_option_is_answered_with_the_nearest(qd):
    """And with the help of that command, not of another."""
    code, out, err = qd("scan", "--no-cahce")
    assert (code, out) == (2, "")
    assert "--no-cache" in err
    assert err.endswith("  hint: see qd scan --help\n")


@pytest.mark.parametrize("args, code", [(("scan", "--nope"), "usage"), (("nope",), "usage")])
def test_a_wrong_command_line_is_json_too(qd, args, code: str):
    """A program that asks for JSON gets it whatever happens."""
    exit_code, out, _ = qd(*args, "--json")
    assert exit_code == 2
    assert json.loads(out)["code"] == code


def test_nothing_to_read_is_exit_code_3_and_json(qd, tmp_path):
    """Never a silent 0; words for people on stderr, an object for programs on stdout."""
    missing = str(tmp_path / "missing")
    code, out, err = qd("scan", "-C", missing, "--json")
    assert code == 3
    assert err.startswith(f"error: {missing!r} is not a folder\n  hint: ")
    body = json.loads(out)
    assert body == {
        "schema": "quarterdeck.error/1",
        "code": "nothing-to-read",
        "message": f"{missing!r} is not a folder",
        "hint": body["hint"],
    }
    assert qd("scan", "-C", missing)[1] == ""


def test_a_done_command_is_exit_code_0(qd, project):
    """With the answer on stdout and nothing on stderr."""
    code, out, err = qd("scan", "-C", str(project), "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["schema"] == "quarterdeck.scan/1"


@pytest.mark.parametrize(
    "error, code, said",
    [
        (StoreBusy("it is busy", hint="wait"), 1, "error: it is busy\n  hint: wait\n"),
        (UsageError(HOSTILE, hint=HOSTILE), 2, f"error: {harmless(HOSTILE)}\n  hint: {harmless(HOSTILE)}\n"),
        (click.UsageError(HOSTILE), 2, f"error: {harmless(HOSTILE)}\n  hint: see qd summary --help\n"),
        (OSError(28, "No space left on device"), 1, None),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_an_error_ends_in_words_and_its_exit_code(qd, failing, error, code: int, said: str | None):
    """Never in a traceback, and never with what a hostile name may hold."""
    failing(error)
    exit_code, out, err = qd("summary")
    assert (exit_code, out) == (code, "")
    assert err == said or (said is None and "No space left" in err and "\n  hint: " in err)


def test_a_defect_of_ours_is_not_hidden(failing):
    """An exception that nobody foresaw keeps its traceback: it is wanted for the report."""
    failing(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        main(["summary"])


# terminals and pipes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("args", [("--help",), ("summary",), ("scan", "--json"), ("zzz",)])
@pytest.mark.parametrize("env", PLAIN, ids=str)
def test_who_wants_no_escape_codes_gets_none(project, args, env):
    """Not from any way to speak."""
    _, written = on_terminal(*QD, *args, cwd=project, **env)
    assert written
    assert "\x1b" not in written


@pytest.mark.parametrize("env", [*PLAIN, {"TERM": "xterm-256color", "NO_COLOR": ""}], ids=str)
def test_the_head_of_a_table_is_bold_where_that_is_wanted(project, env):
    """Bold is an escape code, too: who wants no colour gets plain letters."""
    table = "from quarterdeck.cli.output import print_table; print_table(['head'], [['cell']])"
    _, written = on_terminal(sys.executable, "-c", table, cwd=project, **env)
    assert ("\x1b" in written) == (env not in PLAIN)
    assert "head" in written


def test_a_table_on_a_pipe_is_as_wide_as_it_needs_to_be(capsys):
    """Another program reads it: nothing is cut or folded, numbers stand to the right."""
    print_table(("name", "size"), [("x" * 300, 1), (HOSTILE, 10_000), ("[bold]", None)])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        f"{'name':300}    size",
        f"{'x' * 300}       1",
        f"{harmless(HOSTILE):300}  10,000",
        f"{'[bold]':300}       –",
    ]


@pytest.mark.parametrize("args", [("--help",), ("--version",), ("summary",), ("scan", "--json")])
def test_a_closed_pipe_ends_quietly(project, args):
    """``qd … | head -0``: nothing on stderr, and the exit code a shell knows."""
    reader, writer = os.pipe()
    os.close(reader)
    ran = subprocess.run([*QD, *args], cwd=project, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (141, b"")


def test_progress_is_shown_on_a_terminal_only(project):
    """It leaves an empty line there, and no trace on a pipe."""
    for number in range(60):
        (project / f"m{number}.py").write_text("x = 1\n")
    piped = subprocess.run([*QD, "scan"], cwd=project, capture_output=True, text=True, check=True)
    assert piped.stderr == ""
    assert "reading" not in piped.stdout
    code, written = on_terminal(*QD, "scan", "--no-cache", cwd=project)
    assert code == 0
    assert "\rreading 50 of " in written
    assert written.splitlines()[-1].startswith(piped.stdout.splitlines()[-1][:20])


def test_where_nobody_is_looking_there_is_no_progress():
    """Pytest's stderr is no terminal."""
    assert progress() is None


def test_an_interrupt_ends_a_scan_with_one_line(tmp_path):
    """Ctrl-C reaches the workers, too: none of them shows a traceback."""
    for number in range(3000):
        (tmp_path / f"m{number}.py").write_text(f"def f{number}(a):\n    return a if a else {number}\n" * 20)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*QD, "scan"], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        written = b""
        chunks = read_all(ours)
        while b"reading" not in written:
            written += next(chunks)
        os.killpg(process.pid, signal.SIGINT)
        written += b"".join(chunks)
    os.close(ours)
    after = written.decode().replace("\r\n", "\n").split("\n")
    assert process.returncode == 130
    assert [line for line in after if "\r" not in line] == ["interrupted", ""]


# hostile names ---------------------------------------------------------------------------------------


@given(st.text(st.characters()))
def test_what_is_shown_is_printable_and_keeps_what_was(text: str):
    """No control character, no change of direction, no broken byte; and once is enough."""
    safe = harmless(text)
    assert safe.isprintable()
    assert safe.encode().decode() == safe
    assert harmless(safe) == safe
    assert (safe == text) == text.isprintable()


@given(st.text(st.characters(exclude_characters="\\")), st.text(st.characters(exclude_characters="\\")))
def test_two_names_never_look_the_same_by_their_escapes(one: str, other: str):
    """Without a backslash of their own: one that a name has stays as it is, for it is far more common."""
    assert (harmless(one) == harmless(other)) == (one == other)


def test_an_escape_is_python_s_own():
    """So that it can be typed back."""
    assert harmless(HOSTILE + "\udcff") == r"a\x1b[2Jb\nc\u202ed\udcff"


def test_a_hostile_name_cannot_reach_the_terminal(qd, tmp_path):
    """Neither as a file that was scanned nor as an argument that was typed."""
    (tmp_path / f"{HOSTILE}.py").write_bytes(b"def (:\n")
    for args in (("scan", "-C", str(tmp_path)), ("summary", "-C", str(tmp_path)), ("scan", HOSTILE)):
        _, out, err = qd(*args)
        assert (out + err).replace("\n", "").isprintable()


class Index:
    def __init__(self, root: Path) -> None:
        self.root = os.path.realpath(root)


@pytest.mark.parametrize("typed", ["src/a.py", "./src/../src/a.py", "{root}/src/a.py"])
@pytest.mark.parametrize("folder", [".", "src"])
def test_a_path_may_be_typed_from_here_or_from_the_top(project, monkeypatch, typed: str, folder: str):
    """However it is typed, the index knows one name for it."""
    (project / "src").mkdir()
    (project / "src" / "a.py").touch()
    monkeypatch.chdir(project / folder)
    assert inside(Index(project), typed.format(root=project)) == "src/a.py"  # type: ignore[arg-type]


@pytest.mark.parametrize("typed", ["..", "../x.py", "/", "/etc/passwd", "a/../../x.py"])
def test_a_path_outside_the_project_is_refused(project, monkeypatch, typed: str):
    """Whether it is there or not."""
    monkeypatch.chdir(project)
    with pytest.raises(UsageError, match="outside"):
        inside(Index(project), typed)  # type: ignore[arg-type]


# completion ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_the_one_that_the_shell_asks_for(qd, shell: str):
    """`qd completion` prints what click's own way prints, and says in its help where to put it."""
    asked = subprocess.run(
        QD, env={**os.environ, "_QD_COMPLETE": f"{shell}_source"}, capture_output=True, text=True, check=False
    )
    code, out, err = qd("completion", shell)
    assert (code, err) == (0, "")
    assert "_QD_COMPLETE" in out
    assert out.rstrip() == asked.stdout.rstrip()
    assert f"qd completion {shell}" in qd("completion", "--help")[1]


def test_an_unknown_shell_is_a_usage_error(qd):
    """With those that are known."""
    code, _, err = qd("completion", "tcsh")
    assert code == 2
    assert all(shell in err for shell in ("bash", "zsh", "fish"))


@pytest.mark.parametrize(
    "shell, words, offered",
    [
        ("bash", "qd s", ["plain,scan", "plain,snapshot", "plain,summary"]),
        ("bash", "qd --v", ["plain,--version"]),
        ("bash", "qd scan --no", ["plain,--no-cache"]),
        ("bash", "qd completion z", ["plain,zsh"]),
    ],
)
def test_a_shell_is_offered_what_fits(shell: str, words: str, offered: list[str]):
    """Commands, their options and their choices."""
    count = str(len(words.split()) - 1)
    env = {**os.environ, "_QD_COMPLETE": f"{shell}_complete", "COMP_WORDS": words, "COMP_CWORD": count}
    ran = subprocess.run(QD, env=env, capture_output=True, text=True, check=False)
    assert ran.stdout.splitlines() == offered, ran.stderr


def test_commands_are_offered_without_importing_them():
    """Between two key strokes there is no time for it."""
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(*[name for name in sys.modules if name.startswith('quarterdeck.')]))\n"
        "from quarterdeck.cli import main\n"
        "main()"
    )
    env = {**os.environ, "_QD_COMPLETE": "bash_complete", "COMP_WORDS": "qd ", "COMP_CWORD": "1"}
    ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    *offered, modules = ran.stdout.splitlines()
    assert offered == [f"plain,{name}" for name in sorted(COMMANDS)]
    assert set(modules.split()) == {"quarterdeck.cli", "quarterdeck.errors"}

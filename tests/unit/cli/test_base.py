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
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING

import click
import pytest
from click.shell_completion import ShellComplete
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck import __version__
from quarterdeck.cli import COMMANDS, cli, main, output
from quarterdeck.cli.lazy import Entry, LazyGroup
from quarterdeck.cli.options import inside
from quarterdeck.cli.output import print_json, print_table, progress, remark
from quarterdeck.errors import StoreBusy, UsageError
from quarterdeck.words import harmless

if TYPE_CHECKING:
    from collections.abc import Iterator

QD = [sys.executable, "-c", "from quarterdeck.cli import main; main()"]
PLAIN = [{"TERM": "xterm-256color", "NO_COLOR": "1"}, {"TERM": "dumb", "NO_COLOR": ""}]
HOSTILE = "a\x1b[2Jb\nc\u202ed"


def listed(group: LazyGroup, *above: str) -> Iterator[tuple[str, str, str]]:
    """Every command below *group*: how it is called, its module, its line in the table."""
    for name, entry in sorted(group.entries.items()):
        yield " ".join((*above, name)), f"{group.package}.{entry.module}", entry.summary
        command = group.get_command(click.Context(group), name)
        if isinstance(command, LazyGroup):
            yield from listed(command, *above, name)


assert isinstance(cli, LazyGroup)
LISTED = list(listed(cli))


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


@pytest.fixture
def fleet(monkeypatch) -> None:
    """``qd fleet`` works alone and has commands; one of them, ``yard``, has commands and does not."""
    ghost = Entry("ghost", "Nobody has written it.")
    inner = {"dock": Entry("dock", "Dock a ship."), "ghost": ghost}
    outer = {"sink": Entry("sink", "Lose it."), "yard": Entry("yard", "Build and mend."), "ghost": ghost}

    @click.command()
    def dock() -> None:
        click.echo("docked")

    @click.command()
    @click.argument("name")
    @click.option("--json", is_flag=True)
    def sink(name: str, json: bool) -> int:
        click.echo(f"{name} is gone")
        return 1

    @click.group(cls=LazyGroup, entries=inner, package="quarterdeck.cli.fleet.yard")
    def yard() -> None:
        pass

    @click.group(cls=LazyGroup, entries=outer, package="quarterdeck.cli.fleet", invoke_without_command=True)
    @click.option("--json", "as_json", is_flag=True)
    @click.pass_context
    def all_ships(context: click.Context, as_json: bool) -> None:
        if context.invoked_subcommand is None:
            click.echo('"all ships"' if as_json else "all ships")

    commands = {"fleet": all_ships, "fleet.sink": sink, "fleet.yard": yard, "fleet.yard.dock": dock}
    for name, command in commands.items():
        module = ModuleType(f"quarterdeck.cli.{name}")
        module.__dict__["command"] = command
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(COMMANDS, "fleet", Entry("fleet", "Every ship."))


def offered(*words: str) -> list[str]:
    """What a shell is offered after *words*, the last of them not finished."""
    *before, last = (*words, "") if not words[-1].startswith("-") else words
    found = ShellComplete(cli, {}, "qd", "_QD_COMPLETE").get_completions(list(before), last)
    return [item.value for item in found]


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


@pytest.mark.parametrize("name, module, summary", LISTED)
def test_the_table_says_what_the_command_says(name: str, module: str, summary: str):
    """``qd --help`` is printed without importing the commands, and still cannot drift from them."""
    command = importlib.import_module(module).command
    assert isinstance(command, click.Command)
    assert inspect.cleandoc(command.help or "").splitlines()[0] == summary


def test_the_table_is_complete():
    """A command that has a file but no line in the table could not be called."""
    import quarterdeck.cli

    folder = Path(quarterdeck.cli.__file__).parent
    files = {
        ".".join(("quarterdeck.cli", *path.relative_to(folder).with_suffix("").parts))
        for path in folder.rglob("*.py")
        if "\ndef command(" in path.read_text(encoding="utf-8")
    }
    assert {module for _, module, _ in LISTED} == {file.removesuffix(".__init__") for file in files}


@pytest.mark.parametrize("name", [name for name, _, _ in LISTED])
def test_every_command_explains_itself(qd, name: str):
    """It works anywhere, reads nothing and says how the command is called."""
    code, out, err = qd(*name.split(), "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: qd {name} ")


def test_alone_it_shows_the_commands(qd):
    """The first thing anybody types."""
    assert qd() == qd("--help") == qd("-h")
    code, out, _ = qd()
    assert code == 0
    assert all(name in out and entry.summary[:40] in out for name, entry in COMMANDS.items())


def test_a_group_may_work_without_a_subcommand(qd, fleet):
    """The overview needs no name of its own."""
    assert qd("fleet") == (0, "all ships\n", "")
    assert qd("fleet", "--json") == (0, '"all ships"\n', "")


def test_a_group_that_cannot_work_alone_shows_its_commands(qd, fleet):
    """As ``qd`` itself does."""
    assert qd("fleet", "yard") == qd("fleet", "yard", "--help")
    code, out, err = qd("fleet", "yard")
    assert (code, err) == (0, "")
    assert out.startswith("Usage: qd fleet yard ")
    assert "Dock a ship." in out


def test_a_command_of_a_group_is_a_command(qd, fleet):
    """It gets its arguments, and its exit code is the program's."""
    assert qd("fleet", "sink", "Vasa") == (1, "Vasa is gone\n", "")
    assert qd("fleet", "yard", "dock") == (0, "docked\n", "")


@pytest.mark.parametrize("group", [["fleet"], ["fleet", "yard"]])
def test_a_group_lists_its_commands_without_importing_them(qd, fleet, group: list[str]):
    """Even one that could not be imported."""
    code, out, _ = qd(*group, "--help")
    assert code == 0
    assert "ghost  Nobody has written it." in out
    assert "ghost" in offered(*group)


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


@pytest.mark.parametrize("words, near", [(["fleet", "snik"], "sink"), (["fleet", "yard", "dok"], "dock")])
def test_a_mistyped_command_of_a_group_is_answered_with_the_nearest(qd, fleet, words: list[str], near: str):
    """Also where the group could do without: it is not taken for the overview."""
    *group, typed = words
    assert qd(*words) == (
        2,
        "",
        f"error: No such command {typed!r}. Did you mean {near!r}?\n"
        f"  hint: see qd {' '.join(group)} --help\n",
    )
    assert qd(*group, "zzz")[0] == 2


def test_an_option_of_the_overview_before_a_command_is_refused(qd, fleet):
    """It would have no effect there, and whoever wrote it meant one."""
    code, out, err = qd("fleet", "--json", "sink", "Vasa")
    assert code == 2
    assert json.loads(out)["code"] == "usage"
    assert err == (
        "error: --json before 'sink' has no effect there: write it after it\n  hint: see qd fleet --help\n"
    )
    assert qd("fleet", "sink", "Vasa", "--json")[0] == 1


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


def test_every_answer_says_what_it_is_before_what_it_holds(capsys):
    """The schema with its version, what the part's answers share, the data: in this order, on one line."""
    print_json("fleet", {"ships": ["Vasa"]}, folder="/sea", since=None)
    assert capsys.readouterr().out == (
        '{"schema": "quarterdeck.fleet/1", "folder": "/sea", "since": null, "ships": ["Vasa"]}\n'
    )


def test_what_is_remarked_goes_to_stderr(capsys):
    """One line each, whatever a file is called."""
    remark(["one", HOSTILE])
    assert capsys.readouterr() == ("", f"note: one\nnote: {harmless(HOSTILE)}\n")


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
    at_once = "from quarterdeck.cli import main, output; output.REDRAW_S = 0; main()"
    code, written = on_terminal(sys.executable, "-c", at_once, "scan", "--no-cache", cwd=project)
    assert code == 0
    assert "\rreading 50 of " in written
    assert written.splitlines()[-1].startswith(piped.stdout.splitlines()[-1][:20])


def test_where_nobody_is_looking_there_is_no_progress():
    """Pytest's stderr is no terminal."""
    assert progress() is None


@pytest.fixture
def watched(monkeypatch) -> SimpleNamespace:
    """Somebody looks at stderr, and time stands still: set ``now``."""
    clock = SimpleNamespace(now=1000.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(output, "time", clock)
    monkeypatch.setattr(output, "sys", SimpleNamespace(stderr=SimpleNamespace(isatty=lambda: True)))
    return clock


def test_progress_is_redrawn_by_the_clock(watched, capsys):
    """However often it is told: not before a tenth of a second, and ten times a second at most."""
    step = progress()
    assert step is not None
    drawn = []
    for done in range(1, 1000):
        watched.now += 0.03
        step(done, 12_000)
        if written := capsys.readouterr().err:
            drawn.append((done, written))
    assert drawn[:2] == [(4, "\rreading 4 of 12,000 files"), (8, "\rreading 8 of 12,000 files")]
    assert len(drawn) == 999 // 4
    step(12_000, 12_000)
    assert capsys.readouterr().err == f"\r{' ' * len('reading 996 of 12,000 files')}\r"


def test_quick_work_shows_no_progress(watched, capsys):
    """Nothing flickers."""
    step = progress()
    assert step is not None
    step(1, 2)
    step(2, 2)
    assert capsys.readouterr().err == ""


def test_a_line_of_progress_leaves_nothing_of_the_one_before(watched, capsys):
    """The second of two phases may have less to say."""
    step = progress("records")
    assert step is not None
    for done, total in ((1000, 2000), (1, 9)):
        watched.now += 1
        step(done, total)
    assert capsys.readouterr().err.split("\r")[1:] == [
        "reading 1,000 of 2,000 records",
        f"{'reading 1 of 9 records':30}",
    ]


@pytest.mark.parametrize(
    "done, total, line",
    [
        (12_300_000, 100_000_000, "reading 12 of 100 MB"),
        (1, 2, "reading 0 of 1 MB"),
        (0, 1_000_001, "reading 0 of 2 MB"),
    ],
)
def test_progress_counts_in_the_unit_it_is_given(watched, capsys, done: int, total: int, line: str):
    """Bytes are shown as megabytes; something to do is never nothing."""
    step = progress("MB", unit=1_000_000)
    assert step is not None
    watched.now += 1
    step(done, total)
    assert capsys.readouterr().err == f"\r{line}"


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


@pytest.mark.parametrize(
    "words, found",
    [
        (["fleet"], ["ghost", "sink", "yard"]),
        (["fleet", "--j"], ["--json"]),
        (["fleet", "yard"], ["dock", "ghost"]),
        (["fleet", "sink", "--j"], ["--json"]),
        (["fleet", "--json", "sink", "--j"], ["--json"]),
        (["fleet", "nonsense"], ["ghost", "sink", "yard"]),
    ],
    ids=" ".join,
)
def test_a_shell_is_offered_the_commands_of_a_group(fleet, words: list[str], found: list[str]):
    """On every level, and without an error on a line that is still being written."""
    assert offered(*words) == found


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
    assert set(modules.split()) == {
        "quarterdeck.cli",
        "quarterdeck.cli.lazy",
        "quarterdeck.cli.program",
        "quarterdeck.errors",
    }

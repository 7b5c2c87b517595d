"""What all commands of ``qd costs`` have in common: wrong calls, hostile labels, closed pipes, imports."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PICO = 10**12


@pytest.mark.parametrize(
    "arguments",
    [
        ("--tag", "team"),
        ("--tag", "=x"),
        ("--tag", "team=search"),
        ("report", "--by", "modle"),
        ("report", "--days", "0"),
        ("report", "--days", "7", "--month", "2026-01"),
        ("report", "--since", "2026-02-01", "--until", "2026-01-01"),
        ("report", "--since", "yesterday"),
        ("report", "--month", "2026-13"),
        ("report", "--format", "html"),
        ("report", "--format", "csv", "--json"),
        ("report", "--by", "session", "--by", "model"),
        ("report", "--by", "session", "--provider", "own"),
        ("what-if",),
        ("what-if", "nobody"),
        ("budget", "set", "20"),
        ("budget", "set", "-1", "--per", "day"),
        ("budget", "set", "many", "--per", "day"),
        ("budget", "set", "20", "--per", "day", "--warn", "80"),
        ("budget", "set", "20", "--per", "day", "--warn", "nan%"),
        ("budget", "set", "20", "--per", "day", "--warn", "half"),
        ("budget", "rm", "7"),
        ("budget", "rm", "first"),
        ("budget", "check", "1e99"),
        ("log", "dear", "1"),
        ("log", "dear", "-1", "0"),
        ("log", "dear", "1", "1", "--cache-read", "2"),
        ("log", "dear", "1", "1", "--at", "2026-01-01"),
        ("log", "dear", "1", "1", "--tag", "team"),
        ("rebuild", "--timezone", "Mars/Olympus"),
        ("rebuild", "--tag", "a'b"),
        ("import", "codx"),
        ("import", "--root", "/srv"),
        ("import", "codex", "claude-code", "--root", "/srv"),
        ("export",),
        ("export", "--to", "costs"),
        ("export", "--to", "-", "--format", "parquet"),
        ("export", "--to", "-", "--format", "csv"),
        ("ship",),
        ("listen", "--port", "70000"),
        ("listen", "--host", "0.0.0.0"),
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("ledger")
def test_what_cannot_be_meant_is_answered_with_how_to_mend(qd, arguments: tuple[str, ...]):
    """Exit code 2, words on stderr, an object for programs; never a traceback."""
    result = qd("costs", *arguments, "--json")
    assert result.code == 2
    assert result.err.startswith("error: ")
    assert "\n  hint: " in result.err
    assert result.json["code"] == "usage"
    if not {"-", "csv"} & set(arguments):  # there, --json is a mistake of its own
        assert qd("costs", *arguments) == (2, "", result.err)


COMMANDS = [
    (),
    ("report", "--by", "model", "--by", "project", "--by", "source"),
    ("report", "--by", "tag:team", "--by", "user"),
    ("report", "--by", "session"),
    ("report", "--format", "markdown", "--by", "project"),
    ("sessions",),
    ("what-if", "fair"),
    ("budget",),
    ("budget", "check", "5", "--project", "a\x1b[2Jb\nc\u202ed|=*"),
    ("verify",),
    ("log", "\x1b[2J\u202e\n", "1", "1"),
    ("report", "--by", "\x1b[2J\n"),
    ("import", "codex", "--root", "/\x1b[2J\n"),
    ("export", "--to", "/\x1b[2J\n/x.csv"),
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=str)
def test_a_hostile_label_cannot_reach_the_terminal(qd, hostile, arguments: tuple[str, ...]):
    """Neither as it was recorded nor as it is typed."""
    label = "a\x1b[2Jb\nc\u202ed|=*"
    qd("costs", "rebuild", "--tag", "team", "--tag", "user")
    hostile.budgets.set("day", PICO, scope={"project": label})
    result = qd("costs", *arguments)
    assert result.out + result.err
    assert (result.out + result.err).replace("\n", "").isprintable()


@pytest.mark.parametrize(
    "arguments", [(), ("report",), ("report", "--format", "csv"), ("sessions", "--json")]
)
@pytest.mark.usefixtures("ledger")
def test_a_closed_pipe_ends_quietly(arguments: tuple[str, ...]):
    """``qd costs … | head -0``."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", "from quarterdeck.cli import main; main()", "costs", *arguments]
    ran = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (141, b"")


def test_the_first_screen_of_qd_knows_nothing_of_costs():
    """Nor does the list of the commands of ``qd costs``: no ledger, no prices, no database."""
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(*[name for name in sys.modules if name.startswith('quarterdeck')]))\n"
        "from quarterdeck.cli import main\n"
        "main()"
    )
    for arguments, allowed in ((["--help"], set()), (["costs", "--help"], {"quarterdeck.cli.costs.options"})):
        ran = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
        )
        loaded = {name for name in ran.stdout.splitlines()[-1].split() if "costs" in name}
        assert loaded - {"quarterdeck.cli.costs"} == allowed

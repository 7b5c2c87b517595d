"""The ``qd`` command: one file per subcommand, imported only when it runs.

    qd COMMAND ──> quarterdeck.cli.<file>:command ──> a part of quarterdeck ──> cli.output

A subcommand parses, calls one thing, and prints; it holds no logic. One that has subcommands itself is a
package. `main` is the only place that turns an error into words and an exit code: 0 done, 1 a finding,
2 usage, 3 nothing to read.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

import click

from quarterdeck import __version__
from quarterdeck.cli.lazy import Entry, LazyGroup
from quarterdeck.errors import QuarterdeckError, StateError, UsageError

if TYPE_CHECKING:
    from typing import TextIO

INTERRUPTED = 130
CLOSED_PIPE = 141
"""What a shell reports of a program that SIGINT or SIGPIPE has ended."""

COMMANDS: dict[str, Entry] = {
    "changed": Entry("changed", "List what has changed since a snapshot, a state or a commit."),
    "completion": Entry("completion", "Print the completion script of a shell."),
    "config": Entry("config", "Show every setting, its value and where it came from."),
    "costs": Entry("costs", "Show what agents have spent today and this week."),
    "coverage": Entry("coverage", "Take in what a coverage run measured."),
    "dependents": Entry("dependents", "List the files that depend on a file."),
    "deps": Entry("deps", "List the files a file depends on."),
    "file": Entry("file", "Show everything known about one file."),
    "files": Entry("files", "List files by category, language, pattern or need."),
    "hotspots": Entry("hotspots", "Rank code that is complex, often changed and little tested."),
    "map": Entry("map", "Outline the project within a budget of tokens."),
    "memory": Entry("memory", "Share values, tasks and signals between agents."),
    "note": Entry("note", "Attach your own metadata to a file."),
    "patterns": Entry("patterns", "Find what agents have learned, ranked by how it turned out."),
    "report": Entry("report", "Write a report: health, tests, staleness, coverage or sprint."),
    "scan": Entry("scan", "Bring the index up to date and say what is in the project."),
    "snapshot": Entry("snapshot", "Give the present state of the project a name, or list the names."),
    "summary": Entry("summary", "Show the project in numbers."),
    "tests": Entry("tests_for", "Say which tests to run for a change."),
}


@click.group(
    cls=LazyGroup,
    entries=COMMANDS,
    package=__name__,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="qd")
def cli() -> None:
    """Know your code base, what your agents cost, what they share and what they have learned.

    \b
    qd scan                     index this project
    qd tests for --changed      which tests to run for what you have changed
    qd hotspots                 where the trouble is
    qd costs                    what agents have spent
    qd memory put plan ready    what they put down for each other
    qd patterns search "WORDS"  what they have learned
    """


def main(args: list[str] | None = None) -> None:
    """Run ``qd`` and exit; the entry point of the console script."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - closed by whoever called us
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a hostile file name must not end the program
    code = 0
    try:
        code = _run(sys.argv[1:] if args is None else args)
        sys.stdout.flush()
    except BrokenPipeError:
        _hang_up(sys.stdout, sys.stderr)
        code = CLOSED_PIPE
    except OSError as error:  # what was printed goes nowhere: a full disk
        _hang_up(sys.stdout)
        try:
            code = code or _failed(_unusable(error), wants_json=False)
        except OSError:  # stderr takes nothing either
            _hang_up(sys.stderr)
            code = StateError.exit_code
    sys.exit(code)


def _hang_up(*streams: TextIO) -> None:
    """Let what is still to be written to *streams* go nowhere."""
    for stream in streams:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _run(args: list[str]) -> int:
    """One command from its arguments to its exit code.

    Not through click's own ``main``: it answers a closed pipe with exit code 1, which here means "a finding".
    """
    wants_json = "--json" in args
    try:
        if "_QD_COMPLETE" in os.environ:
            cli.main(args, prog_name="qd")
        with cli.make_context("qd", args) as context:
            code = cli.invoke(context)
        return code if isinstance(code, int) else 0
    except QuarterdeckError as error:
        return _failed(error, wants_json=wants_json)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        asked = getattr(error, "ctx", None)
        hint = f"see {asked.command_path if asked else 'qd'} --help"
        message = error.format_message().replace("\n\t", " ")  # click gives each choice a line
        return _failed(UsageError(message, hint=hint), wants_json=wants_json)
    except BrokenPipeError:
        raise
    except OSError as error:
        return _failed(_unusable(error), wants_json=wants_json)
    except (click.Abort, KeyboardInterrupt):
        click.echo("\ninterrupted" if sys.stderr.isatty() else "interrupted", err=True)
        return INTERRUPTED


def _unusable(error: OSError) -> StateError:
    what = str(error) if error.filename else f"what was to be written cannot be: {error.strerror or error}"
    return StateError(what, hint="check that the place exists, can be written to and has space left")


def _failed(error: QuarterdeckError, *, wants_json: bool) -> int:
    from quarterdeck.words import harmless

    click.echo(f"error: {harmless(error.message)}\n  hint: {harmless(error.hint)}", err=True)
    if wants_json:
        import json

        body = {"code": error.code, "message": error.message, "hint": error.hint}
        with contextlib.suppress(OSError):  # it is in words already; `main` finds out again
            click.echo(json.dumps({"schema": "quarterdeck.error/1", **body}))
    return error.exit_code

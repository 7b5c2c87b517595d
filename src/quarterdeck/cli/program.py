"""The command ``qd`` itself: what its subcommands are, and what becomes of their errors."""

from __future__ import annotations

import contextlib
import os
import sys

import click

from quarterdeck import __version__
from quarterdeck.cli import INTERRUPTED
from quarterdeck.cli.lazy import Entry, LazyGroup
from quarterdeck.errors import QuarterdeckError, StateError, UsageError

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
    "loops": Entry("loops", "Find loops that agents are in, and spirals in what is measured."),
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
    package=__package__,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="qd")
def cli() -> None:
    """Know your code base, what your agents cost, share and learn, and when they go in circles.

    \b
    qd scan                     index this project
    qd tests for --changed      which tests to run for what you have changed
    qd hotspots                 where the trouble is
    qd costs                    what agents have spent
    qd memory put plan ready    what they put down for each other
    qd patterns search "WORDS"  what they have learned
    qd loops scan               where they have gone in circles
    """


def run(args: list[str]) -> int:
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
        return failed(error, wants_json=wants_json)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        asked = getattr(error, "ctx", None)
        hint = f"see {asked.command_path if asked else 'qd'} --help"
        message = error.format_message().replace("\n\t", " ")  # click gives each choice a line
        return failed(UsageError(message, hint=hint), wants_json=wants_json)
    except BrokenPipeError:
        raise
    except OSError as error:
        return failed(unusable(error), wants_json=wants_json)
    except (click.Abort, KeyboardInterrupt):
        click.echo("\ninterrupted" if sys.stderr.isatty() else "interrupted", err=True)
        return INTERRUPTED


def unusable(error: OSError) -> StateError:
    """*error*, which the system gave about a place, as one of ours."""
    what = str(error) if error.filename else f"what was to be written cannot be: {error.strerror or error}"
    return StateError(what, hint="check that the place exists, can be written to and has space left")


def failed(error: QuarterdeckError, *, wants_json: bool) -> int:
    """Say what is wrong and how to mend it; the exit code that *error* ends a command with."""
    from quarterdeck.words import harmless

    click.echo(f"error: {harmless(error.message)}\n  hint: {harmless(error.hint)}", err=True)
    if wants_json:
        import json

        body = {"code": error.code, "message": error.message, "hint": error.hint}
        with contextlib.suppress(OSError):  # it is in words already; `main` finds out again
            click.echo(json.dumps({"schema": "quarterdeck.error/1", **body}))
    return error.exit_code

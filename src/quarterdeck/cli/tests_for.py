"""``qd tests for``: which tests to run for a change."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from quarterdeck.cli.options import inside, json_option, limit_option, open_index, project_option
from quarterdeck.cli.output import print_json, print_table, remark, say, shown
from quarterdeck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quarterdeck.index.graph.covers import Link


@click.group()
def command() -> None:
    """Say which tests to run for a change."""


@command.command("for")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--changed",
    is_flag=False,
    flag_value="HEAD",
    metavar="[REV]",
    help="What differs from REV (default HEAD): staged, unstaged, untracked, deleted.",
)
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    default=0.0,
    metavar="X",
    help="Leave out tests of which we are less sure, 0 to 1.",
)
@click.option(
    "--paths-only", is_flag=True, help="Print one path a line, from here, to hand to a test runner."
)
@click.option("-0", "--null", is_flag=True, help="With --paths-only: end each path with NUL, for xargs -0.")
@limit_option(40)
@project_option
@json_option
def tests_for(
    paths: tuple[str, ...],
    changed: str | None,
    min_confidence: float,
    paths_only: bool,
    null: bool,
    limit: int,
    project: str | None,
    as_json: bool,
) -> None:
    """Say which tests to run when files (or all files below a folder) have changed.

    \b
    qd tests for src/app/models.py
    qd tests for --changed
    qd tests for --changed main --paths-only -0 | xargs -0 pytest
    """
    if not paths and changed is None:
        raise UsageError("say what has changed", hint="name files, or use --changed")
    with open_index(project) as index, index.frozen():
        asked = index.what_changed([inside(index, path) for path in paths], changed)
        links = [link for link in index.get_tests_for(asked) if link.confidence >= min_confidence]
        remark(index)
        if as_json:
            print_json("tests", index, {"changed": asked, "tests": [link._asdict() for link in links]})
        elif paths_only:
            _print_paths(index.root, links, end="\0" if null else "\n")
        else:
            _print_groups(asked, links, limit)


def _print_groups(asked: list[str], links: list[Link], limit: int) -> None:
    from quarterdeck.index.graph.covers import HOWS

    files = f"{len(asked):,} changed file{'' if len(asked) == 1 else 's'}"
    if not links:
        say(f"{files}: no test to run" if asked else "nothing has changed: no test to run")
        return
    say(f"{files}: {len(links):,} test file{'' if len(links) == 1 else 's'} to run")
    ordered = sorted(links, key=lambda link: HOWS.index(link.how))
    shown_links = ordered[: limit or None]
    print_table(
        ("test", "how", "confidence", "because of"),
        [(link.test, link.how, f"{link.confidence:.2f}", link.path) for link in shown_links],
    )
    if len(shown_links) < len(ordered):
        say("", f"{len(shown_links):,} of {len(ordered):,} test files; -n 0 or --paths-only lists all")


def _print_paths(root: str, links: Iterable[Link], end: str) -> None:
    """The paths as a program needs them: byte for byte, relative to here, none to be taken for an option."""
    here = os.path.realpath(".")
    for link in links:
        path = os.path.relpath(os.path.join(root, link.test), here)
        path = f"./{path}" if path.startswith("-") else path
        if end == "\n" and sys.stdout.isatty():
            click.echo(shown(path))
        else:
            sys.stdout.buffer.write(os.fsencode(path + end))

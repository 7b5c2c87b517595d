"""``qd tests for``: which tests to run for a change."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from quarterdeck.cli.options import inside, json_option, limit_option, open_index, project_option
from quarterdeck.cli.output import first, print_index_json, print_table, remark, say, say_left_out
from quarterdeck.errors import UsageError
from quarterdeck.words import count, harmless

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quarterdeck.index.graph.covers import Link


@click.group()
def command() -> None:
    """Say which tests to run for a change."""


SURE_ENOUGH = 0.5
"""Where most tests named are right: imports and one step beyond, not "through the same package"."""


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
    default=SURE_ENOUGH,
    show_default=True,
    metavar="X",
    help="Leave out tests of which we are less sure; 0 lists every test that may be concerned.",
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
    qd tests for --changed main --paths-only -0 | xargs -0 -r pytest
    """
    if not paths and changed is None:
        raise UsageError("say what has changed", hint="name files, or use --changed")
    with open_index(project) as index, index.frozen():
        asked = index.what_changed([inside(index, path) for path in paths], changed)
        found = index.get_tests_for(asked)
        links = [link for link in found if link.confidence >= min_confidence]
        left_out = len(found) - len(links)
        remark(index.problems)
        if as_json:
            tests = [link._asdict() for link in links]
            print_index_json("tests", index, {"changed": asked, "tests": tests, "left_out": left_out})
        elif paths_only:
            _print_paths(index.root, links, end="\0" if null else "\n")
        else:
            _print_groups(asked, links, left_out, limit)


def _print_groups(asked: list[str], links: list[Link], left_out: int, limit: int) -> None:
    from quarterdeck.index.graph.covers import HOWS

    files = count(len(asked), "changed file")
    less_sure = f"{left_out:,} more may be concerned: --min-confidence 0" if left_out else ""
    if not links:
        say(
            f"{files}: no test to run" if asked else "nothing has changed: no test to run",
            *filter(None, [less_sure]),
        )
        return
    say(f"{files}: {count(len(links), 'test file')} to run")
    ordered = sorted(links, key=lambda link: HOWS.index(link.how))
    kept = first(ordered, limit)
    print_table(
        ("test", "how", "confidence", "because of"),
        [(link.test, link.how, f"{link.confidence:.2f}", link.path) for link in kept],
    )
    say_left_out(len(kept), len(ordered), "test files")
    if less_sure:
        say("", less_sure)


def _print_paths(root: str, links: Iterable[Link], end: str) -> None:
    """The paths as a program needs them: byte for byte, relative to here, none to be taken for an option."""
    here = os.path.realpath(".")
    for link in links:
        path = os.path.relpath(os.path.join(root, link.test), here)
        path = f"./{path}" if path.startswith("-") else path
        if end == "\n" and sys.stdout.isatty():
            click.echo(harmless(path))
        else:
            sys.stdout.buffer.write(os.fsencode(path + end))

"""How every command speaks: data on stdout, everything else on stderr, hostile names made harmless."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from quarterdeck.index.project_index import ProjectIndex
    from quarterdeck.index.settings import Progress


def print_json(kind: str, index: ProjectIndex, data: dict[str, Any], *, version: int = 1) -> None:
    """Print *data* under the envelope that every ``--json`` answer has.

    ``schema`` is ``quarterdeck.<kind>/<version>``; ``project`` is the root; ``state`` is what the
    answer was checked against.
    """
    envelope = {
        "schema": f"quarterdeck.{kind}/{version}",
        "project": index.root,
        "state": index.state.to_dict(),
    }
    click.echo(json.dumps({**envelope, **data}, default=str))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """Print *rows* as a table; numbers to the right. On a pipe it is as wide as it needs to be."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    kept = [list(row) for row in rows]
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        numeric = bool(kept) and all(isinstance(row[number], int | float | None) for row in kept)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold", no_wrap=numeric)
    for row in kept:
        table.add_row(*(Text(_cell(value)) for value in row))
    watched = sys.stdout.isatty()
    console = Console(
        width=None if watched else 10_000,
        color_system=None if os.environ.get("NO_COLOR") else "auto",  # bold is an escape code too
        highlight=False,
    )
    with console.capture() as capture:  # printed by click as everything else: rich has its own closed pipe
        console.print(table, crop=False)
    click.echo(capture.get(), nl=False)


def say(*lines: str) -> None:
    """Print *lines* to stdout, made harmless."""
    for line in lines:
        click.echo(shown(line))


def remark(index: ProjectIndex) -> None:
    """Tell stderr what could not be kept."""
    for problem in index.problems:
        click.echo(f"note: {shown(problem)}", err=True)


def shown(text: str) -> str:
    """*text* as a terminal may safely show it: what is not printable stands as its escape.

    Printable text, also a backslash, stays as it is; for the exact bytes of a name there is ``--json``.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def progress() -> Progress | None:
    """A counter on stderr for work that takes a while; None where nobody is looking.

    It moves the cursor by carriage returns alone: every terminal has them, and an interrupt leaves nothing
    to be restored.
    """
    if not sys.stderr.isatty():
        return None

    def step(done: int, total: int) -> None:
        line = f"reading {done:,} of {total:,} files"
        if done >= total:
            click.echo(f"\r{' ' * len(line)}\r", nl=False, err=True)
        elif done % 50 == 0:
            click.echo(f"\r{line}", nl=False, err=True)

    return step


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.1f}"
    if isinstance(value, int):
        return f"{value:,}"
    return shown(str(value))

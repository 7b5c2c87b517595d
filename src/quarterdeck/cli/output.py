"""How every command speaks: data on stdout, everything else on stderr, hostile names made harmless."""

from __future__ import annotations

import json
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
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in kept:
        table.add_row(*(Text(_cell(value)) for value in row))
    console = Console(soft_wrap=not sys.stdout.isatty(), highlight=False)
    console.print(table, width=None if sys.stdout.isatty() else 10_000, crop=False)


def say(*lines: str) -> None:
    """Print *lines* to stdout, made harmless."""
    for line in lines:
        click.echo(shown(line))


def remark(index: ProjectIndex) -> None:
    """Tell stderr what could not be kept."""
    for problem in index.problems:
        click.echo(f"note: {shown(problem)}", err=True)


def shown(text: str) -> str:
    """*text* as a terminal may safely show it: control characters and broken bytes stand as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "backslashreplace").decode()
        for char in text
    )


def progress() -> Progress | None:
    """A bar on stderr for work that takes a while; None where nobody is looking."""
    if not sys.stderr.isatty():
        return None
    bar: Any = None

    def step(done: int, total: int) -> None:
        nonlocal bar
        if bar is None:
            bar = click.progressbar(length=total, label="reading", file=sys.stderr, update_min_steps=50)
            bar.render_progress()
        bar.update(done - bar.pos)
        if done >= total:
            bar.render_finish()
            bar = None

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

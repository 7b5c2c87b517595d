"""How every command speaks: data on stdout, everything else on stderr, hostile names made harmless."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from quarterdeck.words import harmless, number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from quarterdeck.index.project_index import ProjectIndex


def print_json(kind: str, data: Mapping[str, Any], **envelope: object) -> None:
    """Print *data*, and before it what every ``--json`` answer has.

    That is ``schema``, ``quarterdeck.<kind>/1``, and the *envelope*: what all answers of one part share.
    """
    click.echo(json.dumps({"schema": f"quarterdeck.{kind}/1", **envelope, **data}))


def print_index_json(kind: str, index: ProjectIndex, data: Mapping[str, Any]) -> None:
    """Print *data* as every answer of the index: with the project's root and what it was checked against."""
    print_json(kind, data, project=index.root, state=index.state.to_dict())


FOLDED_WIDTH = 24
"""What a column of text is never folded below."""


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print *rows* as a table; numbers to the right.

    On a terminal the last column of text is folded to fit; paths, numbers and headings never are: what
    does not fit beside each other runs on in the terminal's next line, whole. On a pipe nothing is folded.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    kept = [list(row) for row in rows]
    cells = [[_cell(value) for value in row] for row in kept]
    numeric = [
        all(isinstance(row[place], int | float | None) for row in kept) for place in range(len(columns))
    ]
    folded = max((place for place in range(1, len(columns)) if not numeric[place]), default=-1)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, column in enumerate(columns):
        side: Literal["left", "right"] = "right" if numeric[place] and kept else "left"
        table.add_column(column, justify=side, overflow="fold", no_wrap=place != folded)
    for row in cells:
        table.add_row(*map(Text, row))
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    needed = sum(width + 2 for place, width in enumerate(widths) if place != folded) + FOLDED_WIDTH
    console = Console(
        width=max(shutil.get_terminal_size().columns, needed) if sys.stdout.isatty() else 10_000,
        color_system=None if os.environ.get("NO_COLOR") else "auto",  # bold is an escape code too
        highlight=False,
        height=100,  # of no use, but with it rich believes the width also of a dumb terminal
    )
    with console.capture() as capture:  # printed by click as everything else: rich has its own closed pipe
        console.print(table, crop=False)
    click.echo(capture.get(), nl=False)


def say(*lines: str) -> None:
    """Print *lines* to stdout, made harmless."""
    for line in lines:
        click.echo(harmless(line))


def metadata_lines(metadata: Mapping[str, object]) -> list[str]:
    """``key = value`` by key; the value as JSON, as ``qd note`` takes it."""
    return [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in sorted(metadata.items())]


Row = TypeVar("Row")


def first(rows: list[Row], limit: int) -> list[Row]:
    """The rows that ``--limit`` leaves: 0 leaves all."""
    return rows[:limit] if limit else rows


def say_left_out(kept: int, total: int, things: str) -> None:
    """Say that *kept* of *total* are shown, and how to see the others; nothing when there are none."""
    if kept < total:
        say("", f"{kept:,} of {total:,} {things}; -n 0 lists all")


def remark(problems: Iterable[str]) -> None:
    """Tell stderr what went wrong without stopping the work."""
    for problem in problems:
        click.echo(f"note: {harmless(problem)}", err=True)


REDRAW_S = 0.1
"""How often progress is shown, and how long work must take before it is shown at all."""


def progress(things: str = "files", *, unit: int = 1) -> Callable[[int, int], None] | None:
    """A counter on stderr for work that takes a while; None where nobody is looking.

    It is told (done, to do) as often as its caller likes. It moves the cursor by carriage returns alone:
    every terminal has them, and an interrupt leaves nothing to be restored.

    Args:
        things: what is counted, as it is shown.
        unit: how many of what is told make one that is shown: ``progress("MB", unit=1_000_000)`` of bytes.
    """
    if not sys.stderr.isatty():
        return None
    drawn_at = time.monotonic()
    width = 0

    def step(done: int, total: int) -> None:
        nonlocal drawn_at, width
        if done >= total:
            if width:
                click.echo(f"\r{' ' * width}\r", nl=False, err=True)
            width = 0
        elif time.monotonic() - drawn_at >= REDRAW_S:
            line = f"reading {done // unit:,} of {-(-total // unit):,} {things}"
            click.echo(f"\r{line:{width}}", nl=False, err=True)
            drawn_at, width = time.monotonic(), max(width, len(line))

    return step


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, int | float):
        return number(value)
    return harmless(str(value))

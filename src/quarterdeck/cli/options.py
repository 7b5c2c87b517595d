"""Options that many commands share, each with one meaning everywhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from quarterdeck.cli.output import progress
from quarterdeck.errors import UsageError
from quarterdeck.workspace import find_root

if TYPE_CHECKING:
    from quarterdeck.index.project_index import ProjectIndex

Command = TypeVar("Command", bound=Callable[..., Any])


def project_option(command: Command) -> Command:
    """``--project DIR``: the project's top folder; by default the one the working directory lies in."""
    return click.option(
        "-C", "--project", metavar="DIR", help="Top folder of the project (default: found from here)."
    )(command)


def json_option(command: Command) -> Command:
    """``--json``: the whole answer, for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, with a versioned schema.")(
        command
    )


def limit_option(default: int) -> Callable[[Command], Command]:
    """``--limit N``: how many rows to show; 0 for all."""
    return click.option(
        "-n",
        "--limit",
        default=default,
        show_default=True,
        type=click.IntRange(min=0),
        help="Rows to show; 0 for all.",
    )


def open_index(project: str | None, *, use_cache: bool = True) -> ProjectIndex:
    """The index a command works on, with a progress bar where somebody is looking."""
    from quarterdeck.index.project_index import ProjectIndex

    return ProjectIndex(project or find_root(), use_cache=use_cache, progress=progress())


def inside(index: ProjectIndex, path: str) -> str:
    """*path*, typed relative to the working directory or to the project, as the index names it.

    Raises:
        UsageError: it lies outside the project.
    """
    absolute = os.path.abspath(path)
    typed = os.path.realpath(os.path.dirname(absolute))
    for candidate in (os.path.join(typed, os.path.basename(absolute)), os.path.join(index.root, path)):
        relative = os.path.relpath(os.path.normpath(candidate), index.root).replace(os.sep, "/")
        if not f"{relative}/".startswith("../") and os.path.lexists(candidate):
            return relative
    relative = os.path.normpath(path).replace(os.sep, "/")
    if f"{relative}/".startswith(("../", "/")):
        raise UsageError(
            f"{path!r} lies outside the project {index.root}",
            hint="name a file of the project, or choose it with -C",
        )
    return relative

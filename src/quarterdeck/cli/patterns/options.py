"""Options that the commands of ``qd patterns`` share, each with one meaning everywhere."""

from __future__ import annotations

import contextlib
import functools
import os
from typing import TYPE_CHECKING, NamedTuple

import click

from quarterdeck.cli.options import project_option
from quarterdeck.cli.output import remark
from quarterdeck.errors import NothingToRead, QuarterdeckError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from quarterdeck.cli.options import Command
    from quarterdeck.patterns import Pattern, PatternLibrary

NEAR = 3
"""So many ids are suggested for one that is not there ..."""
LOOKED_AT = 50
"""... out of so many patterns whose words are like it."""
AS_TYPED = {
    "change it with update_pattern": "change it with: qd patterns update",
    'on_conflict="skip" keeps what is there, "replace"': "--on-conflict skip keeps what is there, replace",
}
"""Parts of hints for who has no Python at hand, but a shell."""


class Where(NamedTuple):
    """Which library is asked.

    Attributes:
        project: a folder of the project whose settings hold, and in whose state the library lies.
        flags: settings that were typed.
    """

    project: str
    flags: Mapping[str, object]


def library_options(command: Command) -> Command:
    """``--namespace``, ``--path``, ``--project``: the command gets them together as *where*, for `opened`."""

    @functools.wraps(command)
    def placed(*, namespace: str | None, path: str | None, project: str | None, **others: object) -> object:
        if namespace is not None and path is not None:
            raise UsageError("--namespace and --path contradict each other", hint="use one of the two")
        flags: dict[str, object] = {}
        if path is not None:
            flags["path"] = os.path.abspath(path)
        if namespace is not None:
            flags = {"namespace": namespace, "path": ""}
        return command(where=Where(project or ".", flags), **others)

    for option in (
        project_option,
        click.option("--path", metavar="FILE", help="The library in this file, whatever the settings say."),
        click.option(
            "--namespace",
            metavar="NAME",
            help="Another library of the project (default: as the settings say).",
        ),
    ):
        option(placed)
    return placed  # type: ignore[return-value] # click calls it by the names of its options


def agent_option(command: Command) -> Command:
    """``--agent NAME``: who does it."""
    return click.option(
        "--agent",
        metavar="NAME",
        envvar="QUARTERDECK_AGENT",
        default="default",
        help="Who does it (default: $QUARTERDECK_AGENT, else default).",
    )(command)


def shown_option(default: int) -> Callable[[Command], Command]:
    """``--limit N``: how many patterns to show."""
    return click.option(
        "-n",
        "--limit",
        default=default,
        show_default=True,
        type=click.IntRange(1, 10_000),
        help="Patterns to show.",
    )


def semantic_option(command: Command) -> Command:
    """``--semantic``: the command's *where* then wants the search by meaning, too."""

    @functools.wraps(command)
    def meant(*, where: Where, semantic: bool, **others: object) -> object:
        flags = {**where.flags, "semantic": True} if semantic else where.flags
        return command(where=where._replace(flags=flags), **others)

    click.option("--semantic", is_flag=True, help="Also by meaning (extra semantic).")(meant)
    return meant  # type: ignore[return-value] # click calls it by the names of its options


@contextlib.contextmanager
def opened(where: Where, *, may_be_new: bool = False) -> Iterator[PatternLibrary]:
    """The library that was asked for.

    Args:
        where: which.
        may_be_new: make it if it is not there.

    Raises:
        NothingToRead: it is not there.
    """
    from quarterdeck.patterns import PatternLibrary
    from quarterdeck.patterns.opening import configured, library_file

    settings = configured(where.project, where.flags)
    path = library_file(settings, where.project)
    if not settings.path:
        remark(_elsewhere(path, where.project))
        if may_be_new and not os.path.exists(path):
            remark(_no_project(where.project))
    if not may_be_new and not os.path.exists(path):
        raise NothingToRead(f"there is no pattern library yet: {path}", hint="add a pattern: qd patterns add")
    with _in_words_of_commands(), PatternLibrary(path, settings=settings) as library:
        yield library


def existing(library: PatternLibrary, pattern_id: str) -> Pattern:
    """The pattern of that id.

    Raises:
        NothingToRead: there is none; the hint names ids that are like it.
        UsageError: it cannot be an id.
    """
    pattern = library.get_pattern(pattern_id)
    if pattern is None:
        near = " or ".join(_near(library, pattern_id))
        raise NothingToRead(
            f"there is no pattern {pattern_id} in {library.path}",
            hint=f"did you mean {near}?" if near else "look for it: qd patterns search WORDS",
        )
    return pattern


@contextlib.contextmanager
def _in_words_of_commands() -> Iterator[None]:
    """The hints of errors that come out of it say what to type."""
    try:
        yield
    except QuarterdeckError as error:
        for function, typed in AS_TYPED.items():
            error.hint = error.hint.replace(function, typed)
        raise


def _near(library: PatternLibrary, pattern_id: str) -> list[str]:
    """Ids that are like this one, of patterns with the same words."""
    import difflib
    import re

    alike = library.search(re.sub(r"[^\w]+|_", " ", pattern_id), limit=LOOKED_AT, retired=True)
    return difflib.get_close_matches(pattern_id, [each.pattern.id for each in alike], NEAR)


def _no_project(project: str) -> Iterator[str]:
    """What to say when a library is made for a folder that is no project: the folders in it get others."""
    from quarterdeck.workspace import ROOT_MARKS, find_root

    root = find_root(project)
    if not any(os.path.lexists(os.path.join(root, mark)) for mark in ROOT_MARKS):
        yield f"{root} is no project, so the library is of this folder only; choose another with -C or --path"


def _elsewhere(path: str, project: str) -> Iterator[str]:
    """What to say when the project's own folder cannot be used, so that the library lies somewhere else."""
    from quarterdeck.workspace import find_root, open_workspace

    state = open_workspace(find_root(project)).state
    if not path.startswith(state + os.sep):
        yield f"{state} cannot be used, so the library is {path}, which no other user sees"

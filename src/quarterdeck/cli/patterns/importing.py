"""``qd patterns import``: patterns out of files."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, BinaryIO

import click

from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import progress, remark, say
from quarterdeck.cli.patterns.options import Where, agent_option, library_options, opened
from quarterdeck.cli.patterns.output import print_library_json
from quarterdeck.errors import NothingToRead, UsageError
from quarterdeck.words import count

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from quarterdeck.patterns import PatternLibrary
    from quarterdeck.patterns.exchange import Imported

    OnConflict = Literal["skip", "replace", "error"]

STDIN = "-"
SKILL = "SKILL.md"
SHOWN_REFUSED = 5


@click.command()
@click.argument("source", metavar="PATH")
@click.option(
    "--on-conflict",
    type=click.Choice(("skip", "replace", "error")),
    default="skip",
    show_default=True,
    help="What becomes of a pattern whose id is there: it stays, is changed, or ends the import.",
)
@agent_option
@library_options
@json_option
@click.pass_context
def command(
    context: click.Context, source: str, on_conflict: OnConflict, agent: str, where: Where, as_json: bool
) -> None:
    """Take in patterns from a folder of skills or from JSON Lines.

    PATH is what qd patterns export wrote, a folder of anybody's skills (each with a SKILL.md), a single
    skill, or - for JSON Lines on stdin. What cannot be a pattern is named and left out; the exit code is
    then 1.

    \b
    qd patterns import .claude/skills
    qd patterns import patterns.jsonl --on-conflict replace
    qd patterns import ~/team/patterns.jsonl --namespace team
    """
    if source != STDIN and not os.path.exists(source):
        raise NothingToRead(
            f"there is no {source!r:.200}", hint="name a folder of skills, or a file of JSON Lines"
        )
    with opened(where, may_be_new=True) as library:
        done = _read(library, source, on_conflict, agent)
        remark(_refusals(done))
        if as_json:
            answer = {**done._asdict(), "refused": [each._asdict() for each in done.refused]}
            print_library_json("import", library, answer)
    if not as_json:
        parts = [f"{done.replaced:,} replaced"] * bool(done.replaced)
        parts += [f"{done.skipped:,} already there"] * bool(done.skipped)
        parts += [count(done.linked, "new link")] * bool(done.linked)
        parts += [f"{done.refused_count:,} refused"] * bool(done.refused_count)
        say(", ".join([f"{count(done.added, 'pattern')} added", *parts]))
    if done.refused_count:
        context.exit(1)


def _read(library: PatternLibrary, source: str, on_conflict: OnConflict, agent: str) -> Imported:
    from quarterdeck.patterns.exchange import import_jsonl, import_skills

    if source == STDIN:
        return import_jsonl(library, _stdin(), agent_id=agent, on_conflict=on_conflict)
    folder = source
    if not os.path.isdir(source):
        if os.path.basename(source) != SKILL:
            step = progress("MB", unit=1_000_000) or (lambda done, total: None)
            return import_jsonl(library, source, agent_id=agent, on_conflict=on_conflict, progress=step)
        folder = os.path.dirname(os.path.abspath(source))
    step = progress("skills") or (lambda done, total: None)
    return import_skills(library, folder, agent_id=agent, on_conflict=on_conflict, progress=step)


def _stdin() -> BinaryIO:
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError(
            "there is nothing to import", hint="pipe it in: qd patterns import - < patterns.jsonl"
        )
    return sys.stdin.buffer


def _refusals(done: Imported) -> Iterator[str]:
    for each in done.refused[:SHOWN_REFUSED]:
        yield f"{each.where}: {each.why}"
    left = done.refused_count - min(len(done.refused), SHOWN_REFUSED)
    if left:
        yield f"{left:,} more were refused; --json lists them"

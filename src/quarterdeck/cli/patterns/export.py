"""``qd patterns export``: the library as files."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

import click

from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import progress, say
from quarterdeck.cli.patterns.options import Where, library_options, opened
from quarterdeck.cli.patterns.output import print_library_json
from quarterdeck.errors import NothingToRead, UsageError
from quarterdeck.words import count

if TYPE_CHECKING:
    from quarterdeck.patterns import PatternLibrary

FORMATS = ("skills", "jsonl")
STDOUT = "-"


@click.command()
@click.argument("target", metavar="FOLDER|FILE.jsonl")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), help="How it is written (default: by the name)."
)
@click.option("--prune", is_flag=True, help="Remove skills that it once wrote there, of patterns now gone.")
@library_options
@json_option
def command(target: str, form: str | None, prune: bool, where: Where, as_json: bool) -> None:
    """Write the library as a folder of skills or as JSON Lines.

    Skills are for other tools and people: a folder with a SKILL.md for each pattern, in the Agent Skills
    format; what others have put there is never overwritten. JSON Lines are for another library, or a backup:
    outcomes, provenance and links are in it, and patterns rank the same when it is imported. The file appears
    whole or not at all, and - is standard output.

    \b
    qd patterns export .claude/skills
    qd patterns export patterns.jsonl
    qd patterns export - | gzip > patterns.jsonl.gz
    """
    form = form or ("jsonl" if target == STDOUT or target.lower().endswith(".jsonl") else "skills")
    if target == STDOUT and (as_json or form == "skills"):
        raise UsageError(
            "standard output cannot have both" if as_json else "skills cannot go to standard output",
            hint="name a file: patterns.jsonl",
        )
    if prune and form != "skills":
        raise UsageError("only skills can be pruned", hint="JSON Lines are written anew each time")
    with opened(where) as library:
        if not library.count():
            raise NothingToRead(
                f"there are no patterns yet in {library.path}", hint="add one: qd patterns add"
            )
        written = _write(library, target, form, prune=prune)
        if as_json:
            answer = {"target": os.path.abspath(target), "format": form, "patterns": written}
            print_library_json("export", library, answer)
        elif target != STDOUT:
            say(f"{count(written, 'pattern')} written to {target}")


def _write(library: PatternLibrary, target: str, form: str, *, prune: bool) -> int:
    from quarterdeck.patterns.exchange import export_jsonl, export_skills

    step = progress("patterns") or (lambda done, total: None)
    if form == "skills":
        return len(export_skills(library, target, prune=prune, progress=step))
    if target != STDOUT:
        return export_jsonl(library, target, progress=step)
    if not sys.stdout.isatty():
        sys.stdout.flush()
        return export_jsonl(library, sys.stdout.buffer, progress=step)
    shown = io.BytesIO()
    written = export_jsonl(library, shown)
    say(*shown.getvalue().decode().splitlines())
    return written

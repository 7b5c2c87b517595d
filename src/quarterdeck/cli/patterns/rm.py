"""``qd patterns rm``: patterns no more."""

from __future__ import annotations

import click

from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import remark, say
from quarterdeck.cli.patterns.options import Where, agent_option, existing, library_options, opened
from quarterdeck.cli.patterns.output import print_library_json
from quarterdeck.words import count


@click.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@agent_option
@library_options
@json_option
def command(ids: tuple[str, ...], agent: str, where: Where, as_json: bool) -> None:
    """Remove patterns, with their outcomes and links.

    Exits with 3 when there was none of them. What is superseded is kept, but not found any more: see
    qd patterns link NEW OLD --kind supersedes.

    \b
    qd patterns rm set-a-busy-timeout
    """
    with opened(where) as library:
        removed = [each for each in dict.fromkeys(ids) if library.delete_pattern(each, agent_id=agent)]
        if not removed:
            existing(library, ids[0])
        remark(f"there was no pattern {each}" for each in dict.fromkeys(ids) if each not in removed)
        if as_json:
            print_library_json("rm", library, {"removed": removed})
            return
    say(f"{count(len(removed), 'pattern')} removed")

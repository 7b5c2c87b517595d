"""``qd memory rm``: an entry no more."""

from __future__ import annotations

import click

from quarterdeck.cli.memory.options import Where, memory_options, opened
from quarterdeck.cli.memory.output import print_memory_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import say
from quarterdeck.errors import NothingToRead, UsageError
from quarterdeck.words import count


@click.command()
@click.argument("keys", metavar="[KEY]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All entries of this agent.")
@memory_options
@json_option
def command(keys: tuple[str, ...], everything: bool, where: Where, as_json: bool) -> None:
    """Remove entries of one's own.

    Exits with 3 when there was none.

    \b
    qd memory rm plan diff
    qd memory rm --all --agent planner
    """
    from quarterdeck.memory.entries import Entries

    if bool(keys) == everything:
        raise UsageError("which entries are to go?", hint="name their keys, or use --all instead")
    with opened(where, Entries) as memory:
        removed = memory.clear_working_memory() if everything else sum(map(memory.delete, keys))
        if keys and not removed:
            raise NothingToRead(
                f"agent {where.agent} has nothing under {', '.join(map(repr, keys)):.200}",
                hint="see what there is with: qd memory ls",
            )
        if as_json:
            print_memory_json("rm", memory.store, {"removed": removed})
            return
    say(f"{count(removed, 'entry', plural='entries')} removed")

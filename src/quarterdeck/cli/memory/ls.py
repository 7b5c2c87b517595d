"""``qd memory ls``: what is there."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from quarterdeck.cli.memory.options import Where, memory_options, opened, whose_options
from quarterdeck.cli.memory.output import print_memory_json, time_left
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import print_table, say
from quarterdeck.words import size


@click.command()
@click.argument("prefix", default="")
@memory_options
@whose_options
@json_option
def command(prefix: str, whose: str | None, where: Where, as_json: bool) -> None:
    """List keys, their sizes and how long they have left.

    PREFIX: only keys that begin with it.

    \b
    qd memory ls
    qd memory ls plan/ --from planner
    qd memory ls --all --json
    """
    from quarterdeck.memory.entries import Entries
    from quarterdeck.memory.following import keys_of

    with opened(where, Entries) as memory:
        found = keys_of(memory, whose, prefix)
        if as_json:
            print_memory_json("ls", memory.store, {"keys": [each.to_dict() for each in found]})
            return
    if not found:
        whom = "any agent" if whose is None else f"agent {whose}"
        say(f"there is nothing of {whom}" + (f" that begins with {prefix!r}" if prefix else ""))
        return
    now = datetime.now(UTC)
    print_table(
        ("key", "size", "time left", "agent"),
        [(each.key, size(each.size_bytes), time_left(each.expires_at, now), each.agent) for each in found],
    )

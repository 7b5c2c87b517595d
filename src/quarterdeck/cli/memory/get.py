"""``qd memory get``: the value under a key."""

from __future__ import annotations

import click

from quarterdeck.cli.memory.options import Where, from_option, memory_options, opened, place_of, time_option
from quarterdeck.cli.memory.output import print_memory_json, print_value
from quarterdeck.cli.options import json_option
from quarterdeck.errors import NothingToRead


@click.command()
@click.argument("key")
@from_option
@click.option("--text", "as_text", is_flag=True, help="Print a text as it is, not as JSON.")
@time_option("--wait", "Wait so long for there to be one.")
@memory_options
@json_option
def command(
    key: str, owner: str | None, as_text: bool, wait: float | None, where: Where, as_json: bool
) -> None:
    """Print the value under a key.

    As JSON, on one line in a pipe. Exits with 3 when there is none.

    \b
    qd memory get plan
    qd memory get plan --from planner --wait 60s
    qd memory get diff --text | git apply
    """
    from quarterdeck.memory.entries import Entries

    with opened(where, Entries) as memory:
        if wait is None:
            found = memory.retrieve_batch([key], agent_id=owner)
        else:
            from quarterdeck.memory.following import awaited

            found = awaited(memory, key, owner, wait)
        if key not in found:
            raise NothingToRead(
                f"agent {owner or where.agent} has nothing under {key!r} in {place_of(memory.store)}",
                hint="see what there is with: qd memory ls --all",
            )
        if as_json:
            answer = {"agent": owner or memory.agent, "key": key, "value": found[key]}
            print_memory_json("get", memory.store, answer)
        else:
            print_value(found[key], as_text=as_text)

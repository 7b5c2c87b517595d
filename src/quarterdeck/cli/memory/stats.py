"""``qd memory stats``: how much is there."""

from __future__ import annotations

import click

from quarterdeck.cli.memory.options import Where, memory_options, opened
from quarterdeck.cli.memory.output import print_memory_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import print_table, say
from quarterdeck.words import count, size


@click.command()
@memory_options
@json_option
def command(where: Where, as_json: bool) -> None:
    """Show how much each agent has put down, and what else there is.

    \b
    qd memory stats
    """
    from quarterdeck.memory.counting import counted
    from quarterdeck.memory.seat import Seat

    with opened(where, Seat) as memory:
        found = counted(memory.store)
        if as_json:
            agents = [each._asdict() for each in found.agents]
            print_memory_json("stats", memory.store, {**found._asdict(), "agents": agents})
            return
        place = f"{memory.store.backend.kind}, namespace {memory.store.limits.namespace}"
    keys, size_bytes = sum(each.keys for each in found.agents), sum(each.size_bytes for each in found.agents)
    say(f"{count(keys, 'key')} of {count(len(found.agents), 'agent')}, {size(size_bytes)} ({place})")
    if found.agents:
        say("")
        print_table(
            ("agent", "keys", "size"),
            [(each.agent, each.keys, size(each.size_bytes)) for each in found.agents],
        )
    rows: list[tuple[str, int, int | None]] = [
        (kind, entries, None) for kind, entries in sorted(found.entries.items())
    ]
    rows += [(kind, found.logs[kind], items) for kind, items in sorted(found.items.items())]
    if rows:
        say("")
        print_table(("also", "how many", "items"), rows)

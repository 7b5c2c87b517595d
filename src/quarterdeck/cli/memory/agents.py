"""``qd memory agents``: who is registered."""

from __future__ import annotations

import click

from quarterdeck.cli.memory.options import Where, memory_options, opened
from quarterdeck.cli.memory.output import print_memory_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import print_table, say


@click.command()
@memory_options
@json_option
def command(where: Where, as_json: bool) -> None:
    """List the registered agents and what each may do.

    \b
    qd memory agents
    """
    from quarterdeck.memory.stewardship import Stewardship

    with opened(where, Stewardship) as memory:
        found = memory.list_agents()
        if as_json:
            records = [{**each._asdict(), "tier": each.tier and each.tier.name.lower()} for each in found]
            print_memory_json("agents", memory.store, {"agents": records})
            return
    if not found:
        say("no agent is registered: qd memory grant NAME steward")
        return
    print_table(
        ("agent", "tier", "since", "by"),
        [
            (each.agent, each.tier.name.lower() if each.tier else "revoked", each.granted_at, each.granted_by)
            for each in found
        ],
    )

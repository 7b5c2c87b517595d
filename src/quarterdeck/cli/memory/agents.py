"""``qd memory agents``: who is registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from quarterdeck.cli.memory.options import Where, memory_options, opened
from quarterdeck.cli.memory.output import print_memory_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import print_table, remark, say

if TYPE_CHECKING:
    from quarterdeck.memory.rights import AgentRecord


@click.command()
@memory_options
@json_option
@click.pass_context
def command(context: click.Context, where: Where, as_json: bool) -> None:
    """List the registered agents and what each may do.

    Exits with 1 when what is kept of one cannot be read.

    \b
    qd memory agents
    """
    from quarterdeck.memory import rights
    from quarterdeck.memory.access import agent_name
    from quarterdeck.memory.seat import Seat

    with opened(where, Seat) as memory:
        store, namespace = memory.store, memory.store.limits.namespace
        found, bad = rights.registered(store, namespace)
        if as_json:
            records = [{**each._asdict(), "tier": each.tier and each.tier.name.lower()} for each in found]
            print_memory_json("agents", store, {"agents": records, "unreadable": bad})
    if not as_json:
        _print(found, nobody=not bad)
    remark(
        f"the record of agent {agent!r} cannot be read: restore its entry "
        f"{agent_name(namespace, agent)!r}, or delete it and grant anew"
        for agent in bad
    )
    if bad:
        context.exit(1)


def _print(found: list[AgentRecord], *, nobody: bool) -> None:
    if not found and nobody:
        say("no agent is registered: qd memory grant NAME steward")
    if found:
        print_table(
            ("agent", "tier", "since", "by"),
            [
                (
                    each.agent,
                    each.tier.name.lower() if each.tier else "revoked",
                    each.granted_at,
                    each.granted_by,
                )
                for each in found
            ],
        )

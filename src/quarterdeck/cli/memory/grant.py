"""``qd memory grant``: what an agent may do."""

from __future__ import annotations

import click

from quarterdeck.cli.memory.options import TIERS, Where, memory_options, opened
from quarterdeck.cli.memory.output import print_memory_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import remark


@click.command()
@click.argument("subject", metavar="AGENT")
@click.argument("tier", type=click.Choice(TIERS))
@click.option(
    "--new-token", is_flag=True, help="Another token, also if the agent has one; that is then void."
)
@memory_options
@json_option
def command(subject: str, tier: str, new_token: bool, where: Where, as_json: bool) -> None:
    """Say what an agent may do, and print its token; takes a steward.

    An observer reads; a contributor also writes; a validator also promotes and rejects patterns; a steward
    also grants. The first steward needs nobody's leave. A token is printed once, when it is new, and kept
    nowhere; an agent that has one keeps it.

    \b
    export QUARTERDECK_AGENT=boss QUARTERDECK_AGENT_TOKEN=$(qd memory grant boss steward)
    qd memory grant reviewer validator > reviewer.token
    """
    from quarterdeck.memory.access import AccessTier
    from quarterdeck.memory.stewardship import Stewardship

    with opened(where, Stewardship) as memory:
        token = memory.grant_access(subject, AccessTier[tier.upper()], new_token=new_token)
        if as_json:
            answer = {"agent": subject, "tier": tier, "token": token or None}
            print_memory_json("grant", memory.store, answer)
            return
    told = "its token is shown only this once" if token else "it keeps its token"
    remark([f"{subject} is {'an' if tier == TIERS[0] else 'a'} {tier}; {told}"])
    if token:
        click.echo(token)

"""``qd memory grant``: what an agent may do."""

from __future__ import annotations

import click

from quarterdeck.cli.memory.options import Where, memory_options, opened
from quarterdeck.cli.memory.output import print_memory_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import remark

TIERS = ("observer", "contributor", "validator", "steward")


@click.command()
@click.argument("subject", metavar="AGENT")
@click.argument("tier", type=click.Choice(TIERS))
@memory_options
@json_option
def command(subject: str, tier: str, where: Where, as_json: bool) -> None:
    """Say what an agent may do, and print its token; takes a steward.

    An observer reads; a contributor also writes; a validator also promotes and rejects patterns; a steward
    also grants. The first steward needs nobody's leave. The token is printed this once and kept nowhere, and
    the one that the agent had before is valid no more.

    \b
    export QUARTERDECK_AGENT=boss QUARTERDECK_AGENT_TOKEN=$(qd memory grant boss steward)
    qd memory grant reviewer validator > reviewer.token
    """
    from quarterdeck.memory.access import AccessTier
    from quarterdeck.memory.stewardship import Stewardship

    with opened(where, Stewardship) as memory:
        token = memory.grant_access(subject, AccessTier[tier.upper()])
        if as_json:
            print_memory_json("grant", memory.store, {"agent": subject, "tier": tier, "token": token})
            return
    remark([f"{subject} is {'an' if tier == TIERS[0] else 'a'} {tier}; its token is shown only this once"])
    click.echo(token)

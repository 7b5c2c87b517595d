"""``qd memory default``: what unknown agents may do."""

from __future__ import annotations

import click

from quarterdeck.cli.memory.options import TIERS, Where, memory_options, opened
from quarterdeck.cli.memory.output import print_memory_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import say


@click.command()
@click.argument("tier", type=click.Choice(TIERS[:-1]))
@memory_options
@json_option
def command(tier: str, where: Where, as_json: bool) -> None:
    """Say what agents may do that nobody has registered; takes a steward.

    At first they are contributors.

    \b
    qd memory default observer
    """
    from quarterdeck.memory.access import AccessTier
    from quarterdeck.memory.stewardship import Stewardship

    with opened(where, Stewardship) as memory:
        changed = memory.set_default_access(AccessTier[tier.upper()])
        if as_json:
            print_memory_json("default", memory.store, {"tier": tier, "changed": changed})
            return
    say(f"unknown agents are {tier}s" + ("" if changed else ", as before"))

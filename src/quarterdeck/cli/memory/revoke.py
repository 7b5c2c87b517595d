"""``qd memory revoke``: an agent that is let in no more."""

from __future__ import annotations

import click

from quarterdeck.cli.memory.options import Where, memory_options, opened
from quarterdeck.cli.memory.output import print_memory_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import say
from quarterdeck.errors import NothingToRead


@click.command()
@click.argument("subject", metavar="AGENT")
@memory_options
@json_option
def command(subject: str, where: Where, as_json: bool) -> None:
    """Let an agent in no more; takes a steward.

    What it has put down stays. Exits with 3 when it is not registered.

    \b
    qd memory revoke reviewer --agent boss
    """
    from quarterdeck.memory.stewardship import Stewardship

    with opened(where, Stewardship) as memory:
        if not memory.revoke_access(subject):
            raise NothingToRead(
                f"agent {subject!r} has no access that could be revoked", hint="see: qd memory agents"
            )
        if as_json:
            print_memory_json("revoke", memory.store, {"agent": subject})
            return
    say(f"{subject} is let in no more")

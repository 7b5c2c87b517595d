"""``qd memory reject``: a pattern that is dropped."""

from __future__ import annotations

import click

from quarterdeck.cli.memory.options import Where, memory_options, opened
from quarterdeck.cli.memory.output import print_memory_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import say
from quarterdeck.errors import NothingToRead


@click.command()
@click.argument("pattern_id", metavar="ID")
@click.option("--reason", metavar="TEXT", default="", help="Why; it stands in the audit chain.")
@memory_options
@json_option
def command(pattern_id: str, reason: str, where: Where, as_json: bool) -> None:
    """Drop a staged pattern; takes a validator.

    Exits with 3 when it is not staged, or no longer.

    \b
    qd memory reject ID --reason "true only for SQLite"
    """
    from quarterdeck.memory.staging import Staging

    with opened(where, Staging) as memory:
        if not memory.reject_pattern(pattern_id, reason):
            raise NothingToRead(
                f"no pattern {pattern_id!r} waits, or no longer", hint="see: qd memory staged"
            )
        if as_json:
            print_memory_json("reject", memory.store, {"id": pattern_id})
            return
    say(f"{pattern_id} is dropped")

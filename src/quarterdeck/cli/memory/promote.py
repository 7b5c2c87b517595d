"""``qd memory promote``: a pattern that is to last."""

from __future__ import annotations

import click

from quarterdeck.cli.memory.options import Where, memory_options, opened
from quarterdeck.cli.memory.output import print_memory_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import say
from quarterdeck.errors import NothingToRead


@click.command()
@click.argument("pattern_id", metavar="ID")
@memory_options
@json_option
def command(pattern_id: str, where: Where, as_json: bool) -> None:
    """Make a staged pattern a lasting one; takes a validator.

    Of several who promote it at once, one does. Exits with 3 when it is not staged, or no longer.

    \b
    qd memory promote ID
    """
    from quarterdeck.memory.staging import Staging

    with opened(where, Staging) as memory:
        pattern = memory.promote_pattern(pattern_id)
        if pattern is None:
            raise NothingToRead(
                f"no pattern {pattern_id!r} waits, or no longer", hint="see: qd memory staged"
            )
        if as_json:
            print_memory_json("promote", memory.store, {"pattern": pattern})
            return
    say(f"{pattern['name']} lasts from now on")

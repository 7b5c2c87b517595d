"""``qd memory stage``: propose a pattern."""

from __future__ import annotations

import click

from quarterdeck.cli.memory.dashes import ValueCommand
from quarterdeck.cli.memory.options import Where, memory_options, opened, time_option
from quarterdeck.cli.memory.output import print_memory_json
from quarterdeck.cli.memory.typed import remark_removed, value_of
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import say
from quarterdeck.errors import UsageError

DAY_S = 86_400.0


@click.command(cls=ValueCommand)
@click.argument("pattern", required=False)
@time_option("--ttl", "Dropped after so long without a decision (default: 1d).")
@memory_options
@json_option
def command(pattern: str | None, ttl: float | None, where: Where, as_json: bool) -> None:
    """Propose a pattern, for a validator to promote or to reject; prints its id.

    PATTERN is a JSON object with a name, a description, a content or a code; without it, or with -, it is
    read from stdin.

    \b
    qd memory stage '{"name": "retry", "description": "retry reads, never writes", "confidence": 0.9}'
    """
    from quarterdeck.memory.staging import Staging

    with opened(where, Staging) as memory:
        value = value_of(pattern, memory.store, as_text=False)
        if not isinstance(value, dict):
            raise UsageError("a pattern is a JSON object", hint='write \'{"name": "…", "description": "…"}\'')
        pattern_id = memory.stage_pattern(value, ttl_hours=(ttl or DAY_S) / 3600)
        remark_removed(value, memory.store)
        if as_json:
            print_memory_json("stage", memory.store, {"id": pattern_id})
            return
    say(pattern_id)

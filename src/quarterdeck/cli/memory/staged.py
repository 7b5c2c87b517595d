"""``qd memory staged``: patterns that wait for a decision."""

from __future__ import annotations

import click

from quarterdeck.cli.memory.options import Where, memory_options, opened
from quarterdeck.cli.memory.output import print_memory_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import print_table, say


@click.command()
@click.option(
    "--min-confidence", type=click.FloatRange(0, 1), default=0.0, help="Only those at least so sure."
)
@memory_options
@json_option
def command(min_confidence: float, where: Where, as_json: bool) -> None:
    """List the patterns that wait for a validator, the oldest first.

    \b
    qd memory staged
    qd memory staged --min-confidence 0.8 --json
    """
    from quarterdeck.memory.staging import Staging

    with opened(where, Staging) as memory:
        found = memory.get_staged_patterns(min_confidence=min_confidence)
        if as_json:
            print_memory_json("staged", memory.store, {"patterns": found})
            return
    if not found:
        say("no pattern waits")
        return
    print_table(
        ("id", "name", "type", "confidence", "by", "until"),
        [
            (
                each["id"],
                each["name"],
                each["pattern_type"],
                each["confidence"],
                each["agent_id"],
                each.get("expires_at"),
            )
            for each in found
        ],
    )

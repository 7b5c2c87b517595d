"""``qd memory send``: a signal to another agent, or to all."""

from __future__ import annotations

import click

from quarterdeck.cli.memory.dashes import ValueCommand
from quarterdeck.cli.memory.options import Where, memory_options, opened, time_option
from quarterdeck.cli.memory.output import print_memory_json
from quarterdeck.cli.memory.typed import parsed, remark_removed
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import say

LASTS_S = 300.0


@click.command(cls=ValueCommand)
@click.argument("signal_type", metavar="TYPE")
@click.argument("data", default="null")
@click.option("--to", "target", metavar="AGENT", help="For this agent only (default: for all others).")
@time_option("--ttl", "Nobody receives it after so long (default: 5m).")
@memory_options
@json_option
def command(
    signal_type: str, data: str, target: str | None, ttl: float | None, where: Where, as_json: bool
) -> None:
    """Send a signal to another agent, or to all.

    DATA is JSON; what is not is text.

    \b
    qd memory send review-done '{"pull": 7}' --to planner
    """
    from quarterdeck.memory.signals import Signals

    with opened(where, Signals) as memory:
        value = parsed(data)
        number = memory.send_signal(signal_type, value, target, ttl or LASTS_S)
        remark_removed(value, memory.store)
        if as_json:
            print_memory_json(
                "send", memory.store, {"id": number, "signal_type": signal_type, "target": target}
            )
            return
    say(f"signal {number} is sent to {'all' if target is None else target}")

"""``qd memory receive``: signals of other agents."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import click

from quarterdeck.cli.memory.options import Where, memory_options, opened, time_option, until_interrupted
from quarterdeck.cli.memory.output import one_line, print_memory_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import say
from quarterdeck.errors import NothingToRead

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.memory.signals import Signal, Signals

LONGEST_WAIT_S = 60.0


@click.command()
@click.option("--type", "signal_type", metavar="TYPE", help="Only signals of this type.")
@click.option("--after", "number", metavar="N", type=int, default=0, help="Only signals after this one.")
@time_option("--wait", "Wait so long for the first.")
@click.option("--follow", is_flag=True, help="Go on until Ctrl-C.")
@memory_options
@json_option
def command(
    signal_type: str | None, number: int, wait: float | None, follow: bool, where: Where, as_json: bool
) -> None:
    """Print the signals that other agents have sent to this one or to all.

    All that still live, each time: the shell says with --after which it has seen. Exits with 3 when there is
    none.

    \b
    qd memory receive --agent planner --type review-done --wait 60s
    qd memory receive --agent planner --after 41 --follow --json
    """
    from quarterdeck.memory.signals import Signals

    seen = 0
    with until_interrupted(endless=follow), opened(where, Signals) as memory:
        for each in _received(
            memory, signal_type, number, math.inf if follow else wait or 0.0, follow=follow
        ):
            _print(each, memory, as_json=as_json)
            seen += 1
        if not seen:
            raise NothingToRead(f"agent {where.agent} has no signal", hint="wait for one with --wait 60s")


def _received(
    memory: Signals, signal_type: str | None, number: int, wait_s: float, *, follow: bool
) -> Iterator[Signal]:
    """Signals with a higher number, as they come; without *follow* until there is one or the time is up."""
    deadline = time.monotonic() + wait_s
    while True:
        left_s = max(0.0, min(deadline - time.monotonic(), LONGEST_WAIT_S))
        found = [
            each for each in memory.receive_signals(signal_type, wait_seconds=left_s) if each.id > number
        ]
        yield from found
        if not follow and (found or time.monotonic() >= deadline):
            return


def _print(each: Signal, memory: Signals, *, as_json: bool) -> None:
    if as_json:
        print_memory_json("signal", memory.store, each.to_dict())
        return
    at = each.at.astimezone()
    say(f"{each.id}  {at:%H:%M:%S}  {each.sender}  {each.signal_type}  {one_line(each.data)}")

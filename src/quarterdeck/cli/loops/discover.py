"""``qd loops discover``: the loops that a history of metrics shows by itself."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Literal

import click

from quarterdeck.cli.loops.history import history_argument, read_history
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import print_json, say
from quarterdeck.errors import NothingToRead
from quarterdeck.words import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.loops.discovery import Discovery


SHOWN_LEFT_OUT = 5


@click.command()
@history_argument
@click.option(
    "--max-lag",
    type=click.IntRange(1, 20),
    metavar="N",
    help="How many snapshots later an effect is looked for at most.",
)
@click.option(
    "--confirm", type=click.Choice(["pcmci"]), help="Doubt what this does not find, too (extra causal)."
)
@json_option
def command(
    path: str,
    max_lag: int | None,
    confirm: Literal["pcmci"] | None,
    as_json: bool,
) -> None:
    """Find the loops that a history of metrics shows by itself.

    FILE holds snapshots, the oldest first and equally far apart, as a JSON array or as JSON Lines. Nothing is
    said of fewer than 200. Exits with 3 when there is too little to say anything.

    \b
    qd loops discover metrics.jsonl
    """
    from quarterdeck.loops.discovery import discover

    given = {} if max_lag is None else {"max_lag": max_lag}
    found = discover(read_history(path), confirm=confirm, **given)
    if found.abstained:
        raise NothingToRead(
            f"nothing can be said: {found.abstained}",
            hint="hand in a longer history of metrics that vary: 200 snapshots of two of them at least",
        )
    if as_json:
        print_json("loops.discover", found.to_dict())
    else:
        say(*_lines(found))


def _lines(found: Discovery) -> Iterator[str]:
    loops = count(len(found.loops), "loop") if found.loops else "no loop"
    yield f"{loops} among {count(len(found.metrics), 'metric')}, {count(found.snapshots, 'snapshot')}"
    for loop in (*found.loops, *found.doubtful):
        yield f"{loop.loop_type.value:11}  {loop.strength:.2f}  {loop.description}"
        if loop.doubt:
            yield f"  doubtful: {loop.doubt}"
    for name, reason in islice(found.left_out.items(), SHOWN_LEFT_OUT):
        yield f"left out: {name:.60} {reason}"
    if len(found.left_out) > SHOWN_LEFT_OUT:
        yield f"{len(found.left_out) - SHOWN_LEFT_OUT:,} more left out; --json lists them"

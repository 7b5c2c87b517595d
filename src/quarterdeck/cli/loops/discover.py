"""``qd loops discover``: the loops that a history of metrics shows by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from quarterdeck.cli.loops.history import history_argument
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import print_json, say
from quarterdeck.errors import NothingToRead
from quarterdeck.words import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from quarterdeck.loops.discovery import Discovery


@click.command()
@history_argument
@click.option("--max-lag", type=click.IntRange(1, 50), metavar="N", help="The latest effect looked for.")
@click.option("--confirm", type=click.Choice(["pcmci"]), help="By a second method (extra causal).")
@json_option
def command(
    history: Sequence[Mapping[str, object]],
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
    found = discover(history, confirm=confirm, **given)
    if found.abstained:
        raise NothingToRead(f"nothing can be said: {found.abstained}", hint="hand in a longer history")
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

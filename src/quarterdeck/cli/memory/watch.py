"""``qd memory watch``: what changes, as it happens."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from quarterdeck.cli.memory.options import (
    Where,
    memory_options,
    opened,
    time_option,
    until_interrupted,
    whose_options,
)
from quarterdeck.cli.memory.output import one_line, print_memory_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import remark, say
from quarterdeck.errors import NothingToRead
from quarterdeck.words import count

if TYPE_CHECKING:
    from quarterdeck.memory.entries import Entries
    from quarterdeck.memory.following import Change


@click.command()
@click.argument("prefix", default="")
@click.option("--count", "wanted", type=click.IntRange(min=1), metavar="N", help="End after so many changes.")
@time_option("--timeout", "End after so long.")
@memory_options
@whose_options
@json_option
def command(
    prefix: str, wanted: int | None, timeout: float | None, whose: str | None, where: Where, as_json: bool
) -> None:
    """Print what is put, removed or expires, as it happens.

    PREFIX: only keys that begin with it. Runs until Ctrl-C. Of several changes of one key in quick succession
    the last is sure to be seen. Exits with 3 when --timeout passes before --count changes.

    \b
    qd memory watch --all
    qd memory watch plan/ --from planner --count 1 --timeout 60s
    qd memory watch --json | while read -r change; do echo "$change"; done
    """
    from quarterdeck.memory.entries import Entries
    from quarterdeck.memory.following import follow

    seen = 0
    with until_interrupted(endless=wanted is None), opened(where, Entries) as memory:
        for change in follow(
            memory,
            whose,
            prefix,
            began=lambda: click.echo("watching; Ctrl-C ends it", err=True),
            tell=lambda problem: remark([problem]),
            timeout_s=timeout,
        ):
            _print(change, memory, as_json=as_json)
            seen += 1
            if seen == wanted:
                return
        if wanted is not None:
            raise NothingToRead(
                f"{count(seen, 'change')} in {timeout:g} s, not {wanted}",
                hint="wait longer, or look at: qd memory ls --all",
            )


def _print(change: Change, memory: Entries, *, as_json: bool) -> None:
    if as_json:
        at = datetime.now().astimezone().isoformat(timespec="milliseconds")
        print_memory_json("change", memory.store, {"at": at, **change._asdict()})
        return
    parts = [f"{datetime.now().astimezone():%H:%M:%S}", f"{change.change:7}", change.agent, change.key]
    if change.change == "put":
        parts.append(one_line(change.value))
    say("  ".join(parts))

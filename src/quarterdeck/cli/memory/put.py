"""``qd memory put``: a value under a key."""

from __future__ import annotations

import click

from quarterdeck.cli.memory.dashes import ValueCommand
from quarterdeck.cli.memory.options import Where, memory_options, opened, time_option
from quarterdeck.cli.memory.output import print_memory_json
from quarterdeck.cli.memory.typed import parsed, remark_removed, value_of
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import say
from quarterdeck.errors import UsageError


@click.command(cls=ValueCommand)
@click.argument("key")
@click.argument("value", required=False)
@time_option("--ttl", "Gone after so long: 90s, 15m, 2h, 7d (default: never).")
@click.option("--text", "as_text", is_flag=True, help="VALUE and OLD are text, also if they could be JSON.")
@click.option(
    "--if", "expected", metavar="OLD", help="Only if that is the value now; null: if there is none."
)
@click.option("--if-absent", is_flag=True, help="Only if there is none.")
@memory_options
@json_option
@click.pass_context
def command(
    context: click.Context,
    key: str,
    value: str | None,
    ttl: float | None,
    as_text: bool,
    expected: str | None,
    if_absent: bool,
    where: Where,
    as_json: bool,
) -> None:
    """Keep a value under a key, for every agent to read.

    VALUE is JSON; what is not is text. Without it, or with -, it is read from stdin. What is secret or
    personal in it is taken out, and stderr says where. Exits with 1 when --if or --if-absent does not hold.

    \b
    qd memory put plan '{"files": ["a.py"]}' --ttl 2h
    git diff | qd memory put diff --text
    qd memory put leader me --if-absent --ttl 30s && ./lead
    """
    from quarterdeck.memory.entries import Entries

    if if_absent and expected is not None:
        raise UsageError("--if and --if-absent contradict each other", hint="use one of the two")
    with opened(where, Entries) as memory:
        new = value_of(value, memory.store, as_text=as_text)
        if expected is None and not if_absent:
            done = memory.stash(key, new, ttl)
        elif new is None:
            raise UsageError(
                "null cannot be put on a condition", hint="put false, 0 or an empty text instead"
            )
        else:
            old = None if expected is None else expected if as_text else parsed(expected)
            done = memory.compare_and_set(key, old, new, ttl)
        if done:
            remark_removed(new, memory.store)
        if as_json:
            print_memory_json("put", memory.store, {"agent": memory.agent, "key": key, "kept": done})
    if not as_json:
        say(f"{key} is kept" if done else f"{key} has another value: nothing was kept")
    if not done:
        context.exit(1)

"""``qd memory push``: a task for whoever comes first."""

from __future__ import annotations

import click

from quarterdeck.cli.memory.dashes import ValueCommand
from quarterdeck.cli.memory.options import Where, memory_options, opened, time_option
from quarterdeck.cli.memory.output import print_memory_json
from quarterdeck.cli.memory.typed import remark_removed, value_of
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import say
from quarterdeck.errors import UsageError


@click.command(cls=ValueCommand)
@click.argument("queue")
@click.argument("task", required=False)
@click.option("--priority", is_flag=True, help="Before all tasks without it.")
@time_option("--delay", "Nobody gets it before.")
@click.option("--text", "as_text", is_flag=True, help="TASK is text, also if it could be read as JSON.")
@memory_options
@json_option
def command(
    queue: str,
    task: str | None,
    priority: bool,
    delay: float | None,
    as_text: bool,
    where: Where,
    as_json: bool,
) -> None:
    """Leave a task in a queue, for one agent to pop.

    TASK is JSON; what is not is text. Without it, or with -, it is read from stdin.

    \b
    qd memory push reviews '{"pull": 7}'
    """
    from quarterdeck.memory.queues import Queues

    with opened(where, Queues) as memory:
        value = value_of(task, memory.store, as_text=as_text)
        if value is None:
            raise UsageError("null is no task", hint="push true, an empty text or an empty object instead")
        number = memory.queue_push(queue, value, priority, delay_seconds=delay or 0)
        remark_removed(value, memory.store)
        if as_json:
            print_memory_json("push", memory.store, {"queue": queue, "id": number})
            return
    say(f"task {number} waits in {queue}")

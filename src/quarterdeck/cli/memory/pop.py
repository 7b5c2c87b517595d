"""``qd memory pop``: the next task."""

from __future__ import annotations

import click

from quarterdeck.cli.memory.options import Where, memory_options, opened, time_option
from quarterdeck.cli.memory.output import print_memory_json, print_value
from quarterdeck.cli.options import json_option
from quarterdeck.errors import NothingToRead, StateError


@click.command()
@click.argument("queue")
@time_option("--wait", "Wait so long for one.")
@click.option("--text", "as_text", is_flag=True, help="Print a text as it is, not as JSON.")
@memory_options
@json_option
def command(queue: str, wait: float | None, as_text: bool, where: Where, as_json: bool) -> None:
    """Take the next task out of a queue and print it.

    One agent gets it, and as soon as it is printed it is gone, whatever becomes of that agent; from Python a
    task can be claimed for a while instead. Exits with 3 when there is none.

    \b
    while task=$(qd memory pop reviews --wait 30s); do ./review "$task"; done
    """
    from quarterdeck.memory.queues import Queues

    with opened(where, Queues) as memory:
        task = memory.queue_claim(queue, timeout=wait or 0.0)
        if task is None:
            raise NothingToRead(f"queue {queue!r} has no task", hint="wait for one with --wait 30s")
        try:
            if as_json:
                print_memory_json("pop", memory.store, {"queue": queue, "task": task.value})
            else:
                print_value(task.value, as_text=as_text)
        except OSError:
            memory.queue_release(task)
            raise
        if not memory.queue_done(task):
            raise StateError(
                f"task {task.id} of queue {queue!r} took so long to be printed that others may have it too",
                hint="read the output of qd memory pop at once",
            )

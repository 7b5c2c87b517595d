"""``qd memory doctor``: what is wrong, and how to mend it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

from quarterdeck.cli.memory.options import Where, memory_options, opened_store
from quarterdeck.cli.memory.output import one_line, print_memory_json
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import print_table, say
from quarterdeck.errors import ConfigError, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.memory.store import Store


@click.command()
@memory_options
@json_option
@click.pass_context
def command(context: click.Context, where: Where, as_json: bool) -> None:
    """Say what is wrong with the memory, and how to mend it.

    Writes and reads, looks at files or at the server, reads every entry (up to 10,000), goes along the audit
    chain, and compares the rights of agents with it. Needs no token. Exits with 1 when there is a problem.

    \b
    qd memory doctor
    qd memory doctor --url redis://cache.example:6379
    """
    from quarterdeck.cli.memory.checkup import look

    with _opened(where) as (store, unusable_key):
        health, checks = look(store, unusable_key)
        problems = [problem for each in checks for problem in each.problems]
        if as_json:
            answer = {"health": health._asdict(), "checks": [each._asdict() for each in checks]}
            print_memory_json("doctor", store, {"problems": problems, **answer})
    if not as_json:
        say(f"{health.backend}: {health.state}")
        say(*(f"  {name}: {_shown(value)}" for name, value in health.details.items()), "")
        print_table(
            ("", "looked at", "found"),
            [("–" if each.problems else "ok", each.what, each.said) for each in checks],
        )
        say(*(f"problem: {problem}" for problem in problems))
    if problems:
        context.exit(1)


@contextlib.contextmanager
def _opened(where: Where) -> Iterator[tuple[Store, str]]:
    """The memory; and, if its key cannot be used, why: then it is opened without."""
    with contextlib.ExitStack() as stack:
        try:
            store, problem = stack.enter_context(opened_store(where)), ""
        except (ConfigError, MissingExtra) as error:
            without = where._replace(flags={**where.flags, "key_file": ""})
            store, problem = stack.enter_context(opened_store(without)), f"{error.message}: {error.hint}"
        yield store, problem


def _shown(value: object) -> str:
    return value if isinstance(value, str) else one_line(value)

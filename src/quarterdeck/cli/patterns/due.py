"""``qd patterns due``: what somebody should look at again."""

from __future__ import annotations

import click

from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import print_table, say
from quarterdeck.cli.patterns.options import Where, library_options, opened, shown_option
from quarterdeck.cli.patterns.output import (
    day,
    named,
    one_line,
    outcomes_of,
    pattern_json,
    print_library_json,
)


@click.command()
@shown_option(100)
@library_options
@json_option
def command(limit: int, where: Where, as_json: bool) -> None:
    """List the patterns that somebody should look at again.

    The longest due comes first. One that still holds gets a new day: qd patterns update ID --review 90d.

    \b
    qd patterns due
    """
    with opened(where) as library:
        found = library.get_due_patterns(limit)
        if as_json:
            print_library_json("due", library, {"patterns": [pattern_json(each) for each in found]})
            return
    if not found:
        say("no pattern is due")
        return
    print_table(
        ("id", "name", "due", "outcomes", "by"),
        [
            (each.id, one_line(named(each), 55), day(each.review_at), outcomes_of(each), each.agent_id)
            for each in found
        ],
    )

"""``qd patterns top``: the best patterns."""

from __future__ import annotations

import click

from quarterdeck.cli.options import json_option
from quarterdeck.cli.patterns.options import Where, library_options, opened, shown_option
from quarterdeck.cli.patterns.output import pattern_json, print_library_json, print_patterns
from quarterdeck.errors import NothingToRead

SORTS = ("success_rate", "usage_count", "confidence", "recent", "name")


@click.command()
@click.option(
    "--sort",
    type=click.Choice(SORTS),
    default=SORTS[0],
    show_default=True,
    help="success_rate: how probably it works the next time, so that 999 of 1,000 is above 1 of 1.",
)
@shown_option(10)
@library_options
@json_option
def command(sort: str, limit: int, where: Where, as_json: bool) -> None:
    """List the best patterns.

    Those that have expired or been superseded are left out.

    \b
    qd patterns top
    qd patterns top --sort recent -n 20
    """
    with opened(where) as library:
        found = library.get_top_patterns(limit, sort)
        if not found:
            raise NothingToRead(f"there is no pattern in {library.path}", hint="add one: qd patterns add")
        if as_json:
            answer = {"sort": sort, "patterns": [pattern_json(each) for each in found]}
            print_library_json("top", library, answer)
            return
    print_patterns(found)

"""``qd patterns related``: what is linked with a pattern."""

from __future__ import annotations

import click

from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import say
from quarterdeck.cli.patterns.link import KINDS
from quarterdeck.cli.patterns.options import Where, existing, library_options, opened
from quarterdeck.cli.patterns.output import pattern_json, print_library_json, print_patterns


@click.command()
@click.argument("pattern_id", metavar="ID")
@click.option(
    "--depth", type=click.IntRange(1, 100), default=1, show_default=True, help="Over so many links."
)
@click.option(
    "--kind", "kinds", type=click.Choice(KINDS), multiple=True, help="Only over such links; repeat it."
)
@library_options
@json_option
def command(pattern_id: str, depth: int, kinds: tuple[str, ...], where: Where, as_json: bool) -> None:
    """List the patterns that are linked with one.

    The nearest come first.

    \b
    qd patterns related set-a-busy-timeout --depth 3
    """
    from quarterdeck.patterns import LinkKind

    with opened(where) as library:
        existing(library, pattern_id)
        found = library.get_related_patterns(
            pattern_id, depth, kinds=[LinkKind(each) for each in kinds or KINDS]
        )
        if as_json:
            print_library_json("related", library, {"patterns": [pattern_json(each) for each in found]})
            return
    if found:
        print_patterns(found)
    else:
        say(f"nothing is linked with {pattern_id}")

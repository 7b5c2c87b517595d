"""``qd patterns outcome``: what came of using a pattern."""

from __future__ import annotations

import click

from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import remark, say
from quarterdeck.cli.patterns.options import Where, agent_option, existing, library_options, opened
from quarterdeck.cli.patterns.output import outcomes_of, pattern_json, print_library_json
from quarterdeck.cli.patterns.typed import without_what_was_pasted


@click.command()
@click.argument("pattern_id", metavar="ID")
@click.argument("how", metavar="worked|failed", type=click.Choice(("worked", "failed")))
@click.option("--note", metavar="TEXT", default="", help="What happened, in words.")
@agent_option
@library_options
@json_option
def command(pattern_id: str, how: str, note: str, agent: str, where: Where, as_json: bool) -> None:
    """Say whether a pattern has worked; its rank follows at once.

    Of a pattern to avoid: whether heeding it was right.

    \b
    qd patterns outcome set-a-busy-timeout worked --agent fixer
    qd patterns outcome set-a-busy-timeout failed --note "the lock was held for ten minutes"
    """
    given, pasted = without_what_was_pasted({"note": note})
    with opened(where) as library:
        existing(library, pattern_id)
        library.record_pattern_outcome(pattern_id, how == "worked", agent_id=agent, note=given["note"])
        remark(pasted)
        pattern = existing(library, pattern_id)
        if as_json:
            print_library_json("outcome", library, {"pattern": pattern_json(pattern)})
            return
    say(f"{pattern_id} has {outcomes_of(pattern)}")

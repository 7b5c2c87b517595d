"""``qd patterns link``: how two patterns hang together."""

from __future__ import annotations

import click

from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import say
from quarterdeck.cli.patterns.options import Where, agent_option, existing, library_options, opened
from quarterdeck.cli.patterns.output import print_library_json

KINDS = ("related", "supersedes", "contradicts")


@click.command()
@click.argument("pattern_id", metavar="ID")
@click.argument("other_id", metavar="OTHER")
@click.option(
    "--kind", type=click.Choice(KINDS), default="related", show_default=True, help="What ID is to OTHER."
)
@click.option("--undo", is_flag=True, help="Take it back.")
@agent_option
@library_options
@json_option
def command(
    pattern_id: str, other_id: str, kind: str, undo: bool, agent: str, where: Where, as_json: bool
) -> None:
    """Say that a pattern is related to another, takes its place or contradicts it.

    What is superseded is found with --retired only. Of two that contradict each other both are found, and
    each says so.

    \b
    qd patterns link set-a-busy-timeout use-wal
    qd patterns link set-a-busy-timeout retry-on-lock --kind supersedes
    qd patterns link set-a-busy-timeout use-wal --undo
    """
    with opened(where) as library:
        for each in (pattern_id, other_id):
            existing(library, each)
        if undo:
            done = library.unlink_patterns(pattern_id, other_id, kind)
        else:
            done = library.link_patterns(pattern_id, other_id, kind, agent_id=agent)
        if as_json:
            answer = {"source": pattern_id, "target": other_id, "kind": kind, "undo": undo, "changed": done}
            print_library_json("link", library, answer)
            return
    said = f"{'is related to' if kind == 'related' else kind} {other_id}"
    if undo:
        say(f"{pattern_id} {said} no more" if done else f"nobody has said that {pattern_id} {said}")
    else:
        say(f"{pattern_id} {said}" + ("" if done else ", as before"))

"""``qd patterns add``: something that an agent has learned."""

from __future__ import annotations

from typing import Any

import click

from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import remark, say
from quarterdeck.cli.patterns.options import Where, agent_option, library_options, opened
from quarterdeck.cli.patterns.output import pattern_json, print_library_json
from quarterdeck.cli.patterns.typed import (
    doubts,
    field_options,
    fields_of,
    new_pattern,
    removed,
    without_what_was_pasted,
)


@click.command()
@click.argument("pattern", required=False)
@click.option(
    "--id", "pattern_id", metavar="ID", help="Letters, digits and . _ : @ - (default: made from the name)."
)
@field_options
@agent_option
@library_options
@json_option
def command(
    pattern: str | None,
    pattern_id: str | None,
    fields: dict[str, Any],
    agent: str,
    where: Where,
    as_json: bool,
) -> None:
    """Add a pattern, for every agent to find; prints its id.

    PATTERN is a JSON object with its fields; options win over it. With -, or without it and without --name,
    it is read from stdin. What is secret or personal is taken out first, and stderr says where; so are
    colours and other codes of a terminal.

    The name of a pattern with --lesson avoid says what has failed ("Retrying writes"), not what to do
    about it.

    \b
    qd patterns add --name "Set a busy timeout" --type conditional --tag sqlite --tag locks \\
      --description "A locked database is another process that writes: wait for it." --agent reviewer
    qd patterns add --name "Retrying writes doubles rows" --lesson avoid --context database=sqlite
    qd patterns add '{"name": "Run migrations first", "confidence": 0.9, "review_at": "2027-01-31"}'
    """
    typed = {} if pattern is None and "name" in fields else fields_of(pattern)
    given, pasted = without_what_was_pasted({**typed, **fields})
    new = new_pattern(given if pattern_id is None else {**given, "id": pattern_id}, agent)
    with opened(where, may_be_new=True) as library:
        library.contribute_pattern(agent, new)
        kept = library.get_pattern(new.id) or new
        remark([*pasted, *removed(new, kept), *doubts(kept, given)])
        if as_json:
            print_library_json("add", library, {"pattern": pattern_json(kept)})
            return
    say(new.id)

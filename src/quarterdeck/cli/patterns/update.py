"""``qd patterns update``: a pattern says something else."""

from __future__ import annotations

from typing import Any

import click

from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import remark, say
from quarterdeck.cli.patterns.options import Where, agent_option, existing, library_options, opened
from quarterdeck.cli.patterns.output import pattern_json, print_library_json
from quarterdeck.cli.patterns.typed import (
    changed,
    doubts,
    field_options,
    fields_of,
    removed,
    without_what_was_pasted,
)
from quarterdeck.errors import UsageError
from quarterdeck.patterns import checks


@click.command()
@click.argument("pattern_id", metavar="ID")
@click.argument("pattern", required=False)
@field_options
@agent_option
@library_options
@json_option
def command(
    pattern_id: str, pattern: str | None, fields: dict[str, Any], agent: str, where: Where, as_json: bool
) -> None:
    """Change fields of a pattern; its outcomes and links stay.

    What is typed takes the place of what was there: all tags, but of the context only the keys that are named
    (KEY=null takes one away). PATTERN is a JSON object of fields, or - to read it from stdin.

    \b
    qd patterns update set-a-busy-timeout --confidence 0.9 --context language=python
    qd patterns update set-a-busy-timeout '{"tags": [], "code": null}'
    qd patterns update set-a-busy-timeout --review 90d --expires never
    """
    typed = {} if pattern is None else fields_of(pattern)
    if "agent_id" in typed:
        raise UsageError("who has learned a pattern cannot be changed", hint="leave agent_id out")
    if not fields and not typed:
        raise UsageError("nothing is to be changed", hint="name a field: --description …, or a JSON object")
    typed, pasted = without_what_was_pasted(typed)
    fields, more = without_what_was_pasted(fields)
    with opened(where) as library:
        before = existing(library, pattern_id)
        if "context" in fields:
            context = {**checks.context(typed.get("context", before.context)), **fields["context"]}
            fields["context"] = {key: value for key, value in context.items() if value is not None}
        changes = {**typed, **fields}
        after = library.update_pattern(pattern_id, by=agent, **changes)
        remark([*pasted, *more, *removed(changed(before, changes), after), *doubts(after, changes)])
        if as_json:
            print_library_json("update", library, {"pattern": pattern_json(after)})
            return
    say(f"{pattern_id} is changed" if after != before else f"{pattern_id} says that already")

"""``qd patterns stats``: how much is there."""

from __future__ import annotations

import click

from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import print_table, say
from quarterdeck.cli.patterns.options import Where, library_options, opened
from quarterdeck.cli.patterns.output import print_library_json
from quarterdeck.words import count, size


@click.command()
@library_options
@json_option
def command(where: Where, as_json: bool) -> None:
    """Show how much is in the library.

    \b
    qd patterns stats
    qd patterns stats --namespace frontend --json
    """
    with opened(where) as library:
        found = library.get_library_stats()
        if as_json:
            print_library_json("stats", library, found)
            return
    say(
        f"{count(found['patterns'], 'pattern')} of {count(found['agents'], 'agent')}, "
        f"{size(found['size_bytes'])}: {library.path}"
    )
    avoid = found["by_lesson"].get("avoid", 0)
    facts = {
        "outcomes": f"{found['outcomes']:,}, {found['successes']:,} of them worked"
        if found["outcomes"]
        else "",
        "links": f"{found['links']:,}" if found["links"] else "",
        "to avoid": f"{avoid:,}" if avoid else "",
        "superseded": f"{found['superseded']:,}" if found["superseded"] else "",
        "expired": f"{found['expired']:,}" if found["expired"] else "",
        "due": f"{found['due_for_review']:,}: qd patterns due" if found["due_for_review"] else "",
    }
    say(*(f"  {name:<10}  {fact}" for name, fact in facts.items() if fact))
    for title, counts in (("type", found["by_type"]), ("tag", found["tags"])):
        if counts:
            say("")
            print_table((title, "patterns"), list(counts.items()))

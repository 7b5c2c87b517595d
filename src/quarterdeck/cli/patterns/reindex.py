"""``qd patterns reindex``: what is derived from the library, anew."""

from __future__ import annotations

import click

from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import progress, say
from quarterdeck.cli.patterns.options import Where, library_options, opened, semantic_option
from quarterdeck.cli.patterns.output import print_library_json
from quarterdeck.words import count


@click.command()
@library_options
@semantic_option
@json_option
def command(where: Where, as_json: bool) -> None:
    """Make the search index anew; nothing else needs it.

    The index follows the library by itself, and may be deleted at any time. With --semantic, or where the
    settings say so, all patterns are also made ready for the search by meaning.

    \b
    qd patterns reindex
    qd patterns reindex --semantic
    """
    with opened(where) as library:
        library.reindex(progress("patterns") or (lambda done, total: None))
        patterns = library.count()
        if as_json:
            print_library_json("reindex", library, {"patterns": patterns})
            return
    say(f"{count(patterns, 'pattern')} indexed")

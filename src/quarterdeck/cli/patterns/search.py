"""``qd patterns search``: patterns by words."""

from __future__ import annotations

import click

from quarterdeck.cli.patterns.matches import Showing, Wider, print_matches, showing_options
from quarterdeck.cli.patterns.options import Where, library_options, opened, semantic_option, shown_option
from quarterdeck.errors import UsageError


@click.command()
@click.argument("words", nargs=-1)
@click.option("--tag", "tags", metavar="TAG", multiple=True, help="Only with this tag; repeat it: with all.")
@click.option("--type", "pattern_type", metavar="TYPE", help="Only of this type.")
@click.option("--lesson", type=click.Choice(("do", "avoid")), help="Only what to do, or what to avoid.")
@click.option(
    "--min-confidence",
    metavar="SHARE",
    type=float,
    default=0.0,
    help="Leave out what cannot be that sure: by its author, or by what its outcomes still allow.",
)
@shown_option(10)
@click.option("--explore", is_flag=True, help="Give what has been tried little its chance.")
@click.option("--retired", is_flag=True, help="Also what has expired or been superseded.")
@library_options
@semantic_option
@showing_options
def command(
    words: tuple[str, ...],
    tags: tuple[str, ...],
    pattern_type: str | None,
    lesson: str | None,
    min_confidence: float,
    limit: int,
    explore: bool,
    retired: bool,
    where: Where,
    showing: Showing,
) -> None:
    """Find patterns by words, and say why each was found.

    The best come first: those that fit the words, lifted or lowered by what their outcomes say. Without
    words, all that pass the filters, by their outcomes.

    \b
    qd patterns search database is locked
    qd patterns search "flaky tests" --tag pytest --lesson avoid
    qd patterns search deploy a migration --render 800
    """
    filtered = bool(tags or pattern_type or lesson or min_confidence)
    if not words and not filtered:
        raise UsageError(
            "what is to be found?", hint="say words, or a filter such as --tag; the best: qd patterns top"
        )
    text = " ".join(words)
    with opened(where) as library:
        found = library.search(
            text,
            tags=tags,
            type=pattern_type,
            lesson=lesson,
            min_confidence=min_confidence,
            limit=limit,
            explore=explore,
            retired=retired,
        )
        wider = None
        if words and len(found) < limit and filtered:
            wider = Wider("without the filters", lambda n: library.search(text, limit=n, retired=retired))
        elif words and len(found) < limit and not retired:
            wider = Wider("with --retired", lambda n: library.search(text, limit=n, retired=True))
        print_matches("search", library, found, showing, wider)

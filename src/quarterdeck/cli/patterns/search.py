"""``qd patterns search``: patterns by words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from quarterdeck.cli.patterns.matches import NONE, Showing, Wider, print_matches, showing_options
from quarterdeck.cli.patterns.options import Where, library_options, opened, semantic_option, shown_option
from quarterdeck.errors import UsageError
from quarterdeck.patterns.features import asked_in_words
from quarterdeck.patterns.match import PatternMatch

if TYPE_CHECKING:
    from quarterdeck.patterns import PatternLibrary

COMMON = "nothing but common words: say what it is about"


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

    The best come first: those that fit the words, lifted or lowered by what their outcomes say; the bar shows
    both together. A pattern whose id was typed is before all others. Without words, all that pass the
    filters, by their outcomes.

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
        if not filtered:
            found = _with_its_id(library, text, found, retired=retired)[:limit]
        wider = None
        if words and len(found) < limit and filtered:
            wider = Wider("without the filters", lambda n: library.search(text, limit=n, retired=retired))
        elif words and len(found) < limit and not retired:
            wider = Wider("with --retired", lambda n: library.search(text, limit=n, retired=True))
        empty = COMMON if words and not library.meaning and not asked_in_words(text) else NONE
        print_matches("search", library, found, showing, wider, empty)


def _with_its_id(
    library: PatternLibrary, text: str, found: list[PatternMatch], *, retired: bool
) -> list[PatternMatch]:
    """*found*, and before them the pattern that has *text* as its id."""
    try:
        pattern, evidence = library.get_pattern(text), library.get_evidence(text)
    except UsageError:  # it cannot be an id
        return found
    if pattern is None or evidence is None:
        return found
    is_over = pattern.superseded_by or (pattern.expires_at and pattern.expires_at <= datetime.now(UTC))
    if is_over and not retired:
        return found
    best = max([1.0, *(each.score for each in found)])
    others = [each for each in found if each.pattern.id != text]
    return [PatternMatch(pattern, 1.0, best, evidence, asked={}), *others]

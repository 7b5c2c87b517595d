"""``qd patterns show``: all that is known of a pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import say
from quarterdeck.cli.patterns.options import Where, existing, library_options, opened
from quarterdeck.cli.patterns.output import (
    day,
    labels,
    link_json,
    named,
    outcomes_of,
    pairs_of,
    pattern_json,
    print_library_json,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.patterns import Link, Origin, Outcome, Pattern

SPOKEN = {"related": ("is related to",) * 2, "contradicts": ("contradicts",) * 2}
SPOKEN["supersedes"] = "supersedes", "is superseded by"


@click.command()
@click.argument("pattern_id", metavar="ID")
@click.option(
    "--outcomes",
    "most",
    default=5,
    show_default=True,
    type=click.IntRange(min=1),
    help="So many of the latest.",
)
@library_options
@json_option
def command(pattern_id: str, most: int, where: Where, as_json: bool) -> None:
    """Show all that is known of a pattern, and where it comes from.

    Exits with 3 when there is none of that id.

    \b
    qd patterns show set-a-busy-timeout
    qd patterns show set-a-busy-timeout --json --outcomes 100
    """
    with opened(where) as library:
        pattern = existing(library, pattern_id)
        links, origins = library.get_links(pattern_id), library.get_provenance(pattern_id)
        outcomes = library.get_outcomes(pattern_id, most)
        if as_json:
            answer = {
                "pattern": pattern_json(pattern),
                "links": [link_json(each) for each in links],
                "outcomes": [msgspec.to_builtins(each._asdict()) for each in outcomes],
                "provenance": [msgspec.to_builtins(each._asdict()) for each in origins],
            }
            print_library_json("show", library, answer)
            return
    say(*_lines(pattern, links, outcomes, origins))


def _lines(
    pattern: Pattern, links: list[Link], outcomes: list[Outcome], origins: list[Origin]
) -> Iterator[str]:
    yield f"{pattern.id}  {named(pattern)}"
    yield f"{labels(pattern)}; learned by {pattern.agent_id}" + (
        f", from {pattern.source}" if pattern.source else ""
    )
    yield f"{outcomes_of(pattern)}; its author is {pattern.confidence:.0%} sure"
    for what, at in (("expires", pattern.expires_at), ("to be reviewed", pattern.review_at)):
        if at is not None:
            yield f"{what} {day(at)}"
    for title, lines in (
        ("", _text(pattern.description)),
        ("where it holds", pairs_of(pattern.context)),
        ("code", _text(pattern.code or "")),
        ("links", [_spoken(each, pattern.id) for each in links]),
        ("what came of it", [_came(each) for each in outcomes]),
        ("what was done to it", [_done(each) for each in origins]),
    ):
        if lines:
            yield ""
            yield from ([title] if title else [])
            yield from (f"  {line}" if title else line for line in lines)


def _text(text: str) -> list[str]:
    return [line.expandtabs(4) for line in text.strip("\n").split("\n")] if text.strip() else []


def _spoken(link: Link, pattern_id: str) -> str:
    is_source = link.source == pattern_id
    there, back = SPOKEN[link.kind]
    return f"{there if is_source else back} {link.target if is_source else link.source}"


def _came(outcome: Outcome) -> str:
    parts = [day(outcome.at), "worked" if outcome.success else "failed", outcome.agent_id, outcome.note]
    return "  ".join(filter(None, parts))


def _done(origin: Origin) -> str:
    parts = [day(origin.at), origin.act, origin.agent_id, f"from {origin.source}" if origin.source else ""]
    return "  ".join(filter(None, parts))

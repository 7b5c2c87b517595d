"""``qd patterns query``: patterns by the situation an agent is in."""

from __future__ import annotations

from typing import Any

import click

from quarterdeck.cli.patterns.matches import Showing, Wider, print_matches, showing_options
from quarterdeck.cli.patterns.options import (
    Where,
    agent_option,
    library_options,
    opened,
    semantic_option,
    shown_option,
)
from quarterdeck.cli.patterns.typed import pairs


@click.command()
@click.argument("context", metavar="[KEY=VALUE]...", nargs=-1, callback=pairs)
@click.option("--type", "pattern_type", metavar="TYPE", help="Only of this type.")
@click.option(
    "--min-confidence",
    metavar="SHARE",
    type=float,
    default=0.5,
    show_default=True,
    help="Leave out what cannot be that sure: by its author, or by what its outcomes still allow.",
)
@shown_option(10)
@click.option(
    "--explore/--no-explore",
    default=None,
    help="Give what has been tried little its chance (default: settings).",
)
@agent_option
@library_options
@semantic_option
@showing_options
def command(
    context: dict[str, Any],
    pattern_type: str | None,
    min_confidence: float,
    limit: int,
    explore: bool | None,
    agent: str,
    where: Where,
    showing: Showing,
) -> None:
    """Find patterns as an agent does: by the situation it is in.

    A VALUE is JSON; what is not is text. What is in common counts: pairs, tags (under tags=), and words.
    Without any, the best of all by their outcomes.

    \b
    qd patterns query task="sqlite database is locked" language=python --agent fixer
    qd patterns query 'tags=["sqlite"]' --type conditional --render 500
    """
    with opened(where) as library:
        found = library.query_patterns(agent, context, pattern_type, min_confidence, limit, explore=explore)
        wider = None
        if context and len(found) < limit and (pattern_type or min_confidence):
            ways = ["without a type"] * bool(pattern_type) + ["with --min-confidence 0"] * bool(
                min_confidence
            )
            wider = Wider(
                " and ".join(ways),
                lambda n: library.query_patterns(agent, context, None, 0.0, n, explore=False),
            )
        print_matches("query", library, found, showing, wider)

"""``qd loops check``: which loop is at work in a history of metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from quarterdeck.cli.loops.history import history_argument
from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import print_json, say
from quarterdeck.errors import NothingToRead
from quarterdeck.words import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

VICIOUS = "reinforcing_vicious"


@click.command()
@history_argument
@json_option
@click.pass_context
def command(context: click.Context, history: Sequence[Mapping[str, object]], as_json: bool) -> None:
    """Say which loop is at work in a history of metrics, and what to do.

    FILE holds snapshots, the oldest first, as a JSON array or as JSON Lines: trust, success or success_rate,
    and any other metric. Exits with 1 when a vicious loop is at work, with 3 when there is too little to say
    anything.

    \b
    qd loops check metrics.jsonl
    echo '[{"trust": 0.9}, {"trust": 0.6}, {"trust": 0.2}]' | qd loops check -
    """
    from quarterdeck.loops import FeedbackLoopDetector

    found = FeedbackLoopDetector().detect_active_loop(history)
    if found["loop_type"] == "insufficient_data":
        raise NothingToRead(
            f"{count(len(history), 'snapshot')} with too few numbers to say anything",
            hint="hand in at least three snapshots with the same metric, twenty to tell a loop from a trend",
        )
    if as_json:
        print_json("loops.check", found)
    else:
        say(*_lines(found, len(history)))
    if found["loop_type"] == VICIOUS:
        context.exit(1)


def _lines(found: Mapping[str, Any], snapshots: int) -> Iterator[str]:
    trend, onset = found["details"].get("trend"), found["details"].get("onset")
    if found["dominant_loop"]:
        sure = "confirmed" if found["loop_confirmed"] else "suspected"
        kind = found["loop_type"].replace("_", ", ")
        yield f"{found['dominant_loop']}: {kind}, {sure}, strength {found['loop_strength']:.2f}"
        links = " ".join(
            f"{link['source']} -{'+' if link['effect'] > 0 else '-'}> {link['target']}"
            for link in found["details"].get("links", ())
        )
        if links:
            yield f"  {links}"
    else:
        yield f"no loop in {count(snapshots, 'snapshot')}"
    if trend:
        yield (
            f"trend: {trend['metric']} is {found['trend'].replace('_', ' ')}, "
            f"{trend['slope_per_snapshot']:+.4g} a snapshot (p = {trend['p_value']:.2g})"
        )
    if onset:
        yield f"onset: {', '.join(f'{name} {_number(value)}' for name, value in onset.items())}"
    yield found["recommendation"]


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)

"""``qd loops check``: which loop is at work in a history of metrics."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from quarterdeck.cli.loops.history import STDIN, history_argument, read_history
from quarterdeck.cli.loops.output import folded
from quarterdeck.cli.options import json_option, project_option
from quarterdeck.cli.output import print_json, say
from quarterdeck.errors import NothingToRead
from quarterdeck.words import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from quarterdeck.loops import FeedbackLoopDetector
    from quarterdeck.loops.sessions.lesson import Lesson

VICIOUS = "reinforcing_vicious"
MOVES = {"up": "rising", "down": "falling", "none": "not shown to move"}
RECORDED = {
    "new": "recorded as a pattern to avoid",
    "again": "seen again: one more outcome of the pattern",
    "none": "recorded before",
}


@click.command()
@history_argument
@click.option(
    "--window",
    type=click.IntRange(20, 1000),
    default=128,
    show_default=True,
    metavar="N",
    help="How many of the last snapshots are looked at.",
)
@click.option("--record", is_flag=True, help="Put a vicious loop that is confirmed into the pattern library.")
@project_option
@json_option
@click.pass_context
def command(
    context: click.Context, path: str, window: int, record: bool, project: str | None, as_json: bool
) -> None:
    """Say which loop is at work in a history of metrics, and what to do.

    FILE holds snapshots, the oldest first, as a JSON array or as JSON Lines: trust, success or success_rate,
    and any other metric. Exits with 1 when a vicious loop is at work, with 3 when there is too little to say
    anything.

    \b
    qd loops check metrics.jsonl
    jq -c .metrics runs.json | qd loops check -
    """
    from quarterdeck.loops import FeedbackLoopDetector

    history = read_history(path)
    detector = FeedbackLoopDetector(window=window)
    found = detector.detect_active_loop(history)
    if found["loop_type"] == "insufficient_data":
        raise _nothing(history, detector)
    is_vicious = found["loop_type"] == VICIOUS
    certain = is_vicious and found["loop_confirmed"]
    lesson = _record(found, detector, path, project) if record and certain else None
    if as_json:
        print_json("loops.check", found, recorded=lesson and lesson._asdict())
    else:
        say(*_lines(found, len(history)))
        if lesson:
            say(f"{RECORDED[lesson.change]}: {lesson.pattern_id}")
        elif record:
            say("nothing to record: no vicious loop is confirmed")
    if is_vicious:
        context.exit(1)


def _nothing(history: Sequence[Mapping[str, Any]], detector: FeedbackLoopDetector) -> NothingToRead:
    from quarterdeck.loops.metrics.activity import MIN_KNOWN

    snapshots = len(history)
    if snapshots < MIN_KNOWN:
        return NothingToRead(
            f"{count(snapshots, 'snapshot')}: too few to say anything",
            hint=f"hand in {MIN_KNOWN} at least, and twenty to tell a loop from a trend",
        )
    names = sorted({name for loop in detector.get_all_loops() for name in loop.components})
    for name in names:
        texts = [each[name] for each in history if isinstance(each.get(name), str)]
        if texts:
            return NothingToRead(
                f"{name} is text in {count(len(texts), 'snapshot')}",
                hint=f'write numbers without quotes: "{name}": 0.9, not "{name}": "{texts[0]:.20}"',
            )
    return NothingToRead(
        f"no metric of the loops that are known has {MIN_KNOWN} numbers in {snapshots:,} snapshots",
        hint=f"measure some of {', '.join(names)}; qd loops discover looks for loops of any metrics",
    )


def _record(
    found: Mapping[str, Any], detector: FeedbackLoopDetector, path: str, project: str | None
) -> Lesson:
    import dataclasses
    from datetime import UTC, datetime

    from quarterdeck.loops.sessions.lesson import record_loop, source_of
    from quarterdeck.patterns import PatternLibrary
    from quarterdeck.workspace import find_root

    loop = next(each for each in detector.get_all_loops() if each.loop_id == found["dominant_loop"])
    seen = dataclasses.replace(loop, strength=found["loop_strength"], detected_at=datetime.now(UTC))
    with PatternLibrary(root=os.path.realpath(project or find_root())) as library:
        return record_loop(seen, library, source="" if path == STDIN else source_of(path))


def _lines(found: Mapping[str, Any], snapshots: int) -> Iterator[str]:
    details = found["details"]
    trend, onset = details["trend"], details["onset"]
    if found["dominant_loop"]:
        sure = "confirmed" if found["loop_confirmed"] else "suspected"
        kind = found["loop_type"].replace("_", ", ")
        yield f"{found['dominant_loop']}: {kind}, {sure}, strength {found['loop_strength']:.2f}"
        if details["links"]:
            yield f"  {_around(details['links'])}"
    elif details["snapshots"] < snapshots:
        yield f"no loop in the last {details['snapshots']:,} of {count(snapshots, 'snapshot')}"
    else:
        yield f"no loop in {count(snapshots, 'snapshot')}"
    slope = trend["slope_per_snapshot"]
    by = f", {slope:+.4g} a snapshot" if slope and trend["direction"] != "none" else ""
    yield f"trend: {trend['metric']} is {MOVES[trend['direction']]}{by} (p = {trend['p_value']:.2g})"
    if onset:
        yield (
            f"onset: {onset['metric']} went {onset['direction']} by {abs(onset['size']):.4g}, "
            f"from snapshot {onset['since'] + 1:,} on"
        )
    yield from folded(found["recommendation"])


def _around(links: list[dict[str, Any]]) -> str:
    """``queue -> (+) latency -> (-) queue``, once around the loop."""
    steps = (f" -> ({'+' if link['effect'] > 0 else '-'}) {link['target']}" for link in links)
    return "".join([links[0]["source"], *steps])

"""``qd loops known``: the loops that are looked for."""

from __future__ import annotations

import click

from quarterdeck.cli.options import json_option
from quarterdeck.cli.output import print_json, say

KINDS = {
    "repetition": "one call with one outcome, again and again",
    "cycle": "2 to 8 calls with their outcomes, again and again",
    "same-error": "one error, whatever is tried",
    "alternation": "to and fro between two states, such as an edit and its undoing",
    "monologue": "messages and no calls between them, or one message that repeats itself",
    "low-novelty": "almost nothing of what it does is new",
    "spend": "money goes and nothing comes of it",
}
"""What each `Kind` of loop is, for people."""


@click.command()
@json_option
def command(as_json: bool) -> None:
    """List the loops that are looked for, and what works against each.

    First the loops in metrics, each with the places to intervene, the most effective first (Meadows' list:
    1 changes the most, 12 the least); then what an agent can go in circles with.

    \b
    qd loops known
    """
    from quarterdeck.loops import FeedbackLoopDetector
    from quarterdeck.loops.events import Kind
    from quarterdeck.loops.metrics.answer import described

    loops = [described(loop) for loop in FeedbackLoopDetector().get_all_loops()]
    if as_json:
        print_json("loops.known", {"loops": loops, "kinds": [kind.value for kind in Kind]})
        return
    for loop in loops:
        say(
            f"{loop['loop_id']}: {loop['loop_type']}, {loop['polarity']}",
            f"  {' -> '.join([*loop['components'], loop['components'][0]])}",
            f"  {loop['description']}",
            *(f"  {_place(each['rank'], each['place'])}{each['advice']}" for each in loop["interventions"]),
            "",
        )
    say("An agent can go in circles with:", *(f"  {kind.value:11}  {KINDS[kind]}" for kind in Kind))


def _place(rank: int | None, name: str | None) -> str:
    return "" if rank is None or name is None else f"{rank:2}  {name.replace('_', ' ')}: "

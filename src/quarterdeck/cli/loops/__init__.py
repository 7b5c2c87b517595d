"""``qd loops``: agents that go in circles, and metrics that feed on themselves."""

from __future__ import annotations

import click

from quarterdeck.cli.lazy import Entry, LazyGroup

COMMANDS = {
    "check": Entry("check", "Say which loop is at work in a history of metrics, and what to do."),
    "discover": Entry("discover", "Find the loops that a history of metrics shows by itself."),
    "hook": Entry("hook", "Judge the call that Claude Code is about to make; for its settings."),
    "known": Entry("known", "List the loops that are looked for, and what works against each."),
    "scan": Entry("scan", "Find loops in past sessions, and what they have cost."),
    "watch": Entry("watch", "Follow a session at work, and print alarms as they come."),
}


@click.group(cls=LazyGroup, entries=COMMANDS, package=__name__)
def command() -> None:
    """Find loops that agents are in, and spirals in what is measured.

    \b
    qd loops scan                   in the sessions of this project, newest first
    qd loops watch                  in the one at work
    qd loops hook --print-settings  how to have an agent stopped before it goes on
    qd loops check metrics.jsonl    in numbers: trust, errors, anything
    """

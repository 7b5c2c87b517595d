"""``qd loops watch``: a session at work, and alarms as they come."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from quarterdeck.cli.loops.options import settings_of, time_option
from quarterdeck.cli.loops.output import alarm_json, alarm_lines, session_of
from quarterdeck.cli.options import json_option, project_option
from quarterdeck.cli.output import print_json, remark, say
from quarterdeck.costs.importers.source import Problem
from quarterdeck.errors import NothingToRead, UsageError
from quarterdeck.words import count, harmless
from quarterdeck.workspace import find_root

if TYPE_CHECKING:
    from quarterdeck.loops.sessions.watch import Seen

LEVELS = ("nudge", "pause", "stop")


@click.command()
@click.argument("path", required=False)
@click.option("--session", metavar="ID", help="The session whose id begins or ends like this.")
@click.option(
    "--exit-on", type=click.Choice(LEVELS), help="End with 1 at the first alarm of this level or above."
)
@time_option("--every", "How often to look for something new.", default="1s", between_s=(0.01, 86_400))
@project_option
@json_option
@click.pass_context
def command(
    context: click.Context,
    path: str | None,
    session: str | None,
    exit_on: str | None,
    every: float,
    project: str | None,
    as_json: bool,
) -> None:
    """Follow a session at work, and print alarms as they come.

    PATH: its transcript, which need not be there yet; without one the session of this project that was
    written to last. Its subagents are followed as well. Runs until Ctrl-C.

    \b
    qd loops watch
    qd loops watch --exit-on stop || echo "look at your agent"
    qd loops watch --json | while read -r alarm; do echo "$alarm"; done
    """
    from quarterdeck.loops.events import Level
    from quarterdeck.loops.sessions.prices import prices_of
    from quarterdeck.loops.sessions.watch import Began, watch

    root = os.path.realpath(project or find_root())
    if path is not None and session is not None:
        raise UsageError("a PATH and --session contradict each other", hint="use one of the two")
    chosen = _chosen(root, session) if path is None else _named(path)
    click.echo(f"watching {harmless(session_of(chosen))}; Ctrl-C ends it", err=True)
    if not os.path.exists(chosen):
        remark([f"{chosen} is not there yet"])
    for news in watch(chosen, settings_of(project), prices=prices_of(root), poll_s=every):
        if isinstance(news, Problem):
            remark([str(news)])
        elif isinstance(news, Began):
            remark([f"{count(news.events, 'event')} in {session_of(news.path)} so far"])
        else:
            _print(news, as_json=as_json)
            if exit_on and news.loop.alarm.level >= Level[exit_on.upper()]:
                context.exit(1)


def _named(path: str) -> str:
    """The transcript at *path*, or where it will be."""
    chosen = os.path.realpath(path)
    if os.path.exists(path) and not os.path.isfile(path):
        raise NothingToRead(
            f"{path:.200} is no file", hint="name a transcript, also one that is not there yet"
        )
    return chosen


def _chosen(root: str, session: str | None) -> str:
    """The transcript of *session*, or the newest of the project at *root*."""
    from quarterdeck.loops.sessions.places import usual

    places = usual(os.environ, root if session is None else None)
    for path in places.files:
        name = session_of(path)
        if f"{os.sep}subagents{os.sep}" not in path and (
            session is None or (session and (name.startswith(session) or name.endswith(session)))
        ):
            return path
    raise NothingToRead(
        f"there is no session {session!r:.80}" if session else f"there is no session of {root} yet",
        hint=f"looked in {', '.join(places.looked)}; name its transcript",
    )


def _print(seen: Seen, *, as_json: bool) -> None:
    alarm, actor = seen.loop
    if as_json:
        print_json("loops.alarm", {"path": seen.path, "actor": actor, **alarm_json(alarm)})
        return
    say(*alarm_lines(alarm, seen.path, actor))

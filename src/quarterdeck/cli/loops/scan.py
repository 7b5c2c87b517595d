"""``qd loops scan``: loops in past sessions."""

from __future__ import annotations

import os
import time
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from quarterdeck.cli.loops.options import settings_of, time_option
from quarterdeck.cli.loops.output import alarm_json, alarm_lines, cost_of, from_home
from quarterdeck.cli.options import json_option, limit_option, project_option
from quarterdeck.cli.output import first, print_json, progress, remark, say
from quarterdeck.errors import NothingToRead, UsageError
from quarterdeck.words import count
from quarterdeck.workspace import find_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from quarterdeck.loops.sessions.places import Places
    from quarterdeck.loops.sessions.scan import Session

SHOWN_PROBLEMS = 5


@click.command()
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--all", "everywhere", is_flag=True, help="Sessions of all projects, not only of this one.")
@time_option("--since", "Only sessions that were written to in this time: 12h, 7d.")
@click.option("--record", is_flag=True, help="Put loops that are certain into the pattern library.")
@limit_option(20)
@project_option
@json_option
@click.pass_context
def command(
    context: click.Context,
    paths: tuple[str, ...],
    everywhere: bool,
    since: float | None,
    record: bool,
    limit: int,
    project: str | None,
    as_json: bool,
) -> None:
    """Find loops in past sessions, and what they have cost.

    PATH: files and folders; without one the sessions of this project that Claude Code and Codex have written
    down. Exits with 1 when there was a loop that somebody should have stopped (level pause or stop).

    \b
    qd loops scan
    qd loops scan --all --since 7d
    qd loops scan session.jsonl --json
    """
    from quarterdeck.loops.events import Level
    from quarterdeck.loops.sessions.scan import without_copies

    if paths and everywhere:
        raise UsageError("--all and a PATH contradict each other", hint="use one of the two")
    root = os.path.realpath(project or find_root())
    places = _places(paths, None if everywhere else root, since)
    sessions = without_copies(_scanned(places, root, project))
    read = [each for each in sessions if not each.unread]
    remark(_problems(places, sessions))
    if not read:
        raise _nothing(places, sessions, everywhere=everywhere or bool(paths), since=since)
    recorded = _record(read, root) if record else None
    if as_json:
        print_json("loops.scan", _json(places, sessions, recorded))
    else:
        _print(read, limit, recorded)
    if any(loop.alarm.level >= Level.PAUSE for each in read for loop in each.loops):
        context.exit(1)


def _places(paths: Sequence[str], root: str | None, since: float | None) -> Places:
    from quarterdeck.loops.sessions.places import named, usual

    since_s = 0.0 if since is None else time.time() - since
    return named(paths, since_s) if paths else usual(os.environ, root, since_s)


def _scanned(places: Places, root: str, project: str | None) -> Iterator[Session]:
    from quarterdeck.loops.sessions.side_by_side import scan_side_by_side

    step = progress("sessions") or (lambda done, total: None)
    for done, session in enumerate(scan_side_by_side(places.files, settings_of(project), root), 1):
        yield session
        step(done, len(places.files))


def _record(read: Sequence[Session], root: str) -> dict[str, int]:
    """How many patterns are new, and how many were there and have one more outcome."""
    from quarterdeck.loops.sessions.lesson import is_certain, record_loop, source_of
    from quarterdeck.patterns import PatternLibrary

    changes = {"new": 0, "again": 0, "none": 0}
    with PatternLibrary(root=root) as library:
        for session in read:
            for loop in session.loops:
                if is_certain(loop.alarm):
                    source = source_of(session.path, loop.actor)
                    changes[record_loop(loop.alarm, library, source=source).change] += 1
    return changes


def _nothing(
    places: Places, sessions: Sequence[Session], *, everywhere: bool, since: float | None
) -> NothingToRead:
    if sessions:
        files = "the file cannot" if len(sessions) == 1 else f"none of {len(sessions):,} files can"
        return NothingToRead(
            f"{files} be read as a session",
            hint="name transcripts: of Claude Code or Codex, lists of messages, OpenTelemetry spans",
        )
    ways = ["name a file or a folder with sessions"]
    ways += [] if everywhere else ["look at all projects with --all"]
    ways += [] if since is None else ["look further back with --since"]
    own = "" if everywhere else " of this project"
    lately = "" if since is None else " that was written to in that time"
    return NothingToRead(
        f"there is no session{own}{lately} in {', '.join(map(from_home, places.looked))}",
        hint="; or ".join(ways),
    )


def _problems(places: Places, sessions: Sequence[Session]) -> Iterator[str]:
    told = [*map(str, places.problems), *(f"{each.path}: {each.unread}" for each in sessions if each.unread)]
    told += [str(problem) for each in sessions for problem in each.problems]
    yield from told[:SHOWN_PROBLEMS]
    left = len(told) - SHOWN_PROBLEMS + sum(each.problem_count - len(each.problems) for each in sessions)
    if left > 0:
        yield f"{left:,} more could not be read; --json lists them"


def _print(read: Sequence[Session], limit: int, recorded: dict[str, int] | None) -> None:
    loops = [(each, loop) for each in read for loop in each.loops]
    shown = first(loops, limit)
    for path, of_one in groupby(shown, key=lambda found: found[0].path):
        say(from_home(path))
        for _, loop in of_one:
            say(*alarm_lines(loop.alarm, path, loop.actor, indent="  "))
        say("")
    if len(shown) < len(loops):
        say(f"{len(shown):,} of {len(loops):,} loops; -n 0 lists all", "")
    say(*_totals(read))
    if recorded is not None:
        say(f"{recorded['new']:,} recorded as patterns to avoid, {recorded['again']:,} seen again")


def _totals(read: Sequence[Session]) -> Iterator[str]:
    from quarterdeck.loops.sessions.scan import total

    loops = sum(len(each.loops) for each in read)
    within = sum(bool(each.loops) for each in read)
    events = count(sum(each.events for each in read), "event")
    found = f"{count(loops, 'loop')} in {within:,} of " if loops else "no loop in "
    line = f"{found}{count(len(read), 'session')}, {events}"
    wasted = total(each.wasted_picousd for each in read)
    yield line if wasted is None else f"{line}; what was repeated has cost {cost_of(wasted)}"


def _json(places: Places, sessions: Sequence[Session], recorded: dict[str, int] | None) -> dict[str, Any]:
    from quarterdeck.costs.money import to_usd
    from quarterdeck.loops.sessions.scan import total

    def amount(name: str, picousd: int | None) -> dict[str, Any]:
        return {f"{name}_picousd": picousd, f"{name}_usd": None if picousd is None else to_usd(picousd)}

    return {
        "looked": places.looked,
        "events": sum(each.events for each in sessions),
        "loops": sum(len(each.loops) for each in sessions),
        **amount("wasted", total(each.wasted_picousd for each in sessions)),
        "recorded": recorded,
        "sessions": [
            {
                "path": each.path,
                "events": each.events,
                **amount("cost", each.cost_picousd),
                **amount("wasted", each.wasted_picousd),
                "loops": [{"actor": loop.actor, **alarm_json(loop.alarm)} for loop in each.loops],
                "problems": [problem._asdict() for problem in each.problems],
                "problem_count": each.problem_count,
            }
            for each in sessions
            if not each.unread
        ],
        "unread": [
            *({"path": each.path, "reason": each.reason} for each in places.problems),
            *({"path": each.path, "reason": each.unread} for each in sessions if each.unread),
        ],
    }

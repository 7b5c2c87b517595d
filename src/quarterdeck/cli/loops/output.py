"""How the commands of ``qd loops`` show loops: whole for programs, harmless and folded for people."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Any

from quarterdeck.words import harmless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.loops import Alarm

LINE_CHARS = 100
"""What one line holds where there is no terminal to fill."""

_SHORTEST_LINE = 40
_NAME_CHARS = 24
_TAIL_CHARS = 12


def alarm_json(alarm: Alarm) -> dict[str, Any]:
    """All of it, ready for JSON."""
    return {
        **alarm._asdict(),
        "kind": alarm.kind.value,
        "level": alarm.level.name.lower(),
        "since": alarm.since and alarm.since.isoformat(),
        "cost_usd": alarm.cost_usd,
    }


def alarm_lines(alarm: Alarm, path: str, actor: str = "", *, indent: str = "") -> Iterator[str]:
    """The facts on one line, then what repeats, then what to do instead; of the session at *path*."""
    from quarterdeck.loops.sessions.wording import how_often, since_when

    cost = "" if alarm.cost_picousd is None else cost_of(alarm.cost_picousd)
    name = session_of(path)
    who = short(name) if actor in name else f"{short(name)} ({short(actor)})"
    facts = (alarm.level.name, alarm.kind.value, how_often(alarm), cost, since_when(alarm), who)
    yield indent + "  ".join(filter(None, facts))
    yield from folded(alarm.what, f"{indent}  ")
    yield from folded(alarm.advice, f"{indent}  ")


def cost_of(picousd: int) -> str:
    """Dollars."""
    from quarterdeck.costs.money import format_usd

    return format_usd(picousd)


def folded(text: str, indent: str = "") -> list[str]:
    """*text* in lines that fit a terminal, or `LINE_CHARS` on a pipe."""
    width = max(_SHORTEST_LINE, shutil.get_terminal_size().columns) if sys.stdout.isatty() else LINE_CHARS
    return textwrap.wrap(
        harmless(text), width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )


def session_of(path: str) -> str:
    """The name of a session's file, without its ending."""
    return os.path.splitext(os.path.basename(path))[0]


def short(name: str) -> str:
    """*name*, or the end of it: what ``qd loops watch --session`` finds it by, and no two sessions share."""
    return name if len(name) <= _NAME_CHARS else name[-_TAIL_CHARS:]


def from_home(path: str) -> str:
    """*path*, with a tilde for the home folder."""
    home = os.path.join(os.path.expanduser("~"), "")
    return os.path.join("~", path[len(home) :]) if path.startswith(home) else path

"""Options that the commands of ``qd loops`` share, each with one meaning everywhere."""

from __future__ import annotations

import re
from functools import partial
from math import inf
from typing import TYPE_CHECKING

import click

from quarterdeck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from quarterdeck.cli.options import Command
    from quarterdeck.loops.settings import LoopSettings

DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h|d|w|)", re.ASCII)
SECONDS = {"ms": 0.001, "": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


def time_option(
    name: str, text: str, default: str | None = None, *, between_s: tuple[float, float] = (0, inf)
) -> Callable[[Command], Command]:
    """An option that takes a time, such as ``--since 7d``; the command gets seconds, *between_s*."""
    return click.option(
        name, metavar="TIME", callback=partial(_seconds, between_s), default=default, help=text
    )


def settings_of(project: str | None) -> LoopSettings:
    """The settings of *project*; None: of the one that the working directory lies in.

    Raises:
        ConfigError: one is wrong.
    """
    from quarterdeck.config import load
    from quarterdeck.loops.settings import LoopSettings
    from quarterdeck.workspace import find_root

    return load(LoopSettings, "loops", project or find_root()).values


def _seconds(
    between_s: tuple[float, float], context: click.Context, option: click.Parameter, typed: str | None
) -> float | None:
    del context
    if typed is None:
        return None
    found = DURATION.fullmatch(typed.strip())
    number = float(found[1]) * SECONDS[found[2]] if found else 0
    if not number:
        raise UsageError(
            f"{option.opts[-1]} must be a time that is not zero, got {typed!r:.40}",
            hint=f"write {option.opts[-1]} 90s, 15m, 2h or 7d, or leave it away",
        )
    least_s, most_s = between_s
    if not least_s <= number <= most_s:
        raise UsageError(
            f"{option.opts[-1]} must be a time from {least_s:g}s to {most_s:g}s, got {typed!r:.40}",
            hint=f"write {option.opts[-1]} 500ms, 5s or 1m, or leave it away",
        )
    return number

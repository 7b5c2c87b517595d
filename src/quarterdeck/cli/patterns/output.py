"""How the commands of ``qd patterns`` show patterns: whole for programs, harmless and short for people."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from quarterdeck.cli.output import print_json, print_table
from quarterdeck.words import harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from quarterdeck.patterns import Link, Pattern, PatternLibrary

LINE_CHARS = 110
"""What one line shows of a text where there is no terminal to fill; JSON has all of it."""


def print_library_json(kind: str, library: PatternLibrary, data: Mapping[str, Any]) -> None:
    """Print *data* as every answer of the library: with the file that it lies in."""
    print_json(f"patterns.{kind}", data, library=library.path)


def pattern_json(pattern: Pattern) -> dict[str, Any]:
    """All fields of it, also those that are empty."""
    fields = {name: getattr(pattern, name) for name in pattern.__struct_fields__}
    return msgspec.to_builtins({**fields, "success_rate": pattern.success_rate})  # type: ignore[no-any-return]


def link_json(link: Link) -> dict[str, Any]:
    """A link."""
    return msgspec.to_builtins(link._asdict())  # type: ignore[no-any-return]


def print_patterns(patterns: Iterable[Pattern]) -> None:
    """A table with a line for each."""
    print_table(
        ("id", "name", "type", "outcomes", "confidence", "by"),
        [
            (
                each.id,
                one_line(named(each), LINE_CHARS // 2),
                each.pattern_type,
                outcomes_of(each),
                f"{each.confidence:g}",
                each.agent_id,
            )
            for each in patterns
        ],
    )


def named(pattern: Pattern) -> str:
    """Its name; that it says what not to do comes first."""
    return f"avoid: {pattern.name}" if pattern.lesson == "avoid" else pattern.name


def labels(pattern: Pattern) -> str:
    """Its type and its tags."""
    return " ".join([pattern.pattern_type, *(f"#{tag}" for tag in pattern.tags)])


def outcomes_of(pattern: Pattern) -> str:
    """``worked 9 of 10 (.55-.98)``; the interval is Wilson's of 95 %."""
    from quarterdeck.patterns.evidence import wilson

    if not pattern.usage_count:
        return "not tried yet"
    return worked(
        pattern.success_count, pattern.usage_count, *wilson(pattern.success_count, pattern.failure_count)
    )


def worked(successes: int, uses: int, low: float, high: float) -> str:
    """``worked 9 of 10 (.55-.98)``."""
    return f"worked {successes:,} of {uses:,} ({_share(low)}-{_share(high)})"


def one_line(text: str, chars: int) -> str:
    """The beginning of *text* on one line, whatever is in it."""
    head = harmless(" ".join(text[: 4 * chars].split()))
    return head if len(head) <= chars and len(text) <= 4 * chars else f"{head[: chars - 1].rstrip()}…"


def line_chars() -> int:
    """How long a line may be: as the terminal is wide, or `LINE_CHARS`."""
    return max(40, shutil.get_terminal_size().columns) if sys.stdout.isatty() else LINE_CHARS


def day(at: datetime | None) -> str:
    """``2026-01-31 12:00``, in the time of this machine."""
    return "–" if at is None else f"{at.astimezone():%Y-%m-%d %H:%M}"


def pairs_of(context: Mapping[str, Any]) -> list[str]:
    """``key = value`` as it would be typed."""
    return [
        f"{key} = {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for key, value in context.items()
    ]


def _share(value: float) -> str:
    return f"{value:.2f}".removeprefix("0")

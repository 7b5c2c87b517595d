"""How the commands of ``qd memory`` show values: whole for programs, harmless for people."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click
import msgspec

from quarterdeck.words import harmless

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from quarterdeck.memory.store import Store

SPANS = ((86_400, "d"), (3600, "h"), (60, "min"))
LINE_CHARS = 100
"""What one line shows of a value; JSON has all of it."""


def print_memory_json(kind: str, store: Store, data: Mapping[str, Any]) -> None:
    """Print *data* as every answer of the memory: with where it lies.

    Not with the standard library's ``json``, for which a value may hold numbers that are too long.
    """
    head = {
        "schema": f"quarterdeck.memory.{kind}/1",
        "backend": store.backend.kind,
        "namespace": store.limits.namespace,
    }
    click.echo(as_json({**head, **data}).encode())


def print_value(value: object, *, as_text: bool) -> None:
    """Print one value: as JSON, or as the text it is, if it is one and *as_text*.

    A terminal gets JSON with a line for each element, and nothing that is not printable. A pipe gets exactly
    what was stored: of a text every byte, and no line feed after it.
    """
    if isinstance(value, str) and as_text:
        if sys.stdout.isatty():
            lines = value.removesuffix("\n").split("\n")
            click.echo("\n".join(harmless(line.expandtabs()) for line in lines))
        else:
            click.echo(value.encode(), nl=False)
    elif sys.stdout.isatty():
        lines = msgspec.json.format(msgspec.json.encode(value).decode(), indent=2).split("\n")
        click.echo("\n".join(map(_escaped, lines)))
    else:
        click.echo(msgspec.json.encode(value))


def as_json(value: object) -> str:
    """*value* on one line; what is not printable stands as an escape of JSON, so it means the same."""
    try:
        return _escaped(msgspec.json.encode(value).decode())
    except UnicodeEncodeError:  # no value has half a character, but a path may
        import json

        return json.dumps(value)


def one_line(value: object) -> str:
    """The beginning of *value* as JSON, for people."""
    text = as_json(value)
    return text if len(text) <= LINE_CHARS else f"{text[: LINE_CHARS - 1]}…"


def time_left(ends_at: datetime | None, now: datetime) -> str:
    """``7 d``, ``59 min``, ``3.5 s``: about so long; a dash for what has no end."""
    if ends_at is None:
        return "–"
    left_s = max(0.0, (ends_at - now).total_seconds())
    for span_s, unit in SPANS:
        if left_s >= 1.5 * span_s:
            return f"{left_s / span_s:.0f} {unit}"
    return f"{left_s:.0f} s" if left_s >= 9.95 else f"{left_s:.1f} s"


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _as_escape(char) for char in text)


def _as_escape(char: str) -> str:
    """``\\u202e``; beyond the first plane two of them."""
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))

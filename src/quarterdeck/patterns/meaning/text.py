"""What of a pattern is encoded, and of a situation in which one is looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quarterdeck.patterns.model import Pattern

VERSION = "1"
"""Changes whenever the same pattern would give another text."""


def text_of(pattern: Pattern) -> str:
    """What matters most first, for the end counts only while there is room: name, description, tags, context.

    A code is left out: it adds words, but hardly any meaning.
    """
    parts = f"{pattern.name}.", pattern.description, ", ".join(pattern.tags), said(pattern.context)
    return "\n".join(filter(None, parts))


def said(context: Mapping[str, object]) -> str:
    """All values of *context*, however deep."""
    return "\n".join(_said(context))


def _said(context: Mapping[str, object]) -> Iterator[str]:
    """Each value with its key, in the order in which they are written."""
    todo: list[tuple[str, object]] = [("", context)]
    while todo:
        key, value = todo.pop()
        if isinstance(value, dict):
            todo += reversed([*value.items()])
        elif isinstance(value, list | tuple):
            todo += [(key, each) for each in reversed(value)]
        elif value not in {None, ""}:
            yield f"{key}: {value}"

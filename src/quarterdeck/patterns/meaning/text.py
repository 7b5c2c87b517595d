"""What of a pattern is encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quarterdeck.patterns.model import Pattern

VERSION = "1"
"""Changes whenever the same pattern would give another text."""


def text_of(pattern: Pattern) -> str:
    """Its name, what it says, and its tags, which count only while there is room for them.

    A code or a context adds words, but hardly any meaning.
    """
    return "\n".join(filter(None, (f"{pattern.name}.", pattern.description, ", ".join(pattern.tags))))

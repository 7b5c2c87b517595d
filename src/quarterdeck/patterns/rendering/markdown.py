"""What a pattern says, as parts of Markdown, for prompts and for skills."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from quarterdeck.patterns.model import Pattern

_LANGUAGE = re.compile(r"[A-Za-z0-9+#-]{1,20}")


def as_text(value: object) -> str:
    """A value of a context: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def language_of(pattern: Pattern) -> str:
    """The language of its code, if its context says one; else nothing."""
    language = pattern.context.get("language")
    return language if isinstance(language, str) and _LANGUAGE.fullmatch(language) else ""


def fenced(text: str, language: str) -> str:
    """*text* in a fence that nothing in it can end."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"

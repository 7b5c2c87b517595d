"""How values read to people, wherever they are shown: hostile text made harmless, numbers, counts."""

from __future__ import annotations


def harmless(text: str) -> str:
    """*text* on one line: control characters, direction marks and broken bytes stand as escapes.

    Printable text, also a backslash, stays as it is; for the exact bytes of a name there is JSON.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def number(value: float | None) -> str:
    """*value* for people: thousands apart, one decimal for what is not whole, a dash for None."""
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def count(value: int, noun: str, *, plural: str = "") -> str:
    """``1 file``, ``2 files``; *plural* where it is not *noun* with an s."""
    return f"{value:,} {noun if value == 1 else plural or noun + 's'}"

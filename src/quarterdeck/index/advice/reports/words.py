"""How values read in a report, whatever the format."""

from __future__ import annotations


def harmless(text: str) -> str:
    """*text* on one line: control characters, direction marks and broken bytes stand as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "backslashreplace").decode()
        for char in text
    )


def number(value: float | None) -> str:
    """*value* for people: thousands apart, one decimal for what is not whole, a dash for None."""
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def count(value: int, noun: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{value:,} {noun}{'' if value == 1 else 's'}"

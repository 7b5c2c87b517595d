"""The lines in which classes and functions say how they are used, out of a source nobody vouches for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from quarterdeck.index.disk.signature import read_stable
from quarterdeck.words import harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from quarterdeck.index.model import FileRecord

MAX_LINE = 160
"""Characters of one signature; longer ones are cut."""

_MAX_ROWS = 40
_MAX_BYTES = 4_000_000
_OPENING, _CLOSING = "([{", ")]}"


def signature_lines(root: str, record: FileRecord, lines: Iterable[int]) -> dict[int, str]:
    """Line number -> the signature that starts there, for the file of *record* as it was indexed.

    Empty when the file holds something else by now, is too large or cannot be read. One read.
    """
    if record.size_bytes > _MAX_BYTES:
        return {}
    read = read_stable(f"{root}/{record.path}", _MAX_BYTES)
    if read.content is None or read.digest != record.content_hash:
        return {}
    rows = re.split("\r\n|\r|\n", read.content.decode("utf-8-sig", "replace"))  # as parsers count lines
    return {line: _signature(rows, line - 1, record.language) for line in lines if 0 < line <= len(rows)}


def _signature(rows: Sequence[str], first: int, language: str) -> str:
    """One line: the rows from *first* to the end of the head, blanks run together, comments left out."""
    ends = ":" if language == "python" else "{;"
    comment = "#" if language == "python" else "//"
    text = ""
    depth = 0
    for row in rows[first : first + _MAX_ROWS]:
        piece, depth, done = _head(row[: MAX_LINE * 4], depth, ends, comment)
        text += f" {piece.strip()}"
        if done or len(text) > MAX_LINE * 2 or (depth == 0 and language != "python"):
            break
    return printable(" ".join(text.split()).replace("( ", "(").replace(" )", ")").replace(",)", ")"))


def _head(row: str, depth: int, ends: str, comment: str) -> tuple[str, int, bool]:
    """The part of *row* that belongs to the head; the nesting after it; whether the head ends in it."""
    quote = ""
    for place, char in enumerate(row):
        if quote:
            if char == quote and row[place - 1] != "\\":
                quote = ""
        elif char in "\"'":
            quote = char
        elif row.startswith(comment, place):
            return row[:place], depth, False
        elif char in ends and depth == 0:
            return row[:place], depth, True
        elif char in _OPENING:
            depth += 1
        elif char in _CLOSING:
            depth -= 1
    return row, depth, False


def printable(text: str) -> str:
    """*text* in one line of at most `MAX_LINE` characters, every one of which can be seen."""
    shown = harmless(text[: MAX_LINE + 1])
    return shown if len(shown) <= MAX_LINE else f"{shown[: MAX_LINE - 1]}…"

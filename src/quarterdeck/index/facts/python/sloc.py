"""Source lines of a Python file: not blank, not only a comment, not part of a docstring.

Every other string is code on each of its lines that is not blank, also on those that begin with
``#``. Lines are counted wholesale first; only where such a ``#`` is possible are the strings lexed.
"""

from __future__ import annotations

import re

_STRINGS_AND_COMMENTS = re.compile(
    rb"#[^\n]*+"
    rb'|"""[^"\\]*+(?:(?:\\.|"(?!""))[^"\\]*+)*+"""'
    rb"|'''[^'\\]*+(?:(?:\\.|'(?!''))[^'\\]*+)*+'''"
    rb'|"(?:[^"\\\n]|\\.)*+"'
    rb"|'(?:[^'\\\n]|\\.)*+'",
    re.DOTALL,
)
_HASH_LINE = re.compile(rb"\n[ \t\f]*+#")
_STRING_START = re.compile(rb"[rRuU]?(?:(\"\"\"|''')|[\"'])")


def count_sloc(text: bytes, docstrings: list[tuple[int, int]]) -> int:
    r"""Source lines of *text*, whose lines end in ``\n``; O(n).

    Args:
        text: the file's bytes.
        docstrings: first and last line of each docstring, in any order. A first line that begins
            with something else (``def f(): "doc"``) is code.
    """
    squeezed = text.translate(None, b" \t\f")
    lines = squeezed.split(b"\n")
    comments = squeezed.count(b"\n#") + squeezed.startswith(b"#")
    sloc = len(lines) - lines.count(b"") - comments
    unexplained_quotes = squeezed.count(b'"""') + squeezed.count(b"'''") if comments else 0
    for first, last in docstrings:
        inside = lines[first - 1 : last]
        opening = _STRING_START.match(inside[0]) if inside else None
        if opening is None:
            del inside[:1]
        elif opening[1]:
            unexplained_quotes -= 2
        sloc -= len(inside) - inside.count(b"")
        if comments:
            sloc += sum(line.startswith(b"#") for line in inside)
    if unexplained_quotes > 0 or b"\\\n#" in squeezed:
        sloc += _hash_lines_in_strings(text, {first for first, _ in docstrings})
    return sloc


def _hash_lines_in_strings(text: bytes, docstring_lines: set[int]) -> int:
    """Lines that look like comments but stand in strings that are not docstrings."""
    count, line, counted_to = 0, 1, 0
    for lexeme in _STRINGS_AND_COMMENTS.finditer(text):
        hashes = len(_HASH_LINE.findall(text, *lexeme.span()))
        if hashes:
            line += text.count(b"\n", counted_to, lexeme.start())
            counted_to = lexeme.start()
            count += 0 if line in docstring_lines else hashes
    return count

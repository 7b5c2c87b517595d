"""The lines of a file that nothing here can parse: how many there are, and how many say something.

    bytes --(comments out, by the language's own marks)--> lines that are not blank -> Facts

Comment marks are looked for at the start of a line only (and block comments up to where they end),
so a mark inside a string cannot swallow code; a comment behind code leaves the line counted. That
is exact enough for shell, YAML or CSS and takes a few milliseconds for a megabyte.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from quarterdeck.index.facts.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Iterable

BINARY_PROBE_BYTES = 8192
_UTF8_BOM = b"\xef\xbb\xbf"

_HASH = rb"\#"
_SLASHES = rb"//"
_DASHES = rb"--"
_SEMICOLON = rb";"
_PERCENT = rb"%"
_C_BLOCK = rb"/\*[\s\S]*?\*/"
_MARKUP_BLOCK = rb"<!--[\s\S]*?-->"

_SHELL_LIKE = (
    "shell yaml toml make dockerfile cmake powershell r ruby perl elixir julia nix tcl python starlark "
    "graphql ignore awk nim just"
)
_C_LIKE = (
    "javascript typescript tsx go rust java c cpp csharp fsharp kotlin scala swift dart groovy objectivec "
    "zig protobuf scss less solidity d"
)
_MARKS: dict[tuple[bytes, ...], str] = {
    (_HASH,): _SHELL_LIKE,
    (_HASH, _SEMICOLON): "ini",
    (_HASH, _SLASHES, _C_BLOCK): "php terraform",
    (_SLASHES, _C_BLOCK): _C_LIKE,
    (_C_BLOCK,): "css",
    (_DASHES, _C_BLOCK): "sql",
    (_DASHES,): "lua haskell elm",
    (_MARKUP_BLOCK,): "html xml svg markdown vue svelte",
    (_SEMICOLON,): "lisp clojure assembly",
    (_PERCENT,): "tex erlang",
    (rb'"',): "vimscript",
    (rb"(?i:rem\b|::)",): "batch",
}
"""Comment marks -> the languages they are those of, as `classify.language_of` names them."""


def _only_comments(marks: tuple[bytes, ...]) -> re.Pattern[bytes]:
    """Whole-line comments, their line breaks left in place."""
    lines = [mark + rb"[^\n]*" for mark in marks if mark not in (_C_BLOCK, _MARKUP_BLOCK)]
    blocks = [mark for mark in marks if mark in (_C_BLOCK, _MARKUP_BLOCK)]
    return re.compile(rb"^[^\S\n]*(?:" + rb"|".join(lines + blocks) + rb")", re.MULTILINE)


_PATTERN_SOURCES = {language: marks for marks, names in _MARKS.items() for language in names.split()}
_COMPILED: dict[tuple[bytes, ...], re.Pattern[bytes]] = {}


def text_facts(source: bytes, language: str) -> Facts:
    """Lines and source lines of *source*; O(size), never raises.

    Args:
        source: the file's bytes, in any encoding that keeps ASCII as it is.
        language: as `classify.language_of` names it; for one whose comments are not known here, every
            line that is not blank is a source line.

    Returns:
        Facts without functions or imports. A NUL in the first 8 KiB means a binary file: it has no lines.
    """
    if source.find(b"\0", 0, BINARY_PROBE_BYTES) >= 0:
        return Facts(language)
    source = source.removeprefix(_UTF8_BOM)
    marks = _PATTERN_SOURCES.get(language)
    if marks is None:
        return Facts(language, *source_lines(source, ()))
    pattern = _COMPILED.get(marks)
    if pattern is None:
        pattern = _COMPILED[marks] = _only_comments(marks)
    return Facts(language, *source_lines(source, (match.span() for match in pattern.finditer(source))))


def source_lines(source: bytes, comments: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """How many lines there are, and how many hold anything but blanks and *comments*.

    Args:
        source: the file's bytes.
        comments: start and end offsets, in order; where two overlap, the union counts.
    """
    source_end = len(source)
    lines = source.count(b"\n") + (source_end > 0 and not source.endswith(b"\n"))
    kept, position = [], len(_UTF8_BOM) if source.startswith(_UTF8_BOM) else 0
    for start, end in comments:
        if end > position:
            start = max(start, position)
            kept.append(source[position:start])
            kept.append(b"\n" * source.count(b"\n", start, end))
            position = end
    kept.append(source[position:])
    return lines, sum(map(bool, map(bytes.strip, b"".join(kept).split(b"\n"))))

"""Facts of files in other languages: JavaScript, TypeScript, Go, Rust, Java, C and C++.

    bytes + language -> grammar (a wheel of the extra ``lang``, imported on first use)
          -> parse -> one query (tables) -> one sweep (sweep) -> Facts
    imports + known paths -> the files they mean (resolve)

The parser reads on after a mistake, so a file with a syntax error still has facts, and the error
says where the first one is. What would take longer than it is worth is not parsed: more than
`MAX_BYTES`, or a minified file; its lines are counted and its ``error`` says so.
"""

from __future__ import annotations

import importlib
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from quarterdeck.errors import MissingExtra
from quarterdeck.index.facts.lang.tables import GRAMMARS
from quarterdeck.index.facts.text import BINARY_PROBE_BYTES, text_facts

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Query

    from quarterdeck.index.facts.facts import Facts

__all__ = ["MAX_BYTES", "MAX_DEPTH", "lang_facts", "missing", "supported"]

MAX_BYTES = 1_000_000
"""Larger files are counted, not parsed: nobody wrote them by hand."""

MAX_DEPTH = 1000
"""What stands deeper in the syntax tree is not looked at: the query's time grows with depth times size."""

_MINIFIED_BYTES = 20_000
_MINIFIED_LINE_BYTES = 400
"""A file of at least that size whose lines are longer than this on average is minified."""

_HOPELESS_TOKENS = 5_000
"""A stretch that the parser gave up on and that has more tokens: the query's time grows with its square."""

_INSTALL = "pip install 'quarterdeck[lang]'"


@cache
def supported(language: str) -> bool:
    """Whether `lang_facts` can read *language* here; looks for the grammar without importing it."""
    grammar = GRAMMARS.get(language)
    return grammar is not None and all(find_spec(name) for name in ("tree_sitter", grammar.package))


def missing(language: str) -> str:
    """What to install so that *language* can be read; empty if it can, or if no grammar is known for it."""
    return _INSTALL if language in GRAMMARS and not supported(language) else ""


def lang_facts(source: bytes, language: str) -> Facts:
    """What *source* says about itself.

    Never raises for anything in *source*: any bytes, any nesting. O(size); a file that is too large,
    minified or binary is only counted.

    Raises:
        MissingExtra: no grammar for *language* is installed.
    """
    if not supported(language):
        raise MissingExtra(f"no grammar for {language!r} is installed", hint=missing(language))
    skipped = _why_not_parsed(source)
    if skipped or source.find(b"\0", 0, BINARY_PROBE_BYTES) >= 0:
        return text_facts(source, language)._replace(error=skipped)
    from tree_sitter import QueryCursor

    from quarterdeck.index.facts.lang.sweep import Sweep

    parser, query = _tools(language)
    root = parser.parse(source).root_node
    if root.has_error and _hopeless(root):
        return text_facts(source, language)._replace(error="line 1: not parsed: too little of it can be read")
    cursor = QueryCursor(query)
    cursor.set_max_start_depth(MAX_DEPTH)
    captures = cursor.captures(root)
    return Sweep(source, GRAMMARS[language], captures).facts(language)


def _why_not_parsed(source: bytes) -> str:
    size, lines = len(source), source.count(b"\n") + 1
    if size > MAX_BYTES:
        return f"line 1: not parsed: {size} bytes are more than {MAX_BYTES}"
    if size >= _MINIFIED_BYTES and size > lines * _MINIFIED_LINE_BYTES:
        return f"line 1: not parsed: minified ({size} bytes in {lines} lines)"
    return ""


def _hopeless(root: Node) -> bool:
    """Whether one unreadable stretch is so long that the query would take seconds for nothing."""
    suspects, looked_at = [root], 0
    while suspects:
        node = suspects.pop()
        looked_at += node.child_count
        if (node.is_error and node.child_count > _HOPELESS_TOKENS) or looked_at > MAX_BYTES // 4:
            return True
        suspects.extend(child for child in node.children if child.has_error)
    return False


@cache
def _tools(language: str) -> tuple[Parser, Query]:
    """The parser and the compiled query; 3 to 50 ms the first time, depending on the grammar's size."""
    from tree_sitter import Language, Parser, Query

    grammar = GRAMMARS[language]
    pointer = getattr(importlib.import_module(grammar.package), grammar.factory)()
    spoken = Language(pointer)
    return Parser(spoken), Query(spoken, grammar.query)

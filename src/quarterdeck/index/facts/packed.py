"""`Facts` as one flat row: the form in which they are stored and sent between processes.

Numbers that the view needs for every file stand in columns of their own; what only some questions
need (the outline for one file, the wiring when an import changed) is JSON, read when it is asked for.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from quarterdeck.index.facts.facts import Class, Facts, Function, Import

Outline = tuple[tuple[Function, ...], tuple[Class, ...]]
"""Functions and classes of one file, each in source order."""


class Wiring(NamedTuple):
    """The part of a file's facts that decides the graph."""

    imports: tuple[Import, ...] = ()
    exports: tuple[str, ...] | None = None
    bindings: tuple[str, ...] = ()


class Packed(NamedTuple):
    """One file's facts as database columns; `outline` and `wiring` are JSON, empty for "nothing"."""

    lines: int
    sloc: int
    documented: int
    documentable: int
    tests: int
    functions: int
    classes: int
    hinted: int
    complexity: int
    max_complexity: int
    cognitive: int
    error: str
    outline: str
    wiring: str


NOTHING = Packed(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, "", "", "")


def pack(facts: Facts) -> Packed:
    """*facts* as one row."""
    functions = facts.functions
    outline = _json([functions, facts.classes]) if functions or facts.classes else ""
    wired = facts.imports or facts.bindings or facts.exports is not None
    return Packed(
        facts.lines,
        facts.sloc,
        facts.documented,
        facts.documentable,
        facts.tests,
        len(functions),
        len(facts.classes),
        sum(function.hinted for function in functions),
        sum(function.complexity for function in functions),
        max((function.complexity for function in functions), default=0),
        sum(function.cognitive for function in functions),
        facts.error,
        outline,
        _json([facts.imports, facts.exports, facts.bindings]) if wired else "",
    )


def outline_of(text: str) -> Outline:
    """What a `Packed.outline` holds."""
    if not text:
        return (), ()
    functions, classes = json.loads(text)
    return tuple(Function(*row) for row in functions), tuple(Class(*row) for row in classes)


def wiring_of(text: str) -> Wiring:
    """Imports, exports and bindings of a `Packed.wiring`."""
    if not text:
        return Wiring()
    imports, exports, bindings = json.loads(text)
    return Wiring(
        tuple(Import._make(row) for row in imports),
        None if exports is None else tuple(exports),
        tuple(bindings),
    )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))

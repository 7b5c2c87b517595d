"""What one file says about itself, whatever language it is written in.

    bytes --(python | lang | text)--> Facts --packed.pack--> fact_store (by content hash)

Facts depend on the file's bytes, its suffix and the extractor's version, and on nothing else: not
on its path, not on its neighbours, not on the time. That is what lets every worktree and branch
share them. The parts are named tuples because a scan makes tens of thousands of them and because
JSON writes a tuple as an array, so that a stored row stays readable and small.
"""

from __future__ import annotations

from typing import NamedTuple

EXTRACTOR_VERSION = 1
"""Raise it whenever any extractor's answer changes; facts of other versions are extracted anew."""

RUNTIME = "runtime"
TYPE_CHECKING = "type_checking"
LAZY = "lazy"
DYNAMIC = "dynamic"
IMPORT_KINDS = (RUNTIME, LAZY, TYPE_CHECKING, DYNAMIC)
"""How an import comes about, strongest first: at import time; inside a function; only for type
checkers; by a literal name handed to ``importlib.import_module`` or ``__import__``."""


class Function(NamedTuple):
    """One function or method.

    Attributes:
        name: qualified inside the file, as ``__qualname__`` without ``<locals>``: ``Class.method``,
            ``outer.inner``.
        line: of the ``def`` keyword (decorators stand above it), from 1.
        end_line: last line of the body, inclusive.
        complexity: cyclomatic, by ruff's C901 definition, >= 1.
        cognitive: cognitive complexity (Campbell, SonarSource 2018), >= 0.
        documented: it has a docstring (or a doc comment, in other languages).
        hinted: every parameter but ``self``/``cls`` and the result carry a type.
    """

    name: str
    line: int
    end_line: int
    complexity: int
    cognitive: int
    documented: bool
    hinted: bool


class Class(NamedTuple):
    """One class (struct, interface, trait …); ``name`` and lines as in `Function`."""

    name: str
    line: int
    end_line: int
    documented: bool


class Import(NamedTuple):
    """One imported name, as written; nothing is resolved here.

    ``import a.b as c`` is ``("a.b", "", "c", 0, kind, line)``; ``from ..a import b as c`` is
    ``("a", "b", "c", 2, kind, line)``; ``from a import *`` has the name ``"*"``. In other languages
    ``module`` is the path or package as written and ``name`` is empty.

    Attributes:
        module: dotted, without the leading dots; empty for ``from . import b``.
        name: what is taken from the module; empty where the module itself is imported.
        alias: the local name it is bound to when that is written out (``as``), else empty.
        level: number of leading dots.
        kind: one of `IMPORT_KINDS`.
        line: of the statement (of the alias, where it stands on a line of its own), from 1.
    """

    module: str
    name: str
    alias: str
    level: int
    kind: str
    line: int


class Facts(NamedTuple):
    """Everything one file says about itself.

    Attributes:
        language: as `classify.language_of` names it (``python``, ``go`` …); empty for no known one.
        lines: physical lines.
        sloc: source lines: not blank, not only a comment, not part of a docstring. For a file in
            no known language: its non-blank lines; for a binary file 0.
        functions: in source order.
        classes: in source order.
        imports: in source order.
        exports: the names of a literal ``__all__``, in order; None where there is none.
        bindings: names bound at module level by def, class or assignment, in order, once each
            (a re-export ends at the file that binds the name itself).
        documented: of the documentable things (the module, public classes and functions), how many are.
        documentable: how many there are.
        tests: test functions (``test_*`` at module level or in a ``Test*`` / ``TestCase`` class).
        error: why it could not be parsed, with the line: ``"line 3: invalid syntax"``; empty when it could.
    """

    language: str
    lines: int = 0
    sloc: int = 0
    functions: tuple[Function, ...] = ()
    classes: tuple[Class, ...] = ()
    imports: tuple[Import, ...] = ()
    exports: tuple[str, ...] | None = None
    bindings: tuple[str, ...] = ()
    documented: int = 0
    documentable: int = 0
    tests: int = 0
    error: str = ""

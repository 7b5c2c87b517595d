r"""What a Python file says about itself, by CPython's own parser.

    bytes -- compile(ONLY_AST) --> tree --+-- walk   functions, classes, imports, tests
                                          +-- names  module-level bindings, __all__
                                          +-- sloc   source lines without docstrings
                                          --> Facts

Nothing is executed and nothing is raised: what the parser refuses becomes `Facts.error`. Lines are
Python's own: they end in ``\n``, ``\r\n`` or ``\r``, and a last line without an end counts too.
"""

from __future__ import annotations

# The node classes alone: importing the module `ast` costs each worker process 2 ms more.
import _ast as ast
import warnings
from typing import cast

from quarterdeck.index.facts.facts import Facts
from quarterdeck.index.facts.python.names import bound_names, exported_names
from quarterdeck.index.facts.python.sloc import count_sloc
from quarterdeck.index.facts.python.walk import Walk

_BOM = b"\xef\xbb\xbf"
_MAX_MESSAGE = 200


def python_facts(source: bytes) -> Facts:
    """Everything *source* says about itself; any bytes will do, and none of them raise.

    A file that does not parse has its lines, its source lines (docstrings included, for nothing
    tells them apart) and an error; its other facts are empty. Changes the process's warning filters
    for as long as it runs, so do not call it from several threads at once. Around many files, turn
    the garbage collector off: a tree holds no cycles, and collecting costs as much again.
    """
    text = _unix_lines(source)
    lines = text.count(b"\n") + (text[-1:] not in (b"", b"\n"))
    try:
        with warnings.catch_warnings():  # an invalid escape is not our user's concern; 2 µs a file
            warnings.simplefilter("ignore")
            compiled = compile(source, "<source>", "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        tree = cast("ast.Module", compiled)
        found = Walk(text)
        found.module(tree)
    except SyntaxError as error:
        return _unparsed(text, lines, error.lineno, error.msg)
    except (ValueError, LookupError) as error:
        return _unparsed(text, lines, None, str(error))
    except (RecursionError, MemoryError, SystemError):
        # CPython 3.11 reports some trees that are too deep as "recursion depth mismatch", a SystemError.
        return _unparsed(text, lines, 1, "nested too deeply for the parser")
    return Facts(
        language="python",
        lines=lines,
        sloc=count_sloc(text, found.docstrings),
        functions=tuple(found.functions),
        classes=tuple(found.classes),
        imports=tuple(found.imports),
        exports=exported_names(tree.body),
        bindings=bound_names(tree.body),
        documented=found.documented,
        documentable=found.documentable,
        tests=found.tests,
    )


def _unix_lines(source: bytes) -> bytes:
    """*source* without its byte order mark and with the line ends that the parser sees."""
    source = source.removeprefix(_BOM)
    if b"\r" in source:
        return source.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return source


def _unparsed(text: bytes, lines: int, line: int | None, message: str) -> Facts:
    if line is None:  # the parser names no line for a NUL byte, and there is none for the rest
        line = text.count(b"\n", 0, max(text.find(b"\0"), 0)) + 1
    printable = "".join(char if char.isprintable() else " " for char in message[:_MAX_MESSAGE])
    return Facts(
        language="python",
        lines=lines,
        sloc=count_sloc(text, []),
        error=f"line {max(line, 1)}: {' '.join(printable.split()) or 'cannot be parsed'}",
    )

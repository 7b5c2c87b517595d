"""Imports by a literal name: ``importlib.import_module("a.b")`` and ``__import__("a.b")``."""

from __future__ import annotations

import _ast as ast

from quarterdeck.index.facts.facts import DYNAMIC, Import

IMPORTERS = frozenset({"import_module", "__import__"})
"""The names of the functions that import by name; whose attribute they are does not matter."""

_OWN_PACKAGE = ("__package__", "__name__")  # __name__ is the package in an __init__.py, and used only there


def dynamic_import(call: ast.Call, importer: str) -> Import | None:
    """What *call* of *importer* (one of `IMPORTERS`) imports; None unless that is written out."""
    is_function = importer == "__import__"
    parameters = ("name", "globals", "locals", "fromlist", "level") if is_function else ("name", "package")
    given = dict(zip(parameters, call.args, strict=False))
    given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    written = _literal(given.get("name"))
    if not isinstance(written, str):
        return None
    module = written.lstrip(".")
    if is_function:
        level = _literal(given["level"]) if "level" in given else 0
        if module != written or type(level) is not int or level < 0:
            return None
    else:
        level = len(written) - len(module)
        package = given.get("package")
        if level and isinstance(base := _literal(package), str):
            above = base.split(".")[: 1 - level or None]
            module, level = ".".join([*above, module]) if above and module else "", 0
        elif level and not (isinstance(package, ast.Name) and package.id in _OWN_PACKAGE):
            return None
    if not (module or level):
        return None
    return Import(module, "", "", level, DYNAMIC, call.lineno)


def _literal(node: ast.expr | None) -> object:
    return node.value if isinstance(node, ast.Constant) else None

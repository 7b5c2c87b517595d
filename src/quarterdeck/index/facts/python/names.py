"""The names a Python module binds, and the names it says it exports."""

from __future__ import annotations

import _ast as ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LOOPS = (ast.For, ast.AsyncFor)
_WITHS = (ast.With, ast.AsyncWith)
_TYPE_ALIAS: type[ast.AST] | None = getattr(ast, "TypeAlias", None)  # ``type X = ...``, from Python 3.12 on


def bound_names(body: list[ast.stmt]) -> tuple[str, ...]:
    """Names bound at module level by def, class or assignment, in order, once each.

    Targets of loops and ``with`` are assignments too, and conditional ones count; imports, bare
    annotations and captures of ``match`` are none.
    """
    return tuple(dict.fromkeys(name for node in _module_level(body) for name in _bound_by(node)))


def exported_names(body: list[ast.stmt]) -> tuple[str, ...] | None:
    """The literal names of ``__all__`` with those that ``+=`` and ``extend`` add; None where there is none.

    What is not literal (``other.__all__``, a comprehension) adds nothing. A second assignment adds
    to the first one, since as a rule the two stand in branches of one condition.
    """
    found: list[str] | None = None
    for node in _module_level(body):
        value = _all_value(node)
        names = None if value is None else _literal_names(value)
        if names or isinstance(value, (ast.List, ast.Tuple)):
            found = [*(found or ()), *(names or ())]
    return None if found is None else tuple(dict.fromkeys(found))


def _module_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Every statement outside functions and classes, in source order (elifs may be many, so no recursion)."""
    stack = [iter(body)]
    while stack:
        for node in stack[-1]:
            yield node
            if type(node) in _NESTING:
                stack.append(iter(_inner(node)))
                break
        else:
            stack.pop()


_NESTING = frozenset(
    {ast.If, ast.Try, ast.TryStar, ast.Match, ast.While, *_LOOPS, *_WITHS},
)


def _inner(node: ast.stmt) -> list[ast.stmt]:
    if isinstance(node, ast.Match):
        return [inner for case in node.cases for inner in case.body]
    handlers: list[ast.ExceptHandler] = getattr(node, "handlers", [])
    handled = [inner for handler in handlers for inner in handler.body]
    return [*node.body, *handled, *getattr(node, "orelse", ()), *getattr(node, "finalbody", ())]  # type: ignore[attr-defined]


def _bound_by(node: ast.stmt) -> list[str]:
    if isinstance(node, _DEFINITIONS):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [name for target in node.targets for name in _target_names(target)]
    if isinstance(node, ast.AugAssign) or (isinstance(node, ast.AnnAssign) and node.value is not None):
        return _target_names(node.target)
    if isinstance(node, _LOOPS):
        return _target_names(node.target)
    if isinstance(node, _WITHS):
        return [
            name for item in node.items if item.optional_vars for name in _target_names(item.optional_vars)
        ]
    if _TYPE_ALIAS is not None and isinstance(node, _TYPE_ALIAS):
        return _target_names(node.name)  # type: ignore[attr-defined]
    return []


def _target_names(target: ast.expr) -> list[str]:
    names = []
    stack = [target]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name):
            names.append(node.id)
        elif isinstance(node, (ast.Tuple, ast.List)):
            stack.extend(reversed(node.elts))
        elif isinstance(node, ast.Starred):
            stack.append(node.value)
    return names


def _all_value(node: ast.stmt) -> ast.expr | None:
    """What *node* assigns or adds to ``__all__``."""
    if isinstance(node, ast.Assign):
        return node.value if any(map(_is_all, node.targets)) else None
    if isinstance(node, (ast.AugAssign, ast.AnnAssign)):
        return node.value if _is_all(node.target) else None
    if isinstance(node, ast.Expr) and isinstance(call := node.value, ast.Call) and len(call.args) == 1:
        method = call.func
        if isinstance(method, ast.Attribute) and _is_all(method.value):
            argument = call.args[0]
            return argument if method.attr in ("extend", "append") else None
    return None


def _is_all(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "__all__"


def _literal_names(value: ast.expr) -> list[str]:
    """The strings in a display of strings or in a sum of such displays, in order."""
    names = []
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.append(node.value)
        elif isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            stack.extend(reversed(node.elts))
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            stack += (node.right, node.left)
    return names

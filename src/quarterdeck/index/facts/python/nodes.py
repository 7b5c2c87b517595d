"""Questions about one node of a Python tree."""

from __future__ import annotations

import _ast as ast
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Node = Any
"""A node of the tree. Its class is looked up in tables, which no type checker can follow."""


def always_matches(pattern: Node) -> bool:
    """Whether *pattern* is a name, ``_``, or has one of these among its alternatives."""
    while type(pattern) is ast.MatchAs:
        if pattern.pattern is None:
            return True
        pattern = pattern.pattern
    return type(pattern) is ast.MatchOr and any(map(always_matches, pattern.patterns))


def is_decorator(body: list[Node]) -> bool:
    """Whether *body* is a nested function and its return, after a docstring perhaps."""
    if len(body) == 3 and type(body[0]) is ast.Expr and type(body[0].value) is ast.Constant:
        body = body[1:]
    return (
        len(body) == 2
        and type(body[0]) in (ast.FunctionDef, ast.AsyncFunctionDef)
        and type(body[1]) is ast.Return
        and type(body[1].value) is ast.Name
    )


def is_hinted(node: Node) -> bool:
    """Whether every parameter but self or cls, and the result, carry a type."""
    if node.returns is None:
        return False
    arguments = node.args
    parameters = [*arguments.posonlyargs, *arguments.args]
    if parameters and parameters[0].arg in ("self", "cls"):
        del parameters[0]
    parameters += arguments.kwonlyargs
    parameters += [extra for extra in (arguments.vararg, arguments.kwarg) if extra]
    return all(parameter.annotation for parameter in parameters)


def is_call_of(name: str, owners: set[str], node: Node) -> bool:
    """Whether *node* calls *name*, as an attribute of one of *owners* if there are any."""
    if type(node) is not ast.Call:
        return False
    called = node.func
    if not owners:
        return type(called) is ast.Name and called.id == name
    return (
        type(called) is ast.Attribute
        and called.attr == name
        and type(called.value) is ast.Name
        and called.value.id in owners
    )


def descendants(body: list[Node]) -> Iterator[Node]:
    """*body* and what is below it, in no order; nodes without fields may be missing."""
    stack = list(body)
    while stack:
        node = stack.pop()
        yield node
        stack += children(node)


def children(node: Node) -> list[Node]:
    """The nodes right below *node*; those that hold no others may be missing, and other values among them."""
    found: list[Node] = []
    for field in _FIELDS.get(type(node), ()):
        value = getattr(node, field)
        if type(value) is list:
            found += value
        elif type(value) in _FIELDS:
            found.append(value)
    return found


def _fields_by_class() -> dict[type, tuple[str, ...]]:
    fields: dict[type, tuple[str, ...]] = {}
    classes: list[type[ast.AST]] = [ast.AST]
    while classes:
        node_class = classes.pop()
        classes += node_class.__subclasses__()
        fields[node_class] = tuple(name for name in node_class._fields if name not in _LEAVES)
    return {
        node_class: names for node_class, names in fields.items() if names and node_class is not ast.Constant
    }


_LEAVES = {
    "ctx",
    "op",
    "ops",
    "id",
    "attr",
    "arg",
    "asname",
    "module",
    "level",
    "type_comment",
    "conversion",
    "simple",
}
_FIELDS = _fields_by_class()

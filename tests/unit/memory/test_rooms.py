"""The rooms of the memory, which end up in one object, do not get in each other's way."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections import defaultdict

from quarterdeck.memory.seat import Seat
from quarterdeck.memory.unified import UnifiedMemory

ON_PURPOSE = {"__init__", "close"}


def defined(room: type) -> set[str]:
    """Every attribute that the source of *room* defines: methods, names of the class, and ``self.x =``."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(room))).body
    assert isinstance(body, ast.ClassDef)
    names: set[str] = set()
    for node in body.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names |= {target.id for target in targets if isinstance(target, ast.Name)}
    stored = (node for node in ast.walk(body) if isinstance(getattr(node, "ctx", None), ast.Store))
    names |= {node.attr for node in stored if isinstance(node, ast.Attribute) and _is_self(node.value)}
    return names - ON_PURPOSE


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def test_no_two_rooms_define_the_same_name():
    """Private ones included: one would take the place of the other without a word."""
    rooms = [room for room in UnifiedMemory.__mro__ if issubclass(room, Seat)]
    assert len(rooms) > 8
    where = defaultdict(list)
    for room in rooms:
        for name in defined(room):
            where[name].append(room.__name__)
    assert {name: found for name, found in where.items() if len(found) > 1} == {}


def test_the_names_of_a_room_are_found():
    """All kinds of them, or the test above would find nothing."""

    class Room:
        limit = 3
        size: int = 4

        def __init__(self):
            self._kept = self.limit

        async def aget(self):
            self.last, self.first = 1, 2

    assert defined(Room) == {"limit", "size", "_kept", "aget", "last", "first"}

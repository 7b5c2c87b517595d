"""All edges of a project, in every language that has imports we can follow.

path -> (language, Wiring) ──resolve, definitions (Python)──┐
──lang.resolve (the others)──────┴──> Wired
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.index.facts.facts import IMPORT_KINDS
from quarterdeck.index.graph.definitions import DefinitionMap
from quarterdeck.index.graph.reach import import_cycles
from quarterdeck.index.graph.resolve import Edge, ModuleMap, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quarterdeck.index.facts.packed import Wiring
    from quarterdeck.index.settings import IndexConfig


class Wirable(NamedTuple):
    """One file that takes part in the graph."""

    language: str
    wiring: Wiring


class Wired(NamedTuple):
    """The graph as rows.

    Attributes:
        edges: sorted, one per (source, target).
        definitions: (file, file that defines something it imports), sorted.
        cycles: how many groups of files import each other while being imported.
    """

    edges: list[Edge]
    definitions: list[tuple[str, str]]
    cycles: int


def wire(
    files: Mapping[str, Wirable], go_modules: Mapping[str, str], config: IndexConfig, root_name: str = ""
) -> Wired:
    """Resolve every import of *files* among *files*.

    Args:
        files: path -> language and wiring.
        go_modules: folder of each ``go.mod`` -> the module path it declares.
        config: declared source folders.
        root_name: name of the project folder: what a package that is itself the project imports itself by.
    """
    python = {path: file.wiring for path, file in files.items() if file.language == "python"}
    modules = ModuleMap(python, config.source_dirs, root_name)
    behind = DefinitionMap(modules, python)
    edges: list[Edge] = []
    definitions: list[tuple[str, str]] = []
    for path, wiring in python.items():
        edges.extend(resolve(modules, path, wiring.imports).edges)
        definitions.extend((path, target) for target in behind.of(path).files)
    others = {path: file for path, file in files.items() if file.language != "python"}
    if others:
        from quarterdeck.index.facts.lang.resolve import resolve_local

        known = frozenset(others)
        for path, file in others.items():
            found = resolve_local(path, file.wiring.imports, known, go_modules=go_modules)
            strongest = {}
            for target, kind, line in sorted(found, key=_weakness, reverse=True):
                strongest[target] = Edge(path, target, kind, line)
            edges.extend(strongest.values())
            definitions.extend((path, target) for target in strongest)
    return Wired(sorted(edges), sorted(set(definitions)), len(import_cycles(edges)))


def _weakness(found: tuple[str, str, int]) -> int:
    """How far down its (target, kind, line) stands in the order of `IMPORT_KINDS`."""
    return IMPORT_KINDS.index(found[1])

"""An outline of a project for an agent's context: its most important parts, within a budget of tokens.

    records, edges ──rank──> files in order ──outlines, sources──> Candidate lines
        ──compose──> the lines worth most that fit together ──> text

Signatures are read from the sources by the facts' line numbers, and only from a source whose content
is the one the facts were made of. Whatever stands in a source, the outline holds printable
characters only, and no line is longer than `signatures.MAX_LINE` and its indent.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from quarterdeck.errors import NothingToRead
from quarterdeck.index.graph.rank import FOCUS_SHARE, page_rank, weights
from quarterdeck.index.model import CODE, FileCategory
from quarterdeck.index.outline.compose import Candidate, Outline, Symbol, compose
from quarterdeck.index.outline.signatures import printable, signature_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from quarterdeck.index.facts.facts import Class, Function
    from quarterdeck.index.model import FileRecord
    from quarterdeck.index.project_index import ProjectIndex

TEST_SHARE = 0.1
"""What a test file counts for, against a source file, as a place where importance starts."""


def outline(
    index: ProjectIndex, tokens: int, paths: Sequence[str] = (), focus: Sequence[str] = ()
) -> Outline:
    """The most important part of *index* that fits into *tokens*.

    Args:
        index: of the project.
        tokens: the budget; see `tokens` for what is counted.
        paths: files and folders to stay in; none for the whole project.
        focus: files and folders whose surroundings matter most.

    Raises:
        UsageError: the budget is too small for anything.
        NothingToRead: there is no code in the project or below *paths*.
        NotIndexed: one of *paths* or *focus* names nothing in the index.
    """
    with index.frozen():
        records = [record for record in index.get_all_files() if record.category in CODE]
        wanted = index.expand(paths) if paths else None
        near = set(index.expand(focus))
        ranked = _ranked(index, records, near)
        by_path = {record.path: record for record in records if wanted is None or record.path in wanted}
        if not by_path:
            raise NothingToRead(
                f"there is no code to outline {'below the paths named' if paths else f'in {index.root}'}",
                hint="name other paths, or choose another folder with -C; ignored files do not count",
            )
        order = sorted(by_path, key=lambda path: (path not in near, -ranked[path], path))
        head = order[: tokens // 8 + 1]  # no file costs less than 8 tokens with a symbol of its own
        outlines = index.get_outlines([by_path[path] for path in head])
        candidates = [
            Candidate(path, ranked[path], _symbols(index.root, by_path[path], *outlines[path]))
            for path in head
        ]
    return compose(candidates, len(order), tokens)


def _ranked(index: ProjectIndex, records: Iterable[FileRecord], near: set[str]) -> dict[str, float]:
    start = {record.path: 1.0 if record.category is FileCategory.SOURCE else TEST_SHARE for record in records}
    boost = FOCUS_SHARE / (1 - FOCUS_SHARE) * sum(start.values()) / max(len(near & start.keys()), 1)
    for path in near & start.keys():
        start[path] += boost
    edges = [(edge.source, edge.target) for edge in index.get_edges()]
    return page_rank(start, weights(edges, index.get_definitions(), both_ways=bool(near)))


def _symbols(
    root: str, record: FileRecord, functions: Iterable[Function], classes: Iterable[Class]
) -> tuple[Symbol, ...]:
    """The symbols of one file, nested ones after what they stand in; functions in functions are details."""
    kinds = {each.name: each for each in classes}
    details = {each.name for each in functions}
    every: list[Function | Class] = [*kinds.values(), *functions]
    found = sorted(every, key=lambda each: (each.line, -each.end_line))
    shown = [each for each in found if not _inside(each.name, details)]
    texts = signature_lines(root, record, [each.line for each in shown])
    position: dict[str, int] = {}
    symbols: list[Symbol] = []
    for each in shown:
        parent = position.get(each.name.rpartition(".")[0], -1)
        is_class = kinds.get(each.name) is each
        fallback = f"{'class' if is_class else 'def'} {each.name.rpartition('.')[2]}"
        depth = symbols[parent].depth + 1 if parent >= 0 else 0
        text = texts.get(each.line) or printable(fallback)
        symbols.append(Symbol(parent, depth, text, _worth(each, is_class, depth)))
        position[each.name] = len(symbols) - 1
    return tuple(symbols)


def _inside(name: str, functions: set[str]) -> bool:
    parts = name.split(".")
    return any(".".join(parts[:end]) in functions for end in range(1, len(parts)))


def _worth(each: Function | Class, is_class: bool, depth: int) -> float:
    """Public before private, classes before functions before methods, large before small."""
    name = each.name.rpartition(".")[2]
    worth = 1.0 if is_class else 0.8 if depth == 0 else 0.4
    if name.startswith("_"):
        worth *= 0.5 if name == "__init__" else 0.15
    return worth * (0.5 + math.log2(1 + each.end_line - each.line) / 8)

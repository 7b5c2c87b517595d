"""An outline of a project for an agent's context: its most important parts, within a budget of tokens.

    records, edges ──rank──> files in order ──outlines, sources──> Candidate lines
        ──compose──> the lines worth most that fit together ──> text

Signatures are read from the sources by the facts' line numbers, and only from a source whose content
is the one the facts were made of. Whatever stands in a source, the outline holds printable
characters only, and no line is longer than `signatures.MAX_LINE`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.errors import UsageError
from quarterdeck.index.graph.rank import FOCUS_SHARE, page_rank, weights
from quarterdeck.index.outline.signatures import printable, signature_lines
from quarterdeck.index.outline.tokens import tokens_of
from quarterdeck.index.refresh.derive import CODE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from quarterdeck.index.facts.facts import Class, Function
    from quarterdeck.index.model import FileRecord
    from quarterdeck.index.project_index import ProjectIndex

LEFT_OUT = "…"
TEST_SHARE = 0.1
"""What a test file counts for, against a source file, as a place where importance starts."""


class Symbol(NamedTuple):
    """One class or function as it may stand in an outline.

    Attributes:
        parent: position of the class around it among its file's symbols; -1 at the top level.
        depth: how many classes stand around it.
        text: its signature.
        worth: share of its file's importance.
    """

    parent: int
    depth: int
    text: str
    worth: float


class Candidate(NamedTuple):
    """One file that may stand in an outline, with its symbols in source order."""

    path: str
    rank: float
    symbols: tuple[Symbol, ...]


class Outline(NamedTuple):
    """The answer.

    Attributes:
        text: ends with a newline.
        tokens: an upper estimate of what it costs.
        paths: files in it, most important first.
        left_out: files that found no place.
    """

    text: str
    tokens: int
    paths: tuple[str, ...]
    left_out: int


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
        NothingToRead: *paths* or *focus* hold no code.
    """
    with index.frozen():
        records = [record for record in index.get_all_files() if record.category in CODE]
        wanted = index.expand(paths) if paths else None
        near = set(index.expand(focus))
        ranked = _ranked(index, records, near)
        by_path = {record.path: record for record in records if wanted is None or record.path in wanted}
        order = sorted(by_path, key=lambda path: (path not in near, -ranked[path], path))
        head = order[: tokens // 8 + 1]  # no file costs less than 8 tokens with a symbol of its own
        outlines = index.get_outlines([by_path[path] for path in head])
        candidates = [
            Candidate(path, ranked[path], _symbols(index.root, by_path[path], *outlines[path]))
            for path in head
        ]
    return compose(candidates, len(order), tokens)


def _ranked(index: ProjectIndex, records: Iterable[FileRecord], near: set[str]) -> dict[str, float]:
    start = {record.path: 1.0 if record.category == CODE[0] else TEST_SHARE for record in records}
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


# composing ---------------------------------------------------------------------------------------


def compose(candidates: Sequence[Candidate], total: int, budget: int) -> Outline:
    """The lines of *candidates* that are worth most and cost at most *budget* tokens together.

    Greedy by worth; a line that no longer fits makes room for smaller ones. What is left of the
    budget names further files. Every file is charged for its own mark of omission in advance.

    Args:
        candidates: most important first.
        total: how many files there are.
        budget: tokens.

    Raises:
        UsageError: not even one file fits.
    """
    costs = [[_cost(_line(symbol)) for symbol in each.symbols] for each in candidates]
    chosen: list[set[int]] = [set() for _ in candidates]
    named: set[int] = set()
    room = budget - _cost(_footer(total))
    mark = _cost(f"  {LEFT_OUT}")
    headers = [_cost(printable(each.path)) for each in candidates]

    for _, number, place in sorted(_by_worth(candidates)):
        needed = _with_parents(candidates[number].symbols, place) - chosen[number]
        price = sum(costs[number][each] for each in needed)
        price += 0 if number in named else headers[number] + mark
        if price <= room:
            room -= price
            named.add(number)
            chosen[number] |= needed
        elif room <= mark:
            break
    for number, price in enumerate(headers):
        if number not in named and price <= room - mark:
            room -= price + mark
            named.add(number)
    if not named:
        raise UsageError(f"{budget} tokens hold no file of this outline", hint="a small outline takes 500")
    blocks = [_block(candidates[number], chosen[number]) for number in sorted(named)]
    left_out = total - len(named)
    text = "\n".join([*blocks, *([_footer(left_out)] if left_out else [])]) + "\n"
    return Outline(
        text, tokens_of(text), tuple(candidates[number].path for number in sorted(named)), left_out
    )


def _by_worth(candidates: Sequence[Candidate]) -> Iterator[tuple[float, int, int]]:
    """(minus worth, file, symbol); each further line of a file is worth less."""
    for number, each in enumerate(candidates):
        best = sorted(range(len(each.symbols)), key=lambda place: (-each.symbols[place].worth, place))
        for turn, place in enumerate(best):
            yield -each.rank * each.symbols[place].worth / (1 + turn / 8), number, place


def _with_parents(symbols: Sequence[Symbol], place: int) -> set[int]:
    needed = set()
    while place >= 0:
        needed.add(place)
        place = symbols[place].parent
    return needed


def _block(candidate: Candidate, chosen: set[int]) -> str:
    lines = [printable(candidate.path), *(_line(candidate.symbols[place]) for place in sorted(chosen))]
    if len(chosen) < len(candidate.symbols):
        lines.append(f"  {LEFT_OUT}")
    return "\n".join(lines)


def _line(symbol: Symbol) -> str:
    return "  " * min(symbol.depth + 1, 8) + symbol.text


def _footer(left_out: int) -> str:
    return f"{LEFT_OUT} {left_out} more files"


def _cost(line: str) -> int:
    return tokens_of(f"{line}\n")

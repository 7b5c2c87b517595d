"""The lines of an outline that are worth most and fit into a budget of tokens together.

    Candidate lines ──by worth, while they fit──> Outline

Reads nothing. Every line is printable, and no longer than `signatures.MAX_LINE` and its indent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.errors import UsageError
from quarterdeck.index.outline.signatures import printable
from quarterdeck.index.outline.tokens import tokens_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LEFT_OUT = "…"


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

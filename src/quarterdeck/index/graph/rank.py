"""Which files of a project matter most: personalised PageRank over its import graph.

Importance flows from a file to what it imports, most of it to the files that define what it uses.
With a focus, it starts at the focus and flows to both sides of it.

Source: L. Page, S. Brin, R. Motwani, T. Winograd, "The PageRank citation ranking", 1998; section 6
for personalisation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DAMPING = 0.85
TOLERANCE = 1e-4
"""Iteration ends when less than this share of all importance still moves."""

MAX_ROUNDS = 60

EDGE, DEFINITION, BACKWARDS = 1.0, 3.0, 0.5
"""Weight of an import, of an import of a name from the file that defines it, and of either reversed."""

FOCUS_SHARE = 0.7
"""How much of the importance starts at the focus, where there is one."""


def weights(
    edges: Iterable[tuple[str, str]], definitions: Iterable[tuple[str, str]], *, both_ways: bool = False
) -> dict[tuple[str, str], float]:
    """(importing file, imported file) -> weight, in a stable order."""
    found = dict.fromkeys(sorted(edges), EDGE)
    found.update(dict.fromkeys(sorted(definitions), DEFINITION))
    if both_ways:
        for (source, target), weight in list(found.items()):
            found[target, source] = max(found.get((target, source), 0.0), weight * BACKWARDS)
    return found


def page_rank(start: Mapping[str, float], weights: Mapping[tuple[str, str], float]) -> dict[str, float]:
    """Importance of every file of *start*; all together 1. O(rounds x edges).

    Args:
        start: file -> share of importance that starts there, >= 0; any scale.
        weights: (from, to) -> weight > 0; ends outside *start* are left out.
    """
    names = list(start)
    total = sum(start.values())
    if not total:
        return dict.fromkeys(names, 0.0)
    position = {name: number for number, name in enumerate(names)}
    base = [start[name] / total for name in names]
    out = [0.0] * len(names)
    links = []
    for (source, target), weight in weights.items():
        if source in position and target in position and source != target:
            links.append((position[source], position[target], weight))
            out[position[source]] += weight
    incoming: dict[int, list[tuple[int, float]]] = {}
    for giver, taker, weight in links:
        incoming.setdefault(taker, []).append((giver, DAMPING * weight / out[giver]))
    ends = [number for number, weight in enumerate(out) if not weight]
    rank = base
    for _ in range(MAX_ROUNDS):
        given_back = 1 - DAMPING + DAMPING * sum(rank[number] for number in ends)
        new = [share * given_back for share in base]
        for number, row in incoming.items():
            new[number] += sum([rank[giver] * share for giver, share in row])
        moved = sum(map(abs, map(float.__sub__, new, rank)))
        rank = new
        if moved < TOLERANCE:
            break
    return dict(zip(names, rank, strict=True))

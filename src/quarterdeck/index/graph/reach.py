"""What follows from edges: who depends on whom, at what distance, in which cycles, with what impact.

    edges --ImportGraph--> dependencies, dependents --> reach, components, transitive counts, cycles

Every edge counts, whatever its kind: a file is affected by what it imports lazily or for type
checkers too. `import_cycles` alone looks at runtime edges only, because an import inside a function
and one for type checkers are how a cycle is broken. To ask any other question of some kinds only,
build the graph from those edges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.index.facts.facts import RUNTIME

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from quarterdeck.index.graph.resolve import Edge

_BLOCK = 4096
"""Files whose dependents are counted in one pass: keeps a pass's bit sets at 512 bytes a file."""


class ImportGraph:
    """Files and edges, both ways. Independent of the order of its arguments.

    Attributes:
        dependencies: path -> the files it imports, sorted; every file is a key.
        dependents: path -> the files that import it, sorted; every file is a key.

    Args:
        paths: all files, also those without edges; ends of edges need not be among them.
        edges: as `resolve` gives them.
    """

    __slots__ = ("dependencies", "dependents")

    def __init__(self, paths: Iterable[str], edges: Iterable[Edge]) -> None:
        pairs = sorted({(edge.source, edge.target) for edge in edges})
        names = sorted({*paths, *(name for pair in pairs for name in pair)})
        dependencies: dict[str, list[str]] = {name: [] for name in names}
        dependents: dict[str, list[str]] = {name: [] for name in names}
        for source, target in pairs:
            dependencies[source].append(target)
            dependents[target].append(source)
        self.dependencies: Mapping[str, list[str]] = dependencies
        self.dependents: Mapping[str, list[str]] = dependents

    def all_dependencies(self, path: str) -> dict[str, int]:
        """What *path* depends on -> distance (1 = imported directly), nearest first, then by path."""
        return distances(self.dependencies, path)

    def all_dependents(self, path: str) -> dict[str, int]:
        """What depends on *path* -> distance (1 = imports it directly), nearest first, then by path."""
        return distances(self.dependents, path)

    def dependent_counts(self) -> dict[str, int]:
        """Path -> how many files depend on it, directly or not, itself left out. O(files x edges / 64).

        Components are counted before the ones they import: what a component is reached by is the
        union, as bit sets, of its dependents and of what those are reached by.
        """
        groups = components(self.dependents)
        home = {path: index for index, group in enumerate(groups) for path in group}
        above = [
            sorted({home[other] for path in group for other in self.dependents[path]} - {index})
            for index, group in enumerate(groups)
        ]
        totals = [-1] * len(groups)
        position = {path: bit for bit, path in enumerate(home)}
        for start in range(0, len(home), _BLOCK):
            reach: list[int] = []
            for index, group in enumerate(groups):
                bits = 0
                for path in group:
                    if start <= position[path] < start + _BLOCK:
                        bits |= 1 << (position[path] - start)
                for other in above[index]:
                    bits |= reach[other]
                reach.append(bits)
                totals[index] += bits.bit_count()
        return {path: totals[home[path]] for path in sorted(home)}


def impact_score(direct: int, transitive: int) -> float:
    """Direct dependents + 0.1 x indirect dependents, rounded to 1 decimal.

    Args:
        direct: files that import it.
        transitive: files that depend on it, directly or not, >= *direct*.
    """
    return round(direct + 0.1 * (transitive - direct), 1)


def import_cycles(edges: Iterable[Edge]) -> list[list[str]]:
    """Groups of files that import each other while they are being imported, largest first.

    Only runtime edges count. Each group is a strongly connected component of two files or more,
    sorted; groups of one size are in the order of their first file.
    """
    graph = ImportGraph((), (edge for edge in edges if edge.kind == RUNTIME))
    cycles = [group for group in components(graph.dependencies) if len(group) > 1]
    return sorted(cycles, key=lambda group: (-len(group), group))


def components(neighbours: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Strongly connected components, each sorted, every one after those it leads to.

    Without recursion, so a chain of any length will do. O(files + edges).

    Source: R. Tarjan, "Depth-first search and linear graph algorithms", SIAM J. Comput. 1 (1972).
    """
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    waiting: list[str] = []
    closed: set[str] = set()
    found: list[list[str]] = []
    for root in neighbours:
        if root in order:
            continue
        order[root] = low[root] = len(order)
        waiting.append(root)
        trail = [(root, iter(neighbours[root]))]
        while trail:
            path, rest = trail[-1]
            for other in rest:
                if other not in order:
                    order[other] = low[other] = len(order)
                    waiting.append(other)
                    trail.append((other, iter(neighbours[other])))
                    break
                if other not in closed:
                    low[path] = min(low[path], order[other])
            else:
                trail.pop()
                if trail:
                    parent = trail[-1][0]
                    low[parent] = min(low[parent], low[path])
                if low[path] == order[path]:
                    group = [waiting.pop()]
                    while group[-1] != path:
                        group.append(waiting.pop())
                    closed.update(group)
                    found.append(sorted(group))
    return found


def distances(neighbours: Mapping[str, Iterable[str]], start: str) -> dict[str, int]:
    """What *start* leads to -> distance (1 = a neighbour of its own), nearest first, then by path."""
    found = {start: 0}
    frontier = [start]
    distance = 0
    while frontier:
        distance += 1
        onward = {other for path in frontier for other in neighbours.get(path, ())}
        frontier = sorted(onward - found.keys())
        found.update(dict.fromkeys(frontier, distance))
    del found[start]
    return found

"""The elementary circuits of a directed graph: ways along its edges that come back and meet no node twice."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterator, Mapping


def elementary_circuits(
    successors: Mapping[str, Collection[str]], *, max_length: int
) -> Iterator[tuple[str, ...]]:
    """Each circuit of 2 to *max_length* nodes once, beginning with its node that is first in *successors*.

    Lazy: whoever has enough stops asking. From one circuit through a node to the next, and to the end, at
    most O(*max_length* × edges) steps are taken; the recursion is as deep as the longest circuit.

    Args:
        successors: where each node's edges lead, in the order in which they are followed; an edge from a node
            to itself is no circuit here, and one to a node that is no key leads nowhere.
        max_length: nodes of the longest circuit.

    Source: D. B. Johnson, "Finding all the elementary circuits of a directed graph", SIAM Journal on
    Computing 4, 1975; the bound on the length as in A. Gupta and T. Suzumura, "Finding all bounded-length
    simple cycles in a directed graph", 2021: where Johnson blocks a node, they say from which length on.
    """
    left = dict.fromkeys(successors)
    for root in successors:
        ahead = {
            node: [other for other in successors[node] if other in left and other != node] for node in left
        }
        yield from _Search(root, ahead, max_length).circuits()
        del left[root]


class _Search:
    """The circuits through one node, each node of which is entered only where it may lead back in time."""

    def __init__(self, root: str, successors: Mapping[str, Collection[str]], max_length: int) -> None:
        self._root = root
        self._successors = successors
        self._max_length = max_length
        self._distances = _distances_to(root, successors)
        self._path: list[str] = []
        self._locks: dict[str, int] = {}
        """From which place of the path on a node leads nowhere, until another one opens its lock."""
        self._waiting: defaultdict[str, set[str]] = defaultdict(set)
        """Whose locks open with that of a node."""

    def circuits(self) -> Iterator[tuple[str, ...]]:
        yield from self._from(self._root)

    def _from(self, node: str) -> Generator[tuple[str, ...], None, bool]:
        """The circuits that go on from *node*; returns whether there was one."""
        self._path.append(node)
        place = self._locks[node] = len(self._path)
        found = False
        for other in self._successors[node]:
            if other == self._root:
                yield tuple(self._path)
                found = True
            elif self._may_enter(other, place + 1):
                found = (yield from self._from(other)) or found
        self._path.pop()
        if found:
            self._unlock(node)
        else:
            for other in self._successors[node]:
                self._waiting[other].add(node)
        return found

    def _may_enter(self, node: str, place: int) -> bool:
        latest = self._max_length + 1 - self._distances.get(node, self._max_length + 1)
        return place <= latest and place < self._locks.get(node, place + 1)

    def _unlock(self, node: str) -> None:
        locked = [node]
        while locked:
            each = locked.pop()
            if each not in self._path and self._locks.pop(each, None) is not None:
                locked += self._waiting.pop(each, ())


def _distances_to(root: str, successors: Mapping[str, Collection[str]]) -> dict[str, int]:
    """How many edges lead from each node to *root*, of those from which it can be reached."""
    into = defaultdict(list)
    for node, others in successors.items():
        for other in others:
            into[other].append(node)
    distances = {root: 0}
    found = deque([root])
    while found:
        node = found.popleft()
        for other in into[node]:
            if other not in distances:
                distances[other] = distances[node] + 1
                found.append(other)
    return distances

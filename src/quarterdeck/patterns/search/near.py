"""Documents in this process: all of a small library, or what far does not have yet of a large one."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from quarterdeck.patterns.search import bm25
from quarterdeck.patterns.search.terms import Gate, Hit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quarterdeck.patterns.search.bm25 import Posting, Statistics
    from quarterdeck.patterns.search.terms import Document, Query

_MANY = 256
"""Fewer than these are sorted at once; of more, the best are picked out first."""


class Near:
    """Documents by their features; it is also the `Statistics` of its documents. One thread at a time."""

    def __init__(self) -> None:
        """Holds nothing yet."""
        self._held: dict[int, Document] = {}
        self._postings: dict[str, _Postings] = {}
        self._total_length = 0
        self._barred = _Barred(Gate(), [])

    def __len__(self) -> int:
        """How many documents there are."""
        return len(self._held)

    @property
    def documents(self) -> int:
        """As `Statistics` has it."""
        return len(self._held)

    @property
    def mean_length(self) -> float:
        """As `Statistics` has it."""
        return self._total_length / max(len(self._held), 1)

    def frequency(self, feature: str) -> int:
        """As `Statistics` has it."""
        postings = self._postings.get(feature)
        return len(postings.of) if postings else 0

    def put(self, document: Document) -> None:
        """Hold *document* instead of what was held of that number; O(its features)."""
        self.remove(document.number)
        length = sum(document.features.values())
        rounded = bm25.rounded(length)
        shared = {each: bm25.Posting(each, rounded) for each in set(document.features.values())}
        for feature, occurrences in document.features.items():
            postings = self._postings.get(feature)
            if postings is None:
                postings = self._postings[feature] = _Postings()
            postings.put(document.number, shared[occurrences])
        self._held[document.number] = document
        self._total_length += length
        self._barred.put(document)

    def remove(self, number: int) -> None:
        """Hold nothing of that number any more; fine if nothing is."""
        document = self._held.pop(number, None)
        if document is None:
            return
        for feature in document.features:
            postings = self._postings[feature]
            postings.remove(number)
            if not postings.of:
                del self._postings[feature]
        self._total_length -= sum(document.features.values())
        self._barred.remove(number)

    def search(self, query: Query, k: int, statistics: Statistics | None = None) -> list[Hit]:
        """The *k* >= 1 best that answer *query*, best first; of equal ones that with the smaller number.

        Of a query without weights the newest come first: those with the greatest numbers. Scores are computed
        from *statistics*, or from those of the documents held here.
        """
        scores = self._scores(query, self if statistics is None else statistics)
        for number in scores.keys() & self._barred_by(query.gate):
            del scores[number]
        numbers = _best(scores, k) if query.weights else heapq.nlargest(k, scores)
        return [
            Hit(scores[number], number, held.confidence, held.is_tried)
            for number in numbers
            for held in (self._held[number],)
        ]

    def _scores(self, query: Query, statistics: Statistics) -> dict[int, float]:
        """The score of each document that answers *query*, whatever its gate."""
        allowed = self._allowed(query.required) if query.required else None
        if not query.weights:
            return dict.fromkeys(self._held if allowed is None else allowed, 0.0)
        mean_length = statistics.mean_length
        scores: dict[int, float] = {}
        score = scores.get
        for feature, weight in query.weights.items():
            postings = self._postings.get(feature)
            if postings is None:
                continue
            worth = weight * bm25.worth(feature, statistics)
            shares = postings.shares(mean_length)
            if allowed is None:
                for number, share in shares.items():
                    scores[number] = score(number, 0.0) + worth * share
            else:
                for number in shares.keys() & allowed:
                    scores[number] = score(number, 0.0) + worth * shares[number]
        return scores

    def _allowed(self, required: tuple[tuple[str, ...], ...]) -> set[int]:
        """The documents that have a feature of each group."""
        groups = [
            set[int]().union(*(self._postings[each].of for each in group if each in self._postings))
            for group in required
        ]
        return set.intersection(*groups)

    def _barred_by(self, gate: Gate) -> set[int]:
        """The documents that *gate* does not let pass; O(1) as long as the same kind of gate is asked for."""
        if not self._barred.holds_for(gate):
            self._barred = _Barred(gate, self._held.values())
        return self._barred.numbers


class _Postings:
    """The documents that have one feature.

    Attributes:
        of: by their numbers.
    """

    __slots__ = ("_mean_length", "_shares", "of")

    def __init__(self) -> None:
        self.of: dict[int, Posting] = {}
        self._shares: dict[int, float] = {}
        self._mean_length = -1.0

    def put(self, number: int, posting: Posting) -> None:
        self.of[number] = posting
        self._mean_length = -1.0

    def remove(self, number: int) -> None:
        del self.of[number]
        self._mean_length = -1.0

    def shares(self, mean_length: float) -> dict[int, float]:
        """As `bm25.shares`; computed when a document or *mean_length* has changed."""
        if self._mean_length != mean_length:
            self._shares = bm25.shares(self.of, mean_length)
            self._mean_length = mean_length
        return self._shares


class _Barred:
    """The documents that a gate does not let pass: the same ones at any moment, until one of them expires.

    Attributes:
        numbers: theirs.
    """

    __slots__ = ("_from_s", "_gate", "_until_s", "numbers")

    def __init__(self, gate: Gate, documents: Iterable[Document]) -> None:
        self.numbers: set[int] = set()
        self._gate = gate
        self._from_s = -1
        self._until_s = 2**63
        for document in documents:
            self.put(document)

    def holds_for(self, gate: Gate) -> bool:
        """Whether *gate* bars the same ones."""
        return gate.confidence == self._gate.confidence and self._from_s <= gate.at_s < self._until_s

    def put(self, document: Document) -> None:
        number, _, confidence, until_s, is_tried = document
        if until_s > self._gate.at_s:
            self._until_s = min(self._until_s, until_s)
        else:
            self._from_s = max(self._from_s, until_s)
        if self._gate.lets(confidence, until_s, is_tried=is_tried):
            self.numbers.discard(number)
        else:
            self.numbers.add(number)

    def remove(self, number: int) -> None:
        self.numbers.discard(number)


def _best(scores: dict[int, float], k: int) -> list[int]:
    if len(scores) > max(k, _MANY):
        least = heapq.nlargest(k, scores.values())[-1]
        scores = {number: score for number, score in scores.items() if score >= least}
    return sorted(sorted(scores), key=scores.__getitem__, reverse=True)[:k]

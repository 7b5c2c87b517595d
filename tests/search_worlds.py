"""What the tests of the pattern search share: a truth of bare documents, and a BM25 written another way."""

from __future__ import annotations

import bisect
import itertools
import math
import struct
from typing import Any, NamedTuple

from quarterdeck.patterns.search.terms import FOREVER_S, Document


class DocumentChange(NamedTuple):
    """As the truth's `Change`, but its pattern is a document already."""

    number: int
    revision: int
    mark: str
    pattern: Document | None
    is_tried: bool


def document_of(change: Any) -> Document | None:
    return change.pattern  # type: ignore[no-any-return]


def document(number, features, confidence=0.5, until_s=FOREVER_S, *, is_tried=False):
    """One that passes most gates; *features* may be a text of words."""
    if isinstance(features, str):
        features = {word: features.split().count(word) for word in dict.fromkeys(features.split())}
    return Document(number, features, confidence, until_s, is_tried)


class DocumentTruth:
    """A truth without a file: the newest change of each number, in the order of revisions."""

    def __init__(self, documents=()):
        self.name = "first"
        self.newest = 0
        self.eras = {0: "first"}
        self.latest = {}
        self.reads = 0
        for each in documents:
            self.put(each)

    def put(self, document):
        self._change(document.number, document)

    def remove(self, number):
        if number in self.live():
            self._change(number, None)

    def live(self):
        """The documents that are there, by number."""
        return {number: change.pattern for number, change in self.latest.items() if change.pattern}

    def stamp(self):
        return self.name, self.newest

    def identity(self):
        return self.name

    def mark(self, revision):
        if not 0 <= revision <= self.newest:
            return ""
        return self.eras[max(first for first in self.eras if first <= revision)]

    def go_back(self, revision, latest):
        """As with a power cut: what comes is of another history."""
        self.newest, self.latest = revision, latest
        self.eras[revision + 1] = f"{self.name} after {revision}, {len(self.eras)}"

    def revision(self):
        return self.newest

    def count(self):
        return len(self.live())

    def changes(self, after, at_most):
        self.reads += 1
        newer = (
            change._replace(mark=self.mark(change.revision))
            for change in self.latest.values()
            if change.revision > after
        )
        return list(itertools.islice(newer, at_most))

    def _change(self, number, pattern):
        self.newest += 1
        self.latest.pop(number, None)
        self.latest[number] = DocumentChange(number, self.newest, "", pattern, is_tried=False)


def _lengths():
    """The lengths that a byte can stand for: eight at each distance, which doubles then."""
    yield from range(40)
    length, distance = 40, 2
    while True:
        for _ in range(8):
            yield length
            length += distance
        distance *= 2


LENGTHS = list(itertools.takewhile(lambda length: length < 2**31, _lengths()))


class Corpus(NamedTuple):
    """The statistics of some documents."""

    documents: int
    mean_length: float
    frequencies: dict[str, int]

    def frequency(self, feature):
        return self.frequencies.get(feature, 0)


def corpus_of(documents):
    features = {feature for document in documents for feature in document.features}
    return Corpus(
        len(documents),
        sum(sum(document.features.values()) for document in documents) / max(len(documents), 1),
        {feature: sum(feature in document.features for document in documents) for feature in features},
    )


def brute_force(documents, query, statistics):
    """The score of every document that answers *query*, by number."""
    return {
        document.number: sum(
            weight * _bm25(document, feature, statistics)
            for feature, weight in query.weights.items()
            if feature in document.features
        )
        for document in documents
        if all(any(feature in document.features for feature in group) for group in query.required)
        and (not query.weights or query.weights.keys() & document.features.keys())
        and document.until_s > query.gate.at_s
        and (document.is_tried or document.confidence >= query.gate.confidence)
    }


def _bm25(document, feature, statistics):
    n, df = statistics.documents, statistics.frequency(feature)
    (inverse,) = struct.unpack("<f", struct.pack("<f", 1 + (n - df + 0.5) / (df + 0.5)))
    length = sum(document.features.values())
    length = LENGTHS[bisect.bisect(LENGTHS, length) - 1]
    tf = document.features[feature]
    return math.log(inverse) * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * length / statistics.mean_length))


def assert_exact(index, documents, query, k):
    """That *index* finds what brute force finds; asked again if its background came to an end meanwhile."""
    before = hits = None
    while before != (after := _known(index.statistics(), query)):
        before, hits = after, index.search(query, k)
    assert_best(hits, brute_force(documents, query, before), query, k)


def _known(statistics, query):
    frequencies = {feature: statistics.frequency(feature) for feature in query.weights}
    return Corpus(statistics.documents, statistics.mean_length, frequencies)


def assert_best(hits, scores, query, k, rel=1e-5):
    """That *hits* are the *k* best of all *scores*, in order; those that are all but equal may be swapped."""
    assert len({hit.number for hit in hits}) == len(hits) == min(k, len(scores))
    assert hits == sorted(hits, key=lambda hit: (-hit.score, hit.number) if query.weights else -hit.number)
    if not query.weights:
        assert [hit.number for hit in hits] == sorted(scores, reverse=True)[:k]
    best = sorted(scores.values(), reverse=True)[:k]
    for hit, score in zip(hits, best, strict=True):
        assert math.isclose(hit.score, scores[hit.number], rel_tol=rel, abs_tol=1e-9)
        assert math.isclose(hit.score, score, rel_tol=rel, abs_tol=1e-9)

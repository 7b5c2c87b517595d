"""Reading an index on disk: one state of it, its statistics, and what answers a query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import msgspec
import tantivy

from quarterdeck.patterns.search.far_fields import (
    ANY,
    CONFIDENCE,
    FEATURES,
    NUMBER,
    PASSES_TO,
    SCHEMA,
    UNTIL_S,
    Unusable,
    translated,
)
from quarterdeck.patterns.search.terms import Gate, Hit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from quarterdeck.patterns.search.terms import Query

_SPARE = 16
"""So many hits more than wanted are looked at: some may not be let pass, some have equal scores."""
_MOST_TIED = 1_024
"""So many beyond those wanted are looked at for others that are equal to the last of them."""
_MANY = 500
"""Rather than look at more hits than that, few of which the gate lets pass, have tantivy look at the gate."""
_OPEN = Gate()
_LATEST_S = 2**63 - 1

_Query, _Must, _Should = tantivy.Query, tantivy.Occur.Must, tantivy.Occur.Should


class IndexReader:
    """One state of an index, whatever is committed or deleted meanwhile; may be shared by threads.

    Attributes:
        documents, mean_length: as tantivy's BM25 counts: deleted ones not yet merged away are in.
    """

    def __init__(self, index: tantivy.Index) -> None:
        """Of the state that *index* has loaded."""
        self._index = index
        self._searcher = index.searcher()
        self._everything = max(self._searcher.num_docs, 1)
        self.documents, self.mean_length = self._statistics()

    @classmethod
    def open(cls, path: str) -> Self:
        """The index in folder *path* as it is now.

        Raises:
            Unusable: there is none that can be read.
        """
        with translated():
            index = tantivy.Index.open(path)
            index.config_reader("manual")
            return cls(index)

    def reloaded(self) -> Self:
        """The same index as it is now.

        Raises:
            Unusable: it cannot be read any more.
        """
        with translated():
            self._index.reload()
            return type(self)(self._index)

    def frequency(self, feature: str) -> int:
        """In how many documents *feature* is, as tantivy's BM25 counts.

        Raises:
            Unusable: the files of the index are damaged.
        """
        if not _is_text(feature):
            return 0
        with translated():
            return self._searcher.doc_freq(FEATURES, feature)

    def search(self, query: Query, k: int, without: AbstractSet[int]) -> list[Hit]:
        """As `Far.search`.

        More are looked at than are wanted, until *k* remain: that is fast as long as the gate lets many pass.

        Raises:
            Unusable: the files of the index are damaged.
        """
        wanted = _wanted(query)
        order = None if query.weights else NUMBER
        gate = query.gate
        look_at = min((2 * k if gate.confidence > 0 else k) + _SPARE, self._everything)
        while True:
            with translated():
                found = self._searcher.search(wanted, look_at, count=False, order_by_field=order).hits
                hits = self._let_pass(found, gate, without)
            if len(found) < look_at or look_at == self._everything:
                break
            if len(hits) >= k:
                if not query.weights or found[-1][0] < hits[k - 1].score or look_at >= k + _MOST_TIED:
                    break
                look_at = min(
                    k + _MOST_TIED, self._everything
                )  # which of them tantivy finds depends on merges
                continue
            more = 2 * look_at * k // max(len(hits), 1)
            if more > _MANY and gate != _OPEN:
                wanted, gate = _gated(wanted, gate), _OPEN
            else:
                look_at = min(more, self._everything)
        if not query.weights:
            return [hit._replace(score=0.0) for hit in hits[:k]]
        return sorted(hits, key=_rank)[:k]

    def _let_pass(
        self, found: list[tuple[Any, tantivy.DocAddress]], gate: Gate, without: AbstractSet[int]
    ) -> list[Hit]:
        addresses = [address for _, address in found]
        columns = (self._column(each, addresses) for each in (NUMBER, CONFIDENCE, PASSES_TO, UNTIL_S))
        least, at_s = gate  # `Gate.lets`, without a call for each
        return [
            Hit._make((score, number, confidence, passes_to == ANY))
            for (score, _), number, confidence, passes_to, until_s in zip(found, *columns, strict=True)
            if until_s > at_s and (confidence >= least or passes_to == ANY) and number not in without
        ]

    def _column(self, field: str, addresses: list[tantivy.DocAddress]) -> list[Any]:
        values = self._searcher.fast_field_values(field, addresses)
        if None in values:
            raise Unusable(f"a document has no {field}")
        return values

    def _statistics(self) -> tuple[int, float]:
        """How many documents there are and how long on average, as tantivy explains the score of one."""
        for query in self._some():
            for _, address in self._searcher.search(query, 1, count=False).hits:
                explained = msgspec.json.decode(query.explain(self._searcher, address).to_json())
                said = {part["description"]: part["value"] for part in _parts(explained)}
                return int(said["N, total number of docs"]), said["avgdl, average length of field"]
        return 0, 0.0

    def _some(self) -> Iterator[tantivy.Query]:
        """For a feature that most probably is in a document, then for one that certainly is, if any are."""
        some = self._searcher.terms_with_prefix
        for feature, _ in some(FEATURES, "@", limit=1):  # a type: there are few, and all others begin so, too
            yield _term(feature)
        for feature, _ in some(
            FEATURES, "", filter_query=_Query.all_query(), limit=1
        ):  # looks at all there are
            yield _term(feature)


def _wanted(query: Query) -> tantivy.Query:
    scored = [(_Should, _Query.boost_query(_term(each), weight)) for each, weight in query.weights.items()]
    if not query.required:
        return _Query.boolean_query(scored) if scored else _Query.all_query()
    wanted = [
        (_Must, _unscored(_Query.boolean_query([(_Should, _term(each)) for each in group])))
        for group in query.required
    ]
    if scored:
        wanted.append((_Must, _Query.boolean_query(scored)))
    return _Query.boolean_query(wanted)


def _gated(wanted: tantivy.Query, gate: Gate) -> tantivy.Query:
    passes = [(_Must, wanted)]
    if gate.confidence > 0:
        sure = _Query.range_query(SCHEMA, PASSES_TO, tantivy.FieldType.Float, lower_bound=gate.confidence)
        passes.append((_Must, _unscored(sure)))
    if gate.at_s >= 0:
        from_s = min(gate.at_s + 1, _LATEST_S)
        later = _Query.range_query(SCHEMA, UNTIL_S, tantivy.FieldType.Integer, lower_bound=from_s)
        passes.append((_Must, _unscored(later)))
    return _Query.boolean_query(passes)


def _unscored(query: tantivy.Query) -> tantivy.Query:
    return _Query.const_score_query(query, 0.0)


def _term(feature: str) -> tantivy.Query:
    if not _is_text(feature):
        return _Query.empty_query()
    return _Query.term_query(SCHEMA, FEATURES, feature, index_option="freq")


def _is_text(feature: str) -> bool:
    """Whether it has no half of a character, as no document has."""
    try:
        feature.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parts(explained: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield explained
    for part in explained.get("details", ()):
        yield from _parts(part)


def _rank(hit: Hit) -> tuple[float, int]:
    return -hit.score, hit.number

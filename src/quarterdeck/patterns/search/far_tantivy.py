"""Far's contact with tantivy: the fields of the index, reading one, and writing to one.

Whatever is wrong with the files of an index, tantivy says with a ``ValueError``, a ``RuntimeError`` or a panic;
here all of it becomes `Unusable`.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING, Self

import msgspec
import tantivy

from quarterdeck.patterns.search.terms import Gate, Hit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from quarterdeck.patterns.search.terms import Document, Query

_HEAP_BYTES = 50_000_000
"""What a writer gathers in memory before it writes a segment; tantivy's least is 15 MB."""
_SPARE = 16
"""So many hits more than wanted are looked at: some may be left out, some have equal scores."""
_MANY = 500
"""Rather than look at more hits than that, most of which do not pass the gate, have tantivy look at it."""
_ANY = 2.0
"""The confidence that a document stands for at a gate if it passes at any."""
_SOME = "@", ""
"""Prefixes to ask for any feature by: nearly all patterns have a type; tantivy looks at all that have the prefix."""
_OPEN = Gate()
_LOCK = ".tantivy-writer.lock"

_Must, _Should = tantivy.Occur.Must, tantivy.Occur.Should
_Query = tantivy.Query


class Unusable(Exception):
    """tantivy cannot read or write the index.

    Attributes:
        errno: what the system said, if that is known; else 0.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        said = re.search(r"os error (\d+)", message) or re.search(r"code: (\d+)", message)
        self.errno = int(said[1]) if said else 0


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("features", tokenizer_name="whitespace", index_option="freq")
    builder.add_integer_field(
        "number", indexed=True, fast=True
    )  # never unsigned: given an int, it fails late
    builder.add_float_field("confidence", fast=True)
    builder.add_float_field("passes_to", fast=True)
    builder.add_integer_field("until_s", fast=True)
    return builder.build()


_SCHEMA = _schema()


class IndexReader:
    """One state of an index, whatever is committed or deleted meanwhile; may be shared by threads.

    Attributes:
        documents, mean_length: as tantivy's BM25 counts: with deleted documents that are not merged away yet.
    """

    def __init__(self, index: tantivy.Index) -> None:
        """Of the state that *index* has loaded."""
        self._index = index
        self._searcher = index.searcher()
        self.documents, self.mean_length = self._statistics()

    @classmethod
    def open(cls, path: str) -> Self:
        """The index in folder *path* as it is now.

        Raises:
            Unusable: there is none that can be read.
        """
        with _translated():
            index = tantivy.Index.open(path)
            index.config_reader("manual")
            return cls(index)

    def reloaded(self) -> Self:
        """The same index as it is now.

        Raises:
            Unusable: it cannot be read any more.
        """
        with _translated():
            self._index.reload()
            return type(self)(self._index)

    def frequency(self, feature: str) -> int:
        """In how many documents *feature* is, also deleted ones, as tantivy's BM25 counts."""
        try:
            with _translated():
                return self._searcher.doc_freq("features", feature)
        except Unusable:
            return 0

    def search(self, query: Query, k: int, *, gated: bool, without: AbstractSet[int]) -> list[Hit]:
        """As `Far.search`.

        Raises:
            Unusable: the files of the index are damaged.
        """
        with _translated():
            wanted = _wanted(query)
            look_at = 2 * k + _SPARE
            gate = query.gate if gated else _OPEN
            while True:
                found = self._found(wanted, look_at, by_number=not query.weights)
                hits = self._hits(found, gate, without)
                if len(found) < look_at or len(hits) >= k:
                    return sorted(hits, key=_rank)[:k] if query.weights else hits[:k]
                look_at = 2 * look_at * k // max(len(hits), 1)
                if look_at > _MANY:
                    wanted, gate = _gated(wanted, gate), _OPEN
                    look_at = min(look_at, k + len(without) + _SPARE)

    def _found(
        self, wanted: tantivy.Query, look_at: int, *, by_number: bool
    ) -> list[tuple[float, tantivy.DocAddress]]:
        """The *look_at* best; the greatest numbers first, or the best scores."""
        field = "number" if by_number else None
        return self._searcher.search(wanted, look_at, count=False, order_by_field=field).hits

    def _hits(
        self, found: list[tuple[float, tantivy.DocAddress]], gate: Gate, without: AbstractSet[int]
    ) -> list[Hit]:
        """Those of *found* that are to be found."""
        values = self._searcher.fast_field_values
        addresses = [address for _, address in found]
        return [
            Hit(score, number, confidence, is_tried)
            for (score, _), number, confidence, passes_to, until_s in zip(
                found,
                values("number", addresses),
                values("confidence", addresses),
                values("passes_to", addresses),
                values("until_s", addresses),
                strict=True,
            )
            if number not in without
            and gate.lets(confidence, until_s, is_tried=(is_tried := passes_to >= _ANY))
        ]

    def _statistics(self) -> tuple[int, float]:
        """How many documents there are and how long on average, as tantivy itself explains a score."""
        some = next(
            filter(None, (self._searcher.terms_with_prefix("features", each, limit=1) for each in _SOME)),
            None,
        )
        if not some:
            return 0, 0.0
        query = _term(some[0][0])
        found = self._searcher.search(query, 1, count=False).hits
        if not found:  # all that have it are deleted
            return 0, 0.0
        explained = msgspec.json.decode(query.explain(self._searcher, found[0][1]).to_json())
        said = {each["description"]: each["value"] for each in _parts(explained)}
        return int(said["N, total number of docs"]), said["avgdl, average length of field"]


class IndexWriter:
    """Changes to an index that nobody sees before `commit`. Whoever makes one holds far's lease.

    Once `commit` or anything else has failed, it is of no use any more.
    """

    def __init__(self, path: str, *, is_new: bool) -> None:
        """Of the index in folder *path*; *is_new*: it is made now.

        Raises:
            Unusable: it cannot be written to.
        """
        self._highest = -1 if is_new else None
        with _translated():
            index = tantivy.Index(_SCHEMA, path=path, reuse=False) if is_new else tantivy.Index.open(path)
            index.config_reader("manual")
            with contextlib.suppress(FileNotFoundError):
                os.unlink(
                    os.path.join(path, _LOCK)
                )  # far's lease is ours; a forked child may still hold this
            self._writer = index.writer(heap_size=_HEAP_BYTES, num_threads=1)

    def put(self, document: Document) -> None:
        number = document.number
        if self._highest is None or number <= self._highest:
            self.remove(number)
        else:
            self._highest = number
        occurrences = (" ".join([each] * count) for each, count in document.features.items())
        with self._writing():
            self._writer.add_document(
                tantivy.Document(
                    features=" ".join(occurrences),
                    number=number,
                    confidence=float(document.confidence),
                    passes_to=_ANY if document.is_tried else float(document.confidence),
                    until_s=document.until_s,
                )
            )

    def remove(self, number: int) -> None:
        with self._writing():
            self._writer.delete_documents_by_term("number", number)

    def commit(self) -> None:
        """Make all of it durable, and wait until the segments are merged; then it is of no use any more."""
        with _translated():
            self._writer.commit()
            self._writer.wait_merging_threads()

    def abandon(self) -> None:
        """Never give it back: in a forked child, where to drop it would be to wait for threads of the parent."""
        import ctypes

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._writer))

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Tantivy says only that its thread has died; what that died of, it says when asked to commit."""
        with _translated():
            try:
                yield
            except ValueError:
                self._writer.commit()
                raise


def _wanted(query: Query) -> tantivy.Query:
    scored = [
        (_Should, _Query.boost_query(_term(feature), weight)) for feature, weight in query.weights.items()
    ]
    required = [
        (
            _Must,
            _Query.const_score_query(_Query.boolean_query([(_Should, _term(each)) for each in group]), 0.0),
        )
        for group in query.required
    ]
    if not required:
        return _Query.boolean_query(scored) if scored else _Query.all_query()
    if scored:
        required.append((_Must, _Query.boolean_query(scored)))
    return _Query.boolean_query(required)


def _gated(wanted: tantivy.Query, gate: Gate) -> tantivy.Query:
    """*wanted*, and tantivy looks at the gate: worth while if few of them pass."""
    passes = [(_Must, wanted)]
    if gate.confidence > 0:
        passes.append(_at_least("passes_to", tantivy.FieldType.Float, gate.confidence))
    if gate.at_s >= 0:
        passes.append(_at_least("until_s", tantivy.FieldType.Integer, gate.at_s + 1))
    return _Query.boolean_query(passes)


def _at_least(field: str, kind: tantivy.FieldType, bound: float) -> tuple[tantivy.Occur, tantivy.Query]:
    return _Must, _Query.const_score_query(_Query.range_query(_SCHEMA, field, kind, lower_bound=bound), 0.0)


def _rank(hit: Hit) -> tuple[float, int]:
    return -hit.score, hit.number


def _term(feature: str) -> tantivy.Query:
    try:
        return _Query.term_query(_SCHEMA, "features", feature, index_option="freq")
    except ValueError:  # half of a character, which no document has
        return _Query.empty_query()


def _parts(explained: dict[str, object]) -> Iterator[dict[str, object]]:
    yield explained
    for each in explained.get("details", ()):
        yield from _parts(each)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (ValueError, RuntimeError, OSError, KeyError, TypeError) as error:
        raise Unusable(str(error)) from error
    except BaseException as error:
        if type(error).__module__ != "pyo3_runtime":  # a panic is no Exception
            raise
        raise Unusable(str(error)) from error

"""Whatever is put, changed, removed and asked: the fast search finds what a slow, plain BM25 finds."""

from __future__ import annotations

import tempfile
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.patterns import features
from quarterdeck.patterns.search.carrying import carry
from quarterdeck.patterns.search.far import Far
from quarterdeck.patterns.search.index import SearchIndex
from quarterdeck.patterns.search.near import Near
from quarterdeck.patterns.search.terms import FOREVER_S, Document, Gate, Query
from tests.search_worlds import DocumentTruth, assert_best, brute_force, corpus_of, document_of

FEATURES = st.sampled_from(["a", "b", "c", "d", "#t", "@x", "@y", "k=v"])
"""Few, so that many documents have the same ones and many scores are equal."""
CONFIDENCES = st.sampled_from([0.0, 0.3, 0.5, 1.0])
MOMENTS_S = st.sampled_from([-1, 0, 5, 9])
DOCUMENTS = st.builds(
    Document,
    number=st.integers(0, 12),
    features=st.dictionaries(FEATURES, st.sampled_from([1, 1, 2, 3, 50]), min_size=1),
    confidence=CONFIDENCES,
    until_s=st.sampled_from([0, 5, 6, FOREVER_S]),
    is_tried=st.booleans(),
)
QUERIES = st.builds(
    Query,
    weights=st.dictionaries(FEATURES, st.sampled_from([0.25, 1.0, 1.0, 2.0]), max_size=5),
    required=st.lists(st.lists(FEATURES, max_size=2).map(tuple), max_size=2).map(tuple),
    gate=st.builds(Gate, CONFIDENCES, MOMENTS_S),
)
QUESTIONS = st.lists(st.tuples(QUERIES, st.integers(1, 15)), min_size=1, max_size=6)
CHANGES = st.lists(DOCUMENTS | st.integers(0, 12), max_size=25)
"""Put a document, or remove that number."""


def change(thing, changes):
    for each in changes:
        if isinstance(each, Document):
            thing.put(each)
        else:
            thing.remove(each)


@given(st.lists(st.tuples(CHANGES, QUESTIONS), min_size=1, max_size=3))
@settings(max_examples=100)
def test_near_finds_what_brute_force_finds(rounds):
    """Also after changes, from the statistics of its own documents."""
    near, truth = Near(), DocumentTruth()
    for changes, questions in rounds:
        change(near, changes)
        change(truth, changes)
        documents = list(truth.live().values())
        corpus = corpus_of(documents)
        assert len(near) == near.documents == corpus.documents
        assert near.mean_length == corpus.mean_length
        for query, k in questions:
            hits = near.search(query, k)
            assert_best(hits, brute_force(documents, query, corpus), query, k)
            for hit in hits:
                held = truth.live()[hit.number]
                assert (hit.confidence, hit.is_tried) == (held.confidence, held.is_tried)


@given(st.lists(st.tuples(CHANGES, st.booleans(), QUESTIONS), min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_near_and_far_together_find_what_brute_force_finds(rounds):
    """Whatever is far, and changed or removed since: by what far knows of all documents together."""
    truth: Any = DocumentTruth()
    with tempfile.TemporaryDirectory() as folder:
        index = SearchIndex(truth, folder, document_of, near_limit=10**6, delta_limit=10**6)
        for changes, is_carried, questions in rounds:
            change(truth, changes)
            if is_carried:
                assert carry(truth, Far(folder, truth.identity(), features.VERSION), document_of)
            documents = list(truth.live().values())
            for query, k in questions:
                hits = index.search(query, k)
                assert_best(hits, brute_force(documents, query, index.statistics()), query, k)
        index.close()

"""The formula: what it rounds, what it never is, and that it is tantivy's."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest
import tantivy

from quarterdeck.patterns.search import bm25
from quarterdeck.patterns.search.near import Near
from quarterdeck.patterns.search.terms import FOREVER_S, Document, Query


def document(number, features):
    return Document(number, features, 0.5, FOREVER_S, is_tried=False)


@pytest.fixture
def near():
    """Documents of every length up to some 2000, with features in one, in some and in all of them."""
    rng = random.Random(5)
    near = Near()
    for number in range(300):
        features = Counter(rng.choices([f"w{each}" for each in range(60)], k=int(1.026**number)))
        near.put(document(number, {"everywhere": rng.randint(1, 3), f"only{number}": 1, **features}))
    return near


@pytest.fixture
def engine(near, tmp_path):
    """The same documents in another engine; ``search(weights)`` gives its score of each number."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("features", tokenizer_name="whitespace", index_option="freq")
    builder.add_integer_field("number", stored=True)
    schema = builder.build()
    index = tantivy.Index(schema, str(tmp_path))
    writer = index.writer(num_threads=1)
    for number in range(len(near)):
        features = near._held[number].features
        text = " ".join(each for feature, n in features.items() for each in [feature] * n)
        entry = tantivy.Document()
        entry.add_text("features", text)
        entry.add_integer("number", number)
        writer.add_document(entry)
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()

    class Engine:
        def query(self, weights):
            terms = [
                tantivy.Query.boost_query(
                    tantivy.Query.term_query(schema, "features", feature, "freq"), weight
                )
                for feature, weight in weights.items()
            ]
            return tantivy.Query.boolean_query([(tantivy.Occur.Should, term) for term in terms])

        def search(self, weights):
            found = searcher.search(self.query(weights), limit=1000, count=False).hits
            return {searcher.doc(address)["number"][0]: score for score, address in found}

        def explain(self, feature):
            query = tantivy.Query.term_query(schema, "features", feature, "freq")
            ((_, address),) = searcher.search(query, limit=1).hits
            return json.loads(query.explain(searcher, address).to_json())

    return Engine()


class TestScores:
    @pytest.mark.parametrize(
        "weights",
        [
            {"everywhere": 1.0},
            {"only7": 1.0},
            {"w1": 1.0, "w2": 0.25, "w59": 3.0, "everywhere": 1.0},
            {f"w{each}": 1.0 for each in range(30)},
        ],
        ids=["in all", "in one", "weighted", "many"],
    )
    def test_they_are_those_of_tantivy(self, near, engine, weights):
        """Of every document, to the precision of its floats."""
        ours = {hit.number: hit.score for hit in near.search(Query(weights), 1000)}
        assert ours == pytest.approx(engine.search(weights), rel=1e-5)

    def test_their_parts_are_those_of_tantivy(self, near, engine):
        """It tells what it multiplies: the idf and the rounded length of the document."""
        told = json.dumps(engine.explain("only250"))
        length = sum(near._held[250].features.values())
        assert bm25.rounded(length) < length
        assert f'"value": {float(bm25.rounded(length))}, "description": "dl, length of field"' in told
        assert f"{bm25.worth('only250', near) / (bm25.K1 + 1):.4f}" in told


class TestRounded:
    def test_short_lengths_are_exact(self):
        """Below 40 each has a code of its own."""
        assert [bm25.rounded(length) for length in range(41)] == list(range(41))

    @pytest.mark.parametrize(
        "length, expected",
        [(41, 40), (42, 42), (55, 54), (57, 56), (151, 144), (152, 152), (16_777_250, 16_777_240)],
    )
    def test_long_lengths_lose_what_does_not_fit(self, length, expected):
        """They are rounded down, to the values that Lucene's table of 256 has."""
        assert bm25.rounded(length) == expected

    def test_a_byte_is_enough(self):
        """All whole numbers of 31 bits together have no more than 256 lengths."""
        steps = {bm25.rounded((1 << bits) + (part << bits >> 5)) for bits in range(31) for part in range(32)}
        assert len(steps | {0, bm25.rounded(2**31 - 1)}) <= 256


class TestWorth:
    def test_the_rarer_feature_is_worth_more(self, near):
        """And one that is in all documents is still worth something."""
        assert bm25.worth("only1", near) > bm25.worth("w1", near) > bm25.worth("everywhere", near) > 0

    def test_a_feature_of_no_document_is_worth_most(self, near):
        """The statistics may be those of far, which does not have the document yet."""
        assert bm25.worth("unheard", near) > bm25.worth("only1", near)

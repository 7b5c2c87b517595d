"""Real texts and real questions: what a library finds is what other search engines find among the same words.

The texts are the docstrings of Python's standard library, the questions are sentences of its reference. The
engines are given our features as opaque words, so that only the search itself is compared.
"""

from __future__ import annotations

import ast
import itertools
import random
import re
import sqlite3
from pydoc_data.topics import topics

import pytest
import tantivy

from quarterdeck.patterns import Pattern, features
from quarterdeck.patterns.search.far import Far
from tests.library_worlds import open_library

PATTERNS = 3000
QUESTIONS = 200
BEST = 10
MIN_OVERLAP = 0.93
"""With an engine whose idf is another and whose lengths are exact: of the ten best, on average."""


def docstrings(stdlib):
    """The functions and classes of the standard library that say what they do, as (place, docstring)."""
    for path in sorted(stdlib.glob("*.py")) + sorted(stdlib.glob("[a-z]*/*.py")):
        if path.parent.name in {"idlelib", "site-packages", "test", "lib2to3"}:
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and (said := ast.get_docstring(node)):
                yield f"{path.stem}.{node.name}", said


def questions():
    """Sentences of the reference, of some length."""
    paragraphs = [each for text in topics.values() for each in text.split("\n\n")]
    sentences = [" ".join(re.split(r"\.\s", each, maxsplit=1)[0].split()) for each in paragraphs]
    fitting = sorted({each for each in sentences if 20 < len(each) < 200 and each[:1].isalpha()})
    return random.Random(1).sample(fitting, QUESTIONS)


@pytest.fixture(scope="module")
def texts(corpora):
    found = itertools.islice(docstrings(corpora["stdlib"]), PATTERNS)
    kinds = itertools.cycle(["sequential", "temporal", "conditional"])
    return [
        Pattern(
            id=f"p{number}",
            agent_id="python",
            pattern_type=next(kinds),
            name=place,
            tags=[place.split(".")[0]],
            description="".join(sign for sign in said if sign.isprintable() or sign == "\n"),
        )
        for number, (place, said) in enumerate(found)
    ]


@pytest.fixture(scope="module")
def near(texts):
    """All of it in this process."""
    with open_library() as library:
        library.contribute_many("python", texts)
        yield library


@pytest.fixture(scope="module")
def far(texts, tmp_path_factory):
    """All of it in files, but for the last that came."""
    with open_library(tmp_path_factory.mktemp("far") / "own.sqlite") as library:
        library.contribute_many("python", texts[:-100])
        library.reindex()
        library.contribute_many("python", texts[-100:])
        assert isinstance(library.index.statistics(), Far)
        yield library


@pytest.fixture(scope="module")
def has(texts):
    """The features of each pattern, by its id."""
    return {each.id: features.features_of(each) for each in texts}


class Tantivy:
    """The engine tantivy, as its documentation says how to use it."""

    def __init__(self, has):
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("id", stored=True, tokenizer_name="raw")
        builder.add_text_field("words", tokenizer_name="whitespace", index_option="freq")
        self.schema = builder.build()
        self.index = tantivy.Index(self.schema)
        writer = self.index.writer(heap_size=50_000_000, num_threads=1)
        for pattern_id, counts in has.items():
            words = " ".join(" ".join([word] * count) for word, count in counts.items())
            writer.add_document(tantivy.Document(id=pattern_id, words=words))
        writer.commit()
        writer.wait_merging_threads()
        self.index.reload()

    def scores(self, asked, required=()):
        """What it gives to all that have one of the words *asked* for, best first, by id."""
        searcher, should = self.index.searcher(), tantivy.Occur.Should
        words = [
            (should, tantivy.Query.boost_query(self._term(word), weight)) for word, weight in asked.items()
        ]
        query = tantivy.Query.boolean_query(words)
        if required:
            never = [
                (tantivy.Occur.Must, tantivy.Query.const_score_query(self._term(word), 0.0))
                for word in required
            ]
            query = tantivy.Query.boolean_query([(tantivy.Occur.Must, query), *never])
        hits = searcher.search(query, limit=PATTERNS).hits
        return {searcher.doc(address)["id"][0]: score for score, address in hits}

    def _term(self, word):
        return tantivy.Query.term_query(self.schema, "words", word, index_option="freq")


@pytest.fixture(scope="module")
def engine(has):
    return Tantivy(has)


def assert_agreed(matches, scores):
    """The same scores in the same order, but for a factor of all; what scores alike may be swapped."""
    best = list(scores.values())
    assert len(matches) == min(len(best), BEST)
    for match, score in zip(matches, best, strict=False):
        assert match.score / matches[0].score == pytest.approx(score / best[0], rel=1e-4)
        assert scores[match.pattern.id] == pytest.approx(score, rel=1e-4)


def test_there_is_enough_of_it(texts):
    """Thousands of texts, hundreds of questions."""
    assert len(texts) == PATTERNS
    assert len(questions()) == QUESTIONS


def test_near_ranks_as_tantivy_does(near, engine):
    """Our postings and formula against its."""
    for question in questions():
        asked = features.asked_in_words(question)
        assert_agreed(near.search(question, limit=BEST), engine.scores(asked))


def test_near_and_far_find_what_near_alone_finds(near, far):
    """Up to what the last hundred change in the statistics of all: nearly the same patterns."""
    overlaps = []
    for question in questions():
        one = {match.pattern.id for match in near.search(question, limit=BEST)}
        two = {match.pattern.id for match in far.search(question, limit=BEST)}
        overlaps.append(len(one & two) / max(len(one), 1))
    assert sum(overlaps) / len(overlaps) > 0.97


def test_all_in_files_is_ranked_as_tantivy_does(far, engine):
    """Once everything is there."""
    far.reindex()
    for question in questions()[::4]:
        assert_agreed(far.search(question, limit=BEST), engine.scores(features.asked_in_words(question)))


@pytest.mark.parametrize("kind", ["near", "far"])
def test_filters_change_no_score(kind, request, engine):
    """By type and by tag."""
    library = request.getfixturevalue(kind)
    library.reindex()
    for question in questions()[::4]:
        asked = features.asked_in_words(question)
        found = library.search(question, type="temporal", limit=BEST)
        assert_agreed(found, engine.scores(asked, [features.type_("temporal")]))
        found = library.search(question, type="temporal", tags=["argparse"], limit=BEST)
        assert_agreed(found, engine.scores(asked, [features.type_("temporal"), features.tag("argparse")]))


def test_sqlite_finds_most_of_the_same(near, has):
    """Its full-text search has BM25 too, with another idf and exact lengths; each feature is a word to it."""
    words: dict[str, str] = {}

    def spelled(feature):
        return words.setdefault(feature, f"w{len(words)}")

    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE texts USING fts5(words, id UNINDEXED)")
    database.executemany(
        "INSERT INTO texts VALUES (?, ?)",
        (
            (" ".join(" ".join([spelled(word)] * count) for word, count in counts.items()), pattern_id)
            for pattern_id, counts in has.items()
        ),
    )
    overlaps = []
    for question in questions():
        asked = [each for each, weight in features.asked_in_words(question).items() if weight == 1.0]
        found = near.search(question, limit=BEST)
        if len(found) < BEST or len(asked) < len(features.asked_in_words(question)):
            continue  # it has no weights
        rows = database.execute(
            "SELECT id FROM texts WHERE texts MATCH ? ORDER BY rank LIMIT ?",
            (" OR ".join(map(spelled, asked)), BEST),
        )
        theirs = {pattern_id for (pattern_id,) in rows}
        overlaps.append(len(theirs & {match.pattern.id for match in found}) / BEST)
    database.close()
    assert len(overlaps) > QUESTIONS / 2
    assert sum(overlaps) / len(overlaps) > MIN_OVERLAP

"""Words and meaning together: what is found, how relevant it is said to be, and what filters cost."""

from __future__ import annotations

from typing import Any

import pytest

from quarterdeck.patterns.meaning import meaning as meaning_module
from quarterdeck.patterns.ranking import WINDOW_MEANT
from tests.library_worlds import ids, open_library, plain
from tests.meaning_worlds import Letters

pytest.importorskip("onnxruntime")


class Topics(Letters):
    """Texts are about animals or about bread, more or less; others about nothing that is known."""

    unrelated = 0.3
    words = {"dog": "animal", "puppy": "animal", "cat": "animal", "bread": "food", "cake": "food"}  # noqa: RUF012

    def direction(self, text):
        said = text.replace(".", " ").split()
        return super().direction(" ".join(self.words.get(word, word) for word in said))


@pytest.fixture
def library(monkeypatch):
    monkeypatch.setattr(meaning_module, "the_encoder", Topics)
    with open_library(semantic=True) as library:
        yield library


def contribute(library, *patterns):
    library.contribute_many("ann", patterns)
    library.meaning.sync()


def test_nonsense_finds_nothing(library):
    """Though one of all patterns is always the nearest."""
    contribute(library, plain("a", name="dog"), plain("b", name="bread"))
    assert library.search("zzzz qqqqx") == []
    assert ids(library.search("puppy")) == ["a"]


def test_the_best_of_bad_answers_is_not_called_a_good_one(library):
    """The relevance is what the words and the meaning say of it, and not of the others."""
    contribute(library, plain("a", name="dog walk lead rope"), plain("b", name="bread"))
    (match,) = library.search("puppy")
    assert match.relevance_score == pytest.approx(match.similarity / 2)
    assert [(factor.kind, factor.share) for factor in match.factors] == [("meaning", 1.0)]
    (match,) = library.search("bread")
    assert match.relevance_score > 0.75
    assert {factor.kind for factor in match.factors} == {"meaning", "text"}


def test_stop_words_alone_fit_nothing_by_their_words(library):
    """All patterns have as many of them in common with the question: none."""
    contribute(library, plain("a", name="dog"), plain("b", name="what should be"))
    assert ids(library.search("what should be")) == ["b"]
    assert library.search("the of") == []


@pytest.mark.parametrize("context", [{"things": ["puppy"]}, {"a": {"b": "puppy"}}], ids=["list", "nested"])
def test_all_that_a_situation_says_has_a_meaning(library, context):
    """As all of the context of a pattern has."""
    contribute(library, plain("a", name="dog"), plain("b", name="bread"))
    assert ids(library.query_patterns("ann", context)) == ["a"]


def test_what_was_superseded_takes_nobodys_place(library):
    """However many there are that would be nearer."""
    count = WINDOW_MEANT + 10
    contribute(library, plain("live", name="cat basket"), plain("new", name="bread"))
    contribute(library, *(plain(f"old{each}", name="dog") for each in range(count)))
    for each in range(count):
        library.link_patterns("new", f"old{each}", "supersedes")
    library.meaning.sync()
    assert ids(library.search("puppy")) == ["live"]
    assert len(library.search("puppy", retired=True, limit=1000)) == count + 1


def test_filters_do_not_enumerate_the_library(library, monkeypatch):
    """The index is asked for the best of a window, also by a question that nearly all patterns answer."""
    contribute(
        library, *(plain(f"p{each}", name=f"dog {each}", tags=["pet"]) for each in range(2 * WINDOW_MEANT))
    )
    asked = []
    search = library.index.search

    def spied(query, k):
        asked.append(k)
        return search(query, k)

    monkeypatch.setattr(library.index, "search", spied)
    assert len(library.query_patterns("ann", {"task": "puppy"}, limit=1)) == 1
    assert len(library.search("puppy", tags=["pet"], limit=1)) == 1
    assert max(asked) <= WINDOW_MEANT


def test_labels_are_what_the_library_says_and_not_what_their_bits_say(library, monkeypatch):
    """Bits of a pattern may be those of a label that it has not."""
    monkeypatch.setattr("quarterdeck.patterns.meaning.traits.blake2b", _Alike)
    contribute(library, *(plain(f"p{each}", name="dog", tags=["pet"]) for each in range(WINDOW_MEANT)))
    contribute(library, plain("right", name="cat basket", tags=["house"]))
    assert ids(library.search("puppy", tags=["house"])) == ["right"]
    assert library.search("puppy", tags=["nowhere"]) == []


class _Alike:
    """A digest that is the same for all."""

    def __init__(self, content, digest_size):
        self.size = digest_size

    def digest(self):
        return bytes(self.size)


def test_what_outcomes_bar_does_not_end_the_search(library):
    """They are looked at after the nearest are found, so more are looked at."""
    tried: dict[str, Any] = {"usage_count": 50, "success_count": 0, "failure_count": 50}
    contribute(library, *(plain(f"bad{each}", name="dog", **tried) for each in range(WINDOW_MEANT)))
    contribute(library, plain("good", name="cat basket"))
    assert ids(library.search("puppy", min_confidence=0.4)) == ["good"]


def test_what_is_not_encoded_yet_is_judged_by_its_words(library, monkeypatch):
    """It has no cosine, which says nothing against it."""
    contribute(library, plain("a", name="dog"))
    monkeypatch.setattr(library.meaning, "_look", lambda: None)
    library.contribute_pattern("ann", plain("b", name="rope rope"))
    (match,) = library.search("rope")
    assert (match.similarity, match.relevance_score) == (None, pytest.approx(1.0, abs=0.3))

"""Documents in this process: what is found, in which order, and what is not."""

from __future__ import annotations

import pytest

from quarterdeck.patterns.search.near import Near
from quarterdeck.patterns.search.terms import FOREVER_S, Gate, Hit, Query
from tests.search_worlds import assert_best, brute_force, corpus_of, document


@pytest.fixture
def near():
    return Near()


def numbers(hits):
    return [hit.number for hit in hits]


class TestSearch:
    def test_the_document_that_has_more_of_what_is_rare_is_first(self, near):
        """Rare features count more, as do more of them; a hit says what its document is."""
        for number, words in enumerate(["a b", "a a a b", "a c", "a", "d"]):
            near.put(document(number, words, 0.25, is_tried=number == 2))
        hits = near.search(Query({"a": 1.0, "c": 1.0}), 10)
        assert numbers(hits) == [2, 1, 3, 0]
        assert hits[0] == Hit(hits[0].score, 2, 0.25, True)

    def test_only_the_best_are_given(self, near):
        """As many as are asked for, also of more than are sorted at once."""
        documents = [document(number, {"a": 1, "b": 1 + number % 40}) for number in range(500)]
        for each in documents:
            near.put(each)
        query = Query({"a": 1.0, "b": 0.5})
        for k in (1, 7, 499, 500, 501):
            assert_best(near.search(query, k), brute_force(documents, query, corpus_of(documents)), query, k)

    @pytest.mark.parametrize("many", [5, 500])
    def test_of_equal_ones_the_smaller_number_is_first(self, near, many):
        """Whichever was put first."""
        for number in reversed(range(many)):
            near.put(document(number, "a"))
        assert numbers(near.search(Query({"a": 1.0}), 3)) == [0, 1, 2]

    def test_a_query_without_weights_finds_the_newest_of_all_that_have_what_is_required(self, near):
        """None of them answers it better than another."""
        for number in (5, 1, 9, 3):
            near.put(document(number, "@x" if number < 9 else "@y"))
        assert near.search(Query({}), 3) == [Hit(0.0, number, 0.5, False) for number in (9, 5, 3)]
        assert numbers(near.search(Query({}, (("@x",),)), 10)) == [5, 3, 1]

    def test_one_feature_of_each_group_is_required(self, near):
        """Whatever else fits; what is required and not weighted adds nothing to the score."""
        near.put(document(1, "a @x #t"))
        near.put(document(2, "a a @y #t"))
        near.put(document(3, "a @x"))
        near.put(document(4, "@x #t"))
        alone = near.search(Query({"a": 1.0}), 10)
        hits = near.search(Query({"a": 1.0}, (("@x", "@y", "@none"), ("#t",))), 10)
        assert hits == [hit for hit in alone if hit.number != 3]
        assert near.search(Query({"a": 1.0}, (("@none",),)), 10) == []
        assert near.search(Query({"a": 1.0}, ((), ("@x",))), 10) == []

    def test_scores_may_come_from_other_statistics(self, near):
        """Those of far, which knows more documents, and perhaps not all features that are here."""
        near.put(document(1, "a b b"))
        near.put(document(2, "a new"))
        known = corpus_of([document(number, "a b c d" if number % 3 else "a") for number in range(90)])
        query = Query({"a": 1.0, "b": 1.0, "new": 1.0})
        documents = [document(1, "a b b"), document(2, "a new")]
        assert_best(near.search(query, 5, known), brute_force(documents, query, known), query, 5)
        assert numbers(near.search(query, 5, known)) == [2, 1]

    def test_nothing_is_found_in_nothing(self, near):
        """An empty index has statistics, too."""
        assert near.search(Query({"a": 1.0}), 5) == near.search(Query({}), 5) == []
        assert (near.documents, near.mean_length, near.frequency("a")) == (0, 0.0, 0)


class TestGate:
    def test_it_bars_whom_the_author_was_not_sure_of_unless_outcomes_say_more(self, near):
        """Confidence is what the author stated; of one that has been tried it says little."""
        near.put(document(1, "a", 0.4))
        near.put(document(2, "a", 0.4, is_tried=True))
        near.put(document(3, "a", 0.5))
        query = Query({"a": 1.0}, gate=Gate(confidence=0.5))
        assert numbers(near.search(query, 5)) == [2, 3]
        assert numbers(near.search(query._replace(weights={}), 5)) == [3, 2]

    def test_without_a_gate_all_pass(self, near):
        """Also what has expired."""
        near.put(document(1, "a", 0.4, until_s=0))
        query = Query({"a": 1.0}, gate=Gate(confidence=0.5, at_s=7))
        assert near.search(query, 5) == []
        assert numbers(near.search(query._replace(gate=Gate()), 5)) == [1]

    def test_a_document_is_gone_in_the_second_in_which_it_expires(self, near):
        """And back for whoever asks for an earlier moment, or for any."""
        near.put(document(1, "a", until_s=10))
        near.put(document(2, "a", until_s=FOREVER_S))
        near.put(document(3, "a", until_s=0))
        for at_s, expected in ((9, [1, 2]), (10, [2]), (11, [2]), (9, [1, 2]), (-1, [1, 2, 3])):
            assert numbers(near.search(Query({"a": 1.0}, gate=Gate(at_s=at_s)), 5)) == expected

    def test_whom_it_bars_is_known_anew_after_a_change(self, near):
        """A document that is put again may pass now, or not any more."""
        query = Query({"a": 1.0}, gate=Gate(confidence=0.5, at_s=7))
        for confidence, expected in ((0.6, [1]), (0.4, []), (0.5, [1])):
            near.put(document(1, "a", confidence))
            assert numbers(near.search(query, 5)) == expected


class TestChanges:
    def test_a_document_takes_the_place_of_the_one_with_its_number(self, near):
        """Nothing of the old one is found, nor counted."""
        near.put(document(1, "a b b"))
        near.put(document(1, "c"))
        assert len(near) == near.documents == 1
        assert (near.mean_length, near.frequency("a"), near.frequency("c")) == (1.0, 0, 1)
        assert near.search(Query({"a": 1.0}), 5) == []
        assert numbers(near.search(Query({"c": 1.0}), 5)) == [1]

    def test_what_is_removed_leaves_no_trace(self, near):
        """The others score as if it had never been there; to remove it again is fine."""
        near.put(document(1, "a b"))
        near.put(document(3, "a"))
        query = Query({"a": 1.0, "b": 1.0})
        before = near.search(query, 5)
        near.put(document(2, "a a c"))
        assert near.search(query, 5) != before
        near.remove(2)
        near.remove(2)
        assert near.search(query, 5) == before
        assert near.frequency("c") == 0

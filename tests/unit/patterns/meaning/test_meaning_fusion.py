"""Words and meaning as one number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.patterns.meaning import fuse, relevance

NUMBERS = st.integers(0, 20)
SCORES = st.dictionaries(NUMBERS, st.floats(0, 1e300), max_size=8)
COSINES = st.dictionaries(NUMBERS, st.floats(-1, 1), max_size=8)
WEIGHTS = st.floats(0, 1)


@given(SCORES, COSINES, WEIGHTS)
def test_every_candidate_of_either_part_gets_a_number_from_0_to_1(lexical, similar, weight):
    """Nothing is lost, nothing is added, whatever the scales."""
    fits = fuse(lexical, similar, weight)
    assert fits.keys() == lexical.keys() | similar.keys()
    assert all(0 <= fit <= 1 for fit in fits.values())


@given(SCORES, COSINES, st.floats(0.01, 0.99), NUMBERS, NUMBERS)
def test_what_is_at_least_as_good_in_both_is_at_least_as_good(lexical, similar, weight, one, other):
    """The order of those that both parts put in the same order is kept."""
    fits = fuse(lexical | {one: 1.0, other: 0.5}, similar | {one: 0.5, other: 0.25}, weight)
    assert fits[one] >= fits[other]


@given(SCORES, COSINES, st.sampled_from([0.25, 2.0, 1024.0]))
def test_the_scale_of_a_part_does_not_matter(lexical, similar, times):
    """BM25 has no upper end of its own."""
    small = {number: min(score, 1e100) for number, score in lexical.items() if score > 1e-100}
    assert fuse({number: score * times for number, score in small.items()}, similar) == fuse(small, similar)


@pytest.mark.parametrize(
    "lexical, similar, expected",
    [
        ({}, {}, {}),
        ({1: 7.0}, {}, {1: 0.75}),
        ({}, {1: 0.1}, {1: 0.25}),
        ({1: 7.0}, {1: 0.1}, {1: 1.0}),
        ({1: 7.0, 2: 7.0}, {1: 0.5, 2: 0.5}, {1: 1.0, 2: 1.0}),
        ({1: 0.0, 2: 0.0}, {1: 0.5, 2: 0.25}, {1: 0.25, 2: 0.125}),
        ({1: 4.0, 2: 3.0}, {2: 0.5, 3: 0.25}, {1: 0.75, 2: 0.5625 + 0.25, 3: 0.125}),
        ({1: 1.0}, {1: -0.5, 2: -0.25}, {1: 0.75, 2: 0.0}),
    ],
    ids=[
        "nothing",
        "only words",
        "only meaning",
        "one candidate",
        "all equal",
        "no words",
        "mixed",
        "opposite",
    ],
)
def test_the_least_is_0_and_the_best_of_each_part_gets_its_whole_weight(lexical, similar, expected):
    """Also where there is little to compare: a missing part is 0, and nothing is divided by 0."""
    assert fuse(lexical, similar, 0.25) == expected


def test_a_small_difference_stays_small_when_there_are_few():
    """Two that fit almost equally well by words are told apart by their meaning."""
    fits = fuse({1: 5.0, 2: 4.9}, {1: 0.2, 2: 0.8})
    assert fits[2] > fits[1]


@pytest.mark.parametrize(
    "lexical, similar, expected",
    [
        (1.0, 1.0, 1.0),
        (0.5, 0.25, 0.4375),
        (0.0, 0.4, 0.1),
        (3.0, -0.5, 0.75),
        (0.5, None, 0.5),
        (1.5, 2.0, 1.0),
    ],
    ids=["the same", "mixed", "only meaning", "beyond", "not compared", "too much"],
)
def test_how_relevant_one_is_does_not_depend_on_the_others(lexical, similar, expected):
    """The best of bad answers is a bad answer."""
    assert relevance(lexical, similar, 0.25) == expected

"""Why a pattern was found: what it has in common with the question, and how much each of it counts."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.patterns import Evidence, PatternMatch, features
from tests.pattern_shapes import contexts, patterns, texts
from tests.truth_worlds import a_pattern

EVIDENCE = Evidence(0, 0, 0.5, 0.5, 0.0, 1.0)


def match(asked, pattern=None, **more):
    return PatternMatch(pattern or a_pattern(), 0.5, 0.6, EVIDENCE, asked=asked, **more)


def test_the_weightiest_reason_is_first():
    """Of what is in both, as the pattern writes it; what it has not is none."""
    found = match({"lock": 1.0, "#sqlite": 3.0, "absent": 9.0, "@conditional": 4.0})
    assert [(factor.kind, factor.what) for factor in found.factors] == [
        ("type", "conditional"),
        ("tag", "sqlite"),
        ("text", "locked"),
    ]
    assert [factor.share for factor in found.factors] == [0.5, 0.375, 0.125]


def test_reasons_in_words():
    """As a command prints them."""
    asked = {"lock": 5.0, "#sqlite": 4.0, "@conditional": 3.0, "!do": 2.0, "language=python": 1.0}
    assert match(asked).matching_factors == [
        "locked",
        "tag sqlite",
        "type conditional",
        "lesson do",
        "language=python",
    ]


def test_found_by_its_meaning_alone():
    """That is its one reason."""
    found = match({"absent": 1.0}, similarity=0.734)
    assert found.matching_factors == ["meaning"] or found.factors[0].kind == "meaning"
    assert found.factors[0].share == 1.0


def test_meaning_has_its_share_beside_the_words():
    """As much of it as it gave to the relevance, which is 0.5 here."""
    found = match({"lock": 3.0, "@conditional": 1.0}, similarity=0.6)
    assert [(factor.kind, factor.share) for factor in found.factors] == [
        ("meaning", pytest.approx(0.6)),
        ("text", pytest.approx(0.3)),
        ("type", pytest.approx(0.1)),
    ]


@pytest.mark.parametrize(
    "similarity, kinds",
    [(1.0, ["meaning"]), (0.0, ["text"]), (-0.1, ["text"])],
    ids=["all", "none", "opposite"],
)
def test_what_added_nothing_is_no_reason(similarity, kinds):
    """Words that did not count as well as a meaning that did not."""
    assert [factor.kind for factor in match({"lock": 1.0}, similarity=similarity).factors] == kinds


def test_where_nothing_but_filters_was_asked_there_is_no_reason():
    """An empty list, not an error."""
    assert match({}).factors == ()
    assert match({"absent": 1.0}).matching_factors == []
    assert match({"lock": 0.0}).factors == ()


def test_it_says_which_pattern_it_is():
    """In a log or a prompt of Python."""
    assert repr(match({})) == "PatternMatch('p', relevance_score=0.500, score=0.600)"


def test_it_can_only_hold_what_it_has():
    """A wrong name is not silently another attribute."""
    with pytest.raises(AttributeError):
        match({}).relevance = 1.0


def test_a_pattern_that_is_changed_later_does_not_change_the_reasons():
    """They are told of the pattern as it was found, as often as one asks."""
    found = match({"lock": 1.0})
    assert found.factors is found.factors


@given(patterns(), contexts | texts)
def test_shares_add_up_to_1_whatever_was_asked(pattern, question):
    """Or there are none; nothing that passes the checks makes it raise."""
    if isinstance(question, dict):
        asked = features.asked_in_context(question) | features.asked_in_context(dict(pattern.context))
    else:
        asked = features.asked_in_words(question + pattern.name)
    found = match(asked, pattern)
    shares = [factor.share for factor in found.factors]
    assert shares == sorted(shares, reverse=True)
    assert not shares or math.isclose(sum(shares), 1)
    common = asked.keys() & features.features_of(pattern).keys()
    assert len(found.matching_factors) == len(shares) <= len(common)
    assert bool(shares) is any(asked[feature] for feature in common)
    assert len({(factor.kind, factor.what) for factor in found.factors}) == len(shares)


@given(st.dictionaries(st.text(max_size=5), st.floats(0, 1e9)))
def test_whatever_features_were_asked_for(asked):
    """Also those that no function of ours would make."""
    assert all(0 <= factor.share <= 1 for factor in match(asked).factors)

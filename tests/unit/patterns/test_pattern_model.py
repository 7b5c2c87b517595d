"""What a pattern is: checked when it is made, never changed, equal to what comes back from anywhere."""

from __future__ import annotations

import copy
import math
import pickle
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given

from quarterdeck.errors import TooLarge, UsageError
from quarterdeck.patterns import LinkKind, Pattern
from quarterdeck.patterns.frozen import FrozenDict, FrozenList
from quarterdeck.patterns.model import link_kind
from tests.pattern_shapes import patterns
from tests.truth_worlds import a_pattern

NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001  that is what is wrong with it
BAD: dict[str, list[object]] = {
    "id": [None, "", "../up", "a/b", "a" * 201, 5, b"x"],
    "agent_id": [None, "", " ", "a\nb", 5],
    "pattern_type": [None, "", ["sequential"], {"a": 1}, "\x00"],
    "name": [None, "", "two\nlines", "\ud800", "x" * 501],
    "description": [None, 5, "\x1b[2J", "\ud800", "x" * 1_000_001],
    "context": [None, [], "text", {1: 1}, {"a": math.nan}, {"a": {1}}, {"a": "x" * 1_000_001}],
    "code": [5, b"x", "\x00"],
    "confidence": [None, -0.01, 1.01, math.nan, math.inf, True, "0.5"],
    "tags": [None, "sqlite", [["a"]], [{"a": 1}], [1], [""], ["a\nb"], [str(n) for n in range(101)]],
    "lesson": [None, "", "maybe", ["do"], True],
    "source": [None, 5, "two\nlines"],
    "expires_at": [NAIVE, "2026-01-01", 5],
    "review_at": [NAIVE, "tomorrow"],
    "discovered_at": [NAIVE, False],
    "last_used": [NAIVE, 0],
    "usage_count": [-1, 1.0, True, None, 2**53, 1],
    "success_count": [-1, "1", 1],
    "failure_count": [-1, math.nan, 1],
    "superseded_by": ["", "../up", 5],
}
CASES = [(name, value) for name, values in BAD.items() for value in values]


def test_every_field_has_bad_values_here():
    """Also one that is added."""
    assert set(BAD) == set(Pattern.__struct_fields__)


@pytest.mark.parametrize(
    "name, value", CASES, ids=[f"{name}-{number}" for number, (name, _) in enumerate(CASES)]
)
def test_a_bad_field_is_refused_by_name(name, value):
    """When the pattern is made, and when another is made of a good one."""
    said = "the counts of a pattern|usage_count" if name.endswith("_count") else name.removesuffix("s")
    for make in (_made, _replaced):
        with pytest.raises(UsageError, match=said) as raised:
            make(name, value)
        assert raised.value.hint
        assert len(str(raised.value)) < 500


def _made(name, value):
    return a_pattern(**{"pattern_id" if name == "id" else name: value})


def _replaced(name, value):
    return msgspec.structs.replace(a_pattern(), **{name: value})


def test_what_is_too_long_says_how_long_it_may_be():
    """With an error of its own."""
    with pytest.raises(TooLarge, match="at most 200"):
        a_pattern("a" * 201)


@pytest.mark.parametrize("name", Pattern.__struct_fields__)
def test_no_field_can_be_set(name):
    """Many callers hold the same pattern."""
    with pytest.raises(AttributeError, match="immutable"):
        setattr(a_pattern(), name, None)


def test_what_it_was_made_of_can_be_changed_without_it():
    """Its lists and dicts are its own, and frozen."""
    tags, context = ["a"], {"k": [1]}
    pattern = a_pattern(tags=tags, context=context)
    tags.append("b")
    context["k"].append(2)
    assert (pattern.tags, pattern.context) == (["a"], {"k": [1]})
    assert (type(pattern.tags), type(pattern.context)) == (FrozenList, FrozenDict)
    with pytest.raises(TypeError, match="cannot be changed"):
        pattern.context["k"].append(3)


def test_a_tag_is_there_once_in_the_order_it_was_given():
    """A set has none, so it is sorted."""
    assert a_pattern(tags=["b", "a", "b"]).tags == ["b", "a"]
    assert a_pattern(tags=("b", "a")).tags == ["b", "a"]
    assert a_pattern(tags={"c", "b", "a"}).tags == ["a", "b", "c"]


@pytest.mark.parametrize(
    "successes, failures, rate", [(0, 0, None), (1, 0, 1.0), (0, 2, 0.0), (2, 3, 0.4)], ids=str
)
def test_success_rate(successes, failures, rate):
    """None, not 0, of what nobody has tried."""
    pattern = a_pattern(
        usage_count=successes + failures,
        success_count=successes,
        failure_count=failures,
        last_used=datetime.now(UTC),
    )
    assert pattern.success_rate == rate


@given(patterns())
def test_it_comes_back_from_json_pickle_and_copies_as_it_was(pattern):
    """Equal, and frozen again."""
    made = (
        msgspec.json.decode(msgspec.json.encode(pattern), type=Pattern),
        pickle.loads(pickle.dumps(pattern)),
        copy.copy(pattern),
        msgspec.structs.replace(pattern),
    )
    for each in made:
        assert each == pattern
        assert type(each.tags) is FrozenList
        assert type(each.context) is FrozenDict


@pytest.mark.parametrize("kind", [*LinkKind, *map(str, LinkKind)], ids=str)
def test_a_kind_of_link_may_be_named(kind):
    """By its value."""
    assert link_kind(kind) == kind


@pytest.mark.parametrize("kind", ["", "RELATED", "friend", None, 0, [], {}], ids=repr)
def test_an_unknown_kind_of_link_is_told_with_the_known_ones(kind):
    """Whatever it is."""
    with pytest.raises(UsageError) as raised:
        link_kind(kind)
    assert "related, supersedes, contradicts" in raised.value.hint

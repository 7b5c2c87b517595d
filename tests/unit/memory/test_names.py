"""Names of entries and logs: no two things share one, and nothing reaches into another's."""

from __future__ import annotations

import re
import string
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.errors import TooLarge, UsageError
from quarterdeck.memory import names

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["", "a", "a:b", "a.b", "a}b", "{a", "%", "%3A", "*", "A", "é", "e\u0301", "\x00", "a.0}:k:x"]
)
KINDS = st.text("abcdefgh_-", min_size=1, max_size=8)
BUCKETS = st.integers(0, 4096)


@given(TEXT, TEXT, BUCKETS, KINDS, TEXT)
def test_a_name_can_be_taken_apart_again(namespace, agent, bucket, kind, key):
    """What went in comes out, so no two things have one name."""
    name = names.named(names.space(namespace, agent, bucket), kind, key)
    assert names.split(name) == (namespace, agent, bucket, kind, key)
    assert names.space_of(name) == names.space(namespace, agent, bucket)


@given(TEXT, TEXT, TEXT, BUCKETS, BUCKETS)
def test_no_space_begins_with_another(namespace, one, two, bucket, other_bucket):
    """Neither the prefix of an agent nor that of a bucket covers another's."""
    here, there = names.space(namespace, one, bucket), names.space(namespace, two, other_bucket)
    assert (here == there) == ((one, bucket) == (two, other_bucket))
    assert here == there or not names.named(here, "k").startswith(names.named(there, "k"))


@given(TEXT)
def test_what_is_escaped_means_nothing_to_anybody(text):
    """Only letters, digits, ``-``, ``_`` and ``%`` are left: no dot, brace, colon or pattern."""
    assert set(names.escaped(text)) <= {*string.ascii_letters, *string.digits, *"-_%"}


@given(TEXT | st.from_regex(r"[0-9 @.+-]{0,20}", fullmatch=True))
def test_a_name_in_a_value_is_nothing_that_is_scrubbed(text):
    """No digit, dot or ``@`` of it is left as it was, and it can be read again."""
    spelled = names.spelled(text)
    assert unquote(spelled) == text
    assert not set(re.sub("%[0-9A-F]{2}", "", spelled)) - {*string.ascii_letters, *"-_"}


def test_what_names_begin_with_is_that_of_no_other_namespace_or_agent():
    """Whatever the bucket."""
    assert names.space("a.b", "c", 7).startswith((names.beginning("a.b"), names.beginning("a.b", "c")))
    assert names.space("a.b", "c", 7).startswith(names.beginning("a.b", "c"))
    assert names.space("a.b").startswith(names.beginning("a.b"))
    assert not names.space("a", "b.c").startswith((names.beginning("a.b"), names.beginning("a", "b")))


@pytest.mark.parametrize(
    "name",
    ["", "x", "a:b:c", "{a.b.0}", "{a.b.0}:k", "{a.b}:k:x", "{a.b.c.0}:k:x", "{a.b.x}:k:x"],
)
def test_a_name_nobody_made_is_not_taken_apart(name):
    """It is an error, not a guess."""
    with pytest.raises(ValueError, match=r"."):
        names.split(name)


def test_the_shared_space_is_no_agents():
    """An agent's name is never empty, so nobody owns the space of nobody."""
    assert names.space("n") == names.space("n", names.SHARED)
    with pytest.raises(UsageError):
        names.checked(names.SHARED, "agent", 100)


@given(TEXT, st.integers(1, 64))
def test_a_key_lies_in_one_of_the_buckets(key, buckets):
    """Always in the same one."""
    assert names.bucket_of(key, buckets) in range(buckets)
    assert names.bucket_of(key, buckets) == names.bucket_of(key, buckets)


def test_buckets_are_the_same_for_ever():
    """A later version that computes another bucket would lose every entry."""
    found = {key: names.bucket_of(key, 1000) for key in ("", "a", "plan", "日本")}
    assert found == {"": 0, "a": 907, "plan": 397, "日本": 756}
    assert {names.bucket_of(key, 1) for key in found} == {0}


def test_keys_spread_over_the_buckets():
    """No bucket of eight has more than twice its share of 800 keys."""
    counts = [0] * 8
    for number in range(800):
        counts[names.bucket_of(f"key-{number}", 8)] += 1
    assert max(counts) <= 200


# What can be a name


@given(TEXT.filter(bool))
def test_any_text_can_be_a_name(text):
    """As it is: nothing is trimmed, folded or normalized."""
    assert names.checked(text, "key", len(text.encode())) == text


@pytest.mark.parametrize("text", ["", None, 1, b"a", ["a"], "\ud800", "a\udfffb"], ids=repr)
def test_what_is_no_text_is_no_name(text):
    """Empty, another type, or half a character."""
    with pytest.raises(UsageError, match="the key"):
        names.checked(text, "key", 100)


def test_the_limit_counts_bytes():
    """A name of as many bytes as allowed is one; with one more it is too large, and is not cut."""
    assert names.checked("é" * 5, "agent", 10) == "é" * 5
    with pytest.raises(TooLarge, match="the agent has 11 bytes, more than 10"):
        names.checked("é" * 5 + "a", "agent", 10)


def test_an_error_about_a_name_does_not_repeat_it():
    """It may be a secret."""
    for text in ("sk-secret" * 100, "sk-secret\ud800"):
        with pytest.raises(UsageError) as caught:
            names.checked(text, "key", 100)
        assert "sk-secret" not in str(caught.value)

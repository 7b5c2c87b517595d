"""Which token counts can be meant, and what a label can hold."""

from __future__ import annotations

import enum

import pytest

from quarterdeck.costs.model import MAX_LABEL_CHARS, MAX_TOKENS, PARTS, Request, Usage, checked, label
from quarterdeck.errors import UsageError


@pytest.mark.parametrize(
    "usage",
    [
        Usage(),
        Usage(MAX_TOKENS, MAX_TOKENS),
        Usage(10, 10, 6, 4, 4, 10, 6, 5, 6, 4, 5, 3),
        Usage(web_searches=MAX_TOKENS),
    ],
)
def test_counts_in_bounds_are_given_back_as_they_are(usage):
    """Parts may fill their total to the last token."""
    assert checked(usage) is usage


@pytest.mark.parametrize("bad", [-1, MAX_TOKENS + 1, 1.0, float("nan"), float("inf"), True, "1", None, b"1"])
@pytest.mark.parametrize("field", Usage._fields)
def test_a_count_that_cannot_be_meant_is_named(field, bad):
    """Whichever it is: a bool is no count, nor is a float that happens to be whole."""
    with pytest.raises(UsageError, match=f"^{field} must be a whole number") as raised:
        checked(Usage(10, 10)._replace(**{field: bad}))
    assert raised.value.hint


@pytest.mark.parametrize("total", PARTS)
def test_parts_that_exceed_their_total_are_named(total):
    """Each set of parts that do not overlap, alone and together."""
    for parts in PARTS[total]:
        for part in parts:
            counts = {"input_tokens": 9, "output_tokens": 9, total: 5, part: 6}
            with pytest.raises(UsageError, match="is more than"):
                checked(Usage(**counts))
        if len(parts) == 2:
            with pytest.raises(UsageError, match=f"is more than {total}: 10 > 9"):
                checked(Usage(**{"input_tokens": 9, "output_tokens": 9, **dict.fromkeys(parts, 5)}))


def test_sets_of_parts_may_overlap_each_other():
    """A cached image is counted in both."""
    usage = Usage(input_tokens=10, cache_read_input_tokens=10, input_image_tokens=10)
    assert checked(usage) is usage


def test_every_part_and_total_is_a_count():
    """Else the check would look for what nobody can give."""
    named = {*PARTS, *(part for sets in PARTS.values() for parts in sets for part in parts)}
    assert named <= set(Usage._fields)


def test_a_request_needs_a_model_and_a_usage_alone():
    """And shares no mutable default with another."""
    assert Request("m", Usage()).tags is Request("n", Usage()).tags
    assert set(Request._field_defaults) == set(Request._fields) - {"model", "usage"}


class Kind(enum.StrEnum):
    CHAT = "chat"


@pytest.mark.parametrize(
    "text, held",
    [
        ("/home/me/app", "/home/me/app"),
        ("größer", "größer"),
        ("\ud83d half", "? half"),
        ("x" * 9999, "x" * MAX_LABEL_CHARS),
        ("ö" * 9999, "ö" * MAX_LABEL_CHARS),
        (Kind.CHAT, "chat"),
    ],
)
def test_a_label_is_cut_and_can_be_encoded(text, held):
    """It is a plain string, whatever kind of string it was."""
    assert label(text) == held
    assert type(label(text)) is str

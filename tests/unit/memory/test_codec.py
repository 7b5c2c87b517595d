"""Values to bytes and back: exactly, or an error."""

from __future__ import annotations

import datetime
import json
import math
from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.errors import StoreCorrupt, TooLarge, UsageError
from quarterdeck.memory.codec import canonical, decode, encode

ROOM = 10_000_000
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=30,
)


def same(one, two):
    """Whether two values are one value: also of one type, and with the sign of zero."""
    if type(one) is not type(two):
        return False
    if isinstance(one, dict):
        return list(one) == list(two) and all(same(one[key], two[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, float):
        return one == two and math.copysign(1, one) == math.copysign(1, two)
    return one == two


@given(JSON)
def test_anything_json_comes_back_exactly(value):
    """Value, type, order of keys and sign of zero."""
    assert same(decode(encode(value, ROOM)), value)


@given(JSON)
def test_what_is_written_is_json_for_everybody(value):
    """The standard library reads the same."""
    assert json.loads(encode(value, ROOM)) == value


@given(JSON)
def test_what_is_written_is_valid_for_its_size_only(value):
    """A limit is met exactly, or nothing is written."""
    size = len(encode(value, ROOM))
    assert len(encode(value, size)) == size
    with pytest.raises(TooLarge, match=f"{size:,} bytes"):
        encode(value, size - 1)


@pytest.mark.parametrize(
    "value", [2**64, -(2**63) - 1, 10**400, -0.0, 5e-324, 1.7976931348623157e308, "\x00"]
)
def test_numbers_of_any_size_are_exact(value):
    """Beyond 64 bits, the smallest, the largest, and minus zero."""
    assert same(decode(encode([value, {"": value}], ROOM)), [value, {"": value}])


@dataclass
class Point:
    x: float
    y: float | None = None


class Struct(msgspec.Struct):
    x: float
    y: float | None = None


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "around",
    [
        lambda number: number,
        lambda number: [None, number],
        lambda number: (None, number),
        lambda number: {number},
        lambda number: {"a": {"b": [1, number]}},
        lambda number: Point(number),
        lambda number: [Struct(1.0, number)],
        lambda number: {"deep": [[[Point(1.0, number)]]]},
    ],
)
def test_a_number_that_is_not_finite_is_refused(number, around):
    """Wherever it is: it would come back as None."""
    with pytest.raises(UsageError, match="not finite"):
        encode(around(number), ROOM)


@pytest.mark.parametrize(
    "value", [None, [None], {"null": None}, "null", (None, 1.5), Point(1.0), {"a": (None,)}]
)
def test_nothing_is_taken_for_a_number_that_is_not_finite(value):
    """None, and texts with ``null`` in them, are values like any other."""
    assert encode(value, ROOM) == msgspec.json.encode(value)


@pytest.mark.parametrize(
    "value",
    ["\ud800", {"\udfff": 1}, ["a\ud800"], object(), 1j, {(1, 2): 3}, {None: 1}, lambda: 1, 10**5000, ...],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_json_is_refused(value):
    """Half a character, another type, a key that is no text, more digits than anybody reads."""
    with pytest.raises(UsageError, match="cannot be written as JSON"):
        encode(value, ROOM)


def test_endless_depth_is_refused():
    """A value that holds itself, and one that is nested a hundred thousand times."""
    endless: list[object] = []
    endless.append(endless)
    deep: object = 1
    for _ in range(100_000):
        deep = [deep]
    for value in (endless, deep):
        with pytest.raises(UsageError):
            encode(value, ROOM)


def test_what_msgspec_knows_comes_back_as_json():
    """A tuple as a list, a moment as its text."""
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    assert decode(encode((1, moment, Point(1.0)), ROOM)) == [1, "2026-01-02T03:04:05Z", {"x": 1.0, "y": None}]


@pytest.mark.parametrize(
    "data", [b"", b"{", b"nul", b"[1,]", b"\xff", b'"\xff"', b"1 2", b"NaN", b"[" * 100_000, b"\x00"]
)
def test_bytes_that_are_no_json_are_said_to_be_damaged(data):
    """Whoever wrote them, no reader breaks."""
    with pytest.raises(StoreCorrupt):
        decode(data)


@given(JSON)
def test_every_reader_has_a_copy_of_its_own(value):
    """No list and no dict is shared, with the writer or among readers."""
    data = encode(value, ROOM)

    def containers(value):
        if isinstance(value, list | dict):
            yield id(value)
            for inner in value.values() if isinstance(value, dict) else value:
                yield from containers(inner)

    copies = [value, decode(data), decode(data)]
    ids = [set(containers(copy)) for copy in copies]
    assert sum(map(len, ids)) == len(set.union(*ids))


@given(st.dictionaries(TEXT, JSON, max_size=6), st.randoms())
def test_the_order_of_keys_does_not_matter_when_comparing(value, random):
    """The same value is the same bytes, and another value is not."""
    keys = list(value)
    random.shuffle(keys)
    assert canonical({key: value[key] for key in keys}) == canonical(value)
    assert canonical(decode(canonical(value))) == canonical(value)


def test_comparing_tells_types_apart():
    """1 is not 1.0, not True and not its text."""
    assert len({canonical(value) for value in (1, 1.0, True, "1", [1], None, "null")}) == 7

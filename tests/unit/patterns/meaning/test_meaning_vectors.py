"""Directions in memory, against the same sums done one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.patterns.meaning import vectors as vectors_module
from quarterdeck.patterns.meaning.traits import Traits, bits_of
from quarterdeck.patterns.meaning.vectors import Vectors, packed
from quarterdeck.patterns.search.terms import FOREVER_S, Gate, Query

DIMENSIONS = 3
PLAIN = Traits(0.5, FOREVER_S, bits_of([]))
ALL = Query({})
VECTOR = st.tuples(*[st.integers(-127, 127)] * DIMENSIONS)
PATTERN = st.tuples(VECTOR, st.integers(0, 4), st.integers(0, 3), st.text("abc", max_size=3))
QUERY = st.builds(
    lambda groups, sure, at_s: Query({}, tuple(map(tuple, groups)), Gate(sure / 4, at_s)),
    st.lists(st.text("abc", min_size=1, max_size=2), max_size=2),
    st.integers(0, 4),
    st.integers(-1, 3),
)
STEP = st.one_of(
    st.tuples(st.just("put"), st.dictionaries(st.integers(0, 12), PATTERN, max_size=6)),
    st.tuples(st.just("drop"), st.integers(0, 12)),
)


def as_bytes(vector):
    return np.array(vector, np.int8).tobytes()


def cosine(vector, direction):
    length = float(np.linalg.norm(vector))
    return float(np.dot(vector, direction)) / length if length else 0.0


def filled(vectors, traits=None):
    held = Vectors(DIMENSIONS)
    held.put(list(vectors), [as_bytes(each) for each in vectors.values()], traits or [PLAIN] * len(vectors))
    return held


@given(st.lists(STEP, max_size=12), VECTOR, st.integers(1, 15), QUERY)
def test_it_agrees_with_a_dict_whatever_was_put_and_dropped(steps, direction, k, query):
    """The nearest are those with the greatest cosines of all that pass, and all that is there is found."""
    held = Vectors(DIMENSIONS)
    model: dict[int, tuple[tuple[int, ...], int, int, str]] = {}
    for kind, given_ in steps:
        if kind == "put":
            traits = [
                Traits(sure / 4, until_s, bits_of(labels)) for _, sure, until_s, labels in given_.values()
            ]
            held.put(list(given_), [as_bytes(vector) for vector, *_ in given_.values()], traits)
            model |= given_
        else:
            held.drop(given_)
            model.pop(given_, None)
    asked = np.array(direction, np.float32)
    expected = {number: cosine(vector, asked) for number, (vector, *_) in model.items()}
    assert len(held) == len(model)
    assert held.similarities(asked, range(13)) == pytest.approx(expected, rel=1e-5, abs=1e-3)
    found = held.nearest(asked, k, query)
    passing = [
        number
        for number, (_, sure, until_s, labels) in model.items()
        if query.gate.lets(sure / 4, until_s, is_tried=False)
        and all(set(group) & set(labels) for group in query.required)
    ]
    possible = sorted((expected[each] for each in passing), reverse=True)
    assert [number for number, _ in found] == [number for number in dict(found) if number in expected]
    assert [similarity for _, similarity in found] == pytest.approx(possible[:k], rel=1e-5, abs=1e-3)


def test_of_equal_ones_the_smaller_number_comes_first():
    """Also where not all of them are wanted, and whatever the order they came in."""
    held = filled({9: (0, 127, 0), 4: (127, 0, 0), 7: (127, 0, 0), 2: (127, 0, 0), 5: (64, 64, 0)})
    assert [number for number, _ in held.nearest(np.array([1, 0, 0], np.float32), 2, ALL)] == [2, 4]


@pytest.mark.parametrize("count", [7, 8, 9, 17])
def test_chunks_leave_out_nothing(count, monkeypatch):
    """The last chunk may be a part of one."""
    monkeypatch.setattr(vectors_module, "_CHUNK", 8)
    odd = Traits(0.5, FOREVER_S, bits_of(["#odd"]))
    vectors = {number: (number + 1, 1, 0) for number in range(count)}
    held = filled(vectors, [odd if number % 2 else PLAIN for number in vectors])
    direction = np.array([1, 0, 0], np.float32)
    assert [number for number, _ in held.nearest(direction, 100, ALL)] == list(reversed(range(count)))
    found = [number for number, _ in held.nearest(direction, 100, Query({}, (("#odd",),)))]
    assert found == [number for number in reversed(range(count)) if number % 2]


def test_a_vector_of_another_length_is_refused():
    """Such a one is nobody's direction."""
    with pytest.raises(ValueError, match="reshape"):
        Vectors(DIMENSIONS).put([1], [b"1234"], [PLAIN])


def test_packing_keeps_the_direction():
    """A byte for each dimension costs less than a hundredth of the cosine."""
    directions = np.random.default_rng(3).normal(size=(50, 384)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    held = Vectors(384)
    held.put(range(50), packed(directions), [PLAIN] * 50)
    for number, direction in enumerate(directions):
        assert held.similarities(direction, [number])[number] == pytest.approx(1, abs=1e-3)
    assert packed(np.zeros((1, 4), np.float32)) == [b"\0\0\0\0"]

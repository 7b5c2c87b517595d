"""Importance flows along imports, all of it is handed out, and a focus draws it."""

from __future__ import annotations

import pytest

from quarterdeck.index.graph.rank import BACKWARDS, DAMPING, DEFINITION, EDGE, TOLERANCE, page_rank, weights


def even(names):
    return dict.fromkeys(names, 1.0)


def test_a_definition_weighs_more_than_an_import():
    """A pair that is both has the definition's weight."""
    assert weights([("a", "b"), ("a", "c")], [("a", "c"), ("a", "d")]) == {
        ("a", "b"): EDGE,
        ("a", "c"): DEFINITION,
        ("a", "d"): DEFINITION,
    }


def test_both_ways_adds_the_way_back_at_its_own_weight():
    """And takes nothing from a pair that imports each other."""
    found = weights([("a", "b"), ("b", "a"), ("a", "c")], [], both_ways=True)
    assert found == {("a", "b"): EDGE, ("b", "a"): EDGE, ("a", "c"): EDGE, ("c", "a"): EDGE * BACKWARDS}


def test_weights_have_one_order():
    """Sums of floats depend on it, and answers on sums."""
    pairs = [("b", "c"), ("a", "c"), ("a", "b")]
    assert list(weights(pairs, [])) == list(weights(pairs[::-1], [])) == sorted(pairs)


def test_all_importance_is_one():
    """Whatever the scale of the start, and also with files that import nothing."""
    start = {"a": 5.0, "b": 0.0, "c": 20.0, "d": 1.0}
    ranks = page_rank(start, weights([("a", "b"), ("b", "c"), ("c", "a")], []))
    assert sum(ranks.values()) == pytest.approx(1.0)
    assert list(ranks) == list(start)


def test_two_files_that_import_each_other_are_equal():
    """The fixed point that everybody can see."""
    ranks = page_rank(even("ab"), {("a", "b"): 1.0, ("b", "a"): 1.0})
    assert ranks == {"a": pytest.approx(0.5), "b": pytest.approx(0.5)}


def test_a_single_import_has_the_rank_that_the_equations_give():
    """A = t/2, b = t/2 + d a, where t = 1 - d + d b is what is handed out evenly."""
    share = 1 / (2 + DAMPING)
    ranks = page_rank(even("ab"), {("a", "b"): 1.0})
    assert ranks["a"] == pytest.approx(share, abs=TOLERANCE)
    assert ranks["b"] == pytest.approx(share * (1 + DAMPING), abs=TOLERANCE)


def test_importance_is_split_by_weight():
    """A target of three times the weight gets three times the flow."""
    ranks = page_rank({"a": 1.0, "b": 0.0, "c": 0.0}, {("a", "b"): 3.0, ("a", "c"): 1.0})
    assert ranks["b"] == pytest.approx(3 * ranks["c"])


def test_a_focus_draws_importance_to_itself_and_what_it_imports():
    """What lies elsewhere gets none."""
    ranks = page_rank({"a": 1.0, "b": 0.0, "x": 0.0, "y": 0.0}, {("a", "b"): 1.0, ("x", "y"): 1.0})
    assert ranks["a"] > ranks["b"] > 0
    assert (ranks["x"], ranks["y"]) == (0.0, 0.0)


def test_a_file_does_not_lift_itself():
    """Nor do files that nobody asked about take importance away."""
    plain = page_rank(even("ab"), {("a", "b"): 1.0})
    assert (
        page_rank(even("ab"), {("a", "b"): 1.0, ("a", "a"): 9.0, ("a", "z"): 9.0, ("z", "a"): 9.0}) == plain
    )


def test_without_a_start_nothing_matters():
    """No division by nothing."""
    assert page_rank({"a": 0.0, "b": 0.0}, {("a", "b"): 1.0}) == {"a": 0.0, "b": 0.0}
    assert page_rank({}, {}) == {}

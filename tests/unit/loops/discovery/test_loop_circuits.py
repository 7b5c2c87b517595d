"""Circuits: each one once, none too long, none missing, however dense the graph."""

from __future__ import annotations

from itertools import islice, permutations

from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.loops.discovery.circuits import elementary_circuits

graphs = st.lists(st.text("abcdefg", min_size=1, max_size=1), max_size=7, unique=True).flatmap(
    lambda nodes: st.fixed_dictionaries(
        {node: st.lists(st.sampled_from(nodes), unique=True) if nodes else st.just([]) for node in nodes}
    )
)


def all_there_are(successors, max_length):
    """Of every order of every choice of nodes, those that are circuits and begin with their first node."""
    places = {node: place for place, node in enumerate(successors)}
    return {
        circuit
        for length in range(2, min(max_length, len(places)) + 1)
        for circuit in permutations(places, length)
        if min(circuit, key=places.__getitem__) == circuit[0]
        and all(
            after in successors[node] for node, after in zip(circuit, circuit[1:] + circuit[:1], strict=True)
        )
    }


@given(graphs, st.integers(0, 8))
def test_every_circuit_is_found_exactly_once(successors, max_length):
    """They are those that trying out all orders of all choices of nodes finds."""
    found = list(elementary_circuits(successors, max_length=max_length))
    assert len(found) == len(set(found))
    assert set(found) == all_there_are(successors, max_length)


def test_a_node_that_leads_to_itself_is_no_circuit():
    """That a metric remembers itself is no loop."""
    assert list(elementary_circuits({"a": ["a", "b"], "b": ["b"]}, max_length=6)) == []


def test_an_edge_to_nowhere_leads_nowhere():
    """A successor that is no key has no successors."""
    assert list(elementary_circuits({"a": ["b", "c"], "b": ["a"]}, max_length=6)) == [("a", "b")]


def test_who_has_enough_can_stop():
    """A graph with more circuits than could ever be listed gives its first ones at once."""
    nodes = [str(number) for number in range(60)]
    circuits = elementary_circuits(dict.fromkeys(nodes, nodes), max_length=60)
    assert len(set(islice(circuits, 1_000))) == 1_000


def test_a_bound_on_the_length_spares_the_search_of_long_ways():
    """A ladder has millions of long ways, and the circuits of two nodes are found without trying them."""
    rungs = 400
    ladder = {
        str(rung): [str(other) for other in (rung - 1, rung + 1, rung + 2) if 0 <= other < rungs]
        for rung in range(rungs)
    }
    circuits = list(elementary_circuits(ladder, max_length=2))
    assert circuits == [(str(rung), str(rung + 1)) for rung in range(rungs - 1)]

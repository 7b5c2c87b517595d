"""What follows from edges, against the plainest possible way to compute it."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.index.facts.facts import DYNAMIC, LAZY, RUNTIME, TYPE_CHECKING
from quarterdeck.index.graph import reach as graph_module
from quarterdeck.index.graph.reach import ImportGraph, components, impact_score, import_cycles
from quarterdeck.index.graph.resolve import Edge


def edges(text, kind=RUNTIME):
    """``"ab bc"`` is a -> b, b -> c."""
    return [Edge(pair[0], pair[1], kind, 1) for pair in text.split()]


def naive_reach(pairs, start):
    """Everything a walk of one step or more from *start* can arrive at."""
    reached: set[str] = set()
    todo = [start]
    while todo:
        here = todo.pop()
        new = {target for source, target in pairs if source == here} - reached
        reached |= new
        todo += new
    return reached


def test_neighbours_are_known_both_ways_and_sorted():
    """Files without edges are there too."""
    graph = ImportGraph("xyz", edges("ac ab bc ab"))
    assert graph.dependencies == {"a": ["b", "c"], "b": ["c"], "c": [], "x": [], "y": [], "z": []}
    assert graph.dependents == {"a": [], "b": ["a"], "c": ["a", "b"], "x": [], "y": [], "z": []}


def test_reach_gives_the_shortest_distance_nearest_first():
    """A file reached on two ways counts at the nearer one; the start is left out, even on a cycle."""
    graph = ImportGraph((), edges("ab bc cd ad de ea"))
    assert list(graph.all_dependencies("a").items()) == [("b", 1), ("d", 1), ("c", 2), ("e", 2)]
    assert list(graph.all_dependents("d").items()) == [("a", 1), ("c", 1), ("b", 2), ("e", 2)]


def test_a_path_that_is_not_in_the_graph_reaches_nothing():
    """Unknown is empty; whether it is an error is for the caller to say."""
    assert ImportGraph((), edges("ab")).all_dependents("nowhere") == {}


def test_impact_is_direct_dependents_and_a_tenth_of_the_others():
    """Rounded to one decimal."""
    assert impact_score(3, 3) == 3.0
    assert impact_score(3, 20) == 4.7
    assert impact_score(0, 0) == 0.0


def test_import_cycles_are_sorted_largest_first():
    """Each is named once, and files in no cycle are not named."""
    assert import_cycles(edges("ba ab xy yz zx ax mq qm")) == [["x", "y", "z"], ["a", "b"], ["m", "q"]]


def test_only_runtime_edges_make_an_import_cycle():
    """A cycle that an import inside a function closes does no harm when the files are imported."""
    for kind in (LAZY, TYPE_CHECKING, DYNAMIC):
        assert import_cycles([*edges("ab bc"), *edges("ca", kind)]) == []


def test_a_chain_of_fifty_thousand_files_needs_no_recursion():
    """Depth is bounded by memory alone."""
    neighbours = {str(n): [str(n + 1)] for n in range(50_000)} | {"50000": ["0"]}
    assert len(components(neighbours)) == 1
    del neighbours["50000"]
    neighbours["50000"] = []
    assert [group[0] for group in components(neighbours)] == [str(n) for n in range(50_000, -1, -1)]


_PAIRS = st.sets(
    st.tuples(st.sampled_from(string.ascii_letters[:14]), st.sampled_from(string.ascii_letters[:14]))
)


@given(_PAIRS, st.integers(1, 20))
def test_transitive_counts_equal_a_naive_walk(pairs, block):
    """For every file, in any graph, whatever the size of a pass."""
    graph = ImportGraph("abcxyz", [Edge(source, target, LAZY, 1) for source, target in pairs])
    with_block, graph_module._BLOCK = graph_module._BLOCK, block
    try:
        counts = graph.dependent_counts()
    finally:
        graph_module._BLOCK = with_block
    backwards = {(target, source) for source, target in pairs}
    assert counts == {name: len(naive_reach(backwards, name) - {name}) for name in graph.dependents}
    assert counts == {name: len(graph.all_dependents(name)) for name in graph.dependents}


@given(_PAIRS)
def test_components_equal_mutual_reach_and_follow_what_they_lead_to(pairs):
    """Two files share a component when each reaches the other; order is topological."""
    graph = ImportGraph((), [Edge(source, target, RUNTIME, 1) for source, target in pairs])
    reach = {name: naive_reach(pairs, name) | {name} for name in graph.dependencies}
    naive = {frozenset(other for other in reach[name] if name in reach[other]) for name in reach}
    groups = components(graph.dependencies)
    assert {frozenset(group) for group in groups} == naive
    assert sum(map(len, groups)) == len(graph.dependencies)
    place = {name: index for index, group in enumerate(groups) for name in group}
    assert all(place[target] <= place[source] for source, target in pairs)


@given(_PAIRS, st.randoms())
def test_the_order_of_edges_does_not_matter(pairs, shuffler):
    """The graph is a function of a set."""
    all_edges = [Edge(source, target, RUNTIME, 1) for source, target in sorted(pairs)]
    expected = import_cycles(all_edges), ImportGraph((), all_edges).dependencies
    shuffler.shuffle(all_edges)
    assert (import_cycles(all_edges), ImportGraph((), all_edges).dependencies) == expected

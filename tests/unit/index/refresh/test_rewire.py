"""The graph is made anew when an import may lead elsewhere, and only then."""

from __future__ import annotations

import pytest

from quarterdeck.index.facts.facts import RUNTIME
from quarterdeck.index.graph.resolve import Edge
from quarterdeck.index.refresh.reading import read_changes
from quarterdeck.index.refresh.rewire import leads_elsewhere, wire_all, wire_with
from quarterdeck.index.refresh.validate import Base, Differences
from quarterdeck.index.store.tree_store import Stamp

A_TO_B = Edge("app/a.py", "app/b.py", RUNTIME, 1)
TEST_TO_A = Edge("tests/test_a.py", "app/a.py", RUNTIME, 1)


def read(tree, *changed, listing=False):
    return read_changes(tree.scan, Base(Stamp(1, "s"), "made", True, Differences(changed, listing), False))


def entries(tree):
    return {entry.path: entry for entry in tree.stores.tree.entries()}


@pytest.mark.parametrize(
    "path, text, elsewhere",
    [
        ("app/b.py", "def g():\n    return 22\n", False),
        ("app/b.py", "import app.a\n\n\ndef g():\n    return 1\n", True),
        ("app/b.py", "def h():\n    return 1\n", True),
        ("app/b.py", "__all__ = ['g']\n\n\ndef g():\n    return 1\n", True),
        ("notes.md", "# Other notes\n", False),
        ("tests/test_a.py", "from app.a import f\n\n\ndef test_f():\n    assert f() == 2\n", False),
    ],
    ids=["body", "import", "binding", "exports", "text", "test body"],
)
def test_an_edit_leads_elsewhere_when_the_wiring_differs(root, tree, path, text, elsewhere):
    """What a function does is nothing to the graph."""
    (root / path).write_text(text)
    assert leads_elsewhere(tree.scan, read(tree, path)) is elsewhere


def test_a_file_that_was_only_touched_leads_nowhere_else(tree):
    """The same bytes, read again."""
    assert not leads_elsewhere(tree.scan, read(tree, "app/a.py", "app/b.py"))


def test_a_file_that_comes_leads_elsewhere(root, tree):
    """An import that went nowhere may mean it now."""
    (root / "new.py").write_text("")
    assert leads_elsewhere(tree.scan, read(tree, listing=True))


def test_facts_that_are_lost_may_lead_elsewhere(root, tree):
    """Nobody knows what the file said before."""
    (root / "app/b.py").write_text("def g():\n    return 22\n")
    tree.stores.facts.clear()
    assert leads_elsewhere(tree.scan, read(tree, "app/b.py"))


def test_a_module_path_that_changes_leads_elsewhere(root, opened):
    """go.mod has no wiring, and decides every edge below it."""
    (root / "go.mod").write_text("module example.org/one\n")
    tree = opened()
    tree.verify()
    (root / "go.mod").write_text("module example.org/two\n")
    assert leads_elsewhere(tree.scan, read(tree, "go.mod"))


def test_a_file_of_tests_that_becomes_one_of_fixtures_leads_elsewhere(root, opened):
    """It covers nothing any more; its imports are the same."""
    (root / "tests/checks.py").write_text("from app.a import f\n\n\ndef test_f():\n    f()\n")
    tree = opened()
    tree.verify()
    (root / "tests/checks.py").write_text("from app.a import f\n\n\ndef test_f(x=f):\n    f()\n")
    assert not leads_elsewhere(tree.scan, read(tree, "tests/checks.py"))
    (root / "tests/checks.py").write_text("from app.a import f\n\n\nclass test_f:\n    pass\n")
    assert leads_elsewhere(tree.scan, read(tree, "tests/checks.py"))


def test_the_graph_is_wired_from_stored_facts(tree):
    """Every code file takes part."""
    found = wire_all(tree.scan, entries(tree), {})
    assert found.edges == [A_TO_B, TEST_TO_A]
    assert ("tests/test_a.py", "app/a.py") in found.definitions


def test_facts_that_are_lost_are_read_from_the_files(tree):
    """The graph is the same without the store."""
    before = wire_all(tree.scan, entries(tree), {})
    tree.stores.facts.clear()
    assert wire_all(tree.scan, entries(tree), {}) == before


def test_what_was_just_read_is_not_fetched(tree):
    """Its wiring is what was read, not what is stored; an empty one imports nothing."""
    assert wire_all(tree.scan, entries(tree), {"app/a.py": ""}).edges == [TEST_TO_A]


def test_a_file_that_is_gone_can_be_thought_back(root, tree):
    """So that the tests of what still imports it can be named."""
    (root / "app/b.py").unlink()
    tree.verify()
    assert A_TO_B not in wire_all(tree.scan, entries(tree), {}).edges
    assert A_TO_B in wire_with(tree.scan, ["app/b.py"]).edges


@pytest.mark.parametrize(
    "text, known",
    [
        ("module example.org/svc\n", True),
        ('// a comment\n\nmodule "example.org/svc"\ngo 1.22\n', True),
        ("module example.org/svc // trailing words are no path\n", False),
        ("", False),
    ],
)
def test_go_mod_declares_the_module_path(root, opened, text, known):
    """Plain or quoted, wherever it stands."""
    (root / "svc/store").mkdir(parents=True)
    (root / "svc/go.mod").write_text(text)
    (root / "svc/main.go").write_text('package main\n\nimport "example.org/svc/store"\n')
    (root / "svc/store/store.go").write_text("package store\n")
    tree = opened()
    tree.verify()
    edge = ("svc/main.go", "svc/store/store.go", RUNTIME, 3)
    assert (edge in tree.stores.tree.edges()) is known

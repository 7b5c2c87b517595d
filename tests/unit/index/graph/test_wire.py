"""All languages of a project in one graph."""

from __future__ import annotations

from quarterdeck.index.facts.facts import DYNAMIC, LAZY, RUNTIME, Import
from quarterdeck.index.facts.packed import Wiring
from quarterdeck.index.graph.resolve import Edge
from quarterdeck.index.graph.wire import Wirable, wire
from quarterdeck.index.settings import IndexConfig


def module(name, line=1, kind=RUNTIME):
    return Import(name, "", "", 0, kind, line)


def taken(module, name, line=1, kind=RUNTIME, level=0):
    return Import(module, name, "", level, kind, line)


def wired(files, go_modules=None, root_name="", **settings):
    """The graph of path -> (language, imports, bindings)."""
    wirables = {
        path: Wirable(language, Wiring(tuple(imports), None, tuple(bindings)))
        for path, (language, imports, *rest) in files.items()
        for bindings in (rest[0] if rest else (),)
    }
    return wire(wirables, go_modules or {}, IndexConfig(**settings), root_name)


def test_each_language_finds_its_own_files():
    """A Python module and a script of the same name do not meet."""
    found = wired(
        {
            "a.py": ("python", [module("b", 3)]),
            "b.py": ("python", [], ["x"]),
            "a.js": ("javascript", [module("./b", 7)]),
            "b.js": ("javascript", []),
            "b.go": ("go", []),
        }
    )
    assert found.edges == [Edge("a.js", "b.js", RUNTIME, 7), Edge("a.py", "b.py", RUNTIME, 3)]


def test_a_go_import_is_followed_by_the_module_path():
    """The path that go.mod declares stands for its folder; without it nothing is known."""
    files = {
        "svc/main.go": ("go", [module("example.org/svc/store", 5), module("fmt", 3)]),
        "svc/store/store.go": ("go", []),
    }
    edges = [Edge("svc/main.go", "svc/store/store.go", RUNTIME, 5)]
    assert wired(files, {"svc": "example.org/svc"}).edges == edges
    assert wired(files).edges == []
    assert wired(files, {"svc": "example.org/other"}).edges == []


def test_an_edge_has_its_strongest_kind_and_that_imports_line():
    """In Python as elsewhere, one edge per pair of files."""
    found = wired(
        {
            "a.py": ("python", [module("b", 2, LAZY), module("b", 9), module("b", 1, DYNAMIC)]),
            "b.py": ("python", []),
            "a.js": ("javascript", [module("./b", 2, LAZY), module("./b", 9), module("./b", 1, DYNAMIC)]),
            "b.js": ("javascript", []),
        }
    )
    assert found.edges == [Edge("a.js", "b.js", RUNTIME, 9), Edge("a.py", "b.py", RUNTIME, 9)]


def test_definitions_lie_behind_re_exports_in_python_and_at_the_target_elsewhere():
    """What a package passes on is defined by the file behind it."""
    found = wired(
        {
            "user.py": ("python", [taken("pkg", "f")]),
            "pkg/__init__.py": ("python", [taken("impl", "f", level=1)]),
            "pkg/impl.py": ("python", [], ["f"]),
            "a.js": ("javascript", [module("./b")]),
            "b.js": ("javascript", [module("./c")]),
            "c.js": ("javascript", []),
        }
    )
    assert ("user.py", "pkg/impl.py") in found.definitions
    assert ("a.js", "b.js") in found.definitions
    assert ("a.js", "c.js") not in found.definitions
    assert found.definitions == sorted(set(found.definitions))


def test_cycles_are_counted_over_all_languages():
    """Groups of files, not edges; an import inside a function is no cycle."""
    ring = {f"{name}.js": ("javascript", [module(f"./{after}")]) for name, after in ("xy", "yz", "zx")}
    pair = {"a.py": ("python", [module("b")]), "b.py": ("python", [module("a")])}
    lazy = {"c.py": ("python", [module("d")]), "d.py": ("python", [module("c", kind=LAZY)])}
    assert wired({**ring, **pair, **lazy}).cycles == 2
    assert wired(lazy).cycles == 0


def test_edges_are_sorted_whatever_order_the_files_come_in():
    """An answer does not depend on how the disk lists a folder."""
    files = {
        "a.py": ("python", [module("c"), module("b")]),
        "b.py": ("python", [module("c")]),
        "c.py": ("python", []),
        "z.js": ("javascript", [module("./y")]),
        "y.js": ("javascript", []),
    }
    found = wired(files)
    assert found.edges == sorted(found.edges)
    assert len(found.edges) == 4
    assert wired(dict(reversed(files.items()))) == found


def test_a_declared_source_folder_is_imported_from():
    """Where nobody would look for packages by himself."""
    files = {"x.py": ("python", [module("thing")]), "odd/place/thing.py": ("python", [])}
    assert wired(files).edges == []
    assert wired(files, source_dirs=("odd/place",)).edges == [Edge("x.py", "odd/place/thing.py", RUNTIME, 1)]


def test_a_project_that_is_itself_a_package_is_imported_by_its_folders_name():
    """As Home Assistant's components do."""
    files = {"__init__.py": ("python", []), "a.py": ("python", [module("me.b")]), "b.py": ("python", [])}
    assert Edge("a.py", "b.py", RUNTIME, 1) in wired(files, root_name="me").edges
    assert Edge("a.py", "b.py", RUNTIME, 1) not in wired(files, root_name="you").edges


def test_nothing_makes_an_empty_graph():
    """No files, no edges, no cycles."""
    assert wired({}) == ([], [], 0)

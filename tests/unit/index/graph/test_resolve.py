"""Imports lead to files of the project, or are named as what they are."""

from __future__ import annotations

import random

import pytest

from quarterdeck.index.facts.facts import DYNAMIC, LAZY, RUNTIME, TYPE_CHECKING, Import
from quarterdeck.index.graph.resolve import Edge, ModuleMap, resolve


def imported(module, name="", level=0, kind=RUNTIME, line=1):
    return Import(module, name, "", level, kind, line)


def targets(paths, source, *imports, declared=()):
    modules = ModuleMap([*paths, source], declared)
    return [edge.target for edge in resolve(modules, source, imports).edges]


PACKAGE = ["a/__init__.py", "a/b/__init__.py", "a/b/c.py"]


def test_importing_a_module_leads_to_it_and_not_to_its_parents():
    """``import a.b.c`` is one edge."""
    assert targets(PACKAGE, "m.py", imported("a.b.c")) == ["a/b/c.py"]


@pytest.mark.parametrize("name, target", [("c", "a/b/c.py"), ("other", "a/b/__init__.py")])
def test_a_name_from_a_package_is_its_submodule_or_else_the_package(name, target):
    """``from a.b import x`` prefers the module ``a/b/x``."""
    assert targets(PACKAGE, "m.py", imported("a.b", name)) == [target]


def test_a_star_import_leads_to_the_module_itself():
    """``*`` is never taken for the name of a submodule."""
    assert targets(PACKAGE, "m.py", imported("a.b", "*")) == ["a/b/__init__.py"]


def test_a_package_named_with_its_init_is_the_package():
    """``from a.__init__ import x`` leads to the file it says."""
    assert targets(PACKAGE, "m.py", imported("a.__init__", "x")) == ["a/__init__.py"]


@pytest.mark.parametrize("module", ["a.zzz", "a.b.c.zzz", "a.b.zzz.deep"])
def test_a_missing_submodule_leads_nowhere_and_is_not_third_party(module):
    """A package of the project claims every name below it."""
    found = resolve(ModuleMap([*PACKAGE, "m.py"]), "m.py", [imported(module), imported(module, "name")])
    assert found == ((), (), ())


@pytest.mark.parametrize(
    "source, module, name, level, target",
    [
        ("a/m.py", "", "b", 1, "a/b/__init__.py"),
        ("a/m.py", "b", "c", 1, "a/b/c.py"),
        ("a/b/m.py", "", "b", 2, "a/b/__init__.py"),
        ("a/b/m.py", "b.c", "name", 2, "a/b/c.py"),
        ("a/b/m.py", "", "nothing", 2, "a/__init__.py"),
        ("a/b/m.py", "", "top", 3, "top.py"),
    ],
)
def test_leading_dots_climb_folders(source, module, name, level, target):
    """One dot is the file's own folder, each further dot the one above."""
    assert targets([*PACKAGE, "top.py"], source, imported(module, name, level)) == [target]


@pytest.mark.parametrize("level", [4, 10_000, 10**9])
def test_more_dots_than_folders_lead_nowhere(level):
    """A relative import never leaves the project."""
    assert targets([*PACKAGE, "x.py"], "a/b/m.py", imported("", "x", level), imported("x", "", level)) == []


def test_relative_imports_work_in_a_namespace_package():
    """Folders without ``__init__`` are packages too (PEP 420)."""
    assert targets(["ns/one.py"], "ns/two.py", imported("", "one", 1)) == ["ns/one.py"]


def test_a_namespace_package_has_modules_but_no_file():
    """Importing it alone leads nowhere; importing from it leads to the module."""
    paths = ["ns/one.py", "ns/sub/two.py"]
    assert targets(paths, "m.py", imported("ns"), imported("ns", "sub")) == []
    assert targets(paths, "m.py", imported("ns.sub", "two"), imported("ns.one")) == [
        "ns/one.py",
        "ns/sub/two.py",
    ]


def test_a_namespace_package_may_be_split_over_two_roots():
    """What one root lacks of it, the next may have."""
    paths = ["ns/one.py", "src/ns/two.py"]
    assert targets(paths, "m.py", imported("ns.one"), imported("ns.two")) == ["ns/one.py", "src/ns/two.py"]


def test_a_regular_package_is_not_completed_from_a_later_root():
    """The first root that has the package decides."""
    assert targets(["pkg/__init__.py", "src/pkg/x.py"], "m.py", imported("pkg.x")) == []


def test_a_package_wins_over_a_module_of_the_same_name():
    """``a/d/__init__.py`` hides ``a/d.py``."""
    assert targets(["a/d.py", "a/d/__init__.py"], "m.py", imported("a.d")) == ["a/d/__init__.py"]


def test_a_module_wins_over_a_folder_without_init():
    """``u.py`` hides ``u/``, and so whatever is in it."""
    assert targets(["u.py", "u/inner.py"], "m.py", imported("u")) == ["u.py"]
    assert targets(["u.py", "u/inner.py"], "m.py", imported("u.inner")) == []


def test_a_stub_beside_a_module_gets_a_type_checking_edge():
    """The interpreter reads ``x.py``, type checkers read ``x.pyi``."""
    modules = ModuleMap(["x.py", "x.pyi", "m.py"])
    assert resolve(modules, "m.py", [imported("x", line=3)]).edges == (
        Edge("m.py", "x.py", RUNTIME, 3),
        Edge("m.py", "x.pyi", TYPE_CHECKING, 3),
    )


def test_a_stub_alone_stands_for_its_module():
    """Compiled modules are known by their stub."""
    assert targets(["p/__init__.pyi", "y.pyi"], "m.py", imported("y"), imported("p")) == [
        "p/__init__.pyi",
        "y.pyi",
    ]


@pytest.mark.parametrize(
    "path, name",
    [
        ("src/pkg/__init__.py", "pkg"),
        ("lib/pkg/__init__.py", "pkg"),
        ("src/single.py", "single"),
        ("packages/foo/src/foo/__init__.py", "foo"),
        ("packages/foo/src/only.py", "only"),
        ("backend/app/__init__.py", "app"),
    ],
)
def test_top_level_names_are_found_below_source_folders(path, name):
    """``src`` and ``lib`` anywhere, and any folder that holds a top-level package."""
    assert targets([path], "m.py", imported(name)) == [path]


def test_a_folder_inside_a_package_is_no_root():
    """Test data inside a package does not answer for the whole project."""
    paths = ["pkg/__init__.py", "pkg/data/requests/__init__.py", "pkg/src/yaml.py"]
    found = resolve(ModuleMap([*paths, "m.py"]), "m.py", [imported("requests"), imported("yaml")])
    assert found == ((), ("requests", "yaml"), ())


def test_a_project_that_is_itself_a_package_is_found_by_its_folders_name():
    """Someone may index ``django/`` alone, where every file imports ``django.…``."""
    modules = ModuleMap(["__init__.py", "conf/__init__.py", "use.py"], root_name="django")
    imports = [imported("django", "VERSION"), imported("django.conf"), imported("django.missing.x")]
    found = resolve(modules, "use.py", imports)
    assert [edge.target for edge in found.edges] == ["__init__.py", "conf/__init__.py"]
    assert found.third_party == ()
    unnamed = resolve(ModuleMap(["conf/__init__.py", "use.py"], root_name="django"), "use.py", imports)
    assert unnamed == ((), ("django",), ())


def test_the_project_root_comes_before_src_and_declared_roots_before_both():
    """Roots are searched in the stated order."""
    paths = ["x.py", "src/x.py", "vendor/x.py"]
    assert targets(paths, "m.py", imported("x")) == ["x.py"]
    assert targets(paths, "m.py", imported("x"), declared=["vendor"]) == ["vendor/x.py"]


def test_a_nested_project_prefers_its_own_sources():
    """Of two packages with one name, the nearer one is meant."""
    paths = ["packages/one/src/core/__init__.py", "packages/two/src/core/__init__.py"]
    for number in ("one", "two"):
        source = f"packages/{number}/tests/test_core.py"
        assert targets(paths, source, imported("core")) == [f"packages/{number}/src/core/__init__.py"]


@pytest.mark.parametrize("source", ["tests/test_a.py", "tests/unit/test_b.py"])
def test_files_beside_and_above_a_script_are_found_last(source):
    """What pytest puts on ``sys.path``: ``import conftest`` from a folder without ``__init__``."""
    assert targets(["tests/conftest.py"], source, imported("conftest")) == ["tests/conftest.py"]
    assert targets(["tests/conftest.py", "conftest.py"], source, imported("conftest")) == ["conftest.py"]


def test_files_beside_a_module_of_a_package_are_not_found_by_bare_name():
    """Python 2's implicit relative imports are gone."""
    assert targets(["p/__init__.py", "p/helper.py"], "p/m.py", imported("helper")) == []


def test_the_project_root_may_shadow_the_standard_library_but_a_sibling_may_not():
    """A ``queue.py`` deep in a test folder does not answer for ``import queue`` everywhere."""
    assert targets(["queue.py"], "tests/t.py", imported("queue")) == ["queue.py"]
    assert targets(["tests/queue.py"], "tests/t.py", imported("queue")) == []


def test_modules_built_into_the_interpreter_are_never_shadowed():
    """``import sys`` finds the interpreter's own module, whatever files there are."""
    assert targets(["sys.py", "time.py", "types.py"], "m.py", *map(imported, ["sys", "time", "types"])) == []


def test_names_from_outside_are_told_apart_once_each_and_sorted():
    """Third-party and standard-library names are top-level names."""
    imports = [imported(name) for name in ("yaml", "os.path", "requests.adapters", "requests", "json")]
    found = resolve(ModuleMap(["m.py"]), "m.py", [*imports, imported("attr", "define")])
    assert found == ((), ("attr", "requests", "yaml"), ("json", "os"))


def test_one_edge_has_the_strongest_kind_and_the_first_line_with_it():
    """Runtime beats lazy beats type checking beats dynamic."""
    kinds = [(DYNAMIC, 1), (TYPE_CHECKING, 2), (LAZY, 3), (RUNTIME, 9), (RUNTIME, 7)]
    imports = [imported("x", kind=kind, line=line) for kind, line in kinds]
    modules = ModuleMap(["x.py", "m.py"])
    assert resolve(modules, "m.py", imports).edges == (Edge("m.py", "x.py", RUNTIME, 7),)
    assert resolve(modules, "m.py", imports[:3]).edges == (Edge("m.py", "x.py", LAZY, 3),)


def test_a_file_has_no_edge_to_itself():
    """``from . import missing`` in a package's own file is no dependency."""
    assert targets([], "p/__init__.py", imported("", "missing", 1), imported("p")) == []


def ascii_head(name):
    """A test id that fits on a line."""
    return ascii(name[:12])


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "...x",
        "a..b",
        "/etc/passwd",
        "../x",
        "a/b/c",
        "a.b/c",
        "x\0y",
        "a." * 100_000,
        "x" * 10**6,
    ],
    ids=ascii_head,
)
@pytest.mark.parametrize("level", [0, 1, 2])
def test_hostile_names_lead_nowhere(name, level):
    """No name escapes the project, crashes, or passes for a package's name."""
    modules = ModuleMap([*PACKAGE, "a/b/m.py"])
    found = resolve(modules, "a/b/m.py", [imported(name, "", level), imported(name, "..", level)])
    assert all(edge.target in PACKAGE for edge in found.edges)
    assert all(outside.isidentifier() for outside in found.third_party)


def test_paths_that_are_not_utf_8_keep_their_surrogates():
    """A path that came from the file system in bytes leads back to the same file."""
    assert targets(["caf\udce9/m.py"], "caf\udce9/n.py", imported("m")) == ["caf\udce9/m.py"]


def test_the_order_of_paths_and_imports_does_not_matter():
    """The answer is a function of sets."""
    paths = [*PACKAGE, "a/b.py", "src/a/x.py", "p1/src/q.py", "p2/src/q.py", "m.py", "m.pyi", "t/m.py"]
    imports = [
        imported("a.b", "c", line=2),
        imported("q"),
        imported("m"),
        imported("a.b", "c", kind=LAZY),
        imported("z"),
    ]
    expected = resolve(ModuleMap(paths), "t/use.py", imports)
    assert len(expected.edges) == 4
    shuffler = random.Random(7)
    for _ in range(20):
        shuffler.shuffle(paths)
        shuffler.shuffle(imports)
        assert resolve(ModuleMap(paths), "t/use.py", imports) == expected

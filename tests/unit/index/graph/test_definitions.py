"""Names are followed through re-exports to the files that bind them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.index.facts.packed import pack, wiring_of
from quarterdeck.index.facts.python import python_facts
from quarterdeck.index.graph.definitions import DefinitionMap
from quarterdeck.index.graph.resolve import ModuleMap


def definitions(use, **files):
    """What ``use.py`` with the source *use* gets; in a keyword ``__`` is ``/``, a last ``_`` a package."""
    sources = {"use.py": use}
    for key, source in files.items():
        path = key.replace("__", "/")
        sources[f"{path[:-1]}/__init__.py" if path.endswith("_") else f"{path}.py"] = source
    wirings = {path: wiring(source) for path, source in sources.items()}
    return DefinitionMap(ModuleMap(wirings), wirings).of("use.py")


def wiring(source):
    """What the Python file *source* says that decides the graph."""
    return wiring_of(pack(python_facts(source.encode())).wiring)


ENGINE = "class Engine: ...\n_hidden = 1\n"


@pytest.mark.parametrize(
    "package",
    [
        "from .core import Engine",
        "from .core import *",
        "from pkg.core import Engine",
        "from .core import Engine as Engine",
        "from .core import *\n__all__ = ['Engine']",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .core import Engine",
        "try:\n    from .core import Engine\nexcept ImportError:\n    from missing import Engine2",
    ],
)
def test_a_re_exported_name_is_defined_where_it_is_bound(package):
    """The package that only passes it on does not count, but the answer was read through it."""
    found = definitions("from pkg import Engine", pkg_=package, pkg__core=ENGINE)
    assert found == (("pkg/core.py",), ("pkg/__init__.py", "pkg/core.py"))


def test_a_chain_through_several_packages_is_followed_under_every_name():
    """Renaming on the way does not lose the trail."""
    found = definitions(
        "from top import Motor as M",
        top_="from .mid import Machine as Motor",
        top__mid_="from ..low import *",
        top__low="from other import Engine as Machine",
        other=ENGINE,
    )
    assert found.files == ("other.py",)


def test_a_plain_module_passes_names_on_as_a_package_does():
    """Re-exports are not the privilege of ``__init__``."""
    assert definitions("from a import Engine", a="from b import Engine", b=ENGINE).files == ("b.py",)


def test_a_name_bound_in_the_module_itself_ends_there():
    """Its other imports do not matter."""
    assert definitions("from a import Engine", a="from b import *\n" + ENGINE, b=ENGINE).files == ("a.py",)


def test_a_name_that_two_branches_bind_has_two_definers():
    """``try`` the fast one, else define it here."""
    source = "try:\n    from fast import Engine\nexcept ImportError:\n    class Engine: ...\n"
    assert definitions("from a import Engine", a=source, fast=ENGINE).files == ("a.py", "fast.py")


def test_a_star_does_not_bring_private_names_or_what_all_leaves_out():
    """``_hidden`` and unlisted names are not passed on, so the package is the end of the chain."""
    files = {"pkg_": "from .core import *", "pkg__core": ENGINE}
    assert definitions("from pkg import _hidden", **files).files == ("pkg/__init__.py",)
    files["pkg__core"] = ENGINE + "__all__ = ['_hidden']"
    assert definitions("from pkg import _hidden", **files).files == ("pkg/core.py",)
    assert definitions("from pkg import Engine", **files).files == ("pkg/__init__.py",)


def test_a_star_import_brings_every_public_name_behind_the_package():
    """Each name is followed to its own file."""
    found = definitions(
        "from pkg import *",
        pkg_="from .a import A\nfrom .b import *\nfrom .c import _C",
        pkg__a="class A: ...",
        pkg__b="def b(): ...\n",
        pkg__c="_C = 1",
    )
    assert found.files == ("pkg/a.py", "pkg/b.py")


def test_a_submodule_is_its_own_definition():
    """Whether the package imports it or not."""
    assert definitions("from pkg import core", pkg_="", pkg__core=ENGINE).files == ("pkg/core.py",)
    assert definitions("from pkg import core", pkg_="from . import core", pkg__core=ENGINE).files == (
        "pkg/core.py",
    )
    assert definitions("from ns import core", ns__core=ENGINE).files == ("ns/core.py",)


def test_a_function_named_like_its_submodule_is_found_through_the_package():
    """``from .glob import glob`` binds the function, defined in the submodule."""
    assert definitions("from pkg import f", pkg_="from .f import f", pkg__f="def f(): ...").files == (
        "pkg/f.py",
    )


def test_an_attribute_of_an_imported_package_is_not_followed():
    """``import pkg; pkg.Engine`` leads to the package."""
    found = definitions("import pkg\npkg.Engine", pkg_="from .core import Engine", pkg__core=ENGINE)
    assert found == (("pkg/__init__.py",), ())


def test_a_re_exported_module_is_the_module():
    """``import b as c`` in a module, then ``from a import c``."""
    assert definitions("from a import c", a="import b as c", b=ENGINE).files == ("b.py",)


def test_a_name_nobody_is_seen_to_bind_ends_where_the_trail_does():
    """Dynamic names belong to the last module asked; names from outside to the file that imports them."""
    assert definitions("from a import x", a="from b import x", b="globals()['x'] = 1").files == ("b.py",)
    assert definitions("from a import get", a="from requests import get").files == ("a.py",)


def test_an_import_inside_a_function_passes_nothing_on():
    """It binds a local name."""
    assert definitions("from a import Engine", a="def f():\n    from b import Engine", b=ENGINE).files == (
        "a.py",
    )


def test_type_checking_imports_of_the_file_itself_define_nothing():
    """Nothing of them runs."""
    use = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from b import Engine\n"
    assert definitions(use, b=ENGINE) == ((), ())


@pytest.mark.parametrize("import_", ["import x", "import *"])
def test_cycles_of_re_exports_end(import_):
    """Three files that pass a name round define nothing; the first one asked is named."""
    files = {"a": f"from b {import_}", "b": f"from c {import_}", "c": f"from a {import_}"}
    assert definitions("from a import x", **files).files == ("a.py",)
    assert definitions("from a import *", **files).files == ("a.py",)


def test_a_chain_of_five_thousand_files_is_followed():
    """No recursion, no limit."""
    files = {f"m{n}": f"from m{n + 1} import x" for n in range(5_000)}
    found = definitions("from m0 import x", **files, m5000="x = 1")
    assert found.files == ("m5000.py",)
    assert len(found.through) == 5_001


_LINES = st.sampled_from(
    [
        *(
            f"from {a} import {b}"
            for a in ("a", "b", "p", "p.q", ".", ".q", "out")
            for b in ("x", "y", "q", "*")
        ),
        "import p.q as y",
        "from b import x as y",
        "x = 1",
        "y = 1",
        "__all__ = ['x']",
        "def f():\n    from a import y",
    ]
)
_PATHS = ["a.py", "b.py", "p/__init__.py", "p/q.py", "use.py"]
_SOURCES = st.lists(_LINES, max_size=3).map("\n".join)


@given(st.fixed_dictionaries(dict.fromkeys(_PATHS, _SOURCES)), st.sampled_from(_PATHS), _SOURCES)
def test_an_answer_holds_until_a_file_it_was_read_through_changes(sources, edited, source):
    """Whoever keeps definitions needs to ask again only for the edited file and for those read through it."""
    wirings = {path: wiring(text) for path, text in sources.items()}
    modules = ModuleMap(wirings)
    before = DefinitionMap(modules, wirings)
    after = DefinitionMap(modules, wirings | {edited: wiring(source)})
    for path in wirings:
        kept = before.of(path)
        if path != edited and edited not in kept.through:
            assert after.of(path) == kept


@given(st.fixed_dictionaries(dict.fromkeys(_PATHS, _SOURCES)), st.permutations(_PATHS))
def test_the_order_of_questions_does_not_matter(sources, order):
    """What is remembered for one file is right for the next."""
    wirings = {path: wiring(text) for path, text in sources.items()}
    modules = ModuleMap(wirings)
    shared = DefinitionMap(modules, wirings)
    for path in order:
        assert shared.of(path) == DefinitionMap(modules, wirings).of(path)

"""Our import edges are those of ``ruff analyze graph``, on real libraries.

Left out of the comparison, because they are ours alone: dynamic imports; files that only one side
can parse; and edges from a file to itself, which are ruff's alone. Known differences, all counted:

- ruff does not resolve relative imports in a folder without ``__init__`` (they work, PEP 420), nor
  below a folder whose name is a keyword (``async``);
- ruff takes a folder inside a package (test data) for a root of the whole project.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from quarterdeck.index.facts.facts import DYNAMIC
from quarterdeck.index.facts.python import python_facts
from quarterdeck.index.graph.resolve import ModuleMap, resolve

LIBRARY = Path(sysconfig.get_path("stdlib"))
PACKAGES = "asyncio collections concurrent ctypes email html http importlib json logging multiprocessing xml"
OURSELVES = Path(__file__).parents[2] / "src"
CORPORA = [Path(folder) for folder in os.environ.get("QUARTERDECK_CORPORA", "").split(os.pathsep) if folder]


def our_edges(root):
    """Every readable file -> the files it imports, as Quarterdeck sees it."""
    facts = {}
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [name for name in subfolders if name not in {"__pycache__", "site-packages"}]
        for name in names:
            if name.endswith((".py", ".pyi")):
                path = Path(folder, name)
                facts[path.relative_to(root).as_posix()] = python_facts(path.read_bytes())
    modules = ModuleMap(facts, root_name=root.name)
    return {
        path: {edge.target for edge in resolve(modules, path, found.imports).edges if edge.kind != DYNAMIC}
        for path, found in facts.items()
        if not found.error
    }


def ruff_edges(root):
    """The same by ruff, with its defaults, from the project root."""
    ruff = shutil.which("ruff", path=sysconfig.get_path("scripts")) or "ruff"
    done = subprocess.run(
        [ruff, "analyze", "graph", "--isolated", "."], cwd=root, capture_output=True, text=True, check=True
    )
    return {path: set(targets) - {path} for path, targets in json.loads(done.stdout).items()}


def compare(root):
    """Edges of the files that both could read: (ours, ruff's)."""
    ours, theirs = our_edges(root), ruff_edges(root)
    both = ours.keys() & theirs.keys()
    assert len(both) >= 0.95 * len(theirs)
    return (
        {(path, target) for path in both for target in ours[path]},
        {(path, target) for path in both for target in theirs[path]},
    )


@pytest.fixture(scope="module")
def standard_library(tmp_path_factory):
    """The standard library without its tests, as a project of its own."""
    root = tmp_path_factory.mktemp("library")
    for name in PACKAGES.split():
        shutil.copytree(
            LIBRARY / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "test", "tests")
        )
    for module in LIBRARY.glob("*.py"):
        shutil.copy(module, root)
    return root


def test_edges_of_the_standard_library_equal_ruffs(standard_library):
    """Every edge, none missing and none too many."""
    ours, theirs = compare(standard_library)
    assert len(theirs) > 1_000
    assert (sorted(ours - theirs), sorted(theirs - ours)) == ([], [])


@pytest.mark.parametrize("root", [OURSELVES, *CORPORA], ids=lambda root: root.name)
def test_edges_of_a_corpus_agree_with_ruffs(root):
    """Precision and recall are .995 or better here and on the folders in QUARTERDECK_CORPORA."""
    ours, theirs = compare(root)
    shared = len(ours & theirs)
    differences = f"only ours: {sorted(ours - theirs)[:20]}\nonly ruff's: {sorted(theirs - ours)[:20]}"
    assert shared >= 0.995 * len(ours), differences
    assert shared >= 0.995 * len(theirs), differences

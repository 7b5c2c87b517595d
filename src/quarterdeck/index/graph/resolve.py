"""Where an import leads: from names as written to files of the project.

    paths   --ModuleMap-->   names that exist
    imports --resolve-->     edges to files, third-party and standard-library names

Nothing is executed and nothing is read: a name leads to a file only by looking the file's path up
among the project's own paths, so no name, however hostile, leaves the project. `resolve` depends
on the file's imports and on the set of paths, and on nothing else; what lies behind a re-export
is `definitions`.

An absolute name is searched in this order, as an interpreter with those folders on ``sys.path`` would:

1. the declared roots, the project root, ``src`` and ``lib`` at the project root;
2. the standard library;
3. the importing file's own folder and the folders above it that are not packages, nearest first,
   each with its ``src`` and ``lib`` (what pytest and ``python path/to/script.py`` put on the path);
4. every other folder that holds a top-level package, or is called ``src`` or ``lib``.

In one root a package wins over a module, a module over a stub, and a name that is missing from a
regular package (or under a plain module) is missing: later roots are not asked. Namespace packages
(PEP 420) hold only what they hold, so later roots are asked for the rest.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.index.facts.facts import IMPORT_KINDS
from quarterdeck.index.facts.facts import TYPE_CHECKING as TYPE_CHECKING_KIND

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quarterdeck.index.facts.facts import Import

_SOURCE_ROOTS = ("src/", "lib/")
_KIND_RANK = {kind: rank for rank, kind in enumerate(IMPORT_KINDS)}
# fmt: off
_UNSHADOWABLE = frozenset(
    [
        "_abc", "_ast", "_codecs", "_collections", "_functools", "_imp", "_io", "_locale",
        "_operator", "_signal", "_sre", "_stat", "_string", "_struct", "_symtable", "_thread",
        "_tracemalloc", "_warnings", "_weakref", "atexit", "builtins", "errno", "faulthandler",
        "gc", "itertools", "marshal", "posix", "pwd", "sys", "time", "types",
    ]
)
# fmt: on
"""Compiled into the interpreter, or imported before any project file: a file of that name is never found."""


class Edge(NamedTuple):
    """*source* imports *target*; there is one edge per pair, and none from a file to itself.

    Attributes:
        source: project-relative path of the importing file.
        target: project-relative path of the imported file.
        kind: the strongest of the pair's kinds, in the order of `facts.IMPORT_KINDS`.
        line: the first line in *source* with that kind.
    """

    source: str
    target: str
    kind: str
    line: int


class Resolution(NamedTuple):
    """Where one file's imports lead.

    Attributes:
        edges: sorted by target.
        third_party: top-level names that are neither in the project nor in the standard library, sorted.
        stdlib: top-level names of the standard library, sorted.
    """

    edges: tuple[Edge, ...]
    third_party: tuple[str, ...]
    stdlib: tuple[str, ...]


class ModuleMap:
    """The names that exist in a project: built once from its Python paths, O(total path length).

    Args:
        paths: project-relative POSIX paths, in any order; other than ``.py`` and ``.pyi`` are passed over.
        declared: folders searched first, in this order; ``""`` and ``"."`` are the project root.
        root_name: name of the project's own folder. It matters only where that folder is itself a
            package (has an ``__init__``), so that its files import each other by it.
    """

    __slots__ = (
        "_components",
        "_files",
        "_folders",
        "_known",
        "_packages",
        "_root_name",
        "_roots",
        "_search",
        "_spread",
        "_stubs",
    )

    def __init__(self, paths: Iterable[str], declared: Iterable[str] = (), root_name: str = "") -> None:
        known = [path for path in paths if path.endswith((".py", ".pyi"))]
        modules = _by_stem((path for path in known if path.endswith(".py")), ".py")
        stubs = _by_stem((path for path in known if path.endswith(".pyi")), ".pyi")
        self._files = {**stubs, **modules}
        self._packages = {stem for stem, path in self._files.items() if is_package(path)}
        self._files |= {f"{stem}/__init__": self._files[stem] for stem in self._packages}
        self._stubs = {
            modules[stem]: stub
            for stem, stub in stubs.items()
            if stem in modules and (is_package(stub) or not is_package(modules[stem]))
        }
        self._folders = _folders(known)
        self._components = {stem.rpartition("/")[2] for stem in (*self._files, *self._folders)}
        self._root_name = root_name if "" in self._packages else ""
        ahead = [_prefix(folder) for folder in declared]
        self._roots = tuple(dict.fromkeys([*ahead, "", *_SOURCE_ROOTS]))
        self._spread = self._spread_roots()
        self._search: dict[str, tuple[str, ...]] = {}
        self._known: dict[tuple[str, str], str | None] = {}

    def find(self, name: str, folder: str) -> str | None:
        """The file that the absolute dotted *name* means in a file of *folder*.

        Returns:
            Its path; ``""`` if a package or module of the project should have it and has not; None if
            the project does not know it (a folder without ``__init__`` claims nothing).
        """
        top, _, inner = name.partition(".")
        if top == self._root_name != "":
            return self._first([""], inner) or "" if inner else self._files[""]
        if top not in self._components or top in _UNSHADOWABLE or "/" in name:
            return None
        key = ("", name)
        if key not in self._known:
            self._known[key] = self._first(self._roots, name)
        if self._known[key] is not None or top in sys.stdlib_module_names:
            return self._known[key]
        key = (f"{folder}/", name)
        if key not in self._known:
            self._known[key] = self._first(self._around(folder), name)
        return self._known[key]

    def module(self, folder: str, name: str, level: int) -> str | None:
        """The file of ``import name``, or of the module in ``from <level dots>name import …``; as `find`."""
        if level <= 0:
            return self.find(name, folder)
        base = _ascend(folder, level)
        if base is None or "/" in name:
            return ""
        stem = base + name.replace(".", "/") if name else base[:-1]
        return self._files.get(stem, "")

    def member(self, folder: str, module: str, name: str, level: int) -> str | None:
        """The file of the submodule *name* of a module; as `find`."""
        return self.module(folder, f"{module}.{name}" if module else name, level)

    def stub_of(self, path: str) -> str | None:
        """The stub that stands beside the module *path* and that type checkers read in its stead."""
        return self._stubs.get(path)

    def _first(self, prefixes: Iterable[str], name: str) -> str | None:
        slashed = name.replace(".", "/")
        for prefix in prefixes:
            found = self._under(prefix, slashed)
            if found is not None:
                return found
        return None

    def _under(self, prefix: str, slashed: str) -> str | None:
        """As `find`, in one root; stops at the first part that does not exist: the tree bounds its cost."""
        closed = False
        end = slashed.find("/")
        while end >= 0:
            stem = prefix + slashed[:end]
            if stem in self._packages:
                closed = True
            elif stem in self._files:
                return ""
            if stem not in self._folders:
                return "" if closed else None
            end = slashed.find("/", end + 1)
        return self._files.get(prefix + slashed, "" if closed else None)

    def _around(self, folder: str) -> tuple[str, ...]:
        """Roots that only files of *folder* search, nearest first, then those spread over the project."""
        if folder not in self._search:
            near = []
            while folder:
                if folder not in self._packages:
                    near += [f"{folder}/{inner}" for inner in ("", *_SOURCE_ROOTS)]
                folder = folder.rpartition("/")[0]
            self._search[folder] = tuple(dict.fromkeys([*near, *self._spread]))
        return self._search[folder]

    def _spread_roots(self) -> list[str]:
        tops = {stem.rpartition("/")[0] for stem in self._packages if stem}
        named = {folder for folder in self._folders if f"{folder}/".endswith(("/src/", "/lib/"))}
        return sorted(_prefix(folder) for folder in tops | named if folder and not self._in_package(folder))

    def _in_package(self, folder: str) -> bool:
        while folder:
            if folder in self._packages:
                return True
            folder = folder.rpartition("/")[0]
        return False


def resolve(modules: ModuleMap, path: str, imports: Iterable[Import]) -> Resolution:
    """The edges of the file *path*, and the names it takes from outside the project.

    ``import a.b.c`` leads to ``a/b/c`` alone, not to its parents. ``from a.b import c`` leads to the
    module ``a/b/c`` if there is one, else to ``a/b``. Where a stub stands beside the module, a second,
    type-checking edge leads to the stub. Independent of the order of *imports*.
    """
    folder = path.rpartition("/")[0]
    best: dict[str, tuple[int, int]] = {}
    outside: set[str] = set()
    for module, name, _, level, kind, line in imports:
        target = modules.member(folder, module, name, level) if name and name != "*" else None
        if not target:
            target = modules.module(folder, module, level)
        if target:
            _keep(best, target, (_KIND_RANK[kind], line))
            stub = modules.stub_of(target)
            if stub is not None:
                _keep(best, stub, (max(_KIND_RANK[kind], _KIND_RANK[TYPE_CHECKING_KIND]), line))
        elif target is None:
            outside.add(module.partition(".")[0])
    best.pop(path, None)
    edges = (Edge(path, target, IMPORT_KINDS[rank], line) for target, (rank, line) in sorted(best.items()))
    names = sorted(name for name in outside if name.isidentifier())
    third_party = (name for name in names if name not in sys.stdlib_module_names)
    stdlib = (name for name in names if name in sys.stdlib_module_names)
    return Resolution(tuple(edges), tuple(third_party), tuple(stdlib))


def _keep(best: dict[str, tuple[int, int]], target: str, found: tuple[int, int]) -> None:
    if target not in best or found < best[target]:
        best[target] = found


def _by_stem(paths: Iterable[str], suffix: str) -> dict[str, str]:
    """Path without suffix -> path; a package has its folder's path, and wins over a module of that name."""
    stems: dict[str, str] = {}
    for path in paths:
        stem = path[: -len(suffix)]
        if is_package(path):
            stems[stem[: -len("/__init__")]] = path
        else:
            stems.setdefault(stem, path)
    return stems


def is_package(path: str) -> bool:
    """Whether *path* is a regular package's own file."""
    return path.rpartition("/")[2] in {"__init__.py", "__init__.pyi"}


def _folders(paths: Iterable[str]) -> set[str]:
    folders: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders


def _prefix(folder: str) -> str:
    folder = folder.strip("/")
    return "" if folder in {"", "."} else f"{folder}/"


def _ascend(folder: str, level: int) -> str | None:
    """The folder that *level* leading dots mean, as a prefix; None above the project root."""
    for _ in range(level - 1):
        if not folder:
            return None
        folder = folder.rpartition("/")[0]
    return f"{folder}/" if folder else ""

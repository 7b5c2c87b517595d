"""Which files define what a file imports, behind any chain of re-exports.

``from pkg import Engine`` leads `resolve` to ``pkg/__init__.py``. If that file only passes the name
on (``from .core import Engine``, ``from .core import *``), the file that matters to a reader, or to
a test, is ``pkg/core.py``. This module follows names, one file at a time, to the files that bind
them by def, class or assignment. A name that several branches bind (``try`` one module, ``except``
another) has several definers.

``import pkg`` followed by ``pkg.Engine`` is not followed: it leads to ``pkg/__init__.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.index.facts.facts import RUNTIME
from quarterdeck.index.facts.facts import TYPE_CHECKING as TYPE_CHECKING_KIND
from quarterdeck.index.graph.resolve import is_package

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quarterdeck.index.facts.facts import Import
    from quarterdeck.index.facts.packed import Wiring
    from quarterdeck.index.graph.resolve import ModuleMap


class Definitions(NamedTuple):
    """What stands behind one file's imports.

    Attributes:
        files: paths that define what it imports, sorted, itself left out.
        through: paths whose facts the answer was read from, sorted. The answer holds as long as the
            set of paths, the file's own facts and the facts of these files do not change.
    """

    files: tuple[str, ...]
    through: tuple[str, ...]


class _Trail(NamedTuple):
    """Definers of one name (or of all public names) of one module, and the files asked on the way."""

    definers: frozenset[str]
    asked: frozenset[str]


class _Names(NamedTuple):
    """What one file can pass on.

    Attributes:
        bound: names it binds itself.
        imported: local name -> the imports that bind it at module level.
        stars: its ``from … import *``.
        exports: its ``__all__``; None where it has none that can be read.
    """

    bound: frozenset[str]
    imported: dict[str, list[Import]]
    stars: list[Import]
    exports: frozenset[str] | None

    def gives(self, name: str) -> bool:
        """Whether ``from … import *`` brings *name*, if the file has it at all."""
        return not name.startswith("_") if self.exports is None else name in self.exports


class DefinitionMap:
    """Follows names through the project; answers are shared between files that import the same names.

    Args:
        modules: the names that exist.
        wirings: path -> wiring; asked only for the files a chain passes through, so it may load lazily.
            A path it does not have defines whatever is imported from it.
    """

    __slots__ = ("_modules", "_names", "_trails", "_wirings")

    def __init__(self, modules: ModuleMap, wirings: Mapping[str, Wiring]) -> None:
        self._modules = modules
        self._wirings = wirings
        self._names: dict[str, _Names] = {}
        self._trails: dict[tuple[str, str], _Trail] = {}

    def of(self, path: str) -> Definitions:
        """The files that define what *path* imports when it runs: type-checking imports define nothing."""
        files: set[str] = set()
        through: set[str] = set()
        wiring = self._wirings.get(path)
        for each in wiring.imports if wiring is not None else ():
            if each.kind == TYPE_CHECKING_KIND:
                continue
            source = self._source(path, each)
            if source and each.name:
                trail = self._public(source) if each.name == "*" else self._one(source, each.name)
                files |= trail.definers
                through |= trail.asked
            else:
                files.add(source or self._member(path, each))
        return Definitions(tuple(sorted(files - {path, ""})), tuple(sorted(through - {path})))

    def _source(self, path: str, each: Import) -> str:
        """The file of the module that *each* names in *path*; empty where the project has none."""
        return self._modules.module(_folder(path), each.module, each.level) or ""

    def _member(self, path: str, each: Import) -> str:
        """The file of the submodule that *each* takes from its module; empty where there is none."""
        if each.name in {"", "*"}:
            return ""
        return self._modules.member(_folder(path), each.module, each.name, each.level) or ""

    def _one(self, module: str, name: str) -> _Trail:
        key = (module, name)
        if key not in self._trails:
            self._trails[key] = self._follow(module, name)
        return self._trails[key]

    def _follow(self, module: str, name: str) -> _Trail:
        """Who binds *name* of *module*; where nobody is seen to, its submodule or the end of the chain."""
        definers: set[str] = set()
        dead_ends: list[tuple[str, str]] = []
        todo = [(module, name, False)]
        seen = set(todo)
        while todo:
            at, wanted, by_star = todo.pop()
            names = self._names_of(at)
            if by_star and not names.gives(wanted):
                continue
            if wanted in names.bound:
                definers.add(at)
            onward = []
            for each in names.imported.get(wanted, ()):
                source = self._source(at, each)
                if each.name and source not in {"", at}:
                    onward.append((source, each.name, False))
                else:
                    definers.add(self._member(at, each) or source or at)
            if wanted not in names.bound and wanted not in names.imported:
                onward += [(source, wanted, True) for source in self._starred(at, names)]
                if not by_star:
                    dead_ends.append((at, wanted))
            todo += [state for state in onward if state not in seen]
            seen.update(onward)
        if not definers:
            definers = {self._submodule(at, wanted) or at for at, wanted in dead_ends or [(module, name)]}
        return _Trail(frozenset(definers), frozenset(at for at, _, _ in seen))

    def _public(self, module: str) -> _Trail:
        """Who binds the names that ``from module import *`` brings."""
        key = (module, "*")
        if key in self._trails:
            return self._trails[key]
        definers: set[str] = set()
        asked: set[str] = set()
        todo = [module]
        seen = {module}
        while todo:
            at = todo.pop()
            names = self._names_of(at)
            for name in names.exports if names.exports is not None else (*names.bound, *names.imported):
                if names.gives(name):
                    trail = self._one(at, name)
                    definers |= trail.definers
                    asked |= trail.asked
            onward = self._starred(at, names) if names.exports is None else []
            todo += [source for source in onward if source not in seen]
            seen.update(onward)
        self._trails[key] = _Trail(frozenset(definers or {module}), frozenset(asked | seen))
        return self._trails[key]

    def _starred(self, path: str, names: _Names) -> list[str]:
        return [source for source in (self._source(path, each) for each in names.stars) if source]

    def _submodule(self, path: str, name: str) -> str:
        if not is_package(path):
            return ""
        return self._modules.member(_folder(path), "", name, 1) or ""

    def _names_of(self, path: str) -> _Names:
        if path not in self._names:
            wiring = self._wirings.get(path)
            self._names[path] = _NOTHING if wiring is None else _names(wiring)
        return self._names[path]


def _names(wiring: Wiring) -> _Names:
    imported: dict[str, list[Import]] = {}
    stars = []
    for each in wiring.imports:
        if each.kind not in {RUNTIME, TYPE_CHECKING_KIND}:
            continue
        if each.name == "*":
            stars.append(each)
        elif each.name or each.alias:
            imported.setdefault(each.alias or each.name, []).append(each)
        else:
            top = each.module.partition(".")[0]
            imported.setdefault(top, []).append(each._replace(module=top))
    exports = None if wiring.exports is None else frozenset(wiring.exports)
    return _Names(frozenset(wiring.bindings), imported, stars, exports)


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


_NOTHING = _Names(frozenset(), {}, [], None)

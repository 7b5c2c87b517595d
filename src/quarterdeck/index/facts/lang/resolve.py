"""Which file of the project an import means, for the languages where the text alone can tell.

    path + its imports + every known path -> (target, kind, line)

Nothing is read: a file is there if it is a known path. What leads out of the project, names a
package from elsewhere, or could mean several files is left out; an edge that is not certain is
worse than none. Paths are relative to the root and use ``/``.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from quarterdeck.index.facts.facts import Import

Edge: TypeAlias = tuple[str, str, int]
"""The file that is imported, the import's kind, its line."""

_SCRIPT_SUFFIXES = (".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".json")
_WRITTEN_AS = {".js": (".ts", ".tsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}
"""TypeScript imports name the file that will be compiled: ``./a.js`` is ``a.ts`` in the source."""
_INCLUDE_ROOTS = ("include", "src", "")
_CRATE_ENTRIES = ("lib.rs", "main.rs", "mod.rs")


def resolve_local(
    path: str,
    imports: Iterable[Import],
    known_paths: frozenset[str],
    *,
    go_modules: Mapping[str, str] | None = None,
) -> list[Edge]:
    """The files that *path* imports, in the order of its imports, each target once per kind.

    Args:
        path: the importing file; its suffix says which rules hold.
        imports: as `lang_facts` gives them.
        known_paths: every file of the project; pass the same set each time, an index of it is kept.
        go_modules: folder of each ``go.mod`` -> the module path it declares.
    """
    resolve = _RULES.get(posixpath.splitext(path)[1])
    if resolve is None:
        return []
    edges: dict[tuple[str, str], Edge] = {}
    for imported in imports:
        for target in resolve(path, imported.module, known_paths, go_modules or {}):
            if target != path:
                edges.setdefault((target, imported.kind), (target, imported.kind, imported.line))
    return list(edges.values())


def _inside(folder: str, relative: str) -> str | None:
    """*relative* seen from *folder*; None if it leads out of the root."""
    joined = posixpath.normpath(posixpath.join(folder, relative))
    return None if joined.startswith(("../", "/")) or joined == ".." else joined


def _first(candidates: Iterable[str], known_paths: frozenset[str]) -> list[str]:
    found = next((candidate for candidate in candidates if candidate in known_paths), None)
    return [] if found is None else [found]


def _script(path: str, module: str, known_paths: frozenset[str], _: Mapping[str, str]) -> list[str]:
    """``./x``, ``../x``: the file itself, then its source, then suffixes, then the folder's index."""
    if not module.startswith(("./", "../")) and module not in (".", ".."):
        return []
    base = _inside(posixpath.dirname(path), module)
    if base is None:
        return []
    stem, suffix = posixpath.splitext(base)
    candidates = (
        [] if module.endswith("/") else [base, *(stem + other for other in _WRITTEN_AS.get(suffix, ()))]
    )
    candidates += [base + other for other in _SCRIPT_SUFFIXES]
    candidates += [posixpath.normpath(f"{base}/index{other}") for other in _SCRIPT_SUFFIXES]
    return _first(candidates, known_paths)


def _include(path: str, module: str, known_paths: frozenset[str], _: Mapping[str, str]) -> list[str]:
    """``"x.h"``: beside the file, then under include/, src/ and each folder from here to the root."""
    if not module.startswith('"'):
        return []
    name = module.strip('"')
    folder = posixpath.dirname(path)
    candidates = [_inside(folder, name)]
    for above in _upwards(folder):
        candidates += [_inside(posixpath.join(above, root), name) for root in _INCLUDE_ROOTS]
    return _first((candidate for candidate in candidates if candidate is not None), known_paths)


def _upwards(folder: str) -> Iterator[str]:
    """*folder* and every folder above it, the root (``""``) last."""
    while folder:
        yield folder
        folder = posixpath.dirname(folder)
    yield ""


def _rust(path: str, module: str, known_paths: frozenset[str], _: Mapping[str, str]) -> list[str]:
    """``mod x`` beside the file; ``use crate::``, ``self::`` and ``super::`` by the longest known prefix."""
    folder, name = posixpath.split(path)
    here = folder if name in _CRATE_ENTRIES else posixpath.splitext(path)[0]
    if module.startswith("mod "):
        return _rust_file(here, module[4:].split("::"), known_paths, shortest=True)
    head, *rest = module.split("{")[0].split(" as ")[0].rstrip(":*").split("::")
    rest = [part for part in rest if part]
    if head == "crate":
        roots = [
            f
            for f in _upwards(folder)
            if any(posixpath.join(f, e) in known_paths for e in _CRATE_ENTRIES[:2])
        ]
        return _rust_file(roots[0], rest, known_paths) if roots else []
    if head not in ("self", "super"):
        return []
    for part in (head, *rest):
        if part == "super":
            here = posixpath.dirname(here)
    return _rust_file(here, [part for part in rest if part != "super"], known_paths)


def _rust_file(
    base: str, parts: list[str], known_paths: frozenset[str], *, shortest: bool = False
) -> list[str]:
    """The module file that the most leading *parts* name; all of them, if *shortest*."""
    for count in range(len(parts), len(parts) - 1 if shortest else 0, -1):
        stem = posixpath.join(base, *parts[:count])
        if found := _first((f"{stem}.rs", f"{stem}/mod.rs"), known_paths):
            return found
    return []


def _java(_path: str, module: str, known_paths: frozenset[str], _: Mapping[str, str]) -> list[str]:
    """``a.b.C`` (or a member of it) is the one file that ends in ``a/b/C.java``; ``a.b.*`` is left out."""
    parts = module.split(".")
    if parts[-1] == "*":
        return []
    by_name = _grouped(known_paths).java_by_name
    for count in range(len(parts), 1, -1):
        wanted = "/" + "/".join(parts[:count]) + ".java"
        found = [known for known in by_name.get(parts[count - 1], ()) if f"/{known}".endswith(wanted)]
        if found:
            return found if len(found) == 1 else []
    return []


def _go(_path: str, module: str, known_paths: frozenset[str], go_modules: Mapping[str, str]) -> list[str]:
    """An import path inside a module of the project means every file of that folder but its tests."""
    by_folder = _grouped(known_paths).go_by_folder
    for folder, name in sorted(go_modules.items(), key=lambda item: len(item[1]), reverse=True):
        if module == name or module.startswith(name + "/"):
            inside = _inside(folder, module[len(name) :].strip("/"))
            return list(by_folder.get("" if inside in (None, ".") else inside, ())) if inside else []
    return []


class _Grouped(NamedTuple):
    java_by_name: dict[str, list[str]]
    go_by_folder: dict[str, list[str]]


@lru_cache(maxsize=1)
def _grouped(known_paths: frozenset[str]) -> _Grouped:
    """Java files by class name and Go files by folder, sorted; made once per set of known paths."""
    java_by_name, go_by_folder = defaultdict(list), defaultdict(list)
    for path in sorted(known_paths):
        if path.endswith(".java"):
            java_by_name[posixpath.basename(path)[: -len(".java")]].append(path)
        elif path.endswith(".go") and not path.endswith("_test.go"):
            go_by_folder[posixpath.dirname(path)].append(path)
    return _Grouped(dict(java_by_name), dict(go_by_folder))


_RULES: dict[str, Callable[[str, str, frozenset[str], Mapping[str, str]], list[str]]] = {
    **dict.fromkeys((".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts"), _script),
    **dict.fromkeys((".c", ".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx", ".ipp", ".inl"), _include),
    ".rs": _rust,
    ".java": _java,
    ".go": _go,
}

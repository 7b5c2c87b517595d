"""Which tests a change calls for, also when files are gone.

    changed paths ──still there──> stored links and edges ────────────────┐
                  ──gone─────────> the graph as if they were still there ─┴─ tests_for ──> Link

A file that imports a deleted module still says so in its text. Resolving all imports once more,
with the deleted paths put back as empty files, finds who is broken by the deletion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.errors import NotIndexed
from quarterdeck.index.disk import classify
from quarterdeck.index.graph.covers import Importers, Link, Linkable, link_tests, tests_for
from quarterdeck.index.model import CODE
from quarterdeck.index.refresh.derive import is_runnable_test

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from quarterdeck.index.model import FileRecord
    from quarterdeck.index.store.stores import Scan


def affected_tests(scan: Scan, changed: Iterable[str]) -> list[Link]:
    """The tests to run for *changed*, each once, most confident first; the stores have just been verified."""
    tree = scan.stores.tree
    paths = list(dict.fromkeys(changed))
    records = [record for record in tree.records() if record.category in CODE]
    known = {record.path for record in records}
    gone = [path for path in paths if path not in known and _was_code(path)]
    links = tree.links()
    edges = [(source, target) for source, target, _, _ in tree.edges()]
    definitions = tree.definitions()
    if gone:
        from quarterdeck.index.refresh.rewire import wire_with

        wired = wire_with(scan, gone)
        edges = [(edge.source, edge.target) for edge in wired.edges]
        definitions = wired.definitions
        files = [
            *map(_linkable, records),
            *(Linkable(path, False, classify.language_of(path)) for path in gone),
        ]
        links = link_tests(files, definitions, scan.stores.annotations.read().proven)
    tests = [record.path for record in records if is_runnable_test(record)]
    return tests_for(paths, links, tests, Importers(_reversed(definitions), _reversed(edges)))


def changed_files(
    scan: Scan, expand: Callable[[Iterable[str]], set[str]], paths: Iterable[str], revision: str | None
) -> list[str]:
    """As `ProjectIndex.what_changed`; *expand* finds indexed files."""
    found: set[str] = set()
    for path in paths:
        try:
            found |= expand([path])
        except NotIndexed:
            if not affected_tests(scan, [path]):
                raise
            found.add(path)  # deleted, and somebody still imports it
    if revision is not None:
        from quarterdeck.index.changes.git import Git

        known = set(scan.stores.tree.paths())
        found |= {
            change.path
            for change in Git(scan.root).changes_since(revision)
            if not change.content or change.path in known
        }
    return sorted(found)


def _was_code(path: str) -> bool:
    return classify.category_of(path) in CODE


def _linkable(record: FileRecord) -> Linkable:
    return Linkable(record.path, is_runnable_test(record), record.language)


def _reversed(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for source, target in pairs:
        found.setdefault(target, []).append(source)
    return found

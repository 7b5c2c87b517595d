"""What follows from the facts of all files together: test links and records.

    records, graph, notes ──link_tests──> links ──relate──> record rows that differ

An incremental derivation gives what a clean one gives, because each stage is either made anew as a
whole or untouched: the graph when a file came, went or changed its imports, exports or bindings; the
links when the graph or what a coverage run proved has changed; the records of code always.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from quarterdeck.index.graph.covers import Link, Linkable, is_runnable, link_tests
from quarterdeck.index.graph.reach import ImportGraph, impact_score
from quarterdeck.index.model import CODE, FileCategory, FileRecord
from quarterdeck.index.refresh.view import Neighbours, relate
from quarterdeck.index.store.tree_store import record_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from quarterdeck.index.graph.wire import Wired
    from quarterdeck.index.settings import IndexConfig
    from quarterdeck.index.store.annotations import Notes


class Sources(NamedTuple):
    """Everything a derivation starts from.

    Attributes:
        stored: records as they were stored, of all files of the state before.
        old: those of files that were not read this time and are still there.
        fresh: records of the files that were read this time, as far as their own bytes decide.
        links: the stored test links.
        wired: the graph, made anew; None when the stored one still holds.
        definitions: the stored definitions, where the stored graph still holds.
        noted: what the user noted.
        notes_changed: the notes differ from those the stored rows were made with.
        lint: findings per file; None when not linted.
    """

    stored: Mapping[str, FileRecord]
    old: Mapping[str, FileRecord]
    fresh: Mapping[str, FileRecord]
    links: list[Link]
    wired: Wired | None
    definitions: list[tuple[str, str]]
    noted: Notes
    notes_changed: bool
    lint: Mapping[str, int] | None


class Derived(NamedTuple):
    """What has to be written.

    Attributes:
        rows: record rows that are new or differ.
        links: the test links; None when they still hold.
    """

    rows: list[tuple[Any, ...]]
    links: list[Link] | None


def derive(sources: Sources, config: IndexConfig) -> Derived:
    """Derive what follows from *sources*."""
    everything = {**sources.old, **sources.fresh}
    links = None
    if sources.wired is not None or sources.notes_changed:
        links = _links(everything, sources)
    graph = _graph_part(sources)
    tests = _tests_by_path(sources.links if links is None else links)
    noted = {*sources.noted.coverage, *sources.noted.metadata}
    rows = []
    for path, record in everything.items():
        is_fresh = path in sources.fresh
        if record.category not in CODE and path not in noted:
            if is_fresh or sources.notes_changed:
                rows.append(
                    record_row(
                        record._replace(metadata={}, coverage_percent=None, coverage_outdated=False), 0.0
                    )
                )
            continue
        around = graph(record)._replace(
            tests=[everything[test] for test in tests.get(path, ()) if test in everything],
            coverage=sources.noted.coverage.get(path),
            metadata=sources.noted.metadata.get(path, {}),
            lint_issues=None if sources.lint is None else sources.lint.get(path, 0),
        )
        related, attention = relate(record, around, config)
        if is_fresh or related != record:
            rows.append(record_row(related, attention.weight))
    return Derived(rows, links)


def is_runnable_test(record: FileRecord) -> bool:
    """Whether *record* is a test file that a runner can run."""
    return record.category is FileCategory.TEST and is_runnable(
        record.path, record.language, record.test_count
    )


def _links(everything: Mapping[str, FileRecord], sources: Sources) -> list[Link]:
    files = [
        Linkable(path, is_runnable_test(record), record.language)
        for path, record in everything.items()
        if record.category in CODE
    ]
    definitions = sources.definitions if sources.wired is None else sources.wired.definitions
    return link_tests(files, definitions, sources.noted.proven)


def _graph_part(sources: Sources) -> Callable[[FileRecord], Neighbours]:
    """What the graph says about a record: from the new graph, or as the stored record has it."""
    if sources.wired is None:

        def stored(record: FileRecord) -> Neighbours:
            known = sources.stored.get(record.path, record)
            return Neighbours(known.imports, known.imported_by, known.dependents_count, known.impact_score)

        return stored
    graph = ImportGraph((), sources.wired.edges)
    counts = graph.dependent_counts()

    def computed(record: FileRecord) -> Neighbours:
        dependents = graph.dependents.get(record.path, [])
        total = counts.get(record.path, 0)
        return Neighbours(
            graph.dependencies.get(record.path, []), dependents, total, impact_score(len(dependents), total)
        )

    return computed


def _tests_by_path(links: Iterable[Link]) -> dict[str, list[str]]:
    """Covered file -> its tests, best first: by confidence, then those named after it, then by path."""
    ordered: dict[str, list[Link]] = {}
    for link in links:
        ordered.setdefault(link.path, []).append(link)
    return {path: [link.test for link in sorted(group, key=_rank)] for path, group in ordered.items()}


def _rank(link: Link) -> tuple[float, bool, str]:
    stem = link.path.rpartition("/")[2].partition(".")[0]
    return (-link.confidence, stem not in link.test.rpartition("/")[2], link.test)

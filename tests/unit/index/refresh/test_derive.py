"""What follows from all files together, and that only what differs is written."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from quarterdeck.index.facts.facts import RUNTIME
from quarterdeck.index.graph.covers import IMPORTED, NAMED, Link
from quarterdeck.index.graph.resolve import Edge
from quarterdeck.index.graph.wire import Wired
from quarterdeck.index.model import FileCategory, FileRecord
from quarterdeck.index.refresh.derive import Sources, derive, is_runnable_test
from quarterdeck.index.settings import IndexConfig
from quarterdeck.index.store.annotations import Coverage, Notes
from quarterdeck.index.store.tree_store import record_of

AT = datetime(2024, 1, 1, tzinfo=UTC)
A = FileRecord("a.py", "a.py", FileCategory.SOURCE, "python", last_modified=AT)
B = FileRecord("b.py", "b.py", FileCategory.SOURCE, "python", last_modified=AT)
TEST = FileRecord("test_a.py", "test_a.py", FileCategory.TEST, "python", test_count=2, last_modified=AT)
README = FileRecord("README.md", "README.md", FileCategory.DOCS, "markdown", last_modified=AT)
ALL = [A, B, TEST, README]
WIRED = Wired(
    [Edge("a.py", "b.py", RUNTIME, 1), Edge("test_a.py", "a.py", RUNTIME, 1)],
    [("a.py", "b.py"), ("test_a.py", "a.py")],
    0,
)


def by_path(records):
    return {record.path: record for record in records}


def sources(**changes):
    """A first scan of all four files, but for *changes*."""
    first = Sources(
        stored={},
        old={},
        fresh=by_path(ALL),
        links=[],
        wired=WIRED,
        definitions=[],
        noted=Notes(),
        notes_changed=True,
        lint=None,
    )
    return first._replace(**changes)


def derived(given):
    """Path -> record of what has to be written, and the links."""
    found = derive(given, IndexConfig())
    return {row[0]: record_of(row[:-1]) for row in found.rows}, found.links


def settled(**changes):
    """A later scan in which nothing was read, but for *changes*."""
    stored, links = derived(sources())
    later = Sources(
        stored=stored,
        old=stored,
        fresh={},
        links=links or [],
        wired=None,
        definitions=WIRED.definitions,
        noted=Notes(),
        notes_changed=False,
        lint=None,
    )
    return later._replace(**changes)


def test_a_first_scan_relates_every_file():
    """Imports, dependents, tests and impact, each at its place."""
    found, links = derived(sources())
    assert sorted(found) == sorted(by_path(ALL))
    assert (found["a.py"].imports, found["a.py"].imported_by) == (("b.py",), ("test_a.py",))
    assert (found["b.py"].imported_by_count, found["b.py"].dependents_count) == (1, 2)
    assert found["b.py"].impact_score == pytest.approx(1.1)
    assert (found["a.py"].test_files, found["a.py"].test_count) == (("test_a.py",), 2)
    assert [(link.path, link.test) for link in links or ()] == [("a.py", "test_a.py")]


def test_where_nothing_differs_nothing_is_written():
    """No row, and the links hold."""
    assert derived(settled()) == ({}, None)


def test_only_what_differs_is_written():
    """A file that was read, and those whose relations it changes."""
    found, links = derived(settled(fresh={"test_a.py": TEST._replace(test_count=9)}))
    assert sorted(found) == ["a.py", "test_a.py"]
    assert found["a.py"].test_count == 9
    assert links is None


def test_a_file_that_was_read_keeps_what_a_stored_graph_says_of_it():
    """Its imports have not changed: the graph was not made anew."""
    found, _ = derived(settled(fresh={"b.py": B._replace(lines=7)}))
    assert sorted(found) == ["b.py"]
    assert (found["b.py"].imported_by, found["b.py"].dependents_count) == (("a.py",), 2)
    assert found["b.py"].impact_score == pytest.approx(1.1)


def test_a_new_graph_decides_everything_anew():
    """Links too: what is no longer imported is no longer covered."""
    found, links = derived(settled(wired=Wired([], [], 0)))
    assert links == [Link("a.py", "test_a.py", NAMED, links[0].confidence if links else 0)]
    assert sorted(found) == ["a.py", "b.py", "test_a.py"]
    assert found["b.py"].impact_score == 0.0
    assert found["a.py"].imports == ()


def test_notes_that_changed_reach_their_files():
    """Coverage and metadata, also of files that are no code; proof makes links."""
    noted = Notes(
        1,
        {"README.md": {"owner": "ann"}},
        {"b.py": Coverage(80.0, "")},
        {"b.py": frozenset({"test_a.py"})},
    )
    found, links = derived(settled(noted=noted, notes_changed=True))
    assert (found["README.md"].metadata, found["b.py"].coverage_percent) == ({"owner": "ann"}, 80.0)
    assert found["b.py"].test_files == ("test_a.py",)
    assert {(link.path, link.how) for link in links or ()} == {("a.py", IMPORTED), ("b.py", "proven")}
    assert "a.py" not in found


def test_a_note_that_is_gone_leaves_its_file():
    """Also one that is no code, and was not read this time."""
    noted = README._replace(metadata={"owner": "ann"}, coverage_percent=5.0)
    found, _ = derived(settled(old={**by_path([A, B, TEST]), "README.md": noted}, notes_changed=True))
    assert (found["README.md"].metadata, found["README.md"].coverage_percent) == ({}, None)


def test_lint_that_was_not_asked_for_is_unknown_and_none_found_is_zero():
    """None and 0 are different answers."""
    assert {record.lint_issues for record in derived(sources())[0].values()} == {None}
    found, _ = derived(sources(lint={"a.py": 3}))
    assert (found["a.py"].lint_issues, found["b.py"].lint_issues) == (3, 0)


def test_tests_are_best_first():
    """By confidence, then those named after the file, then by path."""
    tests = [
        FileRecord(path, path, FileCategory.TEST, "python", test_count=1)
        for path in ("test_z.py", "test_a.py", "test_b.py", "test_y.py")
    ]
    definitions = [(path, "a.py") for path in ("test_b.py", "test_a.py")]
    found, _ = derived(
        sources(
            fresh=by_path([A, *tests]),
            wired=Wired([], definitions, 0),
            noted=Notes(1, {}, {}, {"a.py": frozenset({"test_z.py", "test_y.py"})}),
        )
    )
    assert found["a.py"].test_files == ("test_y.py", "test_z.py", "test_a.py", "test_b.py")


def test_a_test_that_is_gone_covers_nothing():
    """Even where a stored link still names it."""
    given = settled()
    left = {path: record for path, record in given.old.items() if path != "test_a.py"}
    found, _ = derived(given._replace(old=left))
    assert found["a.py"].tests_exist is False
    assert "test_a.py" not in found


@pytest.mark.parametrize(
    "record, runs",
    [(TEST, True), (TEST._replace(path="conftest.py", test_count=0), False), (A, False)],
)
def test_only_a_test_file_that_a_runner_runs_is_a_test(record, runs):
    """A file of fixtures is none."""
    assert is_runnable_test(record) is runs

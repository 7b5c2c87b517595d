"""What is put into a tree's store comes out the same, whatever it is called and whatever it holds."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck import sqlite
from quarterdeck.index.disk.signature import Signature
from quarterdeck.index.graph.covers import Link
from quarterdeck.index.model import FileCategory, FileRecord, ProjectSummary, TestRequirement
from quarterdeck.index.store import tree_store
from quarterdeck.index.store.tree_store import (
    ABSENT,
    Entry,
    Stamp,
    TreeStore,
    Watched,
    from_db,
    record_row,
    to_db,
)

PATHS = ["a.py", "naïve/ü.py", "latin-\udce9.py", "new\nline", "quote'\"", "日本.go", "both-é-\udcff"]
AT = datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC)

FULL = FileRecord(
    path="app/caf\udce9.py",
    name="caf\udce9.py",
    category=FileCategory.SOURCE,
    language="python",
    test_requirement=TestRequirement.REQUIRED,
    test_file_path="tests/test_\udce9.py",
    tests_exist=True,
    test_count=3,
    coverage_percent=12.3456789,
    last_modified=AT,
    tests_last_modified=AT - timedelta(days=9, microseconds=1),
    last_indexed=AT + timedelta(microseconds=1),
    staleness_days=9,
    is_stale=True,
    lines_of_code=100,
    lines_of_test=40,
    complexity_score=21.0,
    has_docstrings=True,
    has_type_hints=True,
    lint_issues=4,
    imports=("app/a.py", "app/\udce9.py"),
    imported_by=("app/ç.py",),
    import_count=2,
    imported_by_count=1,
    impact_score=1.1 + 0.2,
    metadata={"owner": "ann", "tags": ["x", None, 1.5], "deep": {"é": False}},
    needs_attention=True,
    attention_reasons=("first", "second \udce9"),
    content_hash="0f" * 16,
    size_bytes=2**40,
    lines=140,
    functions=7,
    max_complexity=9,
    cognitive_complexity=11,
    documented_ratio=1 / 3,
    hinted_ratio=1.0,
    dependents_count=4,
    test_files=("tests/test_\udce9.py", "tests/test_b.py"),
    coverage_outdated=True,
    error="line 3: é",
)
"""A record in which no field has its default."""


@pytest.fixture
def store(tmp_path):
    """An empty store on disk."""
    with contextlib.closing(TreeStore(str(tmp_path / "index.sqlite"))) as store:
        yield store


def kept(store, record):
    """*record*, after a way through the database."""
    with sqlite.transaction(store.connection):
        store.put_rows([record_row(record, 1.5)])
    (found,) = store.records_at([record.path])
    return found


def test_the_example_has_no_default_in_it():
    """Otherwise a column that is lost on the way would not be noticed."""
    blank = FileRecord("", "")
    assert [name for name in FileRecord._fields if getattr(FULL, name) == getattr(blank, name)] == []


@pytest.mark.parametrize("name", FileRecord._fields)
def test_every_field_of_a_record_survives_the_database(store, name):
    """Alone, with its value and its type."""
    record = FileRecord("a", "a")._replace(**{name: getattr(FULL, name)})
    found = kept(store, record)
    assert getattr(found, name) == getattr(FULL, name)
    assert type(getattr(found, name)) is type(getattr(FULL, name))
    assert found == record


def test_a_whole_record_survives_the_database(store):
    """Every field at once."""
    assert repr(kept(store, FULL)) == repr(FULL)


def test_nothing_and_zero_are_different_in_the_database(store):
    """None means "not measured"; 0 is a measurement, and false is not 0."""
    nothing = FileRecord("a", "a")
    zero = nothing._replace(coverage_percent=0.0, lint_issues=0, documented_ratio=0.0, hinted_ratio=0.0)
    assert repr(kept(store, nothing)) == repr(nothing)
    assert repr(kept(store, zero)) == repr(zero)


@given(
    st.datetimes(datetime(1901, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
)
def test_every_moment_survives_the_database(at):
    """To the microsecond, which is all that a datetime has."""
    record = FileRecord("a", "a", last_modified=at)
    assert tree_store.record_of(record_row(record, 0.0)[:-1]).last_modified == at


@pytest.mark.parametrize("path", PATHS)
def test_every_path_survives_the_database(path):
    """A path that is not UTF-8 is kept as its bytes; any other stays readable."""
    assert from_db(to_db(path)) == path
    assert isinstance(to_db(path), bytes) == any("\udc80" <= letter <= "\udcff" for letter in path)


def test_entries_come_back_as_they_were_put(store):
    """Signatures of every size, racy or not, under every name."""
    entries = [
        Entry(
            path, Signature(number, 2**62 + number, -number, 2**40), bool(number % 2), "ab", "source", "go", 7
        )
        for number, path in enumerate(PATHS)
    ]
    with sqlite.transaction(store.connection):
        store.put_entries(entries)
    assert sorted(store.entries()) == sorted(entries)
    assert sorted((from_db(path), *rest) for path, *rest in store.signatures()) == sorted(
        (entry.path, *entry.signature, entry.racy) for entry in entries
    )


def test_an_entry_that_is_put_again_takes_the_old_ones_place(store):
    """One row per path."""
    entry = Entry("a", Signature(1, 2, 3, 4), True, "old", "source", "go", 7)
    with sqlite.transaction(store.connection):
        store.put_entries([entry])
        store.put_entries([entry._replace(hash="new")])
    assert [each.hash for each in store.entries()] == ["new"]


def test_what_is_watched_is_replaced_as_a_whole(store):
    """A folder that is no longer part of the tree is no longer compared."""
    with sqlite.transaction(store.connection):
        store.put_watched([Watched("/old", Signature(1, 2, 3, 4), True)])
        store.put_watched([Watched("/p/\udce9", Signature(5, 6, 7, 8), False), Watched("/z", ABSENT, False)])
    assert [(from_db(path), *rest) for path, *rest in store.watched_signatures()] == [
        ("/z", *ABSENT, 0),
        ("/p/\udce9", 5, 6, 7, 8, 0),
    ]


def test_graph_and_links_come_back_as_they_were_put(store):
    """And replace what was there before."""
    edges = [("a", "b", "runtime", 3), ("a", "\udce9", "lazy", 0)]
    links = [Link("\udce9", "test_a.py", "import", 0.91)]
    with sqlite.transaction(store.connection):
        for _ in range(2):
            store.put_graph([("old", "old", "lazy", 1), ("x", "y", "lazy", 1)], [("old", "older")])
            store.put_links([Link("old", "test_old.py", "name", 0.5)])
            store.put_graph(edges, [("\udce9", "a")])
            store.put_links(links)
    assert store.edges() == edges
    assert store.definitions() == [("\udce9", "a")]
    assert store.links() == links


def test_summary_and_notes_come_back_as_they_were_put(store):
    """Each beside the other."""
    summary = ProjectSummary(total_files=2, test_coverage_avg=None, most_stale_files=("\udce9",))
    with sqlite.transaction(store.connection):
        store.put_summary(summary)
        store.put_notes(("a note", "an é"))
    assert (store.summary(), store.notes()) == (summary, ("a note", "an é"))


def test_a_new_store_is_empty(store):
    """Nothing stored yet is a stamp of its own, not an error."""
    assert (store.stamp(), store.meta(), store.notes(), store.paths()) == (Stamp(0, ""), {}, (), [])


def test_a_dropped_file_has_neither_entry_nor_record(store):
    """Its neighbours keep both."""
    with sqlite.transaction(store.connection):
        for path in ("a", "\udce9"):
            store.put_entries([Entry(path, ABSENT, False, "", "", "", 0)])
            store.put_rows([record_row(FileRecord(path, path), 0.0)])
        store.drop_files(["\udce9", "never was"])
    assert ([entry.path for entry in store.entries()], store.paths()) == (["a"], ["a"])


def test_records_are_by_path_unless_ordered_otherwise(store):
    """And those that are asked for by name come in the order of the question."""
    with sqlite.transaction(store.connection):
        for weight, path in enumerate("cab"):
            store.put_rows([record_row(FileRecord(path, path), weight)])
    assert [record.path for record in store.records()] == ["a", "b", "c"]
    assert [record.path for record in store.records("ORDER BY attention_weight DESC")] == ["b", "a", "c"]
    assert [record.path for record in store.records_at(["c", "nowhere", "a"])] == ["c", "a"]


def test_the_log_tells_what_differs_after_a_state(store):
    """Oldest first; a state's own changes are not after it."""
    with sqlite.transaction(store.connection):
        first = store.log_state("aaa1", 1, [])
        second = store.log_state("aab2", 2, [("x", "", "h1")])
        store.log_state("aaa1", 3, [("x", "h1", ""), ("\udce9", "", "h2")])
    assert store.stamp() == Stamp(3, "aaa1")
    assert store.changes_after(second) == [("x", "h1", ""), ("\udce9", "", "h2")]
    assert store.changes_after(first)[0] == ("x", "", "h1")
    assert store.states("aa") == {"aaa1": 3, "aab2": 2}
    assert store.states("aab") == {"aab2": 2}
    assert store.states("%") == {}


def test_only_the_newest_states_are_kept(store, monkeypatch):
    """The log has an end, and the numbers go on."""
    monkeypatch.setattr(tree_store, "KEEP_STATES", 2)
    with sqlite.transaction(store.connection):
        for number in range(4):
            store.log_state(f"s{number}", number, [("x", str(number), "")])
    assert store.states("") == {"s2": 3, "s3": 4}
    assert [before for _, before, _ in store.changes_after(0)] == ["2", "3"]


def test_forgetting_leaves_the_log(store):
    """Snapshots still stand for something after the cache was cleared."""
    with sqlite.transaction(store.connection):
        store.put_rows([record_row(FULL, 0.0)])
        store.put_entries([Entry("a", ABSENT, False, "", "", "", 0)])
        store.put_watched([Watched("/", ABSENT, False)])
        store.put_graph([("a", "b", "lazy", 1)], [("a", "b")])
        store.put_links([Link("a", "b", "name", 0.5)])
        store.put_meta({"made_with": "x"})
        store.log_state("s", 1, [])
    store.forget()
    tables = (
        store.entries(),
        store.records(),
        store.edges(),
        store.definitions(),
        store.links(),
        store.meta(),
    )
    assert [*map(len, tables), len(list(store.watched_signatures()))] == [0] * 7
    assert store.stamp() == Stamp(1, "s")


def test_a_store_that_is_opened_again_knows_what_was_put(tmp_path):
    """Closing seals the file; nothing is made anew."""
    path = str(tmp_path / "index.sqlite")
    for found in ([], [FULL]):
        with contextlib.closing(TreeStore(path)) as store:
            assert store.records() == found
            with sqlite.transaction(store.connection):
                store.put_rows([record_row(FULL, 0.0)])

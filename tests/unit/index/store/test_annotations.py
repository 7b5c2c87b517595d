"""What the user notes stays as it was noted, and every note is seen."""

from __future__ import annotations

import pytest

from quarterdeck.errors import StoreCorrupt, UsageError
from quarterdeck.index.store.annotations import Annotations, Coverage, Notes


@pytest.fixture
def path(tmp_path):
    """Where notes are kept; there are none yet."""
    return tmp_path / "annotations.sqlite"


@pytest.fixture
def notes(path):
    """Nothing noted yet."""
    return Annotations(str(path))


def test_reading_what_was_never_written_creates_no_file(notes, path):
    """A project without notes has no file for them."""
    assert (notes.read(), notes.revision(), notes.snapshots()) == (Notes(), 0, {})
    assert not path.exists()


def test_metadata_comes_back_as_it_was_set(notes):
    """Any JSON, under any name; falsy values are values."""
    values = {"owner": "ann", "zero": 0, "empty": "", "no": False, "deep": {"é": [1, None, 2.5]}}
    notes.set_metadata("app/caf\udce9.py", values)
    notes.set_metadata("b.py", {"k": 1})
    assert notes.read().metadata == {"app/caf\udce9.py": values, "b.py": {"k": 1}}


def test_a_key_is_replaced_and_its_neighbours_stay(notes):
    """Setting one key says nothing about the others."""
    notes.set_metadata("a.py", {"x": 1, "y": 2})
    notes.set_metadata("a.py", {"x": 3})
    assert notes.read().metadata == {"a.py": {"x": 3, "y": 2}}


def test_none_removes_a_key(notes):
    """Of this file only."""
    notes.set_metadata("a.py", {"x": 1, "y": 2})
    notes.set_metadata("b.py", {"x": 1})
    notes.set_metadata("a.py", {"x": None, "never": None})
    assert notes.read().metadata == {"a.py": {"y": 2}, "b.py": {"x": 1}}


@pytest.mark.parametrize("value", [{1, 2}, float("nan"), b"bytes", object()])
def test_what_is_not_json_is_refused_and_nothing_is_kept(notes, value):
    """Not even the keys beside it."""
    with pytest.raises(UsageError, match="must be JSON"):
        notes.set_metadata("a.py", {"fine": 1, "bad": value})
    assert notes.read() == Notes()


def test_coverage_comes_back_as_it_was_put(notes):
    """Nothing ran is 0, which is not the same as not measured."""
    notes.put_coverage({"a.py": Coverage(0.0, "h1"), "\udce9.py": Coverage(99.5, "")})
    notes.put_coverage({"a.py": Coverage(50.0, "h2")})
    assert notes.read().coverage == {"a.py": Coverage(50.0, "h2"), "\udce9.py": Coverage(99.5, "")}


def test_proof_of_a_test_replaces_the_earlier_proof_of_that_test(notes):
    """A test that was not run this time keeps what it once proved."""
    notes.put_coverage({}, [("test_a.py", "old.py"), ("test_b.py", "kept.py")])
    notes.put_coverage({}, [("test_a.py", "x.py"), ("test_a.py", "kept.py"), ("test_a.py", "x.py")])
    assert notes.read().proven == {
        "x.py": frozenset({"test_a.py"}),
        "kept.py": frozenset({"test_a.py", "test_b.py"}),
    }


def test_the_revision_grows_by_one_with_every_note(notes):
    """That is how the derived rows know that they have to look again."""
    notes.set_metadata("a.py", {"x": 1})
    assert notes.revision() == notes.read().revision == 1
    notes.put_coverage({"a.py": Coverage(1.0, "")})
    assert notes.revision() == notes.read().revision == 2


def test_a_snapshots_name_may_be_given_anew(notes):
    """And changes nothing that was derived."""
    notes.name_snapshot("before", "s1")
    notes.name_snapshot("after", "s2")
    notes.name_snapshot("before", "s3")
    assert notes.snapshots() == {"before": "s3", "after": "s2"}
    assert notes.revision() == 0


def test_another_object_sees_what_was_noted(notes, path):
    """Notes are on disk when the call returns."""
    notes.set_metadata("a.py", {"x": 1})
    assert Annotations(str(path)).read() == notes.read()


@pytest.mark.parametrize("ask", [Annotations.read, Annotations.revision, Annotations.snapshots])
def test_what_is_no_database_is_left_alone_and_said(notes, path, ask):
    """Notes are a truth: nobody deletes them to go on."""
    path.write_bytes(b"this is no database, but it is somebody's" * 100)
    with pytest.raises(StoreCorrupt):
        ask(notes)
    assert path.read_bytes().startswith(b"this is no database")

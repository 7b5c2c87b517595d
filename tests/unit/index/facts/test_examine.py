"""One file, from the disk to its facts: nothing it holds or is raises anything."""

from __future__ import annotations

import os

import pytest

from quarterdeck import sqlite
from quarterdeck.errors import StoreBusy
from quarterdeck.index.disk.signature import digest_of, of
from quarterdeck.index.facts.examine import COUNTED, KNOWN, MADE, examine, unreadable
from quarterdeck.index.facts.fact_store import FactStore, NewFact
from quarterdeck.index.facts.packed import NOTHING

LIMIT = 1000


@pytest.fixture
def store():
    """Facts in memory, none yet."""
    store = FactStore(sqlite.IN_MEMORY)
    yield store
    store.close()


def written(folder, name, content) -> tuple[str, str]:
    """The folder and the name of a new file, as `examine` takes them."""
    (folder / name).write_bytes(content)
    return str(folder), name


def test_a_python_file_is_parsed(tmp_path):
    """Its signature, hash, category and language stand beside its facts."""
    content = b"import os\n\n\ndef f(a):\n    if a:\n        return 1\n    return 2\n"
    found = examine(*written(tmp_path, "app.py", content), LIMIT, None)
    assert (found.path, found.hash, found.origin) == ("app.py", digest_of(content), MADE)
    assert (found.category, found.language) == ("source", "python")
    assert found.signature == of(os.lstat(tmp_path / "app.py"))
    assert (found.packed.functions, found.packed.max_complexity, found.packed.lines) == (1, 2, 7)


def test_a_file_that_was_just_written_is_racy(tmp_path):
    """Its signature proves nothing yet."""
    assert examine(*written(tmp_path, "a.py", b""), LIMIT, None).racy


@pytest.mark.parametrize(
    "name, content, category, language, lines, sloc",
    [
        ("notes.md", b"# One\n\ntwo\n", "docs", "markdown", 3, 2),
        ("blob.xyz", b"a\nb\n", "unknown", "", 2, 0),
        ("empty.py", b"", "source", "python", 0, 0),
    ],
)
def test_what_is_no_code_is_counted(tmp_path, name, content, category, language, lines, sloc):
    """Its lines, and its source lines where the language is known."""
    found = examine(*written(tmp_path, name, content), LIMIT, None)
    assert (found.category, found.language) == (category, language)
    assert (found.packed.lines, found.packed.sloc, found.packed.functions) == (lines, sloc, 0)
    assert found.packed.error == ""
    assert (found.origin == COUNTED) is (language != "python")


def test_a_file_above_the_limit_is_hashed_and_counted_only(tmp_path):
    """One byte more than the limit; the limit itself is still read."""
    content = b"x = 1\n" * 10
    too_large = examine(*written(tmp_path, "big.py", content), 59, None)
    assert (too_large.hash, too_large.packed.lines, too_large.packed.sloc) == (digest_of(content), 10, 0)
    assert too_large.packed.error == "not parsed: larger than 59 bytes"
    assert examine(str(tmp_path), "big.py", 60, None).packed.sloc == 10


def test_a_syntax_error_is_said_with_its_line(tmp_path):
    """And nothing is raised."""
    found = examine(*written(tmp_path, "bad.py", b"x = 1\ndef f(:\n"), LIMIT, None)
    assert found.packed.error.startswith("line 2:")


def test_a_file_that_has_vanished_has_no_signature(tmp_path):
    """It was listed, and is gone."""
    found = examine(str(tmp_path), "gone.py", LIMIT, None)
    assert (found.signature, found.hash, found.racy) == (None, "", False)
    assert found.packed.error == "cannot be read: it is gone"


def test_what_cannot_be_read_is_a_file_with_an_error(tmp_path):
    """A symlink leads out of the tree: it is not followed, and its own signature is watched."""
    (tmp_path / "link.py").symlink_to("/etc/hostname")
    found = examine(str(tmp_path), "link.py", LIMIT, None)
    assert (found.hash, found.language) == ("", "python")
    assert found.signature == of(os.lstat(tmp_path / "link.py"))
    assert found.packed == NOTHING._replace(error="cannot be read: it is a symlink")


def test_an_unreadable_file_is_looked_at_again_while_it_is_young(tmp_path):
    """It may have been mended between the reading and the signature."""
    assert unreadable(*written(tmp_path, "a.py", b""), "some reason").racy


def test_known_facts_are_taken_from_the_store(tmp_path, store):
    """By content: the file is not parsed, and its cost is what it once was."""
    content = b"x = 1\n"
    marked = NOTHING._replace(lines=77)
    store.put_many([NewFact(digest_of(content), "python", marked, 123)])
    found = examine(*written(tmp_path, "a.py", content), LIMIT, store)
    assert (found.packed, found.cost_us, found.origin) == (marked, 123, KNOWN)


def test_unknown_facts_are_extracted(tmp_path, store):
    """A store that does not have them changes nothing in the answer."""
    place = written(tmp_path, "a.py", b"x = 1\n")
    assert examine(*place, LIMIT, store)._replace(cost_us=0) == examine(*place, LIMIT, None)._replace(
        cost_us=0
    )


def test_a_store_that_fails_is_an_empty_one(tmp_path, store, monkeypatch):
    """Writing to it will say what is wrong."""

    def busy(*_):
        raise StoreBusy("locked", hint="wait")

    monkeypatch.setattr(store, "get", busy)
    found = examine(*written(tmp_path, "a.py", b"x = 1\n"), LIMIT, store)
    assert (found.origin, found.packed.lines) == (MADE, 1)

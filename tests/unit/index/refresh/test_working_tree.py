"""Nothing is answered before it was compared, and nothing is read twice."""

from __future__ import annotations

import pytest

from quarterdeck.errors import StateError, StoreBusy, StoreCorrupt
from quarterdeck.index.facts import lang
from quarterdeck.index.refresh import rescan, working_tree


def paths(tree):
    return tree.stores.tree.paths()


def seen(tree):
    """(name, hits, misses) of this tree's counters."""
    stats = tree._stats()
    return stats.name, stats.hits, stats.misses


def proof(tree):
    """Let the stored signatures count, as they do two seconds after the last change."""
    for table in ("entry", "watched"):
        tree.stores.tree.connection.execute(f"UPDATE {table} SET racy = 0")


def test_the_first_question_reads_and_the_second_compares(opened):
    """A state is the same until something changes; the counters tell which was which."""
    tree = opened()
    first = tree.verify()
    assert (first.files, first.refreshed, seen(tree)) == (5, 5, ("index.tree", 0, 1))
    proof(tree)
    second = tree.verify()
    assert (second.id, second.files, second.refreshed) == (first.id, 5, 0)
    assert seen(tree) == ("index.tree", 1, 1)
    assert second.verified_at >= first.verified_at


def test_a_change_is_another_state_and_its_undoing_the_same_again(root, tree):
    """The id is of the content."""
    before = tree.verify()
    text = (root / "app/b.py").read_text()
    (root / "app/b.py").write_text("def g():\n    return 2\n")
    changed = tree.verify()
    assert (changed.id != before.id, changed.refreshed) == (True, 1)
    (root / "app/b.py").write_text(text)
    assert tree.verify().id == before.id


def test_all_reads_in_a_block_see_the_state_it_began_with(root, tree, opened):
    """Also while another process brings the store up to date."""
    other = opened()
    with tree.reading() as state:
        (root / "new.py").write_text("x = 1\n")
        assert other.verify().id != state.id
        assert "new.py" not in paths(tree)
        assert tree.stores.tree.stamp().id == state.id
    with tree.reading() as state:
        assert "new.py" in paths(tree)
        assert tree.stores.tree.stamp().id == state.id


def test_other_settings_derive_anew(tree, opened):
    """How many processes read is no such setting."""
    proof(tree)
    same = opened(workers=2)
    same.verify()
    assert seen(same) == ("index.tree", 1, 0)
    other = opened(exclude_patterns=("tests/",))
    assert other.verify().files == 4
    assert seen(other) == ("index.tree", 0, 1)


def test_a_new_version_derives_anew(tree, opened, monkeypatch):
    """Of the extractor or of the derivation."""
    for name in ("EXTRACTOR_VERSION", "DERIVATION_VERSION"):
        proof(tree)
        monkeypatch.setattr(working_tree, name, 99)
        later = opened()
        later.verify()
        assert seen(later) == ("index.tree", 0, 1)


def test_a_grammar_that_was_installed_derives_anew(root, opened, monkeypatch):
    """What could not be said before can be said now."""
    (root / "a.go").write_text("package a\n\nfunc F() {}\n")
    monkeypatch.setattr(lang, "supported", lambda language: False)
    tree = opened()
    tree.verify()
    (record,) = tree.stores.tree.records_at(["a.go"])
    assert record.functions == 0
    assert any("go files" in note for note in tree.stores.tree.summary().notes)
    proof(tree)
    monkeypatch.undo()
    tree.verify()
    (record,) = tree.stores.tree.records_at(["a.go"])
    assert record.functions == 1
    assert tree.stores.tree.summary().notes == ()


def test_a_note_is_seen_at_once(tree):
    """Where the files have not changed, too; the state is the same."""
    proof(tree)
    before = tree.verify()
    tree.stores.annotations.set_metadata("app/a.py", {"owner": "ann"})
    assert tree.verify()._replace(verified_at=before.verified_at) == before
    (record,) = tree.stores.tree.records_at(["app/a.py"])
    assert record.metadata == {"owner": "ann"}


def test_a_store_that_others_keep_changing_is_an_error_in_the_end(root, tree, monkeypatch):
    """After some attempts, with words; not an endless loop."""
    attempts = []
    monkeypatch.setattr(rescan, "look_again", lambda *_: attempts.append(1))
    (root / "new.py").write_text("")
    with pytest.raises(StoreBusy, match="other processes keep changing"):
        tree.verify()
    assert len(attempts) == working_tree._ATTEMPTS


@pytest.mark.parametrize(
    "error, in_memory", [(StoreCorrupt("bad", hint="x"), False), (StateError("bad", hint="x"), True)]
)
def test_a_store_that_fails_is_done_without(root, tree, monkeypatch, error, in_memory):
    """A damaged one is made anew on disk, another goes on in memory; the answer is right."""
    real, errors = rescan.look_again, [error]

    def once(*arguments):
        if errors:
            raise errors.pop()
        return real(*arguments)

    monkeypatch.setattr(rescan, "look_again", once)
    (root / "new.py").write_text("")
    assert tree.verify().files == 6
    assert (tree.stores.tree.in_memory, bool(tree.stores.problems)) == (in_memory, in_memory)


def test_a_tree_that_is_not_kept_reads_everything(tree, opened):
    """And leaves what is kept alone."""
    loose = opened(keep=False)
    assert loose.verify().refreshed == 5
    assert loose.stores.tree.in_memory

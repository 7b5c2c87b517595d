"""One refresh is one transaction on top of the state that was compared, or none."""

from __future__ import annotations

import gc

import pytest

from quarterdeck.index.refresh import rescan
from quarterdeck.index.refresh.rescan import look_again
from quarterdeck.index.refresh.validate import differences


def base_of(tree):
    return tree._base(str(tree.stores.annotations.revision()))[0]


def record(tree, path):
    (found,) = tree.stores.tree.records_at([path])
    return found


def test_a_refresh_on_top_of_another_state_writes_nothing(root, tree, opened):
    """Another process was quicker: compare again."""
    base = base_of(tree)
    (root / "app/b.py").write_text("x = 1\n")
    opened().verify()
    before = (tree.stores.tree.stamp(), tree.stores.tree.rows())
    (root / "app/b.py").write_text("x = 2\n")
    assert look_again(tree.scan, base._replace(differences=differences(str(root), tree.stores.tree))) is None
    assert (tree.stores.tree.stamp(), tree.stores.tree.rows()) == before


def test_a_refresh_of_a_store_that_was_cleared_writes_nothing(tree, opened):
    """The state is the same, and what it stood on is gone."""
    base = base_of(tree)
    opened().stores.tree.forget()
    assert look_again(tree.scan, base) is None
    assert tree.stores.tree.records() == []


def test_what_changed_is_logged(root, tree):
    """With the hashes before and after; the first state has nothing before it."""
    store = tree.stores.tree
    first = store.stamp()
    assert store.changes_after(0) == []
    before = record(tree, "app/b.py").content_hash
    (root / "app/b.py").write_text("x = 1\n")
    (root / "new.py").write_text("y = 1\n")
    (root / "notes.md").unlink()
    state = tree.verify()
    assert state.refreshed == 3
    assert {path: (bool(old), bool(new)) for path, old, new in store.changes_after(first.seq)} == {
        "app/b.py": (True, True),
        "new.py": (False, True),
        "notes.md": (True, False),
    }
    logged = {path: old for path, old, _ in store.changes_after(first.seq)}
    assert logged["app/b.py"] == before


def test_a_file_that_was_only_touched_is_no_new_state(tree):
    """Nothing was learned: the time of its last reading stays, and nothing is logged."""
    stamp, indexed = tree.stores.tree.stamp(), record(tree, "app/a.py").last_indexed
    tree.verify()  # everything is young, and read again
    assert tree.stores.tree.stamp() == stamp
    assert record(tree, "app/a.py").last_indexed == indexed


def test_a_file_that_changed_was_indexed_later(root, tree):
    """Its neighbours were not."""
    indexed = {path: record(tree, path).last_indexed for path in ("app/a.py", "app/b.py")}
    (root / "app/b.py").write_text("x = 1\n")
    tree.verify()
    later, before = record(tree, "app/b.py").last_indexed, indexed["app/b.py"]
    assert later is not None
    assert before is not None
    assert later > before
    assert record(tree, "app/a.py").last_indexed == indexed["app/a.py"]


def test_the_same_files_elsewhere_are_the_same_state(tree, opened):
    """An id is of paths and contents, not of the store."""
    assert opened(keep=False).verify().id == tree.verify().id


def test_what_a_file_no_longer_says_is_forgotten(root, tree):
    """Edges, links and the fields of its neighbours follow the import that went."""
    assert record(tree, "app/b.py").imported_by == ("app/a.py",)
    (root / "app/a.py").write_text("def f():\n    return 1\n")
    tree.verify()
    assert record(tree, "app/b.py").imported_by == ()
    assert record(tree, "app/b.py").dependents_count == 0
    assert [edge[:2] for edge in tree.stores.tree.edges()] == [("tests/test_a.py", "app/a.py")]


def test_a_links_record_has_no_language(root, opened):
    """Its entry says that it is a link; its record says nothing of any code."""
    (root / "link.py").symlink_to("app/a.py")
    tree = opened()
    tree.verify()
    assert (record(tree, "link.py").language, record(tree, "link.py").functions) == ("", 0)


@pytest.mark.parametrize("was_enabled", [True, False])
def test_garbage_is_collected_again_afterwards(root, tree, was_enabled, monkeypatch):
    """As it was before, also when the refresh fails."""

    def fails(*_):
        assert not gc.isenabled()
        raise ZeroDivisionError

    monkeypatch.setattr(rescan, "read_changes", fails)
    if not was_enabled:
        gc.disable()
    try:
        with pytest.raises(ZeroDivisionError):
            look_again(tree.scan, base_of(tree))
        assert gc.isenabled() is was_enabled
    finally:
        gc.enable()

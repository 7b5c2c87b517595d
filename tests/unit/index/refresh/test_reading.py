"""Only what differs is read, and what is read is kept."""

from __future__ import annotations

from quarterdeck.index.disk.signature import digest_of
from quarterdeck.index.refresh import reading
from quarterdeck.index.refresh.reading import LINK, read_changes, read_facts
from quarterdeck.index.refresh.validate import Base, Differences
from quarterdeck.index.store.tree_store import Stamp

PATHS = ["app/__init__.py", "app/a.py", "app/b.py", "notes.md", "tests/test_a.py"]


def read(tree, *changed, listing=False, usable=True):
    """What reading gives when *changed* differ."""
    base = Base(Stamp(1, "s"), "made", usable, Differences(changed, listing), False)
    return read_changes(tree.scan, base)


def counted(tree):
    stats = tree.stores.facts.stats()
    return stats.hits, stats.misses


def test_a_tree_that_was_never_seen_is_read_as_a_whole(opened):
    """Every file, and what to watch from now on."""
    found = read(opened(), listing=True, usable=False)
    assert sorted(found.entries) == sorted(found.read) == PATHS
    assert (found.before, found.gone, found.notes) == ({}, [], ())
    assert found.watched


def test_a_file_that_differs_is_read_alone(root, tree):
    """The tree is not listed again; the other entries stand as they are."""
    (root / "app/b.py").write_text("def g():\n    return 22\n")
    (root / "new.py").write_text("")
    found = read(tree, "app/b.py")
    assert list(found.read) == ["app/b.py"]
    assert sorted(found.entries) == PATHS
    assert found.entries["app/a.py"] == found.before["app/a.py"]
    assert found.entries["app/b.py"].hash == digest_of((root / "app/b.py").read_bytes())
    assert (found.watched, found.notes) == (None, None)


def test_a_listing_that_differs_finds_what_came_and_went(root, tree):
    """Only what is new is read."""
    (root / "new.py").write_text("")
    (root / "notes.md").unlink()
    found = read(tree, "notes.md", listing=True)
    assert list(found.read) == ["new.py"]
    assert found.gone == ["notes.md"]
    assert sorted(found.entries) == ["app/__init__.py", "app/a.py", "app/b.py", "new.py", "tests/test_a.py"]


def test_a_file_that_vanishes_before_it_is_read_is_gone(root, tree):
    """It was listed, and is no longer there: no entry, no record."""
    (root / "app/b.py").unlink()
    found = read(tree, "app/b.py")
    assert ("app/b.py" in found.entries, "app/b.py" in found.read, found.gone) == (False, False, ["app/b.py"])


def test_a_link_is_an_entry_that_says_where_it_points(root, opened):
    """Its hash is of the target's name; what it points to is not read."""
    (root / "link.py").symlink_to("app/a.py")
    found = read(opened(), listing=True, usable=False)
    assert (found.entries["link.py"].language, found.entries["link.py"].category) == (LINK, "unknown")
    assert found.entries["link.py"].hash == digest_of(b"app/a.py")
    assert found.read["link.py"].packed.lines == 0


def test_a_link_stays_where_the_tree_is_not_listed_again(root, opened):
    """Reading one file forgets no other."""
    (root / "link.py").symlink_to("app/a.py")
    tree = opened()
    tree.verify()
    found = read(tree, "app/b.py")
    assert "link.py" in found.entries
    assert found.gone == []


def test_a_link_that_becomes_a_file_is_read(root, opened):
    """The listing decides what it is."""
    (root / "link.py").symlink_to("app/a.py")
    tree = opened()
    tree.verify()
    (root / "link.py").unlink()
    (root / "link.py").write_text("x = 1\n")
    found = read(tree, "link.py")
    assert (found.entries["link.py"].language, found.read["link.py"].packed.lines) == ("python", 1)


def test_facts_are_kept_and_found_again(tree, opened):
    """By content: a second tree of the same files parses none; text is not worth keeping."""
    assert counted(tree) == (0, 4)
    other = opened()
    read(other, usable=False, listing=True)
    assert counted(other) == (4, 0)
    assert other.stores.facts.stats().size == 4


def test_facts_are_kept_while_a_scan_goes_on(root, opened, monkeypatch):
    """An interrupted one picks up where it stopped."""
    monkeypatch.setattr(reading, "KEEP_EVERY", 2)
    tree = opened()
    kept: list[int] = []
    keep_facts = tree.stores.keep_facts

    def noted(new, used=()):
        kept.append(len(new))
        keep_facts(new, used)

    monkeypatch.setattr(tree.stores, "keep_facts", noted)
    read(tree, usable=False, listing=True)
    assert kept == [2, 2, 0]


def test_progress_is_told_file_by_file(opened):
    """Done and to do."""
    told: list[tuple[int, int]] = []
    tree = opened()
    tree.scan = tree.scan._replace(progress=lambda done, total: told.append((done, total)))
    read(tree, usable=False, listing=True)
    assert told == [(number, 5) for number in range(1, 6)]


def test_outlines_are_not_held_on_to(tree):
    """Only the store needs them, and they are most of what a scan would hold in memory."""
    found = read(tree, "app/a.py")
    assert found.read["app/a.py"].packed.outline == ""
    assert read_facts(tree.scan, ["app/a.py"])["app/a.py"].outline != ""


def test_facts_that_were_lost_are_read_from_the_files_and_kept(tree):
    """The store was cleared by another process."""
    tree.stores.facts.clear()
    found = read_facts(tree.scan, ["app/a.py", "notes.md"])
    assert (found["app/a.py"].functions, found["notes.md"].lines) == (1, 1)
    assert tree.stores.facts.stats().size == 1

"""What differs on the disk is found by one look at each file, and nothing else is."""

from __future__ import annotations

import os

import pytest

from quarterdeck import sqlite
from quarterdeck.index.disk.signature import of
from quarterdeck.index.refresh.validate import Differences, differences, watch
from quarterdeck.index.store.tree_store import ABSENT, Entry, TreeStore, Watched

NAMES = ["a.py", "caf\udce9.py", "sub/ü.py"]


@pytest.fixture
def root(tmp_path):
    """Three files, one of which has a name that is not UTF-8."""
    (tmp_path / "sub").mkdir()
    for name in NAMES:
        (tmp_path / name).write_text("x\n")
    return str(tmp_path)


@pytest.fixture
def store():
    """Nothing yet, in memory."""
    store = TreeStore(sqlite.IN_MEMORY)
    yield store
    store.close()


def remember(store, root, *, racy=False, **changes):
    """Note every file as it is now, each signature with *changes*."""
    store.put_entries(
        Entry(name, of(os.lstat(f"{root}/{name}"))._replace(**changes), racy, "h", "source", "python", 0)
        for name in NAMES
    )


def test_an_untouched_tree_does_not_differ(root, store):
    """Whatever its files are called; "no difference" is false."""
    remember(store, root)
    store.put_watched([Watched(root, of(os.stat(root)), False)])
    assert differences(root, store) == Differences((), False)
    assert not differences(root, store)


@pytest.mark.parametrize("part", ["size", "mtime_ns", "ctime_ns", "inode"])
def test_each_part_of_a_signature_counts(root, store, part):
    """One that differs is enough."""
    remember(store, root, **{part: 1})
    assert sorted(differences(root, store).changed) == sorted(NAMES)


def test_a_signature_that_proves_nothing_is_a_difference(root, store):
    """Equal as it may be."""
    remember(store, root, racy=True)
    assert sorted(differences(root, store).changed) == sorted(NAMES)


def test_a_file_that_is_gone_is_a_difference(root, store):
    """And one that was already gone when it was looked at is not."""
    remember(store, root)
    os.unlink(f"{root}/a.py")
    assert differences(root, store) == Differences(("a.py",), False)
    store.put_entries([Entry("a.py", ABSENT, False, "", "", "", 0)])
    assert not differences(root, store)


def test_a_folder_that_changed_is_a_change_of_the_listing(root, store):
    """Files may have come or gone: no file is named."""
    store.put_watched(watch(root, [".", "sub"], [], 0))
    os.utime(f"{root}/sub", ns=(1, 1))
    assert differences(root, store) == Differences((), True)


def test_an_ignore_file_that_comes_is_a_change_of_the_listing(root, store):
    """It need not exist to be watched."""
    late = os.stat(root).st_mtime_ns + 10**11
    store.put_watched(watch(root, [], [f"{root}/.gitignore"], late))
    assert not differences(root, store)
    with open(f"{root}/.gitignore", "w"):
        pass
    assert differences(root, store).listing


def test_an_ignore_file_is_watched_through_a_link(root, store, tmp_path_factory):
    """As git reads it."""
    target = tmp_path_factory.mktemp("dotfiles") / "ignore"
    target.write_text("")
    os.symlink(target, f"{root}/ignore")
    store.put_watched(watch(root, [], [f"{root}/ignore"], os.stat(target).st_mtime_ns + 10**11))
    assert not differences(root, store)
    target.write_text("*.log\n")
    assert differences(root, store).listing


def test_what_is_watched_is_named_once_and_absolutely(root):
    """The root is the folder called "."; what is not there is absent and proves it."""
    late = os.stat(root).st_mtime_ns + 10**11
    found = watch(root, [".", "sub"], [f"{root}/.gitignore", f"{root}/sub"], late)
    assert found == [
        Watched(root, of(os.stat(root)), False),
        Watched(f"{root}/.gitignore", ABSENT, False),
        Watched(f"{root}/sub", of(os.stat(f"{root}/sub")), False),
    ]


def test_a_folder_that_changed_while_it_was_listed_proves_nothing(root):
    """What came after the listing may be missing from it."""
    (watched,) = watch(root, ["."], [], os.stat(root).st_mtime_ns)
    assert watched.racy

"""What differs on the disk from what the index remembers: one lstat per file and folder, no reading."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.index.disk.signature import is_racy, of
from quarterdeck.index.store.tree_store import ABSENT, Watched, from_db

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from quarterdeck.index.store.tree_store import SignatureRow, Stamp, TreeStore


class Differences(NamedTuple):
    """What has to be looked at again.

    Attributes:
        changed: files whose signature differs, proves nothing, or is gone.
        listing: a folder or an ignore file differs: files may have come, gone or changed their standing.
    """

    changed: tuple[str, ...]
    listing: bool

    def __bool__(self) -> bool:
        return bool(self.changed) or self.listing


class Base(NamedTuple):
    """What an update of the stored rows starts from.

    Attributes:
        stamp: the stored state; an update is valid only on top of it.
        made_with: everything besides the tree that derived rows depend on, as it is now.
        usable: the stored rows were made with the same.
        differences: of the disk against the stored rows.
        noted: the user's notes have changed since.
    """

    stamp: Stamp
    made_with: str
    usable: bool
    differences: Differences
    noted: bool


def differences(root: str, store: TreeStore) -> Differences:
    """Compare every remembered signature with the disk. O(files + folders) system calls."""
    changed = tuple(_differing(store.signatures(), root + os.sep, os.lstat))
    # stat, not lstat: git reads a global ignore file through the symlink that a dotfile often is.
    return Differences(changed, any(True for _ in _differing(store.watched_signatures(), "", os.stat)))


def _differing(
    rows: Iterable[SignatureRow], prefix: str, status: Callable[[str], os.stat_result]
) -> Iterator[str]:
    """The paths of *rows* whose signature differs or proves nothing; this loop is what a warm query costs."""
    absent = ABSENT.size
    for path, size, mtime_ns, ctime_ns, inode, racy in rows:
        name = path if path.__class__ is str else from_db(path)
        try:
            st = status(prefix + name)
        except (OSError, ValueError):
            if size != absent:
                yield name
            continue
        if (
            racy
            or st.st_mtime_ns != mtime_ns
            or st.st_size != size
            or st.st_ctime_ns != ctime_ns
            or st.st_ino != inode
        ):
            yield name


def watch(root: str, folders: Iterable[str], inputs: Iterable[str], listed_at_ns: int) -> list[Watched]:
    """Signatures of *folders* (relative to *root*) and *inputs* (absolute), as they are now.

    They are taken after the listing they stand for, so a change since it began, or within the racy
    window before, may have come too late for it: such a signature is marked racy.

    Args:
        root: absolute.
        folders: not ignored.
        inputs: files that decide what is ignored; they need not exist.
        listed_at_ns: when the listing began.
    """
    paths = [root if folder == "." else f"{root}/{folder}" for folder in folders]
    return [_watched(path, listed_at_ns) for path in sorted({*paths, *inputs})]


def _watched(path: str, listed_at_ns: int) -> Watched:
    try:
        signature = of(os.stat(path))
    except OSError:
        return Watched(path, ABSENT, False)
    return Watched(path, signature, is_racy(signature, listed_at_ns))

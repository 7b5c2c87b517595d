"""What differs on the disk from what the index remembers: one lstat per file and folder, no reading."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.index.signature import is_racy, of
from quarterdeck.index.tree_store import ABSENT, Stamp, TreeStore, Watched, from_db

if TYPE_CHECKING:
    from collections.abc import Iterable


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
    changed: list[str] = []
    prefix = root + os.sep
    lstat = os.lstat
    for path, size, mtime_ns, ctime_ns, inode, racy in store.signatures():
        name = path if path.__class__ is str else from_db(path)
        try:
            st = lstat(prefix + name)
        except OSError:
            changed.append(name)
            continue
        if (
            racy
            or st.st_mtime_ns != mtime_ns
            or st.st_size != size
            or st.st_ctime_ns != ctime_ns
            or st.st_ino != inode
        ):
            changed.append(name)
    return Differences(tuple(changed), any(_differs(each) for each in store.watched()))


def _differs(watched: Watched) -> bool:
    try:
        return watched.racy or of(os.lstat(watched.path)) != watched.signature
    except OSError:
        return watched.signature != ABSENT


def watch(root: str, folders: Iterable[str], inputs: Iterable[str]) -> list[Watched]:
    """Signatures of *folders* (relative to *root*) and *inputs* (absolute), as they are now.

    They are taken after the listing they stand for, so a change within the racy window before now
    may have come too late for the listing: such a signature is marked racy.
    """
    now_ns = time.time_ns()
    paths = [root if folder == "." else f"{root}/{folder}" for folder in folders]
    return [_watched(path, now_ns) for path in sorted({*paths, *inputs})]


def _watched(path: str, now_ns: int) -> Watched:
    try:
        signature = of(os.lstat(path))
    except OSError:
        return Watched(path, ABSENT, False)
    return Watched(path, signature, is_racy(signature, now_ns))

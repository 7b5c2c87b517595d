"""Which files hold exactly what HEAD holds, found without asking git to look at the disk.

    git ls-tree -r HEAD -> blob ids      file -> its own blob id, computed here      equal = unmodified

``git status`` would run the repository's own filters on files it is unsure about; this runs nothing.
A file that git rewrites on checkout (line endings, a filter) counts as modified here.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from quarterdeck.index.disk.blobs import blob_id
from quarterdeck.index.disk.git import GitRefused, answer, find_git
from quarterdeck.index.disk.signature import read_stable

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_BYTES = 16_000_000
"""Larger files are taken for modified: no file that people write and test is as large."""


def unmodified(root: str, head: str, paths: Iterable[str]) -> frozenset[str]:
    """Those of *paths* whose bytes are the ones committed in *head*. One run of git; reads every file named.

    Args:
        root: absolute path of the project, in a git repository.
        head: id of a commit; empty for none, and then nothing is unmodified.
        paths: relative to *root*.
    """
    if not head:
        return frozenset()
    try:
        committed = _blobs(answer(find_git(), ("ls-tree", "-r", "-z", head), root))
    except GitRefused:
        return frozenset()
    return frozenset(path for path in paths if _is_blob(f"{root}/{path}", committed.get(path, "")))


def _blobs(listing: bytes) -> dict[str, str]:
    """Path -> blob id, from ``git ls-tree -r -z``; paths are relative to where it ran."""
    blobs = {}
    for entry in os.fsdecode(listing).split("\0"):
        described, _, path = entry.partition("\t")
        if path:
            blobs[path] = described.rpartition(" ")[2]
    return blobs


def _is_blob(path: str, blob: str) -> bool:
    if not blob:
        return False
    content = read_stable(path, MAX_BYTES).content
    return content is not None and blob_id(content, len(blob)) == blob

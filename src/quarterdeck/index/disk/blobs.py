"""git's own name for a content: what tells, without asking git, whether a file is the one it holds."""

from __future__ import annotations

import hashlib

_SHA256_DIGITS = 64


def blob_id(content: bytes, digits: int) -> str:
    """The id of the blob that holds *content*, as no filter has touched it.

    Args:
        content: of a file; of a symlink, where it points.
        digits: length of the repository's ids, 40 (SHA-1) or 64 (SHA-256).
    """
    new = hashlib.sha256 if digits == _SHA256_DIGITS else hashlib.sha1  # git's own names, not a safeguard
    hasher = new(b"blob %d\0" % len(content), usedforsecurity=False)
    hasher.update(content)
    return hasher.hexdigest()

"""Which tantivy index in the folder of far counts, and up to where it is complete.

patterns/<namespace>.index/        0700: what tantivy creates in it has the umask's mode
manifest.json                  replaced as a whole, after tantivy's own commit
writer.lock                    the lease of whoever writes
<generation>/                  one tantivy index; another one is built beside it, never over it
"""

from __future__ import annotations

import errno
import os
from typing import Annotated

import msgspec

from quarterdeck import files

FORMAT = 2
"""Of the manifest and of the fields of the index; any other counts as no index."""
GENERATION = "^[0-9a-f]{16}$"
"""What the folder of an index is called."""

HINDRANCES = frozenset(
    {
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
    }
)
"""What the system says of this process or of the disk; it is no reason to take an index for damaged."""

_NAME = "manifest.json"
_MAX_BYTES = 10_000

Stamp = tuple[int, int, int]
"""Changes with each manifest."""
NONE: Stamp = (0, 0, 0)
"""The stamp of no manifest."""


class Manifest(msgspec.Struct, frozen=True):
    """What is said of the index that counts.

    Attributes:
        format: `FORMAT` of whoever wrote it.
        identity: of the truth it was made from.
        analysis: the version of the features that are in it.
        revision: of the truth; all changes up to it are in the index, perhaps some later ones.
        generation: the name of the index's folder.
        mark: the truth's, of that revision; an index of a history that the truth has lost is worthless.
    """

    format: int
    identity: str
    analysis: str
    revision: Annotated[int, msgspec.Meta(ge=-1, le=2**63 - 1)]
    generation: Annotated[str, msgspec.Meta(pattern=GENERATION)]
    mark: str


def stamp(folder: str) -> Stamp:
    """The stamp of the manifest in *folder*; costs one ``stat``."""
    try:
        found = os.stat(os.path.join(folder, _NAME), follow_symlinks=False)
    except OSError:  # whatever the reason, there is no index for us
        return NONE
    return found.st_ino, found.st_mtime_ns, found.st_size


def read(folder: str) -> Manifest | None:
    """The manifest in *folder*; None when there is none that can be understood.

    Raises:
        OSError: it cannot be opened.
    """
    with open(files.open_plain(os.path.join(folder, _NAME)), "rb") as file:
        content = file.read(_MAX_BYTES)
    try:
        return msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def write(folder: str, manifest: Manifest) -> None:
    """Let *manifest* count from now on.

    Raises:
        OSError: it cannot be written; what counted before still does.
    """
    files.write_atomically(os.path.join(folder, _NAME), msgspec.json.encode(manifest))

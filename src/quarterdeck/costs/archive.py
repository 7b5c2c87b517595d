"""One transcript in the archive: copied whole, checked, and never made shorter.

    <archive>/<source>/<place>/<path in it>.zst      databases as they are, without .zst
    <archive>/.partial/                              copies that are being made; emptied by the next rescue

A transcript that has grown takes the place of its earlier copy. One that has become shorter, by the agent or by
accident, leaves the copy as it is. One that holds something else than before becomes a further version beside
it: ``name~2.jsonl.zst``. A copy has the time of its original, and that is how it is known to be up to date.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import sqlite3
import sys
from typing import TYPE_CHECKING, BinaryIO, Literal, TypeAlias

from quarterdeck.costs.importers.opencode import TABLES, opened
from quarterdeck.costs.importers.transcript import MAX_UNPACKED_BYTES, is_compressed, open_plain
from quarterdeck.errors import QuarterdeckError, StateError, StoreFull
from quarterdeck.files import PRIVATE_FILE, private_folder
from quarterdeck.sqlite import translated

if TYPE_CHECKING:
    from collections.abc import Iterator

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PARTIAL = ".partial"
DATABASE = ".db"
COMPRESSED = ".zst"
_BLOCK_BYTES = 1 << 20
_LEVEL = 3

Outcome: TypeAlias = Literal["unchanged", "new", "grown", "kept", "version"]
"""``kept``: the archive holds more than the original does by now."""


class Changed(OSError):
    """The original was changed while it was being copied."""


def target_of(folder: str, name: str) -> str:
    """Where the transcript *name* is kept in *folder*."""
    plain = is_compressed(name) or name.endswith(DATABASE)
    return os.path.join(folder, name if plain else name + COMPRESSED)


def store(path: str, target: str, partial: str) -> tuple[Outcome, int, int]:
    """Bring the copy of *path* up to date; returns what was done, the bytes read, and those of the new copy.

    Args:
        path: the original; a plain file.
        target: its copy; see `target_of`. Its folder is made.
        partial: a folder on the same disk, for the copy while it is being made.

    Raises:
        OSError: the original cannot be read; the archive is as it was.
        StoreFull, StateError: the archive cannot be written; it is as it was.
    """
    latest, following = _versions(target)
    with _translated(target):
        private_folder(os.path.dirname(target))
        private_folder(partial)
    temporary = os.path.join(partial, f"{os.getpid()}-{os.urandom(4).hex()}")
    try:
        keep = _store_database if path.endswith(DATABASE) else _store_text
        outcome, read = keep(path, latest, temporary)
        if outcome in {"unchanged", "kept"}:
            return outcome, read, 0
        written = os.stat(temporary).st_size
        with _translated(target):
            os.replace(temporary, following if outcome == "version" else latest or target)
        return outcome, read, written
    finally:
        for ending in ("", "-journal", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary + ending)

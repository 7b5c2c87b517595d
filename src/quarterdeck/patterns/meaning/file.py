"""The vectors of a library on disk, for all its processes: a cache, written by one of them at a time."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck import sqlite
from quarterdeck.files import private_folder, failure
from quarterdeck.sqlite import IN_MEMORY

if TYPE_CHECKING:
    from collections.abc import Sequence

_SCHEMA = (
    """
-- Where the vectors point, by the number of their pattern.
CREATE TABLE vectors (
    number INTEGER NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL,       -- of the library's change that it was made after
    text BLOB NOT NULL,              -- digest of what was encoded
    vector BLOB                      -- one signed byte a dimension; NULL: the pattern was deleted
) STRICT;
CREATE INDEX vectors_by_revision ON vectors (revision);

-- One row: of which library and by which encoder, and up to which revision of the library.
CREATE TABLE source (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    made_of TEXT NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
INSERT INTO source VALUES (1, '', 0);
""",
)


class Row(NamedTuple):
    """What is kept of a pattern."""

    number: int
    revision: int
    text: bytes
    vector: bytes | None


class VectorsFile:
    """One connection to the file, opened on first use; for one thread at a time.

    Every method raises a `StateError` when the file cannot be used: `StoreCorrupt` when it is damaged.
    """

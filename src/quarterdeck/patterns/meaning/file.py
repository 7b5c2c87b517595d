"""The vectors of a library on disk, for all its processes: a cache, written by one of them at a time."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from quarterdeck import files, sqlite
from quarterdeck.errors import StateError, StoreCorrupt
from quarterdeck.patterns.meaning.traits import LABEL_BYTES, Traits
from quarterdeck.sqlite import IN_MEMORY

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

_SCHEMA = (
    """
-- Where the text of a pattern points.
CREATE TABLE vectors (
    number INTEGER NOT NULL PRIMARY KEY,      -- of the pattern
    revision INTEGER NOT NULL,                -- of the change of the library that it was made after
    text BLOB NOT NULL,                       -- digest of what was encoded
    vector BLOB,                              -- a signed byte for each dimension; NULL: it was deleted
    sure REAL NOT NULL,                       -- confidence of its author; 2: it has been tried
    until_s INTEGER NOT NULL,                 -- it is found before this second of the epoch
    labels BLOB NOT NULL                      -- bits of its tags, type and lesson
) STRICT;
CREATE INDEX vectors_by_revision ON vectors (revision);

-- One row: of which library and by which encoder, and up to which revision of the library.
CREATE TABLE source (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    made_of TEXT NOT NULL,
    epoch INTEGER NOT NULL,                   -- drawn whenever they are made anew
    revision INTEGER NOT NULL,
    mark TEXT NOT NULL                        -- of the library's history up to that revision
) STRICT;
INSERT INTO source VALUES (1, '', 0, 0, '');
""",
)
_NEWER = "SELECT * FROM vectors WHERE revision > ? ORDER BY revision LIMIT ?"
_ONE = "SELECT * FROM vectors WHERE number = ?"


class Damaged(StateError):
    """The file holds what nobody has written: never seen outside, for it is made anew."""


class Source(NamedTuple):
    """What the vectors are of.

    Attributes:
        made_of: the library and the encoder; empty: nothing has been written yet.
        epoch: other vectors have another one.
        revision: of the library; all changes up to it are in.
        mark: of its history up to there: another one, and other changes had those revisions.
    """

    made_of: str
    epoch: int
    revision: int
    mark: str


class Row(NamedTuple):
    """What is kept of a pattern; of one that was deleted *vector* is None. *sure* and so on: its `Traits`."""

    number: int
    revision: int
    text: bytes
    vector: bytes | None
    sure: float
    until_s: int
    labels: bytes

    @property
    def traits(self) -> Traits:
        """What filters ask of it."""
        return Traits(self.sure, self.until_s, self.labels)


class VectorsFile:
    """One connection to the file, opened on first use; for one thread at a time.

    Raises:
        Damaged: by every method; the file should be discarded.
        StateError: by every method; with its subclasses, as `sqlite.connect` has it.
    """

    def __init__(self, path: str, dimensions: int) -> None:
        """Opens nothing yet; *path* may be `IN_MEMORY`."""
        self.path = path
        self._lengths = dimensions, LABEL_BYTES
        self._place: tuple[int, int] | None = None
        self._connection: sqlite3.Connection | None = None

    def source(self) -> Source:
        """What the vectors are of."""
        with self._open() as connection:
            found = connection.execute("SELECT made_of, epoch, revision, mark FROM source").fetchone()
        if found is None:
            raise Damaged(f"{self.path} has lost a row", hint="make it anew")
        return Source(*found)

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """All reads inside see one state."""
        with self._open() as connection, sqlite.snapshot(connection):
            yield

    def newer(self, revision: int, at_most: int) -> list[Row]:
        """Rows that were made after *revision*, in the order of theirs."""
        with self._open() as connection:
            return self._checked(connection.execute(_NEWER, (revision, at_most)))

    def rows(self, numbers: Iterable[int]) -> dict[int, Row]:
        """Those of *numbers* that are there."""
        with self._open() as connection:
            found = self._checked(row for each in numbers for row in connection.execute(_ONE, (each,)))
        return {row.number: row for row in found}

    def write(self, rows: Sequence[Row], source: Source, revision: int, mark: str) -> bool:
        """Keep *rows*, so that all changes up to *revision* are in.

        Args:
            rows: what has changed.
            source: what `source` said; of revision 0: what it shall say, nothing else stays.
            revision: of the newest change.
            mark: the same one's.

        Returns:
            False when it says something else meanwhile: nothing was written.
        """
        with self._open() as connection, sqlite.transaction(connection):
            if not source.revision:
                connection.execute("DELETE FROM vectors")
            elif self.source() != source:
                return False
            connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            kept = source._replace(revision=revision, mark=mark)
            connection.execute("UPDATE source SET made_of = ?, epoch = ?, revision = ?, mark = ?", kept)
        return True

    def discard(self) -> None:
        """Delete it, unless somebody has done so already."""
        is_ours = self._is_there()
        self.close()
        if is_ours and self.path != IN_MEMORY:
            try:
                sqlite.discard(self.path)
            except OSError as error:
                raise files.failure(error, self.path) from error

    def close(self) -> None:
        """Give the connection back; the next use opens it anew."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _checked(self, found: Iterable[tuple[Any, ...]]) -> list[Row]:
        rows = list(map(Row._make, found))
        for row in rows:
            if row.vector is not None and (len(row.vector), len(row.labels)) != self._lengths:
                raise Damaged(f"{self.path} has vectors of another length", hint="make it anew")
        return rows

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The connection to the file that is at the path, perhaps a new one."""
        try:
            with sqlite.translated():
                yield self._current()
        except StoreCorrupt as error:
            raise Damaged(error.message, hint=error.hint) from error

    def _current(self) -> sqlite3.Connection:
        connection = self._connection
        if connection is not None and (connection.in_transaction or self._is_there()):
            return connection
        self.close()
        if self.path != IN_MEMORY:
            try:
                files.private_folder(os.path.dirname(self.path))
            except OSError as error:
                raise files.failure(error, self.path) from error
        self._connection = sqlite.connect(self.path, _SCHEMA, holds="cache")
        self._place = files.place_of(self.path)
        return self._connection

    def _is_there(self) -> bool:
        return self.path == IN_MEMORY or files.place_of(self.path) == self._place

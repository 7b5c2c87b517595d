"""How far each transcript has been read: imports.sqlite, which can be deleted at any time.

Without it everything is read again, and what the ledger knows already is not counted twice. It belongs to one
journal: when that is gone, or another one stands in its place, nothing of it holds.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from quarterdeck.costs.importers.transcript import identity
from quarterdeck.errors import StateError
from quarterdeck.files import private_folder
from quarterdeck.journal import Place
from quarterdeck.sqlite import connect, snapshot, transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping

    from quarterdeck.costs.ledger import Ledger
    from quarterdeck.journal import JournalReader

PROGRESS_FILE = "imports.sqlite"

MIGRATIONS = (
    """
CREATE TABLE files (          -- parsers: version 1; change the number when they see more than before
    source    TEXT NOT NULL,
    path      BLOB NOT NULL,  -- as the operating system has it
    signature TEXT NOT NULL,  -- device, inode, size, mtime_ns of the file and of those beside it
    identity  TEXT NOT NULL,  -- device, inode
    offset    INTEGER NOT NULL,
    line      INTEGER NOT NULL,
    digest    TEXT NOT NULL,  -- of the bytes at the start and just before the offset
    state     TEXT NOT NULL,  -- JSON, the source's own
    PRIMARY KEY (source, path)
) WITHOUT ROWID;
CREATE TABLE shown (          -- names of answers that a replay in another file may speak of
    source TEXT NOT NULL,
    name   TEXT NOT NULL,
    PRIMARY KEY (source, name)
) WITHOUT ROWID;
CREATE TABLE names (          -- answers that have two
    other    TEXT PRIMARY KEY,
    recorded TEXT NOT NULL    -- the one that the ledger knows
) WITHOUT ROWID;
CREATE TABLE journal (        -- one row, once something is recorded: the oldest segment at that time
    segment TEXT NOT NULL
);
""",
)


class Mark(NamedTuple):
    """How far one file has been read, and how to see that it is still that file.

    Attributes:
        signature: equal: nothing has changed since.
        identity: of the file itself, whatever it holds.
        offset, line, state: as of `Transcript`.
        digest: of what has been read, see `digest`.
    """

    signature: str
    identity: str
    offset: int = 0
    line: int = 0
    digest: str = ""
    state: str = "{}"

    def state_dict(self) -> dict[str, Any]:
        """The source's own state, a fresh copy."""
        state: dict[str, Any] = json.loads(self.state)
        return state


class Progress:
    """The marks of all files, in one database."""

    def __init__(self, path: str) -> None:
        self._connection: sqlite3.Connection = connect(path, MIGRATIONS, holds="cache")

    def marks(self, source: str) -> dict[str, Mark]:
        """The marks of all files of *source*, by path."""
        with snapshot(self._connection) as connection:
            rows = connection.execute(
                "SELECT path, signature, identity, offset, line, digest, state FROM files WHERE source = ?",
                (source,),
            ).fetchall()
        return {os.fsdecode(path): Mark(*mark) for path, *mark in rows}

    def shown(self, source: str, names: Iterable[str]) -> set[str]:
        """Those of *names* that have been shown."""
        query = "SELECT 1 FROM shown WHERE source = ? AND name = ?"
        with snapshot(self._connection) as connection:
            return {name for name in names if connection.execute(query, (source, name)).fetchone()}

    @contextlib.contextmanager
    def exclusively(self) -> Iterator[None]:
        """Nobody else looks up names meanwhile and records what they name.

        Raises:
            StoreFull, StoreBusy: no pair is noted.
        """
        with transaction(self._connection):
            yield

    def names(self, others: Iterable[str]) -> dict[str, str]:
        """Of *others*, those whose answer is recorded under another name, with it; inside `exclusively`."""
        query = "SELECT recorded FROM names WHERE other = ?"
        rows = ((other, self._connection.execute(query, (other,)).fetchone()) for other in others)
        return {other: row[0] for other, row in rows if row}

    def pair(self, names: Mapping[str, str]) -> None:
        """Note *names*, as `names` gives them, where nothing is noted yet; inside `exclusively`."""
        self._connection.executemany("INSERT OR IGNORE INTO names VALUES (?, ?)", sorted(names.items()))

    def save(self, source: str, marks: Mapping[str, Mark], shown: Iterable[str]) -> None:
        """Note *marks*, by path, and names that were *shown*; all or none."""
        rows = [(source, os.fsencode(path), *mark) for path, mark in marks.items()]
        with transaction(self._connection) as connection:
            connection.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            connection.executemany(
                "INSERT OR IGNORE INTO shown VALUES (?, ?)", [(source, name) for name in shown]
            )

    def belong(self, journal: JournalReader) -> None:
        """Forget everything, unless it was noted for this *journal*; once that is noted, opens no segment."""
        with transaction(self._connection) as connection:
            row = connection.execute("SELECT segment FROM journal").fetchone()
            if row and journal.missing({row[0]: Place(1)}):
                for table in ("files", "shown", "names", "journal"):
                    connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names of our own
                row = None
            if not row:
                filled = [(segment.name,) for segment in journal.segments() if segment.size_bytes != 0]
                connection.executemany("INSERT INTO journal VALUES (?)", filled[:1])

    def forget(self, source: str, paths: Iterable[str]) -> None:
        """Drop the marks of files that are gone."""
        with transaction(self._connection) as connection:
            connection.executemany(
                "DELETE FROM files WHERE source = ? AND path = ?",
                [(source, os.fsencode(path)) for path in paths],
            )

    def close(self) -> None:
        """Give the database back."""
        self._connection.close()


@contextlib.contextmanager
def opened(ledger: Ledger) -> Iterator[Progress]:
    """How far the imports into *ledger* have come, as far as its journal still holds what they recorded.

    Raises:
        StateError: its folder cannot be made, read or written.
    """
    try:
        private_folder(ledger.folder)
    except OSError as error:
        raise StateError(
            f"{ledger.folder} cannot be made: {error.strerror}",
            hint="check that the folder above it exists, belongs to you and can be written to",
        ) from error
    progress = Progress(os.path.join(ledger.folder, PROGRESS_FILE))
    try:
        progress.belong(ledger.reader)
        yield progress
        progress.belong(ledger.reader)
    finally:
        progress.close()


def signature(statuses: Iterable[os.stat_result]) -> str:
    """What changes whenever one of these files does; nothing is opened."""
    return " ".join(f"{identity(one)}:{one.st_size}:{one.st_mtime_ns}" for one in statuses)

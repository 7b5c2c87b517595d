"""What only the user can tell the index: metadata, and what a coverage run measured.

This is a *truth*: no rescan, no cache clearing and no new version touches it. It is its own small
file, made when something is first noted; ``revision`` grows by one with every change, so that the
derived view knows when it has to look again.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from quarterdeck import sqlite
from quarterdeck.errors import StateError, StoreCorrupt, UsageError
from quarterdeck.index.store.tree_store import from_db, to_db

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from sqlite3 import Connection

FILE = "annotations.sqlite"

_SCHEMA = """
CREATE TABLE revision (number INTEGER NOT NULL);
INSERT INTO revision VALUES (0);
CREATE TABLE metadata (path NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,  -- value is JSON
    PRIMARY KEY (path, key)) WITHOUT ROWID;
CREATE TABLE coverage (
    path PRIMARY KEY,
    percent REAL NOT NULL,      -- 0 to 100
    hash TEXT NOT NULL          -- of the file when it was measured; empty when that is not known
) WITHOUT ROWID;
CREATE TABLE proven (           -- a test file ran lines of a source file
    test NOT NULL, path NOT NULL,
    PRIMARY KEY (test, path)) WITHOUT ROWID;
CREATE TABLE snapshot (name TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID
"""


class Coverage(NamedTuple):
    """One file's line coverage.

    Attributes:
        percent: 0 to 100.
        hash: of the content that was measured; empty when that is not known.
    """

    percent: float
    hash: str


class Notes(NamedTuple):
    """Everything noted, as one value.

    Attributes:
        revision: 0 when nothing was ever noted.
        metadata: by path, then key.
        coverage: by path.
        proven: source path -> test files that ran it.
    """

    revision: int = 0
    metadata: Mapping[str, Mapping[str, Any]] = {}
    coverage: Mapping[str, Coverage] = {}
    proven: Mapping[str, frozenset[str]] = {}


class Annotations:
    """The user's notes on one project. Reading what was never written creates no file."""

    def __init__(self, path: str) -> None:
        """Notes at *path*, which need not exist."""
        self._path = path

    def revision(self) -> int:
        """Grows by one with every change; 0 when nothing was ever noted."""
        if not self._is_there():
            return 0
        with _opened(self._path) as connection:
            return _revision(connection)

    def _is_there(self) -> bool:
        """Whether something was ever noted: a full disk can leave an empty file behind."""
        try:
            return os.path.getsize(self._path) > 0
        except OSError:
            return False

    def read(self) -> Notes:
        """Everything noted, at one revision."""
        if not self._is_there():
            return Notes()
        metadata: dict[str, dict[str, Any]] = {}
        proven: dict[str, set[str]] = {}
        with _opened(self._path) as connection, sqlite.snapshot(connection):
            for path, key, value in connection.execute("SELECT path, key, value FROM metadata"):
                metadata.setdefault(from_db(path), {})[key] = json.loads(value)
            for test, path in connection.execute("SELECT test, path FROM proven"):
                proven.setdefault(from_db(path), set()).add(from_db(test))
            coverage = {
                from_db(path): Coverage(percent, measured)
                for path, percent, measured in connection.execute("SELECT path, percent, hash FROM coverage")
            }
            revision = _revision(connection)
        return Notes(revision, metadata, coverage, {path: frozenset(tests) for path, tests in proven.items()})

    def set_metadata(self, path: str, values: Mapping[str, object]) -> None:
        """Set some keys of one file; a key whose value is None is removed.

        Raises:
            UsageError: a value is not JSON.
        """
        try:
            rows = [
                (to_db(path), key, json.dumps(value, allow_nan=False))
                for key, value in values.items()
                if value is not None
            ]
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"metadata of {path!r} must be JSON: {error}",
                hint="use strings, numbers, booleans, lists and dicts",
            ) from None
        gone = [(to_db(path), key) for key, value in values.items() if value is None]
        with _opened(self._path) as connection, sqlite.transaction(connection):
            connection.executemany("DELETE FROM metadata WHERE path = ? AND key = ?", gone)
            connection.executemany("INSERT OR REPLACE INTO metadata VALUES (?, ?, ?)", rows)
            _advance(connection)

    def put_coverage(self, measured: Mapping[str, Coverage], proven: Iterable[tuple[str, str]] = ()) -> None:
        """Add or replace the coverage of some files, and which (test, path) pairs ran.

        The pairs replace all earlier ones of the same test files.
        """
        pairs = [(to_db(test), to_db(path)) for test, path in proven]
        with _opened(self._path) as connection, sqlite.transaction(connection):
            connection.executemany(
                "INSERT OR REPLACE INTO coverage VALUES (?, ?, ?)",
                [(to_db(path), percent, digest) for path, (percent, digest) in measured.items()],
            )
            connection.executemany(
                "DELETE FROM proven WHERE test = ?", [(test,) for test in {test for test, _ in pairs}]
            )
            connection.executemany("INSERT OR REPLACE INTO proven VALUES (?, ?)", pairs)
            _advance(connection)

    def name_snapshot(self, name: str, state: str) -> None:
        """Let *name* stand for the state with that id."""
        with _opened(self._path) as connection, sqlite.transaction(connection):
            connection.execute("INSERT OR REPLACE INTO snapshot VALUES (?, ?)", (name, state))

    def snapshots(self) -> dict[str, str]:
        """State id by snapshot name."""
        if not self._is_there():
            return {}
        with _opened(self._path) as connection:
            return dict(connection.execute("SELECT name, state FROM snapshot"))


@contextlib.contextmanager
def _opened(path: str) -> Iterator[Connection]:
    if not path:
        raise StateError(
            "notes cannot be kept: neither the project nor your home can be written to",
            hint="set QUARTERDECK_HOME to a folder that can",
        )
    connection = sqlite.connect(path, (_SCHEMA,), holds="truth")
    try:
        with sqlite.translated():
            yield connection
    except (StoreCorrupt, ValueError, TypeError, AttributeError) as error:  # it holds what we never wrote
        raise StoreCorrupt(
            f"{path} is damaged: {error}", hint="restore it from a backup, or move it away to start afresh"
        ) from error
    finally:
        connection.close()


def _revision(connection: Connection) -> int:
    row = connection.execute("SELECT number FROM revision").fetchone()
    return int(row[0])


def _advance(connection: Connection) -> None:
    connection.execute("UPDATE revision SET number = number + 1")

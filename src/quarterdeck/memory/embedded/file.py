"""The file of a memory: what is in it, and a connection to it."""

from __future__ import annotations

import sqlite3  # noqa: TC003  `the_row` takes its cursors; it is loaded all the same
import time
from typing import Any, NoReturn

from quarterdeck import files, sqlite
from quarterdeck.errors import StoreCorrupt

MIGRATIONS = (
    """
-- What agents put down. data: JSON, or bytes that only the owner of the key can read.
CREATE TABLE entries (
    id INTEGER NOT NULL PRIMARY KEY,     -- in the order they were made: a batch lies together
    name TEXT NOT NULL UNIQUE,
    expires_us INTEGER                   -- microseconds since the epoch; NULL: never
        CHECK (typeof(expires_us) IN ('integer', 'null')),
    data NOT NULL
);

-- Queues and streams: the items of each log, by score.
CREATE TABLE items (
    id INTEGER NOT NULL PRIMARY KEY,     -- the number of the change that added it
    log TEXT NOT NULL,
    score INTEGER NOT NULL CHECK (typeof(score) = 'integer'),
    expires_us INTEGER                   -- may be swept away from then on; NULL: never
        CHECK (typeof(expires_us) IN ('integer', 'null')),
    data NOT NULL
);
CREATE INDEX items_by_score ON items (log, score);

-- One row. n: how much has changed so far. slots: identity of the slots file.
-- swept_entries, swept_items: how far the sweep for what has expired has come.
CREATE TABLE clock (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    n INTEGER NOT NULL CHECK (typeof(n) = 'integer'),
    slots INTEGER NOT NULL CHECK (typeof(slots) = 'integer'),
    swept_entries INTEGER NOT NULL CHECK (typeof(swept_entries) = 'integer'),
    swept_items INTEGER NOT NULL CHECK (typeof(swept_items) = 'integer')
);
INSERT INTO clock VALUES (1, 0, 0, 0, 0);
""",
)

_PAGE_BYTES = 2048  # a small change writes two pages; this halves them
_LOG_BYTES = 16 << 20  # a log that grew while somebody read for long is cut to that afterwards
_GLANCE_S = 0.0001
"""Not even a folder is removed so quickly; meanwhile a burst of writes does without asking the system."""


class OpenFile:
    """The file that a connection is to, which may be deleted or replaced meanwhile; used under its lock."""

    __slots__ = ("_look_at", "_path", "_place")

    def __init__(self, path: str) -> None:
        """Opens nothing yet."""
        self._path = path
        self._place: tuple[int, int] | None = None
        self._look_at = 0.0  # on the monotonic clock

    def connect(self) -> sqlite3.Connection:
        """A connection to the file that is there now, or a new one; it gives text as bytes.

        Raises:
            StateError: with its subclasses, as `sqlite.connect` has it.
        """
        while True:
            self._place = files.place_of(self._path)
            connection = sqlite.connect(self._path, MIGRATIONS, holds="truth", page_size=_PAGE_BYTES)
            if self._place is not None and self._place == files.place_of(self._path):
                break
            connection.close()  # it has just been made, or replaced in between
        connection.execute(f"PRAGMA journal_size_limit={_LOG_BYTES}")
        connection.text_factory = bytes
        self._look_at = 0.0
        return connection

    def is_there(self) -> bool:
        """Whether it is still the one at its path; looks at most once in `_GLANCE_S` seconds."""
        now = time.monotonic()
        if now < self._look_at:
            return True
        if files.place_of(self._path) != self._place:
            return False
        self._look_at = now + _GLANCE_S
        return True


def the_row(cursor: sqlite3.Cursor, path: str) -> tuple[Any, ...]:
    """The only row that there is.

    Raises:
        StoreCorrupt: there is none: whatever we ask for one row has the clock in it.
    """
    row: tuple[Any, ...] | None = cursor.fetchone()
    if row is None:
        raise no_clock(path)
    return row


def raise_ours(error: sqlite3.Error) -> NoReturn:
    """Raise what SQLite says as one of our errors."""
    with sqlite.translated():
        raise error
    raise AssertionError  # mypy cannot know that `translated` lets nothing pass


def no_clock(path: str) -> StoreCorrupt:
    """What is wrong with a database that has no clock."""
    return StoreCorrupt(
        f"{path} has no clock: somebody has removed its only row",
        hint="restore it from a backup, or move it away to start afresh",
    )

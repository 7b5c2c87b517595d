"""The two connections of a process to one database: one reads, one writes; neither waits."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Any, NoReturn

from quarterdeck import files, forks, sqlite
from quarterdeck.errors import StateError, StoreBusy, StoreCorrupt
from quarterdeck.memory.embedded.slots import HIGHEST, IDENTITY, stripe
from quarterdeck.memory.embedded.sweep import SHARE, STEP, sweep
from quarterdeck.sqlite import BUSY_TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from quarterdeck.memory.embedded.slots import Slots, SlotsFile

MIGRATIONS = (
    """
-- What agents put down. data: JSON, or bytes that only the owner of the key can read.
CREATE TABLE entries (
    id INTEGER NOT NULL PRIMARY KEY,     -- in the order they were made: a batch lies together
    name TEXT NOT NULL UNIQUE,
    expires_us INTEGER,                  -- microseconds since the epoch; NULL: never
    data NOT NULL
);

-- Queues and streams: the items of each log, by score.
CREATE TABLE items (
    id INTEGER NOT NULL PRIMARY KEY,     -- the number of the change that added it
    log TEXT NOT NULL,
    score INTEGER NOT NULL,
    expires_us INTEGER,                  -- may be swept away from then on; NULL: never
    data NOT NULL
);
CREATE INDEX items_by_score ON items (log, score);

-- One row. n: how much has changed so far. slots: identity of the slots file.
-- swept_entries, swept_items: how far the sweep for what has expired has come.
CREATE TABLE clock (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    n INTEGER NOT NULL,
    slots INTEGER NOT NULL,
    swept_entries INTEGER NOT NULL,
    swept_items INTEGER NOT NULL
);
INSERT INTO clock VALUES (1, 0, 0, 0, 0);
""",
)

_PAGE_BYTES = 2048  # a small change writes two pages; this halves them
_CHECKPOINT_PAGES = 4000  # 8 MiB
_LOG_BYTES = 16 << 20  # a log that grew while somebody read for long is cut to that afterwards
_PAUSES_S = 0.0001, 0.001
_ADVANCE = "UPDATE clock SET n = ? WHERE slots = ? AND n < ?"


class Reader:
    """A connection that reads, opened on first use; may be shared by threads.

    Attributes:
        lock: held while it reads.
    """

    def __init__(self, path: str) -> None:
        """Opens nothing yet."""
        self.lock = threading.RLock()
        self._path = path
        self._connection: sqlite3.Connection | None = None
        forks.guard(self, Reader.close)

    def one(self, statement: str, given: Sequence[object] = ()) -> tuple[Any, ...]:
        """The only row that *statement* gives; text is bytes in it, as in all that is read."""
        try:
            with self.lock:
                connection = self._connection or self._open()
                row: tuple[Any, ...] | None = connection.execute(statement, given).fetchone()
        except sqlite3.Error as error:
            raise_ours(error)
        if row is None:
            raise _no_clock(self._path)
        return row

    def all(self, statement: str, given: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows that *statement* gives."""
        try:
            with self.lock:
                return (self._connection or self._open()).execute(statement, given).fetchall()
        except sqlite3.Error as error:
            raise_ours(error)

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Several reads that see one state; other threads of this process wait meanwhile."""
        with self.lock, sqlite.snapshot(self._connection or self._open()) as connection:
            yield connection

    def close(self) -> None:
        """Give the connection back; the next use opens it anew."""
        with self.lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        self._connection = connect(self._path)
        return self._connection


class Writer:
    """A connection that writes, opened on first use; may be shared by threads.

        with writer as change:                        # BEGIN IMMEDIATE: nobody else writes now
            change.announce((name,))                  # a new number; nobody uses copies of it any more
            change.execute("DELETE FROM …", (name,))
                                                      # COMMIT; ROLLBACK after an exception

    Attributes:
        lock: held while it writes.
        execute, executemany: run statements; only inside.
    """

    execute: Callable[..., sqlite3.Cursor]
    executemany: Callable[..., sqlite3.Cursor]

    def __init__(self, path: str, slots: SlotsFile, now_us: Callable[[], int]) -> None:
        """Opens nothing yet."""
        self.lock = threading.RLock()
        self._path = path
        self._slots = slots
        self._now_us = now_us
        self._busy = False
        self._patience_s = BUSY_TIMEOUT_S
        self._due = 0  # rows for which the sweep has yet to go on
        self._connection: sqlite3.Connection | None = None
        forks.guard(self, Writer.close, outer=True)

    def __enter__(self) -> Self:
        self.lock.acquire()
        if self._busy:  # this very thread
            self.lock.release()
            raise StoreBusy(
                "the memory is written to in the middle of a write, by a signal handler for example",
                hint="let the handler note what is to be done, and do it afterwards",
            )
        self._busy = True
        try:
            if self._connection is None:
                self._open()
            self._begin()
        except BaseException as error:  # also an interrupt: the lock must not outlive it
            self._end()
            if isinstance(error, sqlite3.Error):
                raise_ours(error)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                if self._due and (logs := sweep(self.execute, self._now_us(), SHARE * self._due)):
                    self.announce(logs)
                self.execute("COMMIT")
        except sqlite3.Error as refused:
            error = refused
        finally:
            self._end()
        if isinstance(error, sqlite3.Error):
            raise_ours(error)

    def announce(self, names: Iterable[str], rows: int = 1) -> int:
        """Make every copy of entries of those names worthless and take *rows* numbers, one for each row.

        Returns:
            The first of the numbers; all changes before have lower ones.

        Raises:
            StoreFull, StateError: the slots file is gone and cannot be made anew.
        """
        slots = self._slots.slots
        first = slots[HIGHEST] + 1
        last = first + rows - 1
        try:
            advanced = self.execute(_ADVANCE, (last, slots[IDENTITY], first)).rowcount == 1
        except OverflowError:  # somebody has scribbled in the file
            self._slots.detach()
            advanced = False
        if not advanced:
            slots = self._right_slots()
            first = slots[HIGHEST] + 1
            last = first + rows - 1
            self.execute(_ADVANCE, (last, slots[IDENTITY], first))
        slots[HIGHEST] = last
        for name in names:
            slots[stripe(name)] = last
        if last % STEP < rows:
            self._due = max(rows, STEP)
        return first

    def mend_slots(self) -> bool:
        """Make the slots file, for one who only reads; waits for nobody, and gives up without an error."""
        if not self.lock.acquire(blocking=False):
            return False
        try:
            if self._busy:  # this very thread, in a signal handler
                return False
            self._patience_s = 0.0
            with self:
                self._right_slots()
        except StateError:
            return False
        finally:
            self._patience_s = BUSY_TIMEOUT_S
            self.lock.release()
        return True

    def close(self) -> None:
        """Give the connection back; the next use opens it anew."""
        with self.lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def _right_slots(self) -> Slots:
        """The slots file that all use from now on, no number in it below the clock."""
        clock = self.execute("SELECT n, slots FROM clock").fetchone()
        if clock is None:
            raise _no_clock(self._path)
        n, identity = clock
        if not self._slots.attach(identity):
            try:
                identity = self._slots.create()
            except OSError as error:
                raise files.failure(error, self._slots.path) from error
            self.execute("UPDATE clock SET slots = ?", (identity,))
        slots = self._slots.slots
        slots[HIGHEST] = max(n, slots[HIGHEST])
        return slots

    def _begin(self) -> None:
        """Wait for SQLite's write lock; its own way of waiting sleeps up to 0.1 s at a time."""
        deadline = None
        while True:
            try:
                self.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                now = time.monotonic()
                deadline = deadline or now + self._patience_s
                if not error.sqlite_errorname.startswith("SQLITE_BUSY") or now >= deadline:
                    raise
                time.sleep(random.uniform(*_PAUSES_S))  # noqa: S311 nothing secret
            else:
                return

    def _open(self) -> None:
        self._connection = connect(self._path)
        self._connection.execute("PRAGMA busy_timeout=0")
        self._connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
        cursor = self._connection.cursor()
        self.execute, self.executemany = cursor.execute, cursor.executemany

    def _end(self) -> None:
        """Roll back what is still open; SQLite itself has done so after some errors."""
        try:
            if self._connection is not None and self._connection.in_transaction:
                self.execute("ROLLBACK")
        finally:
            self._busy = False
            self._due = 0
            self.lock.release()


def connect(path: str) -> sqlite3.Connection:
    """A connection that gives text as bytes.

    Raises:
        StateError: with its subclasses, as `sqlite.connect` has it.
    """
    connection = sqlite.connect(path, MIGRATIONS, holds="truth", page_size=_PAGE_BYTES)
    connection.execute(f"PRAGMA journal_size_limit={_LOG_BYTES}")
    connection.text_factory = bytes
    return connection


def raise_ours(error: sqlite3.Error) -> NoReturn:
    """Raise what SQLite says as one of our errors."""
    with sqlite.translated():
        raise error
    raise AssertionError  # mypy cannot know that `translated` lets nothing pass


def _no_clock(path: str) -> StoreCorrupt:
    return StoreCorrupt(
        f"{path} has no clock: somebody has removed its only row",
        hint="restore it from a backup, or move it away to start afresh",
    )

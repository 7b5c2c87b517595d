"""The two connections of a process to one database: one reads, one writes; neither waits.

The file may be deleted or replaced while it is open (``rm -rf`` of a state folder, ``git clean``, a restored
backup): what is written to the old one is lost, and nobody reads it. So whoever reads or writes looks first
whether the file he has open is the one at its path (see `file`), and if not leaves it with both connections,
for SQLite may have only one file of a name open in a process.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Any

from quarterdeck import files, forks, sqlite
from quarterdeck.errors import StateError, StoreBusy
from quarterdeck.memory.embedded.file import OpenFile, no_clock, raise_ours, the_row
from quarterdeck.memory.embedded.slots import HIGHEST, IDENTITY, stripe
from quarterdeck.memory.embedded.sweep import SHARE, STEP, sweep
from quarterdeck.sqlite import BUSY_TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from quarterdeck.memory.embedded.slots import Slots, SlotsFile

_CHECKPOINT_PAGES = 4000  # 8 MiB
_PAUSES_S = 0.0001, 0.001
_ADVANCE = "UPDATE clock SET n = ? WHERE slots = ? AND n < ?"


class Reader:
    """A connection that reads, opened on first use; may be shared by threads.

    Attributes:
        lock: held while it reads.
    """

    def __init__(self, path: str, leave: Callable[[], None]) -> None:
        """Opens nothing yet; *leave* closes both connections, when the file is not at its path any more."""
        self.lock = threading.RLock()
        self._path = path
        self._leave = leave
        self._file = OpenFile(path)
        self._in_snapshot = False
        self._connection: sqlite3.Connection | None = None
        forks.guard(self, Reader.close)

    def one(self, statement: str, given: Sequence[object] = ()) -> tuple[Any, ...]:
        """The only row that *statement* gives; text is bytes in it, as in all that is read."""
        self._look()
        try:
            with self.lock:
                connection = self._connection or self._open()
                return the_row(connection.execute(statement, given), self._path)
        except sqlite3.Error as error:
            raise_ours(error)

    def all(self, statement: str, given: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows that *statement* gives."""
        self._look()
        try:
            with self.lock:
                return (self._connection or self._open()).execute(statement, given).fetchall()
        except sqlite3.Error as error:
            raise_ours(error)

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Several reads that see one state; other threads of this process wait meanwhile.

        One inside another, as a signal handler has it, sees what that one sees.
        """
        self._look()
        with self.lock:
            connection = self._connection or self._open()
            if connection.in_transaction:
                with sqlite.translated():
                    yield connection
                return
            self._in_snapshot = True
            try:
                with sqlite.snapshot(connection):
                    yield connection
            finally:
                self._in_snapshot = False

    def close(self) -> None:
        """Give the connection back; the next use opens it anew."""
        with self.lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def is_there(self) -> bool:
        """Whether the file that is open is still the one at its path; True when none is open."""
        return self._connection is None or self._file.is_there()

    def _look(self) -> None:
        """Leave a file that is not at its path any more; a snapshot is read to its end."""
        if self._connection is not None and not self._in_snapshot and not self._file.is_there():
            self._leave()

    def _open(self) -> sqlite3.Connection:
        self._connection = self._file.connect()
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

    def __init__(self, path: str, slots: SlotsFile, now_us: Callable[[], int], reader: Reader) -> None:
        """Opens nothing yet; *reader* is of the same file, and leaves it together with this one."""
        self.lock = threading.RLock()
        self._path = path
        self._slots = slots
        self._now_us = now_us
        self._reader = reader
        self._file = OpenFile(path)
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
            self._begin_here()
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

    def leave(self) -> None:
        """Give back both connections and the slots: their file is not at its path any more.

        Raises:
            StoreBusy: somebody writes to the old file, and does not come to an end.
        """
        if not self.lock.acquire(timeout=BUSY_TIMEOUT_S):
            raise _moved(self._path)
        try:
            if self._busy:  # this very thread
                raise _moved(self._path)
            self._leave()
        finally:
            self.lock.release()

    def close(self) -> None:
        """Give the connection back; the next use opens it anew."""
        with self.lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def _leave(self) -> None:
        self.close()
        self._reader.close()
        self._slots.detach()

    def _right_slots(self) -> Slots:
        """The slots file that all use from now on, no number in it below the clock."""
        clock = self.execute("SELECT n, slots FROM clock").fetchone()
        if clock is None:
            raise no_clock(self._path)
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

    def _begin_here(self) -> None:
        """Begin to write to the file that is at the path then, whatever it was before."""
        while True:
            if self._connection is None:
                self._open()
            try:
                self._begin()
            except sqlite3.Error:
                if self._file.is_there():
                    raise
            else:
                if self._file.is_there():
                    return
                self.execute("ROLLBACK")
            self._leave()

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
        self._connection = self._file.connect()
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


def _moved(path: str) -> StoreBusy:
    return StoreBusy(
        f"{path} was deleted or replaced in the middle of a write", hint="wait for it to end, then try again"
    )

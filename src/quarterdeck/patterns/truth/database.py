"""The two connections of a process to one file: one reads, one writes; neither waits for the other.

The file may be deleted or replaced while it is open (``rm -rf`` of a state folder, ``git clean``, a restored
backup): what is written to the old one is lost, and nobody reads it. So whoever reads or writes looks
first whether the file that is open is the one at its path, and if not leaves it with both connections, for
SQLite may have only one file of a name open in a process.

In a folder that this process may not write to, the file is read only, and to write is an error.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import sqlite3
import threading
import time
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from quarterdeck import files, forks, sqlite
from quarterdeck.errors import StateError, StoreBusy
from quarterdeck.patterns.evidence import Tally, posterior
from quarterdeck.patterns.truth.schema import MIGRATIONS
from quarterdeck.sqlite import BUSY_TIMEOUT_S, IN_MEMORY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Row = tuple[Any, ...]

_PAGE_BYTES = 2048  # a small change writes ten pages; this halves them
_CHECKPOINT_PAGES = 16_000  # 32 MiB; each costs two fsync
_CACHE_KB = 16_384
"""Pages kept, at most: ten patterns of a million lie on some thirty pages, most of them always the same."""
_LOG_BYTES = 64 << 20  # a log that grew while somebody read for long is cut to that afterwards
_PAUSES_S = 0.0001, 0.001
_GLANCE_S = 0.0001
"""Not even a folder is removed so quickly; meanwhile a burst of reads does without asking the system."""

_LEAST_SQLITE = 3, 37, 0
"""It knows STRICT tables."""
_NEW_ERA = """
INSERT OR REPLACE INTO eras SELECT coalesce(max(revision), 0) + 1, lower(hex(randomblob(16))) FROM changes
"""

_openings = itertools.count(1)


class Database:
    """A file with its connections, opened on first use and shared by threads.

        with database.writes() as cursor:      # BEGIN IMMEDIATE: nobody else writes now
            cursor.execute("DELETE FROM …")
                                               # COMMIT; ROLLBACK after an exception

    Attributes:
        path: the file; `IN_MEMORY` for one that only this object sees.
        damaged: numbers of the patterns that could not be read when somebody last tried.
    """

    def __init__(self, path: str, half_life_s: float) -> None:
        """Opens nothing yet; the SQL function ``expected`` computes with *half_life_s*."""
        self.path = path
        self.damaged: set[int] = set()
        self._reader = _Connection(path, half_life_s)
        self._writer = self._reader if path == IN_MEMORY else _Connection(path, half_life_s, waits=False)
        self._is_writing = False
        self._commits = 0
        # A child's copy of what is in memory is its own, so it keeps it.
        forks.guard(self._reader, _Connection.leave)
        if path != IN_MEMORY:
            forks.guard(self._writer, _Connection.leave, outer=True)

    def stamp(self) -> tuple[int, int]:
        """Which file is open, and a number that changes with every commit to it, whoever made it."""
        if self.path == IN_MEMORY:
            return 0, self._commits
        while True:
            opening = self._reader.opening
            ((version,),) = self.rows("PRAGMA data_version")
            if opening == self._reader.opening:  # or the version is that of another file
                return opening, version

    def rows(self, statement: str, given: Sequence[object] | dict[str, object] = ()) -> list[Row]:
        """All rows that *statement* gives.

        Raises:
            StateError: with its subclasses, as `sqlite.translated` tells them apart.
        """
        while True:
            self._look()
            try:
                with self._reader.lock:
                    found = self._reader.open().execute(statement, given).fetchall()
            except sqlite3.Error as error:
                if not (self._reader.has_thawed() or self._reader.takes_any_text(error)):
                    _raise_ours(error)
            else:
                if not self._reader.has_thawed():
                    return found

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """All `rows` inside see one state; other threads of this process wait meanwhile."""
        self._look()
        with self._reader.lock:
            connection = self._reader.open()
            if connection.in_transaction:  # one inside another sees what that one sees
                yield
                return
            with sqlite.snapshot(connection):
                yield

    @contextlib.contextmanager
    def writes(self) -> Iterator[sqlite3.Cursor]:
        """What is written inside happens altogether, or not at all.

        Whoever writes after somebody else, or first, begins an era: revisions that have been given out before
        and were lost since, with a power cut or a restored backup, cannot be taken for the ones given now.

        Raises:
            StoreFull, StoreBusy, StoreCorrupt: all is rolled back.
        """
        with self._writer.lock:
            if self._is_writing:  # this very thread
                raise StoreBusy(
                    "the library is written to in the middle of a write, by a signal handler for example",
                    hint="let it note what is to be done, and do it afterwards",
                )
            self._is_writing = True
            try:
                cursor = self._begin_here()
                ((version,),) = cursor.execute("PRAGMA data_version")
                if version != self._writer.last_version and self.path != IN_MEMORY:
                    cursor.execute(_NEW_ERA)
                yield cursor
                cursor.execute("COMMIT")
                self._writer.last_version = version
                self._commits += 1
            except (sqlite3.ProgrammingError, sqlite3.InterfaceError):
                raise
            except sqlite3.Error as error:
                _raise_ours(error)
            finally:
                try:
                    self._writer.roll_back()
                finally:
                    self._is_writing = False

    def empty_log(self, patience_s: float = 0.0) -> bool:
        """Take what was written into the file, and empty its log.

        Returns:
            Whether it is empty now; else others were at work for all of *patience_s*, or the disk is full.
        """
        deadline = time.monotonic() + patience_s
        with self._writer.lock:
            while True:
                try:
                    ((is_busy, _, _),) = self._writer.open().execute("PRAGMA wal_checkpoint(TRUNCATE)")
                except sqlite3.OperationalError:
                    is_busy = 1
                if not is_busy or time.monotonic() >= deadline:
                    return not is_busy
                time.sleep(_PAUSES_S[1])

    def close(self) -> None:
        """Give both connections back; the next use opens them anew."""
        with self._writer.lock:
            self._writer.close()
            self._reader.close()

    def _look(self) -> None:
        """Leave a file that is not at its path any more; what is being read is read to its end."""
        if self._reader.is_at_work or self._reader.is_there():
            return
        if not self._writer.lock.acquire(timeout=BUSY_TIMEOUT_S):
            raise _moved(self.path)
        try:
            if self._is_writing:  # this very thread
                raise _moved(self.path)
            self.close()
        finally:
            self._writer.lock.release()

    def _begin_here(self) -> sqlite3.Cursor:
        """Begin to write to the file that is at the path then, whatever it was before."""
        while True:
            connection = self._writer.open()
            if self._writer.is_read_only:
                raise StateError(
                    f"{self.path} can only be read: its folder cannot be written to",
                    hint="write to a library elsewhere: --path FILE",
                )
            try:
                _begin(connection)
            except sqlite3.Error:
                if self._writer.is_there():
                    raise
            else:
                if self._writer.is_there():
                    return connection.cursor()
                connection.execute("ROLLBACK")
            self.close()


class _Connection:
    """One connection, and which file it is to.

    Attributes:
        lock: held while it is used.
        opening: a number that no other connection of this process has; 0 while it is not open.
        is_read_only: it cannot write.
        last_version: the ``data_version`` of its last commit: another one, and others have committed since;
            None: there was none.
    """

    def __init__(self, path: str, half_life_s: float, *, waits: bool = True) -> None:
        self.lock = threading.RLock()
        self.opening = 0
        self.last_version: int | None = None
        self.is_read_only = False
        self._path = path
        self._half_life_s = half_life_s
        self._waits = waits  # in SQLite's way
        self._place: tuple[int, ...] | None = None
        self._is_frozen = False  # SQLite takes the file for one that nobody changes
        self._look_at = 0.0  # on the monotonic clock
        self._connection: sqlite3.Connection | None = None
        self._closing: weakref.finalize[..., _Connection] | None = None

    def open(self) -> sqlite3.Connection:
        """The connection to the file that was at the path when it was first asked for."""
        return self._connection or self._connect()

    @property
    def is_at_work(self) -> bool:
        """Whether it is in a transaction."""
        return self._connection is not None and self._connection.in_transaction

    def is_there(self) -> bool:
        """Whether the file is still the one at its path; looks at most once in `_GLANCE_S` seconds."""
        if self._connection is None or self._path == IN_MEMORY:
            return True
        now = time.monotonic()
        if now < self._look_at:
            return True
        if self._now_there() != self._place:
            return False
        self._look_at = now + _GLANCE_S
        return True

    def has_thawed(self) -> bool:
        """Whether what was read may be wrong: somebody has written to what was taken for unchangeable."""
        if not self._is_frozen or self.is_at_work or self._now_there() == self._place:
            return False
        self._look_at = 0.0
        return True

    def takes_any_text(self, error: sqlite3.Error) -> bool:
        """Whether *error* was text that is not UTF-8, and from now on there is none for that.

        What cannot be decoded becomes halves of characters, so that only the row that has it is damaged.
        """
        if "decode" not in str(error) or self._connection is None or self._connection.text_factory is not str:
            return False
        self._connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
        return True

    def roll_back(self) -> None:
        """End what is still open; SQLite itself has done so after some errors."""
        if self._connection is not None and self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Give it back; the next use opens it anew."""
        with self.lock:
            if self._closing is not None:
                self._closing()
            self._connection = None

    def leave(self) -> None:
        """In a child: it is the parent's; but what is in memory is the child's own copy."""
        if self._path != IN_MEMORY:
            self.close()

    def _now_there(self) -> tuple[int, ...] | None:
        """Which file is at the path; of one that nobody should change also its state."""
        return _state_of(self._path) if self._is_frozen else files.place_of(self._path)

    def _connect(self) -> sqlite3.Connection:
        if sqlite3.sqlite_version_info < _LEAST_SQLITE:
            raise StateError(
                f"the SQLite of this Python is too old for a pattern library: {sqlite3.sqlite_version}",
                hint=f"use a Python with SQLite {'.'.join(map(str, _LEAST_SQLITE))} or newer",
            )
        while True:
            self.is_read_only = sqlite.is_read_only(self._path)
            self._is_frozen = self.is_read_only and not sqlite.log_bytes(self._path)
            self._place = self._now_there()
            if self.is_read_only:
                connection = sqlite.connect_to_read(self._path, MIGRATIONS, is_frozen=self._is_frozen)
            else:
                connection = sqlite.connect(self._path, MIGRATIONS, holds="truth", page_size=_PAGE_BYTES)
            if self._path == IN_MEMORY or (self._place is not None and self._place == self._now_there()):
                break
            connection.close()  # it has just been made, or replaced in between
        if not self._waits:
            connection.execute("PRAGMA busy_timeout=0")
        connection.execute(f"PRAGMA cache_size=-{_CACHE_KB}")
        connection.execute("PRAGMA secure_delete=ON")
        connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit={_LOG_BYTES}")
        # SQLite holds it, which no collector of garbage sees: so it must not hold what holds the connection
        expected = partial(_expected, self._half_life_s)
        connection.create_function("expected", 7, expected, deterministic=True)
        self._look_at = 0.0
        self.opening = next(_openings)
        self.last_version = None
        self._connection = connection
        self._closing = weakref.finalize(self, connection.close)  # nobody need close it who lets go of it
        self._closing.atexit = False
        return connection


def _expected(
    half_life_s: float,
    confidence: float,
    successes: int,
    failures: int,
    good: float,
    bad: float,
    at_us: int,
    now_us: int,
) -> float:
    """The posterior mean of a row that has a tally."""
    tally = Tally(successes, failures, good, bad, at_us / 1e6)
    return posterior(tally, confidence, now_us / 1e6, half_life_s).mean


def _begin(connection: sqlite3.Connection) -> None:
    """Wait for SQLite's write lock; its own way of waiting sleeps up to 0.1 s at a time."""
    deadline = None
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            now = time.monotonic()
            deadline = deadline or now + BUSY_TIMEOUT_S
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or now >= deadline:
                raise
            time.sleep(random.uniform(*_PAUSES_S))  # noqa: S311 nothing secret
        else:
            return


def _state_of(path: str) -> tuple[int, ...] | None:
    """The same, and what changes when somebody writes to it."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size, sqlite.log_bytes(path)


def _moved(path: str) -> StateError:
    return StoreBusy(
        f"{path} was deleted or replaced in the middle of a write", hint="wait for it to end, then try again"
    )


def _raise_ours(error: sqlite3.Error) -> NoReturn:
    """Raise what SQLite says as one of our errors."""
    with sqlite.translated():
        raise error
    raise AssertionError  # mypy cannot know that `translated` lets nothing pass

"""One way to open a database: private file, WAL, a busy time-out, a schema version with migrations.

Two kinds of database, and what happens to a damaged or foreign one differs:

* a *cache* holds nothing that cannot be computed again: it is deleted and made anew, also whenever a
  word of its schema has changed;
* a *truth* holds what only the user could tell us: it is left exactly as it is and an error says so.
  Only its schema has versions and migrations.

Durability: ``synchronous=NORMAL`` in WAL mode. A commit survives kill -9 of any process; a power cut
may lose the last commits but cannot corrupt the file.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import time
import zlib
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from quarterdeck.errors import QuarterdeckError, StateError, StoreBusy, StoreCorrupt, StoreFull, StoreTooNew
from quarterdeck.files import PRIVATE_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BUSY_TIMEOUT_S = 10.0
IN_MEMORY = ":memory:"
_POLL_S = 0.005


def connect(
    path: str,
    migrations: Sequence[str],
    *,
    holds: Literal["cache", "truth"],
    timeout_s: float = BUSY_TIMEOUT_S,
    page_size: int | None = None,
) -> sqlite3.Connection:
    """Open (or create) the database at *path* at its newest schema.

    Args:
        path: a file, or `IN_MEMORY` for one that lives as long as its connection.
        migrations: SQL scripts, oldest first, each statement beginning on a line of its own;
            ``user_version`` counts how many have been applied (of a *cache* it is their checksum).
        holds: what to do with a file that cannot be trusted; see the module.
        timeout_s: how long to wait for other processes' locks.
        page_size: of a file that is yet to be made, in bytes; None: SQLite's own choice.

    Raises:
        StoreCorrupt: a *truth* is damaged or is not a database.
        StoreTooNew: a *truth* was written by a newer version.
        StoreFull, StoreBusy: the disk is full; a lock was held for longer than *timeout_s*.
        StateError: the file cannot be opened at all (permissions; a folder or a symlink in its place).
    """
    try:
        return _open(path, migrations, holds, timeout_s, page_size)
    except (_OtherSchema, StoreCorrupt, StoreTooNew):
        if holds == "truth":
            raise
    try:
        discard(path)
    except OSError as error:
        raise _translate_os(error, path) from error
    return _open(path, migrations, holds, timeout_s, page_size)


def is_read_only(path: str) -> bool:
    """Whether the database *path* is there, but in a folder that this process may not write to."""
    try:
        plain = stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False
    return plain and not os.access(os.path.dirname(path) or os.curdir, os.W_OK | os.X_OK)


def connect_to_read(
    path: str, migrations: Sequence[str], *, is_frozen: bool, timeout_s: float = BUSY_TIMEOUT_S
) -> sqlite3.Connection:
    """Open a *truth* for which `is_read_only` holds; nothing is written, not even a lock.

    Args:
        path: a file.
        migrations: as for `connect`.
        is_frozen: its log is empty, so that nobody writes to it now. SQLite, which would need a log even to
            read, then takes it for a file that never changes: the caller looks whether it does.
        timeout_s: how long to wait for other processes' locks.

    Raises:
        StateError: as `connect`; also when the schema is an older one.
    """
    uri = f"file:{quote(os.path.abspath(path))}?mode=ro{'&immutable=1' if is_frozen else ''}"
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(
            uri, uri=True, timeout=timeout_s, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA trusted_schema=OFF")
        pending = _pending(connection, migrations, "truth", path)
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise _translate(error, path) from error
    except BaseException:  # as in `_open`
        if connection is not None:
            connection.close()
        raise
    if pending:
        connection.close()
        raise StateError(
            f"{path} is of an older version, and can only be read",
            hint="open it once where it can be written to",
        )
    return connection


def log_bytes(path: str) -> int:
    """How long the log of the database *path* is; 0: there is nothing in it."""
    try:
        return os.stat(f"{path}-wal").st_size
    except OSError:
        return 0


def discard(path: str) -> None:
    """Delete the database at *path* with its side files; one that is not there is fine."""
    for suffix in ("-wal", "-shm", "-journal", ""):  # the file last: nobody may meet it with another's log
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + suffix)


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All writes inside happen, or none; a second writer waits at the door, not in the middle.

    Raises:
        StoreFull, StoreBusy, StoreCorrupt: as `translated` tells them apart; everything is rolled back.
    """
    with translated():
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        finally:  # also after an interrupt: the lock must not outlive this block
            _end(connection)


@contextlib.contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All reads inside see one state, whatever other processes commit meanwhile."""
    with translated():
        try:
            connection.execute("BEGIN")
            yield connection
        finally:
            _end(connection)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn SQLite's errors into ours, by its own error codes; misuse of the library stays what it is."""
    try:
        yield
    except (sqlite3.ProgrammingError, sqlite3.InterfaceError):
        raise
    except sqlite3.Error as error:
        raise _translate(error) from error


class _OtherSchema(StateError):
    """A cache was made by another version of us: never seen outside, for it is made anew."""


def _end(connection: sqlite3.Connection) -> None:
    """Roll back what is still open; SQLite itself has done so after some errors."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _open(
    path: str, migrations: Sequence[str], holds: str, timeout_s: float, page_size: int | None
) -> sqlite3.Connection:
    if path != IN_MEMORY:
        _create_private(path)
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(path, timeout=timeout_s, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA synchronous=NORMAL")
        if page_size is not None:
            connection.execute(f"PRAGMA page_size={page_size}")
        if _pending(connection, migrations, holds, path):
            _migrate(connection, migrations, holds, path)
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise _translate(error, path) from error
    except BaseException:  # our own errors, and an interrupt: whatever it is, the file is given back
        if connection is not None:
            connection.close()
        raise
    return connection


def _create_private(path: str) -> None:
    """Make *path* an empty private file, so that SQLite never creates it with a wider mode.

    One that is there is not opened: closing it would drop the locks of this process's other connections.
    """
    try:
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
            os.fchmod(descriptor, PRIVATE_FILE)
            os.close(descriptor)
        plain = stat.S_ISREG(os.lstat(path).st_mode)
    except OSError as error:
        raise _translate_os(error, path) from error
    if not plain:
        raise StateError(f"{path} is not a plain file", hint="move it away to start afresh")


def _newest(migrations: Sequence[str], holds: str) -> int:
    """The ``user_version`` of a database that has all of *migrations*; never 0, which is an empty file's."""
    if holds == "truth":
        return len(migrations)
    return zlib.crc32("\n".join(migrations).encode()) >> 1 or 1


def _pending(
    connection: sqlite3.Connection, migrations: Sequence[str], holds: str, path: str
) -> Sequence[str]:
    """The migrations that *path* still needs; writes nothing."""
    empty = not connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()  # second: others may migrate in between
    if version == _newest(migrations, holds):
        return ()
    if not version and empty:
        return migrations
    if holds == "cache":
        raise _OtherSchema(f"{path} has another schema", hint="make it anew")
    if not version:
        raise StoreCorrupt(f"{path} is another program's database", hint="move it away to start afresh")
    if version > len(migrations):
        raise StoreTooNew(
            f"{path} has schema version {version}, this Quarterdeck writes version {len(migrations)}",
            hint="upgrade quarterdeck, or move the file away to start afresh",
        )
    return migrations[version:]


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """SQLite's own busy time-out does not wait for another process that is doing the same."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                raise
            time.sleep(_POLL_S)
        else:
            return


def _migrate(connection: sqlite3.Connection, migrations: Sequence[str], holds: str, path: str) -> None:
    _switch_to_wal(connection)
    connection.execute("BEGIN IMMEDIATE")  # on an error the caller closes the connection: that rolls back
    for script in _pending(connection, migrations, holds, path):  # another process may have been quicker
        for statement in _statements(script):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version={_newest(migrations, holds)}")
    connection.execute("COMMIT")


def _statements(script: str) -> Iterator[str]:
    """The statements of *script*; `executescript` would commit before the first of them."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    yield statement


def _translate(error: sqlite3.Error, path: str = "the database") -> QuarterdeckError:
    name = getattr(error, "sqlite_errorname", "")
    if name in {"SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE"}:  # a disk, or a quota
        return StoreFull(f"no space left to write {path}", hint="free some space and run the command again")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")):
        return StoreBusy(
            f"another process holds {path} locked", hint="wait for it to finish, then run the command again"
        )
    # No name: text that is not UTF-8. SQLITE_ERROR: our statements fail only on tables of others.
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or name in {"", "SQLITE_ERROR"}:
        return StoreCorrupt(
            f"{path} is damaged: {error}", hint="restore it from a backup, or move it away to start afresh"
        )
    return StateError(
        f"{path} cannot be used: {error}",
        hint="check that its folder exists, belongs to you and can be written to",
    )


def _translate_os(error: OSError, path: str) -> QuarterdeckError:
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(f"no space left to create {path}", hint="free some space and run the command again")
    return StateError(
        f"{path} cannot be opened: {error.strerror}",
        hint="check that its folder exists, belongs to you and can be written to",
    )

"""One way to open a database: private file, WAL, a busy time-out, a schema version with migrations.

Two kinds of database, and what happens to a damaged or foreign one differs:

* a *cache* holds nothing that cannot be computed again: it is deleted and made anew;
* a *truth* holds what only the user could tell us: it is left exactly as it is and an error says so.

Durability: ``synchronous=NORMAL`` in WAL mode. A commit survives kill -9 of any process; a power cut
may lose the last commits but cannot corrupt the file.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING, Literal

from quarterdeck.errors import QuarterdeckError, StateError, StoreBusy, StoreCorrupt, StoreFull, StoreTooNew
from quarterdeck.files import PRIVATE_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BUSY_TIMEOUT_S = 10.0
IN_MEMORY = ":memory:"


def connect(
    path: str,
    migrations: Sequence[str],
    *,
    holds: Literal["cache", "truth"],
    timeout_s: float = BUSY_TIMEOUT_S,
) -> sqlite3.Connection:
    """Open (or create) the database at *path* at its newest schema.

    Args:
        path: a file, or `IN_MEMORY` for one that lives as long as its connection.
        migrations: SQL scripts, oldest first; ``user_version`` counts how many have been applied. A
            *cache* is not migrated but made anew when its version differs.
        holds: what to do with a file that cannot be trusted; see the module.
        timeout_s: how long to wait for other processes' locks.

    Raises:
        StoreCorrupt: a *truth* is damaged or is not a database.
        StoreTooNew: a *truth* was written by a newer version.
        StoreFull, StoreBusy: the disk is full; a lock was held for longer than *timeout_s*.
        StateError: the file cannot be opened at all (permissions, a folder in its place).
    """
    try:
        return _open(path, migrations, holds, timeout_s)
    except (StoreCorrupt, StoreTooNew):
        if holds == "truth":
            raise
    discard(path)
    return _open(path, migrations, holds, timeout_s)


def discard(path: str) -> None:
    """Delete the database at *path* with its side files; one that is not there is fine."""
    for suffix in (
        "-wal",
        "-shm",
        "-journal",
        "",
    ):  # the file itself last: nobody may meet it with another's log
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + suffix)


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All writes inside happen, or none; a second writer waits at the door, not in the middle.

    Raises:
        StoreFull, StoreBusy, StoreCorrupt: as `translated` tells them apart; everything is rolled back.
    """
    with translated():
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:  # also an interrupt: the lock must not outlive this block
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise


@contextlib.contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All reads inside see one state, whatever other processes commit meanwhile."""
    with translated():
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.execute("ROLLBACK")


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn SQLite's errors into ours, by its own error codes."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translate(error) from error


def _open(path: str, migrations: Sequence[str], holds: str, timeout_s: float) -> sqlite3.Connection:
    if path != IN_MEMORY:
        _create_private(path)
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(path, timeout=timeout_s, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA synchronous=NORMAL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != len(migrations):
            _migrate(connection, version, migrations, holds, path)
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise _translate(error, path) from error
    except BaseException:
        if connection is not None:
            connection.close()
        raise
    return connection


def _create_private(path: str) -> None:
    """Make *path* an empty private file, so that SQLite never creates it with a wider mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE))
    except OSError as error:
        raise _translate_os(error, path) from error


def _migrate(
    connection: sqlite3.Connection, version: int, migrations: Sequence[str], holds: str, path: str
) -> None:
    if version > len(migrations) or (version and holds == "cache"):
        raise StoreTooNew(
            f"{path} has schema version {version}, this Quarterdeck writes version {len(migrations)}",
            hint="upgrade quarterdeck, or move the file away to start afresh",
        )
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        (current,) = connection.execute(
            "PRAGMA user_version"
        ).fetchone()  # another process may have been quicker
        for script in migrations[current:]:
            for statement in script.split(";\n"):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version={len(migrations)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _translate(error: sqlite3.Error, path: str = "the database") -> QuarterdeckError:
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith("SQLITE_FULL"):
        return StoreFull(f"no space left to write {path}", hint="free some space and run the command again")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreBusy(
            f"another process holds {path} locked", hint="wait for it to finish, then run the command again"
        )
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or not name.startswith("SQLITE_"):
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
        hint="check that it is a plain file that belongs to you, in a folder that can be written to",
    )

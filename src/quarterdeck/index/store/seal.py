"""Whether somebody but us has written to a database file that is a cache, and whose turn it is to write.

SQLite notices when a file's structure is damaged, not when what it holds is. So the file's signature
is noted beside it (``<file>.seal``) whenever a connection closes; a file that nobody has open and that
bears another signature (a copy from a backup, a stray write, a truncation) is not to be trusted.
Costs one lock, one lstat and one small read when a store is opened; a file is sealed without reading it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import stat
import time
from typing import TYPE_CHECKING

from quarterdeck.files import PRIVATE_FILE
from quarterdeck.index.disk.signature import of

if TYPE_CHECKING:
    from collections.abc import Iterator

_POLL_S = 0.01


@contextlib.contextmanager
def opening(path: str) -> Iterator[bool]:
    """A block that opens the database at *path*: nobody else opens or closes it meanwhile.

    Yields:
        Whether the file was changed since it was sealed. False for one that is open in another process or was
        left by a crash (its log is still there, and has checksums of its own), and for one never sealed.
    """
    with _locked(f"{path}.seal", wait_s=None) as seal:
        noted = b"" if seal is None else os.pread(seal, 200, 0)
        mark = _mark(path)
        yield bool(noted and mark) and noted != mark and not os.path.lexists(f"{path}-wal")


def close(connection: sqlite3.Connection, path: str) -> None:
    """Close *connection* and seal its file at *path*; writes only when the file has changed.

    The log is moved into the file first: while it is there, nobody looks at the seal.
    """
    try:
        with _locked(f"{path}.seal", wait_s=None) as seal, contextlib.suppress(sqlite3.Error, OSError):
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            mark = _mark(path)
            if seal is not None and mark != os.pread(seal, 200, 0):
                os.ftruncate(seal, 0)  # on a full disk nothing follows: the store counts as never sealed
                os.pwrite(seal, mark, 0)
    finally:
        connection.close()


@contextlib.contextmanager
def turn(path: str, *, wait_s: float) -> Iterator[bool]:
    """A block that brings the store at *path* up to date, while others wait instead of doing the same.

    It is a courtesy, not a guarantee: after *wait_s* seconds it is entered all the same.

    Yields:
        Whether somebody else had the turn before: the work may be done already.
    """
    with _locked(f"{path}.lock", wait_s=0) as lock:
        if lock is not None:
            yield False
            return
    with _locked(f"{path}.lock", wait_s=wait_s):
        yield True


def _mark(path: str) -> bytes:
    """The signature of *path* in a line; empty when there is no such file."""
    try:
        status = os.lstat(path)
    except OSError:
        return b""
    return " ".join(map(str, of(status))).encode() if stat.S_ISREG(status.st_mode) else b""


@contextlib.contextmanager
def _locked(path: str, *, wait_s: float | None) -> Iterator[int | None]:
    """A descriptor of *path* that holds its lock; None where that cannot be had.

    Args:
        path: made when it is missing.
        wait_s: how long to try; None for as long as it takes.
    """
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(path, flags, PRIVATE_FILE)
    except OSError:
        yield None
        return
    try:
        yield descriptor if _lock(descriptor, wait_s) else None
    finally:
        os.close(descriptor)


def _lock(descriptor: int, wait_s: float | None) -> bool:
    deadline = time.monotonic() + (wait_s or 0)
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait_s is None else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_S)
        except OSError:  # a file system without locks
            return False
        else:
            return True

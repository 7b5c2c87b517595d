"""The right to append to one segment: taken, looked after, given back, or ended by sealing.

The lease is an exclusive `flock` on the segment's own descriptor, so the kernel gives it back when a
process dies, however it dies. A segment that nobody holds is an orphan; the next writer adopts it. What
stands after its last newline was never acknowledged to anybody: it is copied to ``quarantine/`` and cut off.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import TYPE_CHECKING

from quarterdeck.files import PRIVATE_FILE, open_plain, private_folder, write_atomically
from quarterdeck.journal.segments import (
    end_of_lines,
    is_at,
    new_name,
    path_of,
    stamp,
    sync_folder,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quarterdeck.journal.model import State

QUARANTINE = "quarantine"
_ADOPTABLE_S = 86_400.0


class Lease:
    """One segment that only its holder appends to.

    Attributes:
        name: the segment's.
        descriptor: open for appending; -1 when the lease has ended.
        room_bytes: how much may be appended before the segment must be looked at again.
    """

    __slots__ = ("descriptor", "folder", "name", "room_bytes")

    def __init__(self, folder: str, name: str, descriptor: int) -> None:
        self.folder = folder
        self.name = name
        self.descriptor = descriptor
        self.room_bytes = 0

    @property
    def path(self) -> str:
        """Where the segment lies as long as the lease lasts."""
        return path_of(self.folder, self.name, "open")

    def cut_torn_tail(self) -> int:
        """Drop what a failed write of ours has left after the last newline; returns the size then."""
        whole, size = end_of_lines(self.descriptor)
        if whole < size:
            os.ftruncate(self.descriptor, whole)
        return whole

    def seal(self) -> str:
        """Nobody appends to the segment any more; ends the lease and returns the segment's new path.

        Raises:
            OSError: it could not be renamed, and stays an orphan for the next writer to seal.
        """
        sealed = path_of(self.folder, self.name, "sealed")
        try:
            os.rename(self.path, sealed)
        finally:
            self.release()
        return sealed

    def release(self) -> None:
        """Give the segment back as it is; another writer may adopt it."""
        if self.descriptor >= 0:
            with contextlib.suppress(OSError):  # unlock by hand: a child of ours may hold a copy of it
                fcntl.flock(self.descriptor, fcntl.LOCK_UN)
        self.abandon()

    def abandon(self) -> None:
        """Forget the descriptor without unlocking: in a forked child the lease is the parent's."""
        descriptor, self.descriptor, self.room_bytes = self.descriptor, -1, 0
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def take_lease(folder: str, segments: Mapping[str, State], rotate_bytes: int) -> Lease:
    """The oldest orphan among *segments* that can be gone on with, or a new segment.

    Costs one open file for each segment that another writer holds.

    Raises:
        OSError: the folder cannot be written to or is full, or the file system has no locks.
    """
    for name, state in segments.items():
        if state == "open":
            lease = _adopt(folder, name, rotate_bytes)
            if lease:
                return lease
    private_folder(folder)
    while True:
        lease = _create(folder)
        if lease:
            return lease


def _adopt(folder: str, name: str, rotate_bytes: int) -> Lease | None:
    """The lease of *name* if nobody holds it and it may grow; one that may not is sealed."""
    path = path_of(folder, name, "open")
    try:
        descriptor = open_plain(path, os.O_RDWR | os.O_APPEND)
    except OSError:  # gone meanwhile, or nothing that can be written to: readers report that
        return None
    lease = _lock(Lease(folder, name, descriptor))
    if lease is None:
        return None
    try:
        size = _set_torn_tail_aside(lease)
        if not size or (size < rotate_bytes and not _is_old(lease)):
            return lease
        lease.seal()
    except BaseException as error:  # the orphan stays as it is; an interrupt must not keep it from others
        lease.release()
        if not isinstance(error, OSError):
            raise
    return None  # of a full disk, say, a new segment will tell


def _create(folder: str) -> Lease | None:
    """The lease of a new segment; None when another writer was quicker to adopt it."""
    name = new_name()
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    path = path_of(folder, name, "open")
    descriptor = os.open(path, flags, PRIVATE_FILE)
    try:
        return _lock(Lease(folder, name, descriptor))
    except OSError:  # no locks here: leave no empty segment behind
        os.unlink(path)
        raise


def _lock(lease: Lease) -> Lease | None:
    """*lease* if it could be had, and if its file still is the segment of that name."""
    try:
        fcntl.flock(lease.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if is_at(lease.descriptor, lease.path):
            return lease
    except BlockingIOError:
        lease.abandon()
        return None
    except OSError:
        lease.abandon()
        raise
    lease.release()
    return None


def _set_torn_tail_aside(lease: Lease) -> int:
    """Copy the torn tail into quarantine, on disk before it is cut off; the segment's size then."""
    whole, size = end_of_lines(lease.descriptor)
    if whole < size:
        import zlib

        tail = os.pread(lease.descriptor, size - whole, whole)
        folder = private_folder(os.path.join(lease.folder, QUARANTINE))
        # The checksum: two writers, one after the other, may have been killed at the same offset.
        write_atomically(os.path.join(folder, f"{lease.name}@{whole}-{zlib.crc32(tail):08x}.torn"), tail)
        sync_folder(folder)
        os.ftruncate(lease.descriptor, whole)
    return whole


def _is_old(lease: Lease) -> bool:
    """Created more than a day ago, or last written before the machine started.

    A power cut may have taken lines that a reader has seen. Were the segment to grow again, the reader
    would go on in the middle of a line; sealed, it stays shorter than the reader's place for all to see.
    """
    if lease.name < stamp(time.time() - _ADOPTABLE_S):
        return True
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return os.fstat(lease.descriptor).st_mtime < time.time() - time.clock_gettime(clock)

"""Appending to a journal: one line, one write(2), and then it outlives the process."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import weakref
from os import write  # one look-up less for each append
from typing import TYPE_CHECKING

from quarterdeck.errors import QuarterdeckError, UsageError
from quarterdeck.files import failure, open_plain
from quarterdeck.journal.compaction import start_if_due
from quarterdeck.journal.flusher import Flusher
from quarterdeck.journal.lease import Lease, take_lease
from quarterdeck.journal.model import MAX_LINE_BYTES
from quarterdeck.journal.segments import is_at, listed, sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from quarterdeck.journal.model import Durability

LOOK_EVERY_BYTES = 65_536
"""How much is appended before the segment is looked at: is it still there, and does it end with a newline?"""

BATCH_BYTES = 262_144

_fdatasync = getattr(os, "fdatasync", os.fsync)  # macOS has only the latter


class Journal:
    """Appends lines to the segments of one folder; any number of threads and processes may do so at once.

    A thread that appends has a segment to itself, taken from a pool and put back, so no lock is taken
    and no signal handler, fork or finalizer can find one held. The pool grows to as many segments as
    threads have ever been inside `write` at the same moment: one, in nearly every program.

    Nothing on disk is touched before the first append. A forked child leases segments of its own.

    Args:
        folder: created when it is missing, for the owner only.
        durability: "process": what is appended survives kill -9; "power": it also survives a power cut
            that comes *sync_interval_s* later.
        rotate_bytes: a segment is sealed before it would grow beyond this; a longer line has one for itself.
        sync_interval_s: how long an append may wait for the disk in mode "power".
        compact_after_days: sealed segments older than this are compressed in the background.
    """

    def __init__(
        self,
        folder: str,
        *,
        durability: Durability = "process",
        rotate_bytes: int = 10_000_000,
        sync_interval_s: float = 0.05,
        compact_after_days: float = 30.0,
    ) -> None:
        if durability not in {"process", "power"}:
            raise UsageError(f"durability is {durability!r}", hint="it is either 'process' or 'power'")
        self.folder = os.path.abspath(folder)
        self._durability = durability
        self._rotate_bytes = rotate_bytes
        self._sync_interval_s = sync_interval_s
        self._compact_after_days = compact_after_days
        self._idle: list[Lease] = []
        self._leases: set[Lease] = set()
        self._unsynced: list[str] = []  # paths of segments that are sealed, but perhaps not on the disk yet
        self._names_changed = False
        self._lock = threading.RLock()  # of all these but _idle; an append takes it only to change segments
        self._flusher = self._new_flusher()
        _journals.add(self)

    def append(self, line: bytes) -> None:
        r"""Write *line* at the end of a segment: when this returns, a kill -9 does not lose it.

        Args:
            line: ends with ``\n`` and holds no other. For speed that is looked at only for the first
                line, and for one line of every `LOOK_EVERY_BYTES`.

        Raises:
            StoreFull: the disk or a quota is full. Nothing of *line* is left behind; try again later.
            StateError: the folder or the segment cannot be written to.
            UsageError: *line* is not one line, or is longer than `MAX_LINE_BYTES`.
        """
        size = len(line)
        try:
            lease = self._idle.pop()
        except IndexError:  # the first append, or other threads are using all there are
            lease = self._lease()
        try:
            if not 0 < size <= lease.room_bytes:
                lease = self._room_for(len(_one_line(line)), lease)
            if (written := write(lease.descriptor, line)) != size:
                _write_rest(lease.descriptor, line, written)
            lease.room_bytes -= size
        except BaseException as error:  # also an interrupt: the segment must not be lost with it
            self._mend(lease)
            if isinstance(error, OSError):
                raise failure(error, lease.path) from error
            raise
        self._idle.append(lease)
        if self._flusher is not None:
            self._flusher.appended()

    def append_many(self, lines: Iterable[bytes]) -> None:
        """Write *lines* in their order, with one write(2) for up to `BATCH_BYTES` of them.

        They are taken from the iterable as they are written; each is looked at.

        Raises:
            StoreFull: as in `append`; no part of a line is left behind, but the first lines are kept
                as far as they had room (a reader may have them already): the message says how many.
            StateError, UsageError: as in `append`; what earlier writes took is written.
        """
        most = min(BATCH_BYTES, self._rotate_bytes)
        batch: list[bytes] = []
        size = done = 0
        for line in lines:
            if batch and size + len(line) > most:
                self._append_batch(batch, done)
                done += len(batch)
                batch, size = [], 0
            batch.append(_one_line(line))
            size += len(line)
        if batch:
            self._append_batch(batch, done)

    def sync(self) -> None:
        """Wait until everything appended so far is on the disk itself.

        Raises:
            StateError: the disk could not be written; what is there survives a kill, not a power cut.
        """
        if self._flusher is not None:
            self._flusher.complain()
        self._sync()

    def close(self) -> None:
        """Give the segments back to the next writer; may be called again, and an append opens anew.

        In mode "power" what was appended is synced first. A segment that another thread is writing to
        at this moment is given back by a later close.

        Raises:
            StateError: as in `sync`; the segments are given back all the same.
        """
        try:
            if self._flusher is not None:
                self._flusher.stop()
                self.sync()
        finally:
            self._flusher = self._new_flusher()
            with self._lock:
                while self._idle:
                    self._drop(self._idle.pop())

    def __del__(self, is_finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        if is_finalizing() or not hasattr(self, "_flusher"):
            return  # the kernel gives back what is left, when modules are gone; or it was never made
        with contextlib.suppress(QuarterdeckError):  # nobody is left to be told
            self.close()
        for lease in self._leases:
            lease.release()

    def _append_batch(self, batch: list[bytes], done: int) -> None:
        """Write *batch* as one; *done* lines of the same call came before it."""
        data = b"".join(batch)
        try:
            lease = self._idle.pop()
        except IndexError:
            lease = self._lease()
        before = -1
        try:
            if len(data) > lease.room_bytes:
                lease = self._room_for(len(data), lease)
            before = os.fstat(lease.descriptor).st_size
            if (written := write(lease.descriptor, data)) != len(data):
                _write_rest(lease.descriptor, data, written)
            lease.room_bytes -= len(data)
        except BaseException as error:
            whole = self._mend(lease)
            if isinstance(error, OSError):
                kept = data[: whole - before].count(b"\n") if before >= 0 and whole > before else 0
                problem = failure(error, lease.path)
                problem = type(problem)(f"{problem.message}; {done + kept} lines are written", problem.hint)
                raise problem from error
            raise
        self._idle.append(lease)
        if self._flusher is not None:
            self._flusher.appended()

    def _lease(self) -> Lease:
        """One more segment of our own."""
        with self._lock:
            segments = listed(self.folder)
            try:
                start_if_due(self.folder, segments, self._compact_after_days)
                lease = take_lease(
                    self.folder, segments, self._rotate_bytes
                )  # last: what fails must not hold it
            except OSError as error:
                raise failure(error, self.folder) from error
            self._leases.add(lease)
            self._names_changed = True  # also those that take_lease has sealed
            return lease

    def _room_for(self, size: int, lease: Lease) -> Lease:
        """A lease whose segment has room for *size* bytes: *lease*, looked at, or another one."""
        if self._flusher is not None:
            with self._lock:
                self._flusher.wake()
        while True:
            if lease.descriptor < 0 or not is_at(lease.descriptor, lease.path):
                self._drop(lease)  # somebody has moved or deleted it, and what was in it
                lease = self._lease()
            used = lease.cut_torn_tail()
            if not used or used + size <= self._rotate_bytes:
                lease.room_bytes = max(size, min(self._rotate_bytes - used, LOOK_EVERY_BYTES))
                return lease
            with self._lock:
                self._leases.discard(lease)
                self._unsynced.append(lease.seal())

    def _flush(self) -> bool:
        """Sync all; whether nothing can have been appended behind its back. Called by the flusher."""
        with self._lock:
            leases = list(self._leases)
        for lease in leases:
            lease.room_bytes = 0  # the next append has to ask for room, and wakes the flusher
        quiet = all(lease in self._idle for lease in leases)  # none is in the middle of an append
        self._sync()
        return quiet

    def _sync(self) -> None:
        path = self.folder
        copies: list[int] = []
        sealed: list[str] = []
        names_changed = False
        try:
            with self._lock:  # copies: no append waits for the disk, and no descriptor is closed meanwhile
                copies.extend(os.dup(lease.descriptor) for lease in self._leases)
                sealed, self._unsynced = self._unsynced, []
                names_changed, self._names_changed = self._names_changed, False
            for descriptor in copies:
                _fdatasync(descriptor)
            for path in sealed:
                with contextlib.suppress(FileNotFoundError):  # compacted meanwhile, and on the disk
                    _sync_file(path)
            if names_changed:
                sync_folder(self.folder)
        except OSError as error:
            self._unsynced += sealed
            self._names_changed |= names_changed
            raise failure(error, path) from error
        finally:
            for descriptor in copies:
                os.close(descriptor)

    def _new_flusher(self) -> Flusher | None:
        return Flusher(self._flush, self._sync_interval_s) if self._durability == "power" else None

    def _mend(self, lease: Lease) -> int:
        """Cut off what a failed write has left, put the segment back; its size, or -1 if it is given up."""
        try:
            whole = lease.cut_torn_tail()
        except OSError:
            self._drop(lease)
            return -1
        lease.room_bytes = 0
        self._idle.append(lease)
        return whole

    def _drop(self, lease: Lease) -> None:
        with self._lock:  # sync() must not meet a descriptor that is being closed
            self._leases.discard(lease)
            lease.release()

    def _abandon(self) -> None:
        """In a forked child: the segments are the parent's, and so is what is not yet synced."""
        self._lock = threading.RLock()  # the old one may be held by a thread that is not here
        for lease in self._leases:
            lease.abandon()
        self._leases = set()
        self._idle = []
        self._unsynced = []
        self._flusher = self._new_flusher()


def _one_line(line: bytes) -> bytes:
    if line.find(b"\n") != len(line) - 1 or not 0 < len(line) <= MAX_LINE_BYTES:
        raise UsageError(
            f"not one line: {line[:60]!r}",
            hint=f"end it with a newline, put none inside, and keep it below {MAX_LINE_BYTES >> 20} MiB",
        )
    return line


def _sync_file(path: str) -> None:
    descriptor = open_plain(path)
    try:
        _fdatasync(descriptor)
    finally:
        os.close(descriptor)


def _write_rest(descriptor: int, line: bytes, written: int) -> None:
    """After a short write: the next one says why, or finishes."""
    while written < len(line):
        written += write(descriptor, line[written:])


_journals: weakref.WeakSet[Journal] = weakref.WeakSet()


def _after_fork() -> None:
    for journal in _journals:
        journal._abandon()  # noqa: SLF001 - the class is ours


os.register_at_fork(after_in_child=_after_fork)

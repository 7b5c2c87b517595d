"""Old segments take a tenth of the room: compressed, verified, and only then the original is deleted.

    <name>.jsonl -> <name>.<random>.tmp (fsync, read back, compared) -> <name>.jsonl.zst; unlink <name>.jsonl

A crash leaves at most a temporary file, or both files; the sealed one counts, and the next run finishes.
``compaction.lock`` lets one run at a time do this, and its age tells when the last one was.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from typing import TYPE_CHECKING

from quarterdeck.errors import QuarterdeckError, StoreCorrupt
from quarterdeck.files import PRIVATE_FILE, failure, open_plain
from quarterdeck.journal.segments import (
    is_at,
    is_name,
    listed,
    locked,
    path_of,
    stamp,
    sync_folder,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quarterdeck.journal.model import State

LOCK_FILE = "compaction.lock"
_DAY_S = 86_400.0
_BLOCK_BYTES = 1 << 20


def compact(folder: str, *, older_than_days: float = 30.0) -> list[str]:
    """Compress the sealed segments of *folder* that were last written so long ago; returns their names.

    Nothing is done, and the list is empty, while another process is compacting or when there is no folder.
    A segment that somebody holds at this moment waits for the next time.

    Raises:
        StoreFull: the disk is full; the segments are as they were.
        StateError: the folder cannot be written to.
    """
    path = os.path.join(folder, LOCK_FILE)
    try:
        if not os.path.isdir(folder):
            return []
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE_FILE)
        try:
            with locked(descriptor, fcntl.LOCK_EX) as ours:
                return _compact_all(folder, older_than_days, descriptor) if ours else []
        finally:
            os.close(descriptor)
    except OSError as error:
        raise failure(error, path) from error


def start_if_due(folder: str, segments: Mapping[str, State], after_days: float) -> None:
    """Compact *folder* in the background if that was not done today and one of *segments* is old enough."""
    now_s = time.time()
    oldest = stamp(now_s - after_days * _DAY_S)
    if not any(state == "sealed" and name < oldest for name, state in segments.items()):
        return
    with contextlib.suppress(FileNotFoundError):
        if os.lstat(os.path.join(folder, LOCK_FILE)).st_mtime > now_s - _DAY_S:
            return
    thread = threading.Thread(
        target=_compact_quietly, args=(folder, after_days), name="quarterdeck-journal-compact", daemon=True
    )
    with contextlib.suppress(RuntimeError):  # at the interpreter's end no thread can start
        thread.start()


def _compact_quietly(folder: str, after_days: float) -> None:
    with contextlib.suppress(QuarterdeckError):  # nobody waits for it; what is left is seen by the next run
        compact(folder, older_than_days=after_days)


def _compact_all(folder: str, older_than_days: float, lock: int) -> list[str]:
    for file in os.listdir(folder):
        if file.endswith(".tmp") and is_name(file.partition(".")[0]):
            os.unlink(os.path.join(folder, file))  # of a run that was killed: we have its lock
    before_s = time.time() - older_than_days * _DAY_S
    done = [
        name
        for name, state in listed(folder).items()
        if state == "sealed" and _compact_segment(folder, name, before_s)
    ]
    os.utime(lock)
    return done


def _compact_segment(folder: str, name: str, before_s: float) -> bool:
    """Whether segment *name* was old enough, nobody held it, and it is compacted now."""
    path = path_of(folder, name, "sealed")
    try:
        source = open_plain(path)
    except OSError:  # gone, or nothing that can be read: readers report that
        return False
    try:
        with locked(source, fcntl.LOCK_EX) as free:
            status = os.fstat(source)
            if not free or status.st_mtime >= before_s or not is_at(source, path):
                return False
            temporary = os.path.join(folder, f"{name}.{os.urandom(4).hex()}.tmp")
            try:
                _compress(source, temporary)
                os.utime(temporary, ns=(status.st_atime_ns, status.st_mtime_ns))
                os.rename(temporary, path_of(folder, name, "compacted"))
            except BaseException:  # whatever it is, no half a file stays
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
                raise
            sync_folder(folder)
            os.unlink(path)
    finally:
        os.close(source)
    return True


def _compress(source: int, path: str) -> None:
    """Write the content of *source* compressed to *path*, onto the disk, and read it back.

    Raises:
        StoreCorrupt: what was read back is not what was written.
    """
    import hashlib

    from quarterdeck.journal.zstd import ZstdError, ZstdFile, new_compressor

    written = hashlib.sha256()
    compressor = new_compressor(os.fstat(source).st_size)
    target = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    with os.fdopen(target, "w+b") as file:
        offset = 0
        while block := os.pread(source, _BLOCK_BYTES, offset):
            offset += len(block)
            written.update(block)
            file.write(compressor.compress(block))
        file.write(compressor.flush())
        file.flush()
        os.fsync(target)
        file.seek(0)
        read = hashlib.sha256()
        try:
            with ZstdFile(file) as plain:
                while block := plain.read(_BLOCK_BYTES):
                    read.update(block)
        except (ZstdError, EOFError) as error:
            raise _misread(path) from error
    if read.digest() != written.digest():
        raise _misread(path)


def _misread(path: str) -> StoreCorrupt:
    return StoreCorrupt(
        f"{path} does not read back as it was written; the segment stays uncompressed",
        hint="check the disk: it or the memory is failing",
    )

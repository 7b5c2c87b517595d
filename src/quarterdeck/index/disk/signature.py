"""How a change is noticed without reading, and how a file is read so that the answer holds.

    lstat -> Signature == the stored one and not racy  =>  the stored hash still holds
    otherwise: read_stable -> Read (content or counts, hash, signature, racy)

A signature cannot see a change that happens within the time stamps' granularity after the file was
read. Such a file is *racy*: it is read again at the next question, until it has been left alone
for `RACY_WINDOW_NS`. Source: git, Documentation/technical/racy-git.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from typing import NamedTuple

RACY_WINDOW_NS = 2_000_000_000
"""Two seconds: the coarsest time stamps in use (FAT; HFS+ has one)."""

_MOST = 9 * 10**18
"""A little less than 64 bits with a sign can hold, so that a time may still be rounded: the year 2255."""

_ATTEMPTS = 3
_CHUNK_BYTES = 1 << 20
# O_NONBLOCK: opening a pipe must not wait for its writer. O_NOFOLLOW: a symlink may lead out of the tree.
# Not every system has all of them.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)


class Signature(NamedTuple):
    """What the file system says about a file without reading it; times in ns since 1970."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


def of(st: os.stat_result) -> Signature:
    """The signature in an lstat or fstat result, in numbers that a database can hold.

    A file of the year 2300, or with an inode of 64 bits, has others: it is read at every question.
    """
    return Signature(st.st_size, _storable(st.st_mtime_ns), _storable(st.st_ctime_ns), _storable(st.st_ino))


def _storable(number: int) -> int:
    """The nearest number that is neither above `_MOST` nor below its opposite."""
    return max(-_MOST, min(number, _MOST))


def is_racy(signature: Signature, read_at_ns: int) -> bool:
    """Whether a later change could leave the same signature, so that it proves nothing.

    True for time stamps in the future as well.

    Args:
        signature: taken when the file was read.
        read_at_ns: when reading began, ns since 1970, by the clock that stamps files.
    """
    return max(signature.mtime_ns, signature.ctime_ns) > read_at_ns - RACY_WINDOW_NS


class Read(NamedTuple):
    """One file as it was read, or why it could not be.

    Attributes:
        reason: why there is no answer (``"permission denied"``, ``"it is gone"``, ``"it is a folder"`` …),
            with everything else unset; empty when it was read.
        signature: of exactly this content, unless ``racy``.
        content: all bytes; None above the limit and where it was not read.
        digest: BLAKE2b-128 of the content, 32 hex digits.
        lines: physical lines; a last line without a newline counts.
        racy: ``signature`` cannot prove that the content is still this one; read the file again next time.
    """

    reason: str = ""
    signature: Signature = Signature(0, 0, 0, 0)
    content: bytes | None = None
    digest: str = ""
    lines: int = 0
    racy: bool = False


def read_stable(path: str, limit: int) -> Read:
    """What *path* holds, read between two equal signatures.

    A file that changes while it is read is read again, three times at most; then the last content
    is returned as racy. Never follows a symlink, never waits for a pipe, never raises for
    what is on disk.

    Args:
        path: absolute or relative to the working directory.
        limit: bytes; a larger file is hashed and counted in chunks of 1 MiB and not held.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except (OSError, ValueError) as error:
        return Read(_reason(error))
    try:
        read_at_ns = time.time_ns()
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return Read("it is a folder" if stat.S_ISDIR(status.st_mode) else "it is not a regular file")
        for _ in range(_ATTEMPTS):
            before = of(status)
            read, size = _read_through(descriptor, before.size, limit)
            status = os.fstat(descriptor)
            after = of(status)
            read = read._replace(signature=after, racy=is_racy(after, read_at_ns))
            if before == after and size == after.size:
                return read
            read_at_ns = time.time_ns()
            os.lseek(descriptor, 0, os.SEEK_SET)
        return read._replace(racy=True)
    except OSError as error:
        return Read(_reason(error))
    finally:
        os.close(descriptor)


def digest_of(content: bytes) -> str:
    """The content hash that the fact store is keyed by: BLAKE2b-128, 32 hex digits."""
    from hashlib import blake2b

    return blake2b(content, digest_size=16).hexdigest()


def _read_through(descriptor: int, expected: int, limit: int) -> tuple[Read, int]:
    """The rest of the file, without its signature, and how many bytes that was."""
    from hashlib import blake2b

    hasher = blake2b(digest_size=16)
    kept: list[bytes] | None = []
    size = newlines = 0
    last = b""
    ask = min(expected + 1, _CHUNK_BYTES)  # a buffer of the right size: most files are small
    while chunk := os.read(descriptor, ask):
        hasher.update(chunk)
        newlines += chunk.count(b"\n")
        size += len(chunk)
        last = chunk
        if kept is not None:
            kept.append(chunk)
            if size > limit:
                kept = None
        if size > expected:  # it grows: the next attempt starts over instead of chasing its end
            break
        if size == expected and len(chunk) < ask:  # a short read of a regular file is its end
            break
    content = None if kept is None else kept[0] if len(kept) == 1 else b"".join(kept)
    unfinished = last != b"" and not last.endswith(b"\n")
    return Read(content=content, digest=hasher.hexdigest(), lines=newlines + unfinished), size


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "it is gone"
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return "it is a symlink"
    if isinstance(error, OSError) and error.errno == errno.ENXIO:  # a socket, or a device without a driver
        return "it is not a regular file"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error)

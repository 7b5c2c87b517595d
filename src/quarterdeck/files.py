"""Files other people must not read, no crash may leave half written, and no two processes use at once.

What the system refuses here is an ``OSError``; `failure` makes one of ours of it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import threading
import time
from typing import TYPE_CHECKING

from quarterdeck.errors import StateError, StoreBusy, StoreFull

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import BinaryIO, Self

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700

_POLL_S = 0.01
_GLANCE_S = 0.001  # longer than `Lease.held` needs its lock
_GLANCES = 100  # unless somebody stopped it at that very moment
_OPEN_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # no pipe in its place makes us wait
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NOT_PLAIN = frozenset({errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENXIO})
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})


def private_folder(path: str) -> str:
    """Create *path* and every missing folder above it for the owner's eyes only; returns *path*.

    An existing folder keeps its mode: it may be the user's own choice.

    Raises:
        OSError: it cannot be created, or something that is not a folder stands there.
    """
    if not os.path.isdir(path):
        above = os.path.dirname(path)
        if above not in {"", path}:
            private_folder(above)  # not os.makedirs: it makes those above with the umask's mode
        try:
            os.mkdir(path, PRIVATE_FOLDER)
        except FileExistsError:
            if not os.path.isdir(path):  # no race with another process: something else stands there
                raise
    return path


@contextlib.contextmanager
def atomic_file(path: str, *, mode: int = PRIVATE_FILE) -> Iterator[BinaryIO]:
    """Hand out a new file, which takes the place of *path* when the block ends well; else it is removed.

    So a reader sees the old file or the new one, never a part. Costs one file creation, one ``fsync`` and
    one rename in the same folder. The new file has *mode* whatever the umask; a symlink at *path* is
    replaced, not followed.

    Raises:
        OSError: the folder is missing or not writable, or the disk is full; *path* is untouched.
    """
    temporary = f"{path}.{os.getpid()}.{os.urandom(4).hex()}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with open(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            yield file
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:  # a KeyboardInterrupt must not leave the temporary file behind either
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def write_atomically(path: str, content: bytes, *, mode: int = PRIVATE_FILE) -> None:
    """Replace *path* with *content*, as `atomic_file` does.

    Raises:
        OSError: the folder is missing or not writable, or the disk is full; *path* is untouched.
    """
    with atomic_file(path, mode=mode) as file:
        file.write(content)


def open_plain(path: str, flags: int = os.O_RDONLY) -> int:
    """A descriptor of the plain file *path*: no link is followed, no pipe waited for, no child inherits it.

    Raises:
        OSError: it cannot be opened, or is not a plain file (ENXIO).
    """
    descriptor = os.open(path, flags | _OPEN_FLAGS)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.ENXIO, "not a plain file", path)
    return descriptor


def place_of(path: str) -> tuple[int, int] | None:
    """Which file is there now; None for none that can be found. One that is open has its inode for itself."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def failure(error: OSError, path: str) -> StateError:
    """*error*, which the system gave about *path*, as one of ours that says how to mend it."""
    if error.errno in _FULL:
        if error.errno == errno.EFBIG:
            return StoreFull(
                f"{path} may not grow: this process has a limit on the size of files",
                hint="raise the limit (ulimit -f), then try again",
            )
        return StoreFull(f"no space left to write {path}", hint="free some space, then try again")
    if error.errno in _NO_LOCKS:
        return StateError(
            f"{path} cannot be locked: {error.strerror}",
            hint="keep it on a local disk, for example by setting QUARTERDECK_HOME",
        )
    if error.errno in _NOT_PLAIN:
        return StateError(f"{path} is not what it should be: {error.strerror}", hint="move it away")
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        return StateError(
            f"{path} cannot be opened: {error.strerror}", hint="raise the limit on open files (ulimit -n)"
        )
    return StateError(
        f"{path} cannot be used: {error.strerror}",
        hint="check that its folder exists, belongs to you and can be written to",
    )


class Lease:
    """A lock on a file, held until it is released or until its holder dies, however it dies.

    The file is the lock and nothing else: it is empty, and may stay when nobody holds it. One process
    cannot hold it twice, no child inherits it, neither by fork nor by exec, and a lease that is dropped
    without `release` is held until the process ends. Any thread may release it.

        with Lease.wait(path, timeout_s=5):
            ...                                 # nobody else is here

    Attributes:
        path: the file, as it was named.
    """

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        """Holds nothing yet: a lease comes from `take` or `wait`."""
        self.path = path

    @classmethod
    def take(cls, path: str) -> Lease | None:
        """The lease of *path*, at once; None when somebody alive holds it, also this very process.

        The file is created for the owner's eyes only; its folder must be there.

        Raises:
            OSError: the file cannot be made or opened, is a link, or lies where nothing can be locked.
        """
        while True:
            lease = cls(path)
            _open(lease, os.O_RDWR | os.O_CREAT)
            try:
                locked = _lock_for_good(lease)
                current = _is_current(lease)
            except BaseException:  # also an interrupt: a lease that nobody has would hold until we end
                lease.release()
                raise
            if locked and current:
                return lease
            lease.release()
            if current:
                return None

    @classmethod
    def wait(cls, path: str, timeout_s: float) -> Lease:
        """The lease of *path*, as soon as nobody else holds it.

        Raises:
            StoreBusy: somebody alive has held it for *timeout_s* seconds.
            OSError: as `take` has it.
        """
        deadline = time.monotonic() + timeout_s
        while (lease := cls.take(path)) is None:
            if time.monotonic() >= deadline:
                raise StoreBusy(
                    f"{path} has been held by somebody else for {timeout_s:g} s",
                    hint="wait until that process has ended, or end it, and try again",
                )
            time.sleep(_POLL_S)
        return lease

    @classmethod
    def held(cls, path: str) -> bool:
        """Whether anybody alive holds *path*, also this very process; no file means nobody.

        It takes nothing from anybody: whoever calls `take` meanwhile gets the lease all the same.

        Raises:
            OSError: the file cannot be opened, is a link, or lies where nothing can be locked.
        """
        with cls(path) as glance:
            try:
                _open(glance, os.O_RDONLY)
            except FileNotFoundError:
                return False
            return not _lock(glance, fcntl.LOCK_SH)

    def release(self, *, remove: bool = False) -> None:
        """Let others have it; nothing when it has been released already, or belongs to a parent process.

        Args:
            remove: also remove the file. Who opens it at that moment notices, and makes a new one.

        Raises:
            OSError: the file cannot be removed; the lease is released all the same.
        """
        with _FORK:
            if self not in _OPEN:
                return
            try:
                if remove and _is_current(self):
                    os.unlink(self.path)
            finally:
                _close(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


_OPEN: dict[Lease, int] = {}
"""Every lease of this process whose file is open, with its descriptor."""

_FORK = threading.RLock()
"""Held by whoever changes `_OPEN` and by whoever forks, so that a child finds in it all that is open."""


def _open(lease: Lease, access: int) -> None:
    with _FORK:
        _OPEN[lease] = os.open(lease.path, access | _OPEN_FLAGS, PRIVATE_FILE)


def _close(lease: Lease) -> None:
    descriptor = _OPEN.pop(lease)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # a child that is about to exec still has it open, too
    finally:
        os.close(descriptor)


def _lock_for_good(lease: Lease) -> bool:
    """Lock against everybody; False when somebody else has done so, but not for a passing `Lease.held`."""
    for _ in range(_GLANCES):
        if _lock(lease, fcntl.LOCK_EX):
            return True
        if not _lock(lease, fcntl.LOCK_SH):
            return False
        fcntl.flock(_OPEN[lease], fcntl.LOCK_UN)
        time.sleep(_GLANCE_S)
    return False


def _lock(lease: Lease, how: int) -> bool:
    try:
        fcntl.flock(_OPEN[lease], how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_current(lease: Lease) -> bool:
    """Whether nobody has removed or replaced the file since it was opened."""
    try:
        return os.path.samestat(os.fstat(_OPEN[lease]), os.lstat(lease.path))
    except FileNotFoundError:
        return False


def _leave_to_the_parent() -> None:
    """In a child: close what was inherited. To unlock it would take the lease from the parent."""
    for descriptor in _OPEN.values():
        os.close(descriptor)
    _OPEN.clear()
    _FORK.release()


os.register_at_fork(before=_FORK.acquire, after_in_parent=_FORK.release, after_in_child=_leave_to_the_parent)

"""A private folder for a moment, that even kill -9 does not leave behind for good.

    $TMPDIR/quarterdeck-<user>/<random>/     locked for as long as its process lives

Whoever makes the next one removes those that nobody holds the lock of any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING, Self

from quarterdeck.files import PRIVATE_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator


class Scratch:
    """A folder that is made when it is first needed, and gone when the block ends."""

    def __init__(self) -> None:
        self._place = ""
        self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._place:
            _remove(self._place)
            os.close(self._lock)

    def folder(self) -> str:
        """A new empty folder inside.

        Raises:
            OSError: there is no room for temporary files, or no right to make them.
        """
        if not self._place:
            top = _top()
            _sweep(top)
            self._place, self._lock = _locked_folder(top)
        return _new_folder(self._place)


def _top() -> str:
    """This user's own folder for all scratch folders."""
    import tempfile

    top = os.path.join(tempfile.gettempdir(), f"quarterdeck-{os.geteuid()}")
    with contextlib.suppress(FileExistsError):
        os.mkdir(top, PRIVATE_FOLDER)
    status = os.lstat(top)
    if status.st_uid != os.geteuid() or status.st_mode & 0o077 or not os.path.isdir(top):
        raise PermissionError(f"{top!r} belongs to somebody else")  # or is a symlink: those have mode 777
    return top


def _new_folder(parent: str) -> str:
    path = os.path.join(parent, os.urandom(8).hex())
    os.mkdir(path, PRIVATE_FOLDER)
    return path


def _locked_folder(top: str) -> tuple[str, int]:
    """A new folder and the descriptor that holds its lock."""
    while True:
        path = _new_folder(top)
        with _locked(path) as lock:
            if lock is not None and os.path.isdir(path):  # nobody swept it before it was locked
                return path, os.dup(lock)


def _sweep(top: str) -> None:
    """Remove the folders of processes that are no more."""
    for name in os.listdir(top):
        path = os.path.join(top, name)
        with _locked(path) as lock:
            if lock is not None:
                _remove(path)


@contextlib.contextmanager
def _locked(path: str) -> Iterator[int | None]:
    """A descriptor that holds the lock of *path*; None when another process does, or it is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        yield None
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        yield None
    else:
        yield descriptor
    finally:
        os.close(descriptor)


def _remove(path: str) -> None:
    import shutil

    shutil.rmtree(path, ignore_errors=True)

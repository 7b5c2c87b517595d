"""Who holds reservations, and whether they still live: a lease tells, whatever became of its process.

An owner is one `BudgetBook` of one process. It lives as long as it holds the lease on its file; the kernel
lets go of that when the process ends. No process id is kept, so none can be mistaken for another's.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from typing import TYPE_CHECKING

from quarterdeck.errors import StateError, StoreFull
from quarterdeck.files import Lease, private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

_is_name = re.compile(r"[0-9a-f]{32}", re.ASCII).fullmatch


class Owner:
    """This process's own entry among the owners in *folder*; used by one thread at a time.

    Every call happens inside a write transaction on the reservations: so nobody takes a file for a dead
    one's that is just being made.

    Attributes:
        name: empty while it has no entry.
    """

    def __init__(self, folder: str) -> None:
        """Makes no file yet."""
        self._folder = folder
        self._lease: Lease | None = None
        self.name = ""

    def present(self) -> str:
        """Its name; from now on others see that it lives.

        The first time it also removes what killed owners have left. When somebody has removed its own
        file, it makes another one.

        Raises:
            StateError: the file cannot be made or locked.
        """
        with translated(self._folder):
            if self._lease is not None and Lease.held(self._lease.path):
                return self.name
            private_folder(self._folder)
            if self._lease is not None:
                self._lease.release()
            else:
                for name in os.listdir(self._folder):
                    is_dead(self._folder, name)
                self.name = os.urandom(16).hex()
            self._lease = Lease.take(os.path.join(self._folder, self.name))
        return self.name

    def leave(self) -> None:
        """End like a process that ends; the next `present` is another owner."""
        if self._lease is not None:
            with contextlib.suppress(OSError):  # of the removal: others remove it, too
                self._lease.release(remove=True)
        self.forget()

    def forget(self) -> None:
        """In a child: the entry is the parent's."""
        self._lease = None
        self.name = ""


def is_dead(folder: str, name: str) -> bool:
    """Whether the owner of that name has ended; what it left is removed then.

    Raises:
        StateError: its file cannot be opened, locked or removed.
    """
    if not _is_name(name):  # also keeps us inside the folder
        return True
    path = os.path.join(folder, name)
    with translated(path):
        if Lease.held(path):
            return False
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    return True


@contextlib.contextmanager
def translated(path: str) -> Iterator[None]:
    """Turn the system's errors about *path* into ours."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StoreFull(f"no space left to write {path}", hint="free some space and try again") from error
        raise StateError(
            f"{path} cannot be used: {error.strerror or error}",
            hint="check that its folder belongs to you, can be written to and is on a local disk",
        ) from error

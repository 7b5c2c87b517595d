"""Files other people must not read and no crash may leave half written."""

from __future__ import annotations

import contextlib
import os

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


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


def write_atomically(path: str, content: bytes, *, mode: int = PRIVATE_FILE) -> None:
    """Replace *path* with *content*, so that a reader sees the old file or the new one, never a part.

    Costs one file creation, one ``fsync`` and one rename in the same folder. The new file has *mode*
    whatever the umask; a symlink at *path* is replaced, not followed. The temporary file is removed
    when anything fails.

    Raises:
        OSError: the folder is missing or not writable, or the disk is full; *path* is untouched.
    """
    temporary = f"{path}.{os.getpid()}.{os.urandom(4).hex()}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with open(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:  # a KeyboardInterrupt must not leave the temporary file behind either
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise

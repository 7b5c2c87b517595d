"""The name under which the world outside knows a ledger."""

from __future__ import annotations

import contextlib
import os
import uuid

from quarterdeck.errors import NothingToRead, StoreCorrupt
from quarterdeck.files import failure, write_atomically

FILE = "ledger.id"


def ledger_id(folder: str) -> uuid.UUID:
    """The id of the ledger in *folder*: random, made when first asked for, and never another.

    It goes with the folder: a ledger that moves to another machine stays the same to a database it is shipped
    to. Of a copy that is going to record on its own, delete ``ledger.id`` before it is shipped for the first
    time, or ship only one of the two: to the database they would be one ledger.

    Raises:
        NothingToRead: nothing has ever been recorded there.
        StoreCorrupt: the file does not hold an id.
        StateError: it can be neither read nor made.
    """
    path = os.path.join(folder, FILE)
    if not os.path.isdir(os.path.join(folder, "journal")):
        raise NothingToRead(f"there is no ledger in {folder}", hint="record or import something first")
    try:
        if not os.path.exists(path):
            _make(path)
        with open(path, encoding="ascii", errors="replace") as file:
            text = file.read(100).strip()
    except OSError as error:
        raise failure(error, path) from error
    try:
        return uuid.UUID(hex=text)
    except ValueError as error:
        raise StoreCorrupt(
            f"{path} holds no id of a ledger",
            hint="restore it from a backup: under a new id, a database takes this for another ledger",
        ) from error


def _make(path: str) -> None:
    """Make the file, unless another process is quicker: then its id counts."""
    draft = f"{path}.{os.getpid()}.{os.urandom(4).hex()}"
    write_atomically(draft, f"{uuid.uuid4()}\n".encode())
    try:
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)  # whole from its first moment, and nobody's is replaced
    finally:
        os.unlink(draft)

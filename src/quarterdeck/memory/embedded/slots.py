"""The slots file: who has written what since when, seen by all processes without asking the database.

64 KiB of unsigned 64-bit words, mapped by every process:

    word 0    magic and version                 word 2    inode of the file
    word 1    identity, also in the database    word 3    the highest number ever announced
    word 8…   stripes; a name's stripe is chosen by its CRC-32

Changes of the database are numbered. A writer holds SQLite's write lock; it takes a number N above all
before, writes N into the stripes of all names it is about to change, stores N in the database, commits:

    BEGIN IMMEDIATE -> stripe = N -> UPDATE clock SET n = N, and the change itself -> COMMIT

A reader looks at the stripe first (it says V), then reads the entry and the clock (C) in one snapshot.
It may keep a copy if C >= V, and use it as long as the stripe says V.

Why no copy is ever stale: let W be a change of that entry that is not in the snapshot. Changes are in a row,
so W's number N was made from a clock of C or later: N > C >= V. Had W announced before the reader looked, the
stripe would have said N or more, not V. So it announced later, before it committed; since then the stripe
says N or more, never V again. This asks nothing of what the stripes said before: an aborted or killed writer
leaves a stripe above the clock, and nobody keeps copies of it until the next commit anywhere; after a power
cut the file may be behind the database, or ahead, or gone.

All must map the same file. So its identity is in the database, where readers and writers compare it, and its
inode is in the file itself: one that was copied here, cut short or made by somebody else counts as absent,
and whoever misses it makes a new one. While a file is mapped by somebody and deleted, all goes on; once
another process has made the new one, those that have the old one still mapped find out when they next write
or read from the database, or look whether it is still there, four times a second while they use copies; until
then they answer from the copies they have. Cutting a mapped file kills whoever looks into it: the system has
it so. So leave this file and the database of a store in use alone. Marks made under the old one are worth
nothing from then on.

It is written in full when it is made and never cut, so that no access can fail for want of space.
"""

from __future__ import annotations

import mmap
import os
import threading
from array import array
from typing import TypeAlias
from zlib import crc32

from quarterdeck import files, forks

SIZE_BYTES = 65_536
IDENTITY, INODE, HIGHEST = 1, 2, 3
_MAGIC = int.from_bytes(b"qdslots\x01", "little")
_FIRST = 8
_STRIPES = SIZE_BYTES // 8 - _FIRST
LIMIT = 1 << 62
"""Above every number and every identity; both fit SQLite's integers."""

Slots: TypeAlias = "memoryview[int]"
"""The words of one mapped file; whoever holds it keeps it mapped."""

NONE: Slots = memoryview(array("Q", [LIMIT]) * (SIZE_BYTES // 8))
"""What stands for a file that is not there: it is no database's, and nothing read under it may be kept."""


def stripe(name: str) -> int:
    """The word for *name*."""
    return _FIRST + crc32(name.encode()) % _STRIPES


class SlotsFile:
    """The slots file of one process; may be shared by threads.

    Attributes:
        path: where it is.
        lock: held while another file is mapped; a forked child maps its own.
        slots: its words, for as long as nobody has found out that they are the wrong ones; else `NONE`.
    """

    def __init__(self, path: str) -> None:
        """Maps nothing yet."""
        self.path = path
        self.slots = NONE
        self.lock = threading.RLock()
        forks.guard(self, SlotsFile.detach)

    def attach(self, identity: int) -> bool:
        """Map the file of that identity, unless it is mapped; writes nothing. False when it is not there."""
        with self.lock:
            if self.slots[IDENTITY] != identity:
                self.slots = _mapped(self.path, identity) or NONE
            return self.slots is not NONE

    def create(self) -> int:
        """Put a new file in the place of whatever is there and map it; only under the database's write lock.

        Returns:
            Its identity, which belongs into the database.

        Raises:
            OSError: it cannot be written, or a folder is in its place; nothing has changed.
        """
        identity = int.from_bytes(os.urandom(8), "little") % (LIMIT - 1) + 1
        words = array("Q", bytes(SIZE_BYTES))
        with files.atomic_file(self.path) as file:
            inode = os.fstat(file.fileno()).st_ino
            words[:HIGHEST] = array("Q", (_MAGIC, identity, inode))
            file.write(words)
        self.attach(identity)
        return identity

    def is_there(self) -> bool:
        """Whether the mapped file is still the one at its path, in full; True when none is mapped."""
        slots = self.slots
        if slots is NONE:
            return True
        try:
            found = os.stat(self.path, follow_symlinks=False)
        except OSError:
            return False
        return (found.st_ino, found.st_size) == (slots[INODE], SIZE_BYTES)

    def detach(self) -> None:
        """Let go of it; every mark made until now is worth nothing."""
        self.slots = NONE


def _mapped(path: str, identity: int) -> Slots | None:
    try:
        descriptor = files.open_plain(path, os.O_RDWR)
    except OSError:  # absent, or of no use: the writer that cannot replace it says why
        return None
    try:
        found = os.fstat(descriptor)
        if found.st_size != SIZE_BYTES:
            return None
        slots = memoryview(mmap.mmap(descriptor, SIZE_BYTES)).cast("Q")
    except OSError:
        return None
    finally:
        os.close(descriptor)
    header = (_MAGIC, identity, found.st_ino)
    return slots if tuple(slots[:HIGHEST]) == header and slots[HIGHEST] < LIMIT else None

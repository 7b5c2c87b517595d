"""What the tests of the journal share: lines, readers with a memory, writers that die."""

from __future__ import annotations

import contextlib
import os
import resource
from pathlib import Path

from quarterdeck.journal import JournalReader

DAY_S = 86_400


def numbered(count, *, first=0, size=40):
    """*count* different lines of *size* bytes."""
    return [b"%0*d\n" % (size - 1, number) for number in range(first, first + count)]


class Follower:
    """A reader that remembers its places and everything it was ever handed."""

    def __init__(self, folder):
        self.reader = JournalReader(str(folder))
        self.places = {}
        self.lines = []
        self.where = {}  # line -> (segment, offset)
        self.skipped = []

    def read(self, max_bytes=4 << 20):
        """What is new since the last call."""
        new = []
        for chunk in self.reader.chunks(self.places, max_bytes=max_bytes):
            assert chunk.lines.endswith(b"\n") or not chunk.lines
            offset = chunk.offset
            for text in chunk.lines.split(b"\n")[:-1]:  # not splitlines: a line may hold other ends of lines
                line = text + b"\n"
                self.where[line] = (chunk.segment, offset)
                offset += len(line)
                new.append(line)
            if chunk.skipped_bytes:
                self.skipped.append(chunk.skipped_bytes)
            self.places[chunk.segment] = chunk.place
        self.lines += new
        return new


def all_lines(folder):
    """Every line of the journal, read from the beginning."""
    return Follower(folder).read()


def files(folder, suffix=""):
    """Names in *folder* that end with *suffix*, oldest first."""
    return sorted(path.name for path in Path(folder).iterdir() if path.name.endswith(suffix))


def crash(journal, torn=b""):
    """End *journal* as kill -9 in the middle of a write would: *torn* is what had got into the file."""
    for lease in journal._leases:
        os.write(lease.descriptor, torn)
        os.close(lease.descriptor)
        lease.descriptor = -1
    journal._leases.clear()
    journal._idle.clear()


def age(path, days):
    """Make *path* look as if it had been written *days* ago."""
    written = os.stat(path).st_mtime - days * DAY_S
    os.utime(path, (written, written))


@contextlib.contextmanager
def files_no_longer_than(size_bytes):
    """A disk that is full for each file of *size_bytes*: this process's limit, as ``ulimit -f`` sets it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

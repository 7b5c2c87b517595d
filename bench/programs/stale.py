"""``stale.py STORE PLACE SHARED write`` and ``… read SECONDS``: does a reader see what a write has replaced?

The writer puts version 1, 2, 3, … under one key and, when that has returned, the version into the shared
file. A reader takes it from there and then reads the key: an older version is stale, for the write was
acknowledged before the read began. It prints how often it has read, and how many of them were stale.
"""

from __future__ import annotations

import mmap
import struct
import sys
import time

from bench.programs.stores import open_store, value

KEY = "plan"
PAUSE_S = 0.001
"""Between two writes: a local tier that is never given the time to hit could not be stale."""
READS = 50


def write(name: str, place: str, acknowledged: mmap.mmap) -> None:
    """Until it is killed."""
    put = open_store(name, place).put
    assert put
    version = 0
    while True:
        version += 1
        put(KEY, value(version))
        acknowledged[:8] = struct.pack("<q", version)
        time.sleep(PAUSE_S)


def read(name: str, place: str, acknowledged: mmap.mmap, seconds: float) -> tuple[int, int]:
    """How many reads there were, and how many were stale."""
    get = open_store(name, place).get
    reads = stale = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for _ in range(READS):
            (at_least,) = struct.unpack("<q", acknowledged[:8])
            stale += get(KEY)["number"] < at_least
        reads += READS
    return reads, stale


if __name__ == "__main__":
    with open(sys.argv[3], "r+b") as file, mmap.mmap(file.fileno(), 8) as shared:
        if sys.argv[4] == "write":
            write(sys.argv[1], sys.argv[2], shared)
        print(*read(sys.argv[1], sys.argv[2], shared, float(sys.argv[5])))

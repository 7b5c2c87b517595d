"""``sizes.py STORE PLACE fill|put|get ENTRIES``: what an entry takes.

``fill`` writes them and leaves. ``put`` and ``get`` print by how many bytes the process grows with each
entry that it writes, or reads, into its local tier; the first tenth, which grows what is there once, is not
counted.
"""

from __future__ import annotations

import os
import sys

from bench.programs.stores import open_store, value

BATCH = 100


def main(name: str, place: str, verb: str, entries: int) -> None:
    """Do it, and print the bytes per entry (0 for ``fill``)."""
    store = open_store(name, place, copies=entries)
    once = entries // 10
    before = 0
    for number in range(0, entries, BATCH):
        if number == once:
            before = resident_bytes()
        batch = range(number, number + BATCH)
        if verb == "fill":
            assert store.put_many
            store.done(store.put_many({f"task-{each}": value(each) for each in batch}))
        elif verb == "put":
            assert store.put
            for each in batch:
                store.done(store.put(f"task-{each}", value(each)))
        else:
            for each in batch:
                store.done(store.get(f"task-{each}"))
    grown = resident_bytes() - before
    store.done(store.close())
    print(0 if verb == "fill" else grown / (entries - once))


def resident_bytes() -> int:
    """The resident set of this process now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))

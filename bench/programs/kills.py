"""``kills.py STORE PLACE SHARED write|look [WRITER]``: is all there that a killed writer was told is kept?

One life after the other on the same store. Each first counts what is left of the life before it, then
(``write``) goes on until it is killed, every write under a key of its own. The shared file is the memory
of what was acknowledged; it survives a kill, as all pages do that a process has written. Writers that are
at work in one place each have a shared file of their own, and a name.
"""

from __future__ import annotations

import mmap
import struct
import sys

from bench.programs.stores import open_store, value

SHARED = struct.Struct("<4q")
"""Lives that have begun to write; acknowledged in this one; in all before it: acknowledged, and lost."""


def main(name: str, place: str, shared: mmap.mmap, writer: str = "life", *, then_write: bool) -> None:
    """Look at the life before, then live."""
    store = open_store(name, place)
    life, acknowledged, before, lost = SHARED.unpack(shared)
    lost += sum(store.get(_key(writer, life, number)) != value(number) for number in range(acknowledged))
    life, before = life + 1, before + acknowledged
    shared[:] = SHARED.pack(life, 0, before, lost)
    put, number = store.put, 0
    while then_write and put:
        put(_key(writer, life, number), value(number))
        number += 1
        shared[:] = SHARED.pack(life, number, before, lost)


def _key(writer: str, life: int, number: int) -> str:
    return f"{writer}-{life}-{number}"


if __name__ == "__main__":
    with open(sys.argv[3], "r+b") as file, mmap.mmap(file.fileno(), SHARED.size) as mapped:
        store, place, _, verb, *writer = sys.argv[1:]
        main(store, place, mapped, *writer, then_write=verb == "write")

"""Whether what lies in a memory can be read: every entry is, once, until there are too many."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.errors import StoreCorrupt
from quarterdeck.memory import names
from quarterdeck.memory.backend import Item

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.memory.store import Store

MOST = 10_000
AT_ONCE = 500
AT_ONCE_BYTES = 16_000_000
SHOWN = 5
"""How many of what cannot be read are named."""
SEALED = b"\x01"
"""What a sealed value begins with, and no JSON."""


class Read(NamedTuple):
    """What came of reading all entries.

    Attributes:
        sealed, plain: how many were read, or tried, of each kind.
        problems: what is wrong with the first `SHOWN` that cannot be read.
        unreadable: how many cannot be.
        is_all: whether there were no more than `MOST`.
    """

    sealed: int = 0
    plain: int = 0
    problems: tuple[str, ...] = ()
    unreadable: int = 0
    is_all: bool = True


def read_all(store: Store) -> Read:
    """Read the entries of the namespace, the first `MOST` by name."""
    found = Read()
    for wanted, is_last in _batches(store):
        for name, stored in zip(wanted, store.backend.get_many(wanted), strict=True):
            if stored.data is None:  # gone meanwhile
                continue
            is_sealed = stored.data.startswith(SEALED)
            found = found._replace(sealed=found.sealed + is_sealed, plain=found.plain + (not is_sealed))
            try:
                store.records(name, [Item(0, 0, stored.data)])  # unsealed, and decoded
            except StoreCorrupt as error:
                what = error.message if repr(name) in error.message else f"{name!r}: {error.message}"
                shown = (f"{what}: {error.hint}",) * (found.unreadable < SHOWN)
                found = found._replace(unreadable=found.unreadable + 1, problems=(*found.problems, *shown))
        found = found._replace(is_all=is_last)
    return found


def _batches(store: Store) -> Iterator[tuple[list[str], bool]]:
    """Names of entries, not too many bytes at once; with the last, whether there are no more."""
    wanted: list[str] = []
    size_bytes = 0
    listing = store.backend.listing(names.beginning(store.limits.namespace))
    for before, listed in enumerate(listing):
        if before == MOST:
            yield wanted, False
            return
        if wanted and (len(wanted) == AT_ONCE or size_bytes + listed.size_bytes > AT_ONCE_BYTES):
            yield wanted, True
            wanted, size_bytes = [], 0
        wanted.append(listed.name)
        size_bytes += listed.size_bytes
    yield wanted, True

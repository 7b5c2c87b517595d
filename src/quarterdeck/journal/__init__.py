"""Append-only segments of lines: the truth under everything that is recorded.

One line, from the call to whoever reads it:

    Journal.append(line)           writer      one write(2), no buffer: then a kill -9 cannot lose it
        │  a lease on a segment    lease       taken, adopted from a killed writer, sealed when full
        ▼
    segment    <folder>/<name>.open            segments
        ▼
    read       whole lines from a place on     reader    -> derived views, which keep the places

In mode "power" a thread syncs what was appended (flusher). `inspect` tells whether all is well (report).

The life of a segment; its name sorts by creation and never changes, nor do the offsets of its lines:

    <name>.open         a writer holds its lease (a lock that dies with it), or it is an orphan
        │  full, or an orphan more than a day old or from before the machine started: renamed
    <name>.jsonl        sealed: nobody appends any more
        │  a month old: compressed, verified, renamed                compaction
    <name>.jsonl.zst    compacted: still read like the others

What a killed writer left after an orphan's last newline was never acknowledged to anybody; the next
writer copies it to ``quarantine/<name>@<offset>-<checksum>.torn`` and cuts it off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quarterdeck.journal.compaction import compact
    from quarterdeck.journal.model import Chunk, JournalReport, Place, Segment, TornTail
    from quarterdeck.journal.reader import JournalReader, Lookup
    from quarterdeck.journal.report import inspect
    from quarterdeck.journal.writer import Journal

__all__ = [
    "Chunk",
    "Journal",
    "JournalReader",
    "JournalReport",
    "Lookup",
    "Place",
    "Segment",
    "TornTail",
    "compact",
    "inspect",
]

_HOMES = {
    "Chunk": "model",
    "Journal": "writer",
    "JournalReader": "reader",
    "JournalReport": "model",
    "Lookup": "reader",
    "Place": "model",
    "Segment": "model",
    "TornTail": "model",
    "compact": "compaction",
    "inspect": "report",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """Also the names that nobody has used yet."""
    return sorted({*globals(), *_HOMES})

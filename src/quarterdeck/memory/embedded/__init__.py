"""Agent memory in a file: SQLite for all processes of this machine, and a file of version slots beside it.

    EmbeddedBackend        backend: entries, logs; both are connected
        │ reads               │ writes
        ▼                     ▼
    Reader               Writer -> sweep              database: two connections, each with its own lock
        └───────── slots ──────┘                      slots: which copies of the local tier are fresh

    memory.sqlite          entries, items, and the clock: one row, the number of the last change
    memory.sqlite-slots    see `slots`; while nobody uses the store it can be deleted, a writer makes it anew

A change has happened when the call returns, and survives kill -9 of every process; a power cut may lose the
last ones, and tears none apart (SQLite's WAL with ``synchronous=NORMAL``). A writer that waits for another
process does not hold up the readers of its own.
"""

from __future__ import annotations

from quarterdeck.memory.embedded.backend import EmbeddedBackend as EmbeddedBackend

"""Agent memory: what agents and their helpers put down for each other, for minutes to days.

One value, from an agent to an agent, and the room each step lives in:

    UnifiedMemory.stash(key, value)     unified, short_term   the published API; async twins in twins
        │   may it? (the store's own records)                 access, chain, audit, rights
        ▼
    entries · sessions · signals · queues · streams           one file each; made of entries and logs
    channels · staging · patterns                             (see backend; learning: into the library)
        ▼
    value -> JSON -> scrubbed -> sealed                       store: codec, scrub, sealing
        ▼
    local tier: copies that are never stale                   near
        ▼
    Backend: entries with a time to live, and logs            backend (a Protocol)
        ├─ embedded    a SQLite file for all processes of this machine, and a file of version slots
        └─ server      Redis or Valkey, for many machines

On disk (embedded), in the state folder of the project, readable with any SQL tool:

    memory.sqlite          entries and logs; values are JSON (or sealed, with a key)
    memory.sqlite-slots    who has written what since when; lost while nobody uses it: made anew

A store that is down says so (`MemoryUnavailable`, `health`); nothing is ever kept in this process instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quarterdeck.memory.access import AccessTier
    from quarterdeck.memory.backend import Backend, Health
    from quarterdeck.memory.opening import open_store
    from quarterdeck.memory.settings import MemoryConfig, RedisConfig
    from quarterdeck.memory.short_term import ShortTermMemory
    from quarterdeck.memory.store import Store
    from quarterdeck.memory.unified import UnifiedMemory

__all__ = [
    "AccessTier",
    "Backend",
    "Health",
    "MemoryConfig",
    "RedisConfig",
    "ShortTermMemory",
    "Store",
    "UnifiedMemory",
    "open_store",
]

_HOMES = {
    "AccessTier": "access",
    "Backend": "backend",
    "Health": "backend",
    "MemoryConfig": "settings",
    "RedisConfig": "settings",
    "ShortTermMemory": "short_term",
    "Store": "store",
    "UnifiedMemory": "unified",
    "open_store": "opening",
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

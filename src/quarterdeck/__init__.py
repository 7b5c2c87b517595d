"""Quarterdeck: the operations kit for people who build and run AI agents.

Every public name is imported when it is first used: ``import quarterdeck`` itself loads no part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quarterdeck.costs import CostTracker, get_tracker, log_request
    from quarterdeck.errors import QuarterdeckError
    from quarterdeck.index import FileRecord, IndexConfig, ProjectIndex, ProjectScanner, ProjectSummary
    from quarterdeck.memory import MemoryConfig, RedisConfig, ShortTermMemory, UnifiedMemory

__version__ = "0.1.0"

__all__ = [
    "CostTracker",
    "FileRecord",
    "IndexConfig",
    "MemoryConfig",
    "ProjectIndex",
    "ProjectScanner",
    "ProjectSummary",
    "QuarterdeckError",
    "RedisConfig",
    "ShortTermMemory",
    "UnifiedMemory",
    "__version__",
    "get_tracker",
    "log_request",
]

_HOMES = {
    "CostTracker": "costs",
    "FileRecord": "index",
    "IndexConfig": "index",
    "MemoryConfig": "memory",
    "ProjectIndex": "index",
    "ProjectScanner": "index",
    "ProjectSummary": "index",
    "QuarterdeckError": "errors",
    "RedisConfig": "memory",
    "ShortTermMemory": "memory",
    "UnifiedMemory": "memory",
    "get_tracker": "costs",
    "log_request": "costs",
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

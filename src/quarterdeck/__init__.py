"""Quarterdeck: the operations kit for people who build and run AI agents.

Every public name is imported when it is first used: ``import quarterdeck`` itself loads no part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quarterdeck.errors import QuarterdeckError
    from quarterdeck.index import FileRecord, IndexConfig, ProjectIndex, ProjectScanner, ProjectSummary

__version__ = "0.1.0"

__all__ = [
    "FileRecord",
    "IndexConfig",
    "ProjectIndex",
    "ProjectScanner",
    "ProjectSummary",
    "QuarterdeckError",
    "__version__",
]

_HOMES = {
    "FileRecord": "index",
    "IndexConfig": "index",
    "ProjectIndex": "index",
    "ProjectScanner": "index",
    "ProjectSummary": "index",
    "QuarterdeckError": "errors",
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

"""The project index: what is in a code base, and what needs attention first.

One question, from the call to the answer, and the room each step lives in:

    ProjectIndex / ProjectScanner
        │  compare: lstat every known file and folder with its signature         refresh.validate
        │  something differs
        ▼
    discover   root -> files, folders to watch, ignore files; git's own rules    disk
        ▼
    examine    changed bytes -> facts, in several processes                      facts (python, lang, text)
        │      by content hash, shared by all worktrees and branches             facts.fact_store
        ▼
    wire       imports -> edges and definitions; tests -> what they cover        graph
        ▼
    derive     records with tests, coverage, attention; the summary              refresh
        ▼
    keep       one transaction: signatures, edges, records, summary, state id    store
        ▼
    answer     queries, advice and reports, outline, changes                     -> CLI / MCP / web

The files themselves are the truth. The stores of facts and of derived rows can be deleted at any
time and are rebuilt; what a user tells the index (metadata, coverage) lives apart, in
`store.annotations`, and no rescan touches it. Nothing is answered before it is compared, so no
answer is stale: each carries the `State` that it was checked against.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quarterdeck.index.model import FileCategory, FileRecord, ProjectSummary, State, TestRequirement
    from quarterdeck.index.project_index import ProjectIndex
    from quarterdeck.index.scanner import ProjectScanner
    from quarterdeck.index.settings import IndexConfig

__all__ = [
    "FileCategory",
    "FileRecord",
    "IndexConfig",
    "ProjectIndex",
    "ProjectScanner",
    "ProjectSummary",
    "State",
    "TestRequirement",
]

_HOMES = {
    "FileCategory": "model",
    "FileRecord": "model",
    "IndexConfig": "settings",
    "ProjectIndex": "project_index",
    "ProjectScanner": "scanner",
    "ProjectSummary": "model",
    "State": "model",
    "TestRequirement": "model",
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

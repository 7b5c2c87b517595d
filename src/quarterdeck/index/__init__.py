"""The project index: what is in a code base, and what needs attention first.

One question, from the call to the answer:

    ProjectIndex / ProjectScanner
        │  validate: lstat every known file and folder against its signature      (signature, tree_store)
        │  something differs
        ▼
    discover     root -> files, folders to watch, ignore files                        (git's own rules)
        ▼
    extract      changed bytes -> facts, in worker processes                  (python_facts, lang, text_facts)
        │        facts by content hash, shared by all worktrees and branches      (fact_store)
        ▼
    wire         imports -> edges and definitions            (resolve, definitions, lang.resolve; graph)
        ▼
    derive       test links, then records with tests, coverage, attention (test_map, view, attention)
        ▼
    tree_store   one transaction: signatures, edges, tests, records, summary, state id
        ▼
    queries, reports, outline (map), changes, hot spots                           -> CLI / MCP / web

The files themselves are the truth. `fact_store` and `tree_store` can be deleted at any time and are
rebuilt; what a user tells the index (metadata, coverage) lives apart, in `annotations`, and no
rescan touches it. Nothing is answered before it is validated, so no answer is stale: each carries
the `State` that it was checked against.
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

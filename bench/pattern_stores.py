"""The contenders of part ``patterns``: what the tables call them, and what each of them runs in."""

from __future__ import annotations

from bench import peers
from bench.memory_stores import Stores

SUBJECT = "Quarterdeck"
WITHOUT_MEANING = f"{SUBJECT} (without it)"
EMPATHY = f"{peers.EMPATHY.label} (in this process only)"
FTS5 = "SQLite FTS5"
TANTIVY = "tantivy"
BM25S = peers.BM25S.label
ROWS = "floor (bare rows of sqlite3)"
ROW = "floor (bare insert)"
LINE = "floor (os.write)"
STAMP = "floor (dict, PRAGMA data_version)"
START = "floor (bare interpreter)"

HEADLINE = (SUBJECT, peers.EMPATHY.label, FTS5, TANTIVY, "floor")

WORK = peers.ROOT / ".run" / "bench" / "patterns"

_FLOORS = ("rows", "line", "stamp")
_BROUGHT_ALONG = ("fts5", "tantivy")
"""Peers that are in any environment of ours."""


def install() -> Stores:
    """Every contender in an environment of its own; floors, and what we bring along, run in ours."""
    subject, semantic = peers.install_quarterdeck(), peers.install_quarterdeck("semantic")
    empathy, bm25s = peers.install(peers.EMPATHY), peers.install(peers.BM25S)
    folders = {
        **dict.fromkeys(("quarterdeck", "quarterdeck-patterns", *_BROUGHT_ALONG, *_FLOORS), subject),
        **dict.fromkeys(("quarterdeck-without-meaning", "quarterdeck-semantic"), semantic),
        **dict.fromkeys(("empathy", "empathy-patterns"), empathy),
        "bm25s": bm25s,
    }
    return Stores({store: str(folder / "python") for store, folder in folders.items()}, WORK / "homes")

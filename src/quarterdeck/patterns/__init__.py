"""The pattern library: what one agent has learned, every agent finds, ranked by how it turned out.

    contribute_pattern ── checks ── scrub ── truth      patterns/<namespace>.sqlite: what is known,
    record_pattern_outcome ──────────────────── │        one transaction each
    link_patterns ───────────────────────────── │
                                                │ changes since revision R
                                                ▼
                                             search      near: postings in this process, newer than R
                                                │        far: patterns/<namespace>.index/, up to R, if many
                                                │ BM25 over features: words, tags, type, key=value
    query_patterns, search ── features ── candidates ── (meaning: cosines)
                                                │
                                             ranking     how well it fits x what its outcomes say (`evidence`)
                                                │
                                           PatternMatch ── render: a text for a prompt, within so many tokens

The truth is one SQLite file, shared by all processes; everything else is derived from it, finds out what has
changed before each answer, and can be deleted. Up to a thousand patterns are searched in this process without
any file of an index; the folder appears when there are more.

Rooms, top first; each imports only from rooms below it:

    exchange     Markdown skills folders and JSONL, in and out
    library      `PatternLibrary`, the published API: what is asked, written and read, on one `Shelf`
    rendering    matches -> a text for a prompt
    ranking      candidates -> evidence -> matches
    meaning      optional: embeddings and their fusion with the text
    search       near and far, one BM25
    truth        the file
    features     text, tags, type and context as one vocabulary
    evidence     Beta-Bernoulli posterior, decay, draws, intervals
    model        what a pattern is
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quarterdeck.patterns.exchange import export_jsonl, export_skills, import_jsonl, import_skills
    from quarterdeck.patterns.library import PatternLibrary
    from quarterdeck.patterns.match import PatternMatch
    from quarterdeck.patterns.model import Evidence, Factor, Link, LinkKind, Origin, Outcome, Pattern
    from quarterdeck.patterns.rendering import render
    from quarterdeck.patterns.settings import PatternSettings

__all__ = [
    "Evidence",
    "Factor",
    "Link",
    "LinkKind",
    "Origin",
    "Outcome",
    "Pattern",
    "PatternLibrary",
    "PatternMatch",
    "PatternSettings",
    "export_jsonl",
    "export_skills",
    "import_jsonl",
    "import_skills",
    "render",
]

_HOMES = {
    **dict.fromkeys(("Evidence", "Factor", "Link", "LinkKind", "Origin", "Outcome", "Pattern"), "model"),
    **dict.fromkeys(("export_jsonl", "export_skills", "import_jsonl", "import_skills"), "exchange"),
    "PatternLibrary": "library",
    "PatternMatch": "match",
    "PatternSettings": "settings",
    "render": "rendering",
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

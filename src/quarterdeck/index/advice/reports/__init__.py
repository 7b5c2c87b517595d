"""Reports: what the evidence says about one question, as a document in three formats.

    Evidence ──build(kind)──> Document ──render(format)──> Markdown | HTML | JSON

One file per kind says what is in it, one file per format how it looks; neither knows the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quarterdeck.index.advice.evidence import Evidence
    from quarterdeck.index.advice.reports.document import Document

_HOMES = {
    "health": "health",
    "tests": "gaps",
    "staleness": "staleness",
    "coverage": "coverage",
    "sprint": "sprint",
}
KINDS = tuple(_HOMES)
FORMATS = ("md", "html", "json")


def build(kind: str, evidence: Evidence) -> Document:
    """The report of *kind*, one of `KINDS`; only its own file is imported."""
    import importlib

    home = importlib.import_module(f"quarterdeck.index.advice.reports.{_HOMES[kind]}")
    document: Document = home.build(evidence)
    return document


def render(document: Document, form: str) -> str:
    """*document* in *form*, one of `FORMATS`; only its own file is imported."""
    import importlib

    text: str = importlib.import_module(f"quarterdeck.index.advice.reports.as_{form}").render(document)
    return text

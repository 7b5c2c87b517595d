"""Which languages need a grammar of the extra ``lang``, whether it is here, and what follows from that."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LANGUAGES_WITH_GRAMMAR = frozenset({"javascript", "typescript", "tsx", "go", "rust", "java", "c", "cpp"})
"""Without their grammar, their lines are counted and nothing else is known of them."""

PARSED_LANGUAGES = LANGUAGES_WITH_GRAMMAR | {"python"}
"""Languages of which more than lines is known: what costs something to extract, and has imports to follow."""


def fact_key(language: str) -> str:
    """The language under which facts are stored: without its grammar a language has facts of its own."""
    if language in LANGUAGES_WITH_GRAMMAR:
        from quarterdeck.index.facts.lang import supported

        return language if supported(language) else f"{language}?"
    return language


def grammars(languages: Iterable[str]) -> str:
    """Those of *languages* that need a grammar, each with ``+`` where it is installed and ``-`` where not."""
    wanted = LANGUAGES_WITH_GRAMMAR.intersection(languages)
    if not wanted:
        return ""
    from quarterdeck.index.facts.lang import supported

    return " ".join(f"{language}{'+' if supported(language) else '-'}" for language in sorted(wanted))


def missing_note(found: str) -> str:
    """What to tell the user of an answer of `grammars`; empty when nothing is missing."""
    absent = [each[:-1] for each in found.split() if each.endswith("-")]
    if not absent:
        return ""
    return (
        f"only the lines of {', '.join(absent)} files are counted: "
        "their functions and imports need pip install 'quarterdeck[lang]'"
    )

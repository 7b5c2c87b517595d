"""A grammar that is missing is said, not guessed."""

from __future__ import annotations

import pytest

from quarterdeck.index.facts import lang
from quarterdeck.index.facts.examine import facts_of
from quarterdeck.index.facts.grammars import (
    LANGUAGES_WITH_GRAMMAR,
    PARSED_LANGUAGES,
    fact_key,
    grammars,
    missing_note,
)
from quarterdeck.index.facts.lang.tables import GRAMMARS


@pytest.fixture
def only_go(monkeypatch):
    """A machine on which no grammar but that of Go is installed."""
    monkeypatch.setattr(lang, "supported", lambda language: language == "go")


def test_each_language_is_named_with_its_grammars_presence(only_go):
    """Sorted, once each; a language that needs no grammar is not named."""
    assert grammars(["rust", "go", "python", "", "c", "go", "markdown"]) == "c- go+ rust-"


@pytest.mark.parametrize("languages", [[], ["python", "markdown", ""]])
def test_where_no_grammar_is_needed_there_is_nothing_to_say(languages):
    """Neither that it is there nor that it is not."""
    assert grammars(languages) == ""


def test_the_note_names_what_is_missing_and_how_to_get_it():
    """And not what is there."""
    note = missing_note("c- go+ rust-")
    assert "c, rust files" in note
    assert "go" not in note
    assert "pip install 'quarterdeck[lang]'" in note


@pytest.mark.parametrize("found", ["", "go+", "go+ rust+"])
def test_where_nothing_is_missing_there_is_no_note(found):
    """An empty text, which no report shows."""
    assert missing_note(found) == ""


def test_every_grammar_has_its_language_in_the_list():
    """The list stands apart from the tables, so that a warm answer need not load them."""
    assert set(GRAMMARS) == LANGUAGES_WITH_GRAMMAR
    assert {"python"} == PARSED_LANGUAGES - LANGUAGES_WITH_GRAMMAR


def test_facts_without_a_grammar_have_a_key_of_their_own(only_go):
    """Once it is installed, the same bytes are read again."""
    assert [fact_key(language) for language in ("go", "rust", "python", "markdown")] == [
        "go",
        "rust?",
        "python",
        "markdown",
    ]


def test_without_a_grammar_only_lines_are_known(only_go):
    """With it, functions are, too."""
    rust = facts_of(b"fn f() {}\n", "rust")
    assert (rust.lines, rust.sloc, rust.functions, rust.wiring) == (1, 1, 0, "")
    assert facts_of(b"package a\n\nfunc F() {}\n", "go").functions == 1

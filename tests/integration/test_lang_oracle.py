"""Functions and cyclomatic complexity in other languages, against lizard on the sample files.

Lizard counts ``&&``, ``||`` and ``?:`` as branches and we, like ruff's C901 for Python, do not; so it
is told not to. What then still differs is written down in `DIFFERS`, with the reason.
"""

from __future__ import annotations

import re
from pathlib import Path

import lizard
import pytest
from lizard_languages import code_reader, languages

from quarterdeck.index.facts.lang import lang_facts

SAMPLES = Path(__file__).parents[1] / "data" / "lang"
DIFFERS = {
    ("sample.js", "sort"): "lizard lists closures apart, and their branches with them",
    ("sample.go", "helper"): "lizard lists closures apart, and their branches with them",
    ("sample.rs", "best"): "lizard counts every `=>`, the arm for everything else too, and no `let else`",
}


@pytest.fixture(autouse=True)
def _only_branches(monkeypatch):
    for reader in (code_reader.CodeReader, *languages()):
        monkeypatch.setattr(reader, "_logical_operators", set())
        monkeypatch.setattr(reader, "_ternary_operators", set())


@pytest.mark.parametrize(
    "name, language",
    [
        ("sample.js", "javascript"),
        ("sample.go", "go"),
        ("sample.rs", "rust"),
        ("Sample.java", "java"),
        ("sample.c", "c"),
        ("sample.cpp", "cpp"),
    ],
)
def test_complexity_equals_lizards(name, language):
    """Every function that both list has the same complexity."""
    text = (SAMPLES / name).read_text()
    theirs = {
        re.split(r"\.|::", each.name)[-1]: each.cyclomatic_complexity
        for each in lizard.analyze_file.analyze_source_code(name, text).function_list
        if "anonymous" not in each.name
    }
    ours = {
        each.name.split(".")[-1]: each.complexity for each in lang_facts(text.encode(), language).functions
    }
    both = {each for each in theirs if each in ours and (name, each) not in DIFFERS}
    assert both
    assert {each: ours[each] for each in both} == {each: theirs[each] for each in both}

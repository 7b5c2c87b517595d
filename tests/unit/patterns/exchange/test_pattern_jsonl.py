"""Patterns as lines of JSON: what goes out comes in, and what a stranger sends does no harm."""

from __future__ import annotations

import io
import json
import os
import stat
from datetime import UTC, datetime

import pytest

from quarterdeck.errors import NothingToRead, ScrubRefused, StateError, StoreTooNew, UsageError
from quarterdeck.patterns import LinkKind, Pattern, PatternLibrary, PatternSettings
from quarterdeck.patterns.exchange import export_jsonl, import_jsonl, intake, jsonl
from quarterdeck.patterns.exchange.intake import MAX_REFUSED

HEAD = b'{"format":"quarterdeck-patterns","version":1}\n'
FIRST = {"id": "first", "agent_id": "reviewer", "pattern_type": "conditional", "name": "First"}
SECOND = {**FIRST, "id": "second", "name": "Second"}


def new_library():
    return PatternLibrary(":memory:", settings=PatternSettings(scrub=False))


@pytest.fixture
def library():
    with new_library() as opened:
        yield opened


def pattern(pattern_id, **fields):
    return Pattern(id=pattern_id, agent_id="reviewer", pattern_type="conditional", name=pattern_id, **fields)


def lines(*said):
    return io.BytesIO(HEAD + b"".join(json.dumps(each).encode() + b"\n" for each in said))


def test_a_library_comes_back_with_its_counts_dates_and_links(library):
    """Everything an author, outcomes and links say of patterns is in the file."""
    library.contribute_pattern("reviewer", pattern("a", description="try", tags=["x"], code="pass\n"))
    library.contribute_pattern(
        "reviewer", pattern("b", lesson="avoid", expires_at=datetime(2030, 1, 1, tzinfo=UTC))
    )
    library.contribute_pattern("reviewer", pattern("c"))
    library.record_pattern_outcome("a", success=True)
    library.record_pattern_outcome("a", success=False)
    library.link_patterns("a", "b", LinkKind.CONTRADICTS, agent_id="judge")
    library.link_patterns("c", "b", LinkKind.SUPERSEDES)
    file = io.BytesIO()
    assert export_jsonl(library, file) == 3
    with new_library() as copy:
        file.seek(0)
        imported = import_jsonl(copy, file, agent_id="mover")
        assert imported == (3, 0, 0, 2, (), 0)
        for each in "abc":
            assert copy.get_pattern(each) == library.get_pattern(each)
            assert copy.get_links(each) == library.get_links(each)


def test_the_same_patterns_give_the_same_bytes(library, tmp_path):
    """Nothing in the file says when it was written; it is for its owner's eyes only."""
    library.contribute_pattern("reviewer", pattern("a"))
    library.contribute_pattern("reviewer", pattern("b"))
    library.link_patterns("a", "b")
    path = tmp_path / "out.jsonl"
    assert export_jsonl(library, str(path)) == 2
    before = path.read_bytes()
    export_jsonl(library, str(path))
    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_of_a_choice_of_patterns_only_the_links_among_them_are_written(library):
    """A link to a pattern that is not in the file would be refused where it is read."""
    for each in "abc":
        library.contribute_pattern("reviewer", pattern(each))
    library.link_patterns("a", "b")
    library.link_patterns("a", "c")
    file = io.BytesIO()
    export_jsonl(library, file, [pattern("a"), pattern("b")])
    links = [json.loads(line)["link"]["target"] for line in file.getvalue().splitlines() if b'"link"' in line]
    assert links == ["b"]


def test_an_export_that_cannot_be_written_says_so(library, tmp_path):
    """A missing folder is an error with a hint."""
    with pytest.raises(StateError):
        export_jsonl(library, str(tmp_path / "missing" / "out.jsonl"))


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b"7",
        b'"text"',
        b"null",
        b"{}",
        b'{"pattern": null}',
        b'{"pattern": []}',
        b'{"pattern": {"id": "x"}}',
        b'{"pattern": {"id": "../x", "agent_id": "a", "pattern_type": "t", "name": "n"}}',
        b'{"pattern": {"id": "x", "agent_id": "a", "pattern_type": "t", "name": "n", "confidence": "high"}}',
        b'{"pattern": {"id": "x", "agent_id": "a", "pattern_type": "t", "name": "n", "confidence": 1e999}}',
        b'{"pattern": {"id": "x", "agent_id": "a", "pattern_type": "t", "name": "n", "confidence": NaN}}',
        b'{"pattern": {"id": "x", "agent_id": "a", "pattern_type": "t", "name": "n", "usage_count": 3}}',
        b'{"pattern": {"id": "x", "agent_id": "a", "pattern_type": "t", "name": "n", "tags": [[]]}}',
        b'{"pattern": {"id": "x", "agent_id": "a", "pattern_type": "t", "name": "\\ud800"}}',
        b'{"pattern": {"id": "x", "agent_id": "a", "pattern_type": "t", "name": "n", "name": "m"}}',
        b'{"pattern": {"id": "x", "agent_id": "a", "pattern_type": "t", "name": "n", "last_used": "today"}}',
        b'{"pattern": {"id": "x", "agent_id": "a", "pattern_type": "t", "name": "n", "context": {"k": '
        + b"9" * 5000
        + b"}}}",
        b'{"pattern": {"id": "x", "agent_id": "a", "pattern_type": "t", "name": "n", "context": {"k": '
        + b"[" * 500
        + b"]" * 500
        + b"}}}",
        b'{"pattern": ' + b"[" * 100_000,
        b'{"pattern": {"id": "caf\xe9"}}',
        b"\x00\x00\x00",
        b'{"link": {"kind": "likes", "source": "first", "target": "second"}}',
        b'{"link": {"kind": "related", "source": "first"}}',
        b'{"link": {"kind": "related", "source": "first", "target": "nowhere"}}',
        b'{"link": {"kind": "related", "source": "first", "target": "first"}}',
        b'{"link": {"kind": "related", "source": "../..", "target": "first"}}',
        b'{"link": []}',
    ],
    ids=range(29),
)
def test_a_line_that_is_no_pattern_is_set_aside(library, line):
    """The line is named with the reason, and the rest goes on."""
    content = lines({"pattern": FIRST}).getvalue() + line + b"\n" + json.dumps({"pattern": SECOND}).encode()
    imported = import_jsonl(library, io.BytesIO(content))
    assert (imported.added, imported.refused_count) == (2, 1)
    (refused,) = imported.refused
    assert refused.where == "line 3"
    assert refused.why.isprintable()
    with new_library() as other, pytest.raises(UsageError, match="line 3"):
        import_jsonl(other, io.BytesIO(content), strict=True)


def test_a_line_without_end_is_not_held_in_memory(library, monkeypatch):
    """A line that is too long is passed over, whatever follows in it."""
    monkeypatch.setattr(jsonl, "MAX_LINE_BYTES", 200)
    long = {"pattern": {**FIRST, "description": "x" * 500}}
    imported = import_jsonl(library, lines(long, {"pattern": SECOND}, long))
    assert imported.added == 1
    assert [refused.where for refused in imported.refused] == ["line 2", "line 4"]


def test_a_file_that_was_cut_off_gives_what_is_whole(library):
    """The torn last line is named."""
    content = lines({"pattern": FIRST}, {"pattern": SECOND}).getvalue()
    imported = import_jsonl(library, io.BytesIO(content[:-20]))
    assert (imported.added, [refused.where for refused in imported.refused]) == (1, ["line 3"])


def test_lines_may_end_as_they_end_elsewhere(library):
    """A byte order mark, CRLF and blank lines are no reason to refuse anything."""
    content = b"\xef\xbb\xbf" + lines({"pattern": FIRST}).getvalue().replace(b"\n", b"\r\n\r\n")
    assert import_jsonl(library, io.BytesIO(content)).added == 1


@pytest.mark.parametrize(
    "content, error",
    [
        (b"", NothingToRead),
        (b"\n\n", NothingToRead),
        (b'{"pattern": {}}\n', UsageError),
        (b"\x1f\x8b\x08\x00\x00", UsageError),
        (b'{"format": "quarterdeck-patterns", "version": "1"}', UsageError),
        (b'{"format": "quarterdeck-patterns", "version": true}', UsageError),
        (b'{"format": "quarterdeck-patterns", "version": 2}', StoreTooNew),
    ],
    ids=["empty", "blank", "no head", "zipped", "version is text", "version is true", "newer"],
)
def test_a_file_of_something_else_is_not_read(library, content, error):
    """The first line says what the file is; without it nothing is taken from it."""
    with pytest.raises(error):
        import_jsonl(library, io.BytesIO(content))
    assert not list(library.patterns())


def test_what_cannot_be_opened_says_so(library, tmp_path):
    """No file, a folder, or a file opened as text."""
    for missing in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(NothingToRead):
            import_jsonl(library, str(missing))
    with pytest.raises(UsageError, match="opened as text"):
        import_jsonl(library, io.StringIO(HEAD.decode()))  # type: ignore[arg-type]


def test_what_is_there_stays_unless_it_is_to_be_replaced(library):
    """Skip keeps what is there, replace says it anew and keeps what was seen of it, error ends the import."""
    import_jsonl(library, lines({"pattern": FIRST}))
    library.record_pattern_outcome("first", success=True)
    changed = {**FIRST, "name": "Changed"}
    assert import_jsonl(library, lines({"pattern": changed}))[:3] == (0, 0, 1)
    assert library.get_pattern("first").name == "First"
    assert import_jsonl(library, lines({"pattern": changed}), on_conflict="replace")[:3] == (0, 1, 0)
    assert import_jsonl(library, lines({"pattern": changed}), on_conflict="replace")[:3] == (0, 0, 1)
    now = library.get_pattern("first")
    assert (now.name, now.success_count) == ("Changed", 1)
    with pytest.raises(UsageError, match="line 2: there is a pattern first already"):
        import_jsonl(library, lines({"pattern": FIRST}), on_conflict="error")


def test_an_id_that_is_twice_in_a_file_is_a_conflict(library):
    """The first of the two is there when the second comes."""
    twins = lines({"pattern": FIRST}, {"pattern": {**FIRST, "name": "Twin"}})
    assert import_jsonl(library, twins)[:3] == (1, 0, 1)
    assert library.get_pattern("first").name == "First"


@pytest.mark.parametrize("wrong", [{"on_conflict": "merge"}, {"agent_id": ""}, {"agent_id": None}], ids=str)
def test_an_import_that_cannot_be_meant_reads_nothing(library, wrong):
    """Said before the file is opened."""
    with pytest.raises(UsageError):
        import_jsonl(library, "/nowhere.jsonl", **wrong)


def test_refusals_of_a_large_file_are_counted_but_not_all_kept(library):
    """A file of nothing but rubbish does not fill the memory with reasons."""
    imported = import_jsonl(library, io.BytesIO(HEAD + b"x\n" * (MAX_REFUSED + 5)))
    assert (len(imported.refused), imported.refused_count) == (MAX_REFUSED, MAX_REFUSED + 5)


class Quicker(PatternLibrary):
    """Another process contributes `first` between the look and the write."""

    def restore_many(self, records, agent_id, **said):
        if self.get_pattern("first") is None:
            self.contribute_pattern("other", pattern("first"))
        super().restore_many(records, agent_id, **said)


def test_a_pattern_that_another_process_has_just_added_is_a_conflict():
    """The others of its batch get in all the same."""
    with Quicker(":memory:", settings=PatternSettings(scrub=False)) as library:
        assert import_jsonl(library, lines({"pattern": FIRST}, {"pattern": SECOND}))[:3] == (1, 0, 1)


class Choosy(PatternLibrary):
    """It finds something secret in `first`."""

    def restore_many(self, records, agent_id, **said):
        if any(each.pattern_id == "first" for each in records):
            raise ScrubRefused("something secret cannot be taken out", hint="take it out")
        super().restore_many(records, agent_id, **said)


def test_a_pattern_that_the_library_refuses_does_not_stop_its_batch(monkeypatch):
    """It is named with the library's reason, its past goes with it, and the others get in."""
    for most in (500, 1):
        monkeypatch.setattr(intake, "_BATCH", most)
        past = [{"outcome": {"pattern_id": "first", "success": True, "at": "2026-01-01T00:00:00Z"}}] * 2
        tried = {**FIRST, "usage_count": 2, "success_count": 2}
        with Choosy(":memory:", settings=PatternSettings(scrub=False)) as library:
            imported = import_jsonl(library, lines({"pattern": tried}, *past, {"pattern": SECOND}))
            assert imported.added == 1
            assert imported.refused == (("line 2", "something secret cannot be taken out"),)


def test_a_pipe_can_be_read(library):
    """Standard input is a file like any other."""
    reader, writer = os.pipe()
    with open(writer, "wb") as file:
        file.write(lines({"pattern": FIRST}).getvalue())
    with open(reader, "rb") as file:
        assert import_jsonl(library, file).added == 1


@pytest.mark.parametrize(
    "line",
    [
        rb'{"pattern": {"id": "x", "agent_id": "a", "pattern_type": "t", "name": "n", "\ud800": 1}}',
        rb'{"pattern": {"id": "x", "agent_id": "a", "name": "n", "at": "\ud800"}}',
        rb'{"pattern": {"id": "x", "agent_id": "a", "name": "n", "last_used": "\uDBFF"}}',
        rb'{"pattern": {"id": "x", "agent_id": "a", "name": "n", "context": {"\uDFFF": 1}}}',
        rb'{"link": {"\ud800": 1}}',
        rb'{"outcome": {"pattern_id": "first", "success": true, "note": "\udc00"}}',
        rb'["\udc00"]',
    ],
    ids=["key", "value", "date", "key of a context", "key of a link", "note", "list"],
)
def test_half_of_a_character_spoils_its_line_only(library, line):
    """What cannot be encoded is named; the lines before and after it get in."""
    content = lines({"pattern": FIRST}).getvalue() + line + b"\n" + json.dumps({"pattern": SECOND}).encode()
    imported = import_jsonl(library, io.BytesIO(content))
    assert (imported.added, imported.refused) == (2, (("line 3", "it has half of a character"),))


def test_both_halves_of_a_character_are_one(library):
    """That is how JSON escapes what is beyond 16 bits."""
    imported = import_jsonl(
        library, io.BytesIO(HEAD + json.dumps({"pattern": {**FIRST, "name": "😀"}}).encode())
    )
    assert imported.added == 1
    assert library.get_pattern("first").name == "😀"

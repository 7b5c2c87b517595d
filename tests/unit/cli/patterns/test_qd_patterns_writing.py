"""``qd patterns add``, ``update``, ``rm``, ``show``, ``outcome``, ``link``: the library grows and learns."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("project")


def shown(qd, pattern_id: str, *options: str) -> dict[str, Any]:
    """All that ``show`` says of it."""
    answer: dict[str, Any] = qd("patterns", "show", pattern_id, *options, "--json").json
    assert answer["schema"] == "quarterdeck.patterns.show/1"
    return answer


def test_all_fields_can_be_typed(qd, project):
    """Each has its option; the id is printed."""
    (project / "fix.py").write_text("con.execute('PRAGMA busy_timeout = 5000')\n")
    added = qd(
        *("patterns", "add", "--name", "Wait for locks", "--type", "conditional", "--id", "sqlite:wait@1"),
        *("--description", "Two\nlines.", "--tag", "sqlite", "--tag", "locks", "--tag", "sqlite"),
        *("--context", "language=python", "--context", 'versions=["3.11", 3]', "--context", "note=a=b"),
        *("--code", "fix.py", "--lesson", "avoid", "--confidence", "0.9", "--source", "run 7"),
        *("--expires", "2027-01-31T12:00Z", "--review", "2026-12-31T00:00Z", "--agent", "ann"),
    )
    assert (added.code, added.out, added.err) == (0, "sqlite:wait@1\n", "")
    pattern = shown(qd, "sqlite:wait@1")["pattern"]
    assert pattern.pop("discovered_at").endswith("Z")
    assert pattern == {
        "id": "sqlite:wait@1",
        "agent_id": "ann",
        "pattern_type": "conditional",
        "name": "Wait for locks",
        "description": "Two\nlines.",
        "context": {"language": "python", "versions": ["3.11", 3], "note": "a=b"},
        "code": "con.execute('PRAGMA busy_timeout = 5000')\n",
        "confidence": 0.9,
        "tags": ["sqlite", "locks"],
        "lesson": "avoid",
        "source": "run 7",
        "expires_at": "2027-01-31T12:00:00Z",
        "review_at": "2026-12-31T00:00:00Z",
        "usage_count": 0,
        "success_count": 0,
        "failure_count": 0,
        "last_used": None,
        "superseded_by": None,
        "success_rate": None,
    }


def test_a_pattern_can_be_an_object_of_json(qd, piped):
    """Typed or piped; options win over it."""
    fields = json.dumps({"name": "Wait", "tags": ["a"], "review_at": "2026-12-31", "agent_id": "ann"})
    assert qd("patterns", "add", fields, "--tag", "b", "--agent", "bob").out == "wait\n"
    piped(b'{"name": "Piped", "confidence": 1}')
    assert qd("patterns", "add").out == "piped\n"
    piped(b'{"name": "Piped too"}')
    assert qd("patterns", "add", "-").out == "piped-too\n"
    found = shown(qd, "wait")
    assert found["pattern"]["tags"] == ["b"]
    assert found["pattern"]["agent_id"] == "ann"
    assert [each["agent_id"] for each in found["provenance"]] == ["bob"]


def test_a_code_may_be_piped_in(qd, piped):
    """It is kept byte by byte."""
    piped("if x:\n\treturn 'é'\n".encode())
    qd("patterns", "add", "--name", "n", "--code", "-")
    assert shown(qd, "n")["pattern"]["code"] == "if x:\n\treturn 'é'\n"


@pytest.mark.parametrize("data", [b"\xff\xfe", b"\x00", b"[" * 100_000, b"x" * 5_000_000], ids=len)
def test_what_is_piped_and_is_no_pattern_is_refused(qd, piped, data: bytes):
    """As the pattern, and as its code."""
    for arguments in (("add",), ("add", "--name", "n", "--code", "-")):
        piped(data)
        result = qd("patterns", *arguments)
        if arguments == ("add",) or data != b"[" * 100_000:
            assert result.code == 2
            assert result.err.startswith("error: ")


@pytest.mark.parametrize(
    "name, made",
    [
        ("Wait for a locked database", "wait-for-a-locked-database"),
        ("  Ünïcode: — & \U0001f600 signs!  ", "unicode-signs"),
        ("x" * 200, "x" * 60),
        ("Größenangaben", "grossenangaben"),
        ("../../etc/passwd", "etc-passwd"),
    ],
)
def test_an_id_is_made_from_the_name(qd, name: str, made: str):
    """Of what every system can take."""
    assert qd("patterns", "add", "--name", name).out == f"{made}\n"


def test_also_a_name_without_such_letters_gives_an_id(qd):
    """The same always, and another for another name."""
    first, second = (qd("patterns", "add", "--name", name).out for name in ("数据库已锁定", "!?"))
    assert first.startswith("pattern-")
    assert second.startswith("pattern-")
    assert first != second
    assert qd("patterns", "add", "--name", "!?").code == 2


def test_the_same_lesson_twice_is_refused(qd):
    """With what to type instead."""
    qd("patterns", "add", "--name", "n")
    result = qd("patterns", "add", "--name", "n")
    assert result.code == 2
    assert "there is a pattern n already" in result.err
    assert "qd patterns update" in result.err
    assert "update_pattern" not in result.err


def test_the_agent_may_be_said_in_the_environment(qd, monkeypatch):
    """As for the memory."""
    monkeypatch.setenv("QUARTERDECK_AGENT", "ann")
    qd("patterns", "add", "--name", "n")
    assert shown(qd, "n")["pattern"]["agent_id"] == "ann"


def test_it_is_said_what_was_taken_out_and_where(qd):
    """And never what it was."""
    result = qd(
        *("patterns", "add", "--name", "n", "--description", "ask ada@lovelace.dev", "--source", "x"),
        *("--context", "password=correct-horse-7"),
    )
    assert result.code == 0
    assert "note: email was taken out of the description\n" in result.err
    assert "was taken out of the context\n" in result.err
    assert "source" not in result.err
    assert not any(secret in result.out + result.err for secret in ("lovelace", "horse"))
    again = qd("patterns", "update", "n", "--description", "ask charles@lovelace.dev")
    assert again.err == "note: email was taken out of the description\n"


def test_an_update_changes_what_is_named(qd):
    """Tags as a whole, a context key by key, the rest stays; null and never take away."""
    qd("patterns", "add", "--name", "n", "--tag", "a", "--context", "x=1", "--context", "y=2")
    result = qd(
        *("patterns", "update", "n", "--tag", "b", "--context", "y=null", "--context", "z=3"),
        *("--review", "2026-12-31", "--agent", "bob"),
    )
    assert result.out == "n is changed\n"
    found = shown(qd, "n")
    pattern = found["pattern"]
    assert (pattern["name"], pattern["tags"], pattern["context"]) == ("n", ["b"], {"x": 1, "z": 3})
    assert pattern["review_at"] is not None
    assert found["provenance"][-1]["agent_id"] == "bob"
    after = qd("patterns", "update", "n", '{"context": {}, "tags": []}', "--review", "never", "--json").json
    assert (after["pattern"]["context"], after["pattern"]["tags"]) == ({}, [])
    assert after["pattern"]["review_at"] is None


def test_an_update_that_changes_nothing_says_so(qd):
    """And is no error."""
    qd("patterns", "add", "--name", "n", "--confidence", "0.9")
    assert qd("patterns", "update", "n", "--confidence", "0.9").out == "n says that already\n"


def test_removed_patterns_are_gone(qd):
    """One that was not there is remarked."""
    qd("patterns", "add", "--name", "a")
    qd("patterns", "add", "--name", "b")
    result = qd("patterns", "rm", "a", "c", "a")
    assert (result.code, result.out) == (0, "1 pattern removed\n")
    assert result.err == "note: there was no pattern c\n"
    assert qd("patterns", "rm", "b", "--json").json["removed"] == ["b"]
    assert qd("patterns", "show", "a").code == 3


def test_outcomes_are_counted_and_listed(qd):
    """With who, when and why; the newest first."""
    qd("patterns", "add", "--name", "n")
    assert (
        qd("patterns", "outcome", "n", "worked", "--agent", "ann").out == "n has worked 1 of 1 (.21-1.00)\n"
    )
    answer = qd("patterns", "outcome", "n", "failed", "--agent", "bob", "--note", "too slow", "--json").json
    assert (answer["pattern"]["success_count"], answer["pattern"]["failure_count"]) == (1, 1)
    outcomes = shown(qd, "n")["outcomes"]
    assert [(each["success"], each["agent_id"], each["note"]) for each in outcomes] == [
        (False, "bob", "too slow"),
        (True, "ann", ""),
    ]
    assert len(shown(qd, "n", "--outcomes", "1")["outcomes"]) == 1
    said = qd("patterns", "show", "n").out
    assert "worked 1 of 2 (.09-.91); its author is 50% sure" in said
    assert "failed  bob  too slow" in said


def test_links_are_made_said_and_taken_back(qd):
    """From both sides; what is said twice is said so."""
    for name in ("a", "b", "c"):
        qd("patterns", "add", "--name", name)
    assert qd("patterns", "link", "a", "b").out == "a is related to b\n"
    assert qd("patterns", "link", "b", "a").out == "b is related to a, as before\n"
    assert qd("patterns", "link", "c", "b", "--kind", "supersedes").out == "c supersedes b\n"
    assert "is superseded by c" in qd("patterns", "show", "b").out
    assert "supersedes b" in qd("patterns", "show", "c").out
    result = qd("patterns", "link", "b", "c", "--kind", "supersedes")
    assert result.code == 2
    near = qd("patterns", "related", "a", "--json").json["patterns"]
    far = qd("patterns", "related", "a", "--depth", "2", "--json").json["patterns"]
    assert [[each["id"] for each in found] for found in (near, far)] == [["b"], ["b", "c"]]
    assert qd("patterns", "related", "a", "--kind", "contradicts").out == "nothing is linked with a\n"
    assert qd("patterns", "link", "a", "b", "--undo").out == "a is related to b no more\n"
    assert qd("patterns", "link", "a", "b", "--undo").out == "nobody has said that a is related to b\n"
    assert qd("patterns", "link", "a", "b", "--undo", "--json").json["changed"] is False


def test_what_is_shown_is_all_there_is(qd):
    """Fields, context, code, links and provenance, each under its own title."""
    qd("patterns", "add", "--name", "other")
    qd(
        *("patterns", "add", "--name", "Wait", "--lesson", "avoid", "--description", "one\n\n\ttwo"),
        *("--context", "language=python", "--context", "depth=[1]", "--tag", "sqlite", "--source", "run 7"),
        *("--expires", "2027-01-31", "--review", "2026-12-31", "--confidence", "0.8", "--agent", "ann"),
    )
    qd("patterns", "link", "wait", "other", "--kind", "contradicts")
    lines = qd("patterns", "show", "wait").out.splitlines()
    assert lines[:10] == [
        "wait  avoid: Wait",
        "general #sqlite; learned by ann, from run 7",
        "not tried yet; its author is 80% sure",
        "expires 2027-01-31 00:00",
        "to be reviewed 2026-12-31 00:00",
        "",
        "one",
        "",
        "    two",
        "",
    ]
    assert lines[10:13] == ["where it holds", "  language = python", "  depth = [1]"]
    assert lines[14:16] == ["links", "  contradicts other"]
    assert lines[17] == "what was done to it"
    assert lines[18].endswith("  contributed  ann  from run 7")


# what is typed or pasted, and perhaps not meant -------------------------------------------------------

COLOURED = "\x1b[1;31mE\x1b[0m  locked\x1b]8;;http://x\x07\f\nnext\u2028line\x9b0m\x1b(B"


def test_what_is_pasted_from_a_terminal_is_taken_without_its_colours(qd, project):
    """It is said what was taken out of which field."""
    (project / "run.log").write_text(COLOURED)
    fields = json.dumps({"name": "a\u2028b", "context": {"log": [COLOURED], "n": 1}})
    result = qd("patterns", "add", fields, "--code", "run.log", "--id", "p")
    assert result.code == 0
    pattern = shown(qd, "p")["pattern"]
    plain = "E  locked\nnext\nline"
    assert (pattern["name"], pattern["code"], pattern["context"]) == ("a b", plain, {"log": [plain], "n": 1})
    taken = "5 terminal codes and 1 form feed and 1 line separator were taken out of the"
    assert sorted(result.err.splitlines()) == [
        "note: 1 line separator was taken out of the name",
        f"note: {taken} code",
        f"note: {taken} context",
    ]
    again = qd("patterns", "update", "p", "--description", COLOURED)
    assert again.err == f"note: {taken} description\n"
    assert shown(qd, "p")["pattern"]["description"] == plain
    noted = qd("patterns", "outcome", "p", "failed", "--note", "\x1b[31mred\x1b[m")
    assert noted.err == "note: 2 terminal codes were taken out of the note\n"
    assert shown(qd, "p")["outcomes"][0]["note"] == "red"


def test_what_is_no_code_of_a_terminal_is_still_refused(qd):
    """With the character and its place."""
    result = qd("patterns", "add", "--name", "n", "--description", "one\ntwo \x00 \x1b")
    assert result.code == 2
    assert "U+0000, at line 2, column 5" in result.err


@pytest.mark.parametrize(
    "typed, where",
    [
        ('{"name":"n","confidence":NaN}', "invalid character (byte 25)"),
        ('{"name": "n"', "it ends too early, at character 12"),
        ("[" * 100_000, "it is nested too deep"),
        ("wait for locks", "(byte 0)"),
    ],
    ids=["NaN", "truncated", "deep", "words"],
)
def test_it_is_told_where_json_breaks(qd, typed: str, where: str):
    """And how a pattern looks."""
    result = qd("patterns", "add", typed)
    assert result.code == 2
    assert result.err.startswith("error: the pattern is no JSON: ")
    assert where in result.err
    assert 'hint: write \'{"name": ' in result.err


@pytest.mark.parametrize(
    "name", ["Do not mock the client", "don't mock", "Never mock", "AVOID mocks", "not so"]
)
def test_a_name_that_says_not_is_doubted_in_a_pattern_to_avoid(qd, name: str):
    """Which would turn its sense; it is added all the same."""
    result = qd("patterns", "add", "--name", name, "--lesson", "avoid", "--id", "p")
    assert (result.code, result.out) == (0, "p\n")
    assert (
        result.err == f'note: it reads "avoid: {name}"; the name of a pattern to avoid says what has failed\n'
    )
    assert qd("patterns", "update", "p", "--confidence", "0.9").err == ""
    assert qd("patterns", "update", "p", "--lesson", "do").err == ""
    assert "it reads" in qd("patterns", "update", "p", "--lesson", "avoid").err


@pytest.mark.parametrize(
    "name, lesson", [("Mocking the client", "avoid"), ("Do not mock", "do"), ("Notes", "avoid")]
)
def test_other_names_are_not_doubted(qd, name: str, lesson: str):
    """What has failed, and advice to follow."""
    assert qd("patterns", "add", "--name", name, "--lesson", lesson).err == ""


def test_what_has_expired_when_it_is_added_is_remarked(qd):
    """It would not be found, and nobody knew why."""
    result = qd("patterns", "add", "--name", "n", "--expires", "2020-01-01")
    assert result.err == "note: it has expired already: only qd patterns search --retired finds it\n"
    assert qd("patterns", "update", "n", "--confidence", "0.9").err == ""
    assert qd("patterns", "update", "n", "--expires", "90d").err == ""
    assert "expired already" in qd("patterns", "update", "n", "--expires", "2020-01-01").err


def test_in_a_folder_that_is_no_project_it_is_said_whose_the_library_is(qd, empty):
    """When it is made; the folders in it would have others."""
    first = qd("patterns", "add", "--name", "n")
    assert (first.code, first.out) == (0, "n\n")
    assert first.err.startswith(f"note: {empty} is no project, so the library is of this folder only; ")
    assert qd("patterns", "add", "--name", "m").err == ""


def test_no_text_on_stdin_is_told_as_such(qd, piped):
    """There is no file to name."""
    piped(b"\xff")
    assert "hint: pipe in text" in qd("patterns", "add", "--name", "n", "--code", "-").err

"""What all commands of ``qd patterns`` have in common: wrong calls, hostile texts, no library, imports."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.cli.patterns import COMMANDS
from quarterdeck.cli.patterns.output import one_line, worked
from quarterdeck.cli.patterns.typed import moment
from quarterdeck.errors import UsageError

HOSTILE = "a\x1b[2Jb\nc\u202ed|=*\x9b1m"
READING = [
    ("search", "x"),
    ("search", "--tag", "x"),
    ("query", "task=x"),
    ("query",),
    ("show", "x"),
    ("update", "x", "--name", "y"),
    ("rm", "x"),
    ("outcome", "x", "worked"),
    ("link", "x", "y"),
    ("related", "x"),
    ("top",),
    ("due",),
    ("stats",),
    ("export", "out"),
    ("export", "-"),
    ("reindex",),
]


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "--name", ""),
        ("add", "--name", "\t"),
        ("add", "--name", HOSTILE),
        ("add", "--name", "x" * 501),
        ("add", "--name", "n", "--id", "../etc/passwd"),
        ("add", "--name", "n", "--id", "/abs"),
        ("add", "--name", "n", "--id", "a..b"),
        ("add", "--name", "n", "--id", "-x"),
        ("add", "--name", "n", "--id", ""),
        ("add", "--name", "n", "--confidence", "1.5"),
        ("add", "--name", "n", "--confidence", "nan"),
        ("add", "--name", "n", "--confidence", "sure"),
        ("add", "--name", "n", "--lesson", "maybe"),
        ("add", "--name", "n", "--context", "language"),
        ("add", "--name", "n", "--context", "=python"),
        ("add", "--name", "n", "--tag", ""),
        ("add", "--name", "n", "--expires", "soon"),
        ("add", "--name", "n", "--expires", "999999d"),
        ("add", "--name", "n", "--review", ""),
        ("add", "--name", "n", "--code", "no/such/file"),
        ("add", "--name", "n", "--code", "."),
        ("add", "--name", "n", "--agent", ""),
        ("add", "--name", "n", "--namespace", "../up"),
        ("add", "--name", "n", "--namespace", "a", "--path", "b"),
        ("add", "[1]"),
        ("add", "{"),
        ("add", "{}"),
        ("add", '{"name": 7}'),
        ("add", '{"name": "n", "id": 7}'),
        ("add", '{"name": "n", "tags": "x"}'),
        ("add", '{"name": "n", "tags": [[]]}'),
        ("add", '{"name": "n", "context": [1]}'),
        ("add", '{"name": "n", "confidence": "high"}'),
        ("add", '{"name": "n", "expires_at": 7}'),
        ("add", '{"name": "n", "usage_count": 3}'),
        ("add", '{"name": "n", "\\u001b[2J": 1}'),
        ("add",),
        ("search",),
        ("search", "x", "--limit", "0"),
        ("search", "x", "--min-confidence", "2"),
        ("search", "x", "--type", ""),
        ("search", "x", "--render", "0"),
        ("query", "language"),
        ("query", "x=1", "--min-confidence", "-1"),
        ("show",),
        ("show", "../x"),
        ("show", "x", "--outcomes", "0"),
        ("update", "there"),
        ("update", "there", '{"id": "other"}'),
        ("update", "there", '{"agent_id": "other"}'),
        ("update", "there", '{"usage_count": 1}'),
        ("update", "there", '{"nonsense": 1}'),
        ("update", "there", '{"context": 1}', "--context", "a=1"),
        ("rm",),
        ("rm", "/x"),
        ("outcome", "there"),
        ("outcome", "there", "perhaps"),
        ("outcome", "there", "worked", "--note", "\x1b"),
        ("link", "there", "there"),
        ("link", "there", "other", "--kind", "likes"),
        ("related", "there", "--depth", "0"),
        ("top", "--sort", "beauty"),
        ("export", "-", "--json"),
        ("export", "-", "--format", "skills"),
        ("import", "there.jsonl", "--on-conflict", "burn"),
        ("import", "there.jsonl"),
    ],
    ids=repr,
)
def test_what_cannot_be_meant_is_answered_with_how_to_mend(qd, project, arguments: tuple[str, ...]):
    """Exit code 2, words on stderr, an object for programs; never a traceback, and nothing is stored."""
    (project / "there.jsonl").write_text('{"nothing": "of ours"}\n')
    qd("patterns", "add", "--name", "there")
    qd("patterns", "add", "--name", "other")
    result = qd("patterns", *arguments, "--json")
    assert result.code == 2
    assert result.err.startswith("error: ")
    assert "\n  hint: " in result.err
    assert (result.out + result.err).replace("\n", "").isprintable()
    assert result.json["code"] in {"usage", "too-large", "config"}
    assert qd("patterns", "stats", "--json").json["patterns"] == 2


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_where_there_is_no_library_there_is_nothing_to_read(qd, arguments: tuple[str, ...]):
    """Exit code 3 and how to begin; and none is made."""
    result = qd("patterns", *arguments)
    assert (result.code, result.out) == (3, "")
    assert "no pattern library yet" in result.err
    assert "qd patterns add" in result.err
    assert qd("patterns", "stats").code == 3


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "arguments", [("search", "x"), ("query",), ("top",), ("export", "out")], ids=" ".join
)
def test_an_empty_library_has_nothing_to_read_either(qd, arguments: tuple[str, ...]):
    """It is there, but it has no patterns."""
    qd("patterns", "add", "--name", "x")
    qd("patterns", "rm", "x")
    result = qd("patterns", *arguments)
    assert (result.code, result.out) == (3, "")
    assert "no pattern" in result.err


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "lokked"),
        ("update", "lokked", "--name", "n"),
        ("rm", "lokked"),
        ("outcome", "lokked", "worked"),
        ("link", "lokked", "wait-for-lock"),
        ("link", "wait-for-lock", "lokked"),
        ("related", "lokked"),
    ],
    ids=" ".join,
)
def test_an_unknown_id_is_nothing_to_read(qd, arguments: tuple[str, ...]):
    """Said by every command in the same way."""
    qd("patterns", "add", "--name", "wait for lock")
    result = qd("patterns", *arguments)
    assert (result.code, result.out) == (3, "")
    assert result.err.startswith("error: there is no pattern lokked in ")


@pytest.mark.usefixtures("project")
def test_for_an_id_that_is_nearly_right_the_right_one_is_suggested(qd):
    """As far as a word of it is right."""
    qd("patterns", "add", "--name", "wait for lock")
    assert "did you mean wait-for-lock?" in qd("patterns", "show", "wait-for-a-lock").err


@pytest.mark.parametrize(
    "arguments",
    [
        ("search", "words"),
        ("search", HOSTILE),
        ("search", "nothing\x1b[2J"),
        ("search", "words", "--tag", HOSTILE),
        ("search", "words", "--render", "500"),
        ("query", f"task={HOSTILE}"),
        ("query", "task=words", "--render", "500"),
        ("show", "evil"),
        ("show", HOSTILE),
        ("top",),
        ("due",),
        ("stats",),
        ("related", "other"),
        ("outcome", "evil", "worked"),
        ("export", "-"),
        ("export", HOSTILE),
        ("import", HOSTILE),
        ("import", "evil.jsonl", "--namespace", "b"),
        ("add", "--name", "n", "--code", HOSTILE),
        ("stats", "--path", f"/dev/null/{HOSTILE}"),
        ("stats", "--namespace", HOSTILE),
    ],
    ids=repr,
)
def test_a_hostile_text_cannot_reach_the_terminal(qd, project, monkeypatch, arguments: tuple[str, ...]):
    """Neither as it lies in the library nor as it is typed."""
    evil = "words \x9b1m \u202e \u200b \ud7ff \U000e0001 \x85 \t|"  # what a pattern may hold
    fields = {
        "id": "evil",
        "name": "words \u202e\u200b\U000e0001",
        "description": f"{evil}\n{evil}",
        "code": evil,
        "tags": ["tag\u202e"],
        "context": {"key\u202e": evil},
        "pattern_type": "type\u202e",
        "agent_id": "agent\u202e",
        "source": "source\u202e",
        "review_at": "2020-01-01",
    }
    assert qd("patterns", "add", json.dumps(fields)).code == 0
    assert qd("patterns", "add", "--name", "other", "--description", "words").code == 0
    assert (
        qd("patterns", "link", "evil", "other", "--kind", "contradicts", "--agent", "agent\u202e").code == 0
    )
    assert qd("patterns", "outcome", "evil", "failed", "--note", evil, "--agent", "agent\u202e").code == 0
    (project / "evil.jsonl").write_text(f'{{"format": "quarterdeck-patterns", "version": 1}}\n{HOSTILE}\n')
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    for options in ((), ("--json",)):
        result = qd("patterns", *arguments, *options)
        assert result.out + result.err
        assert (result.out + result.err).replace("\n", "").isprintable()


def test_the_first_screen_knows_nothing_of_patterns():
    """Nor does the list of the commands of ``qd patterns``; and a search loads no index engine, no model."""
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(*sys.modules))\n"
        "from quarterdeck.cli import main\n"
        "main()"
    )

    def loaded(*arguments: str) -> set[str]:
        ran = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
        )
        return set(ran.stdout.splitlines()[-1].split())

    assert not [name for name in loaded("--help") if "patterns" in name]
    assert not [name for name in loaded("patterns", "--help") if name.startswith("quarterdeck.patterns")]
    assert "sqlite3" in loaded("patterns", "add", "--name", "wait for lock")
    modules = loaded("patterns", "search", "lock")
    assert "quarterdeck.patterns.ranking" in modules
    unwanted = {"tantivy", "numpy", "onnxruntime", "tokenizers", "yaml", "asyncio", "rich", "subprocess"}
    assert not unwanted & modules


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_shows_how_it_is_called(qd, name: str):
    """With an example, and with the options that say which library is meant."""
    module = importlib.import_module(f"quarterdeck.cli.patterns.{COMMANDS[name].module}")
    said = qd("patterns", name, "--help").out
    assert f"qd patterns {name}" in said.partition("Usage:")[2].partition("\n")[2]
    assert all(option in said for option in ("--path", "--namespace", "--json", "--project"))
    assert module.command is not None


@pytest.mark.usefixtures("project")
def test_libraries_of_other_names_and_places_are_others(qd, tmp_path):
    """A namespace of the project, a file anywhere, another project; and the settings choose, too."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "quarterdeck.toml").write_text('[patterns]\nnamespace = "theirs"\n')
    file = str(tmp_path / "own.sqlite")
    places = [(), ("--namespace", "team"), ("--path", file), ("-C", str(elsewhere))]
    for number, place in enumerate(places):
        qd("patterns", "add", "--name", f"lesson {number}", *place)
    answers = [qd("patterns", "top", "--json", *place).json for place in places]
    assert [[each["name"] for each in answer["patterns"]] for answer in answers] == [
        [f"lesson {number}"] for number in range(4)
    ]
    libraries = [answer["library"] for answer in answers]
    assert len(set(libraries)) == 4
    assert libraries[1].endswith("/patterns/team.sqlite")
    assert libraries[2] == file
    assert libraries[3].endswith("/patterns/theirs.sqlite")


# how values are shown and taken ----------------------------------------------------------------------


@given(st.text(st.characters()), st.integers(20, 200))
def test_a_line_is_a_line_of_a_length(text: str, chars: int):
    """Whatever is in it, and short texts as they are."""
    line = one_line(text, chars)
    assert line.isprintable()
    assert len(line) <= chars
    plain = " ".join(text.split())
    assert line == plain or not plain.isprintable() or len(text) > chars


def test_an_interval_is_shown_without_needless_noughts():
    """As people write it."""
    assert worked(9, 10, 0.5958, 0.98212) == "worked 9 of 10 (.60-.98)"
    assert worked(1000, 1000, 0.9962, 1.0) == "worked 1,000 of 1,000 (1.00-1.00)"


@pytest.mark.parametrize(
    "typed, found",
    [
        ("2027-01-31T12:00Z", datetime(2027, 1, 31, 12, tzinfo=UTC)),
        ("2027-01-31T12:00:00+02:00", datetime(2027, 1, 31, 10, tzinfo=UTC)),
        ("never", None),
        (None, None),
    ],
)
def test_a_day_may_be_said_in_some_ways(typed: str | None, found: datetime | None):
    """As ISO 8601 has it, or not at all."""
    assert moment("--expires", typed) == found


def test_a_day_without_a_zone_is_of_this_machine():
    """And days from now are counted from now."""
    day = moment("--expires", "2027-01-31")
    assert day is not None
    assert day == datetime(2027, 1, 31).astimezone()
    later = moment("--expires", "90d")
    assert later is not None
    assert 89 <= (later - datetime.now(UTC)).days <= 90


@given(st.text(max_size=30) | st.integers() | st.none() | st.lists(st.none(), max_size=1))
def test_whatever_is_said_for_a_day_is_one_or_an_error(said: object):
    """Never anything else."""
    try:
        found = moment("--expires", said)
    except UsageError:
        return
    assert found is None or found.tzinfo is not None

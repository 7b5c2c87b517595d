"""``qd patterns export`` and ``import``: the library as files, and files of anybody's as patterns."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from quarterdeck.cli import output

HEAD = '{"format": "quarterdeck-patterns", "version": 1}\n'
SKILL = "---\nname: bisect\ndescription: Find the commit that broke it.\n---\n\nUse git bisect run.\n"


@pytest.fixture(autouse=True)
def library(qd, project) -> None:
    """Two lessons that are linked, one of them tried."""
    qd("patterns", "add", "--name", "Wait for locks", "--description", "first\nsecond", "--code", "README.md")
    qd("patterns", "add", "--name", "Retry", "--lesson", "avoid", "--context", "language=python")
    qd("patterns", "link", "wait-for-locks", "retry", "--kind", "supersedes")
    qd("patterns", "outcome", "retry", "failed")


def names(qd, *where: str) -> list[str]:
    """What is in a library, in order."""
    answer = qd("patterns", "top", "--sort", "name", "--json", *where)
    return [each["id"] for each in answer.json["patterns"]] if answer.code == 0 else []


def test_json_lines_bring_all_of_it_into_another_library(qd, project):
    """Fields, counts and links."""
    assert qd("patterns", "export", "all.jsonl").out == "2 patterns written to all.jsonl\n"
    result = qd("patterns", "import", "all.jsonl", "--namespace", "b", "--agent", "ann")
    assert (result.code, result.out) == (0, "2 patterns added, 1 new link\n")
    theirs, ours = (
        qd("patterns", "show", "retry", "--json", *where).json for where in (("--namespace", "b"), ())
    )
    assert {**theirs, "library": "", "provenance": theirs["provenance"][:-1]} == {**ours, "library": ""}
    assert theirs["provenance"][-1]["act"] == "imported"
    assert theirs["provenance"][-1]["agent_id"] == "ann"
    again = qd("patterns", "import", "all.jsonl", "--namespace", "b", "--json")
    assert (again.json["added"], again.json["skipped"], again.json["refused"]) == (0, 2, [])


def test_json_lines_can_go_through_a_pipe(qd, piped):
    """Out of standard output and into standard input."""
    written = qd("patterns", "export", "-")
    assert (written.code, written.err) == (0, "")
    piped(written.out.encode())
    assert qd("patterns", "import", "-", "--path", "b.sqlite").out == "2 patterns added, 1 new link\n"


def test_skills_are_for_other_tools_and_come_back(qd, project):
    """A folder for each pattern, with a SKILL.md; a single one can be read alone."""
    assert qd("patterns", "export", "skills").out == "2 patterns written to skills\n"
    assert (project / "skills" / "retry" / "SKILL.md").read_text().startswith("---\nname: retry\n")
    assert qd("patterns", "import", "skills", "--namespace", "b").out == "2 patterns added, 1 new link\n"
    assert names(qd, "--namespace", "b") == ["wait-for-locks"]
    alone = qd("patterns", "import", "skills/retry/SKILL.md", "--namespace", "c")
    assert alone.out == "1 pattern added\n"
    answer = qd("patterns", "export", "skills", "--json").json
    assert (answer["patterns"], answer["format"]) == (2, "skills")
    assert answer["target"] == str(project / "skills")


def test_somebody_s_skill_becomes_a_pattern(qd, project):
    """With the agent that imported it."""
    (project / "theirs" / "bisect").mkdir(parents=True)
    (project / "theirs" / "bisect" / "SKILL.md").write_text(SKILL)
    assert qd("patterns", "import", "theirs", "--agent", "ann").code == 0
    assert (
        "git bisect"
        in qd("patterns", "search", "which commit broke it").out + qd("patterns", "show", "bisect").out
    )


def test_what_is_in_the_way_of_a_skill_is_not_overwritten(qd, project):
    """It is named, and untouched."""
    (project / "skills" / "retry").mkdir(parents=True)
    (project / "skills" / "retry" / "SKILL.md").write_text(SKILL)
    result = qd("patterns", "export", "skills")
    assert result.code == 2
    assert "somebody else's" in result.err
    assert (project / "skills" / "retry" / "SKILL.md").read_text() == SKILL


@pytest.mark.parametrize(
    "how, said, description",
    [
        ("skip", "0 patterns added, 1 already there\n", "first\nsecond"),
        ("replace", "0 patterns added, 1 replaced\n", "new"),
    ],
)
def test_a_conflict_is_met_as_was_said(qd, project, how: str, said: str, description: str):
    """What is there stays, or says what was read."""
    pattern = {
        "id": "wait-for-locks",
        "agent_id": "x",
        "pattern_type": "t",
        "name": "n",
        "description": "new",
    }
    (project / "in.jsonl").write_text(HEAD + json.dumps({"pattern": pattern}) + "\n")
    assert qd("patterns", "import", "in.jsonl", "--on-conflict", how).out == said
    found = qd("patterns", "show", "wait-for-locks", "--json").json["pattern"]
    assert found["description"] == description


def test_a_conflict_may_be_an_error(qd, project):
    """And the hint says what to type."""
    qd("patterns", "export", "all.jsonl")
    result = qd("patterns", "import", "all.jsonl", "--on-conflict", "error")
    assert result.code == 2
    assert "--on-conflict skip keeps what is there" in result.err


def test_what_is_no_pattern_is_named_and_left_out(qd, project):
    """The rest is taken in; the exit code says that something was refused."""
    good = json.dumps({"pattern": {"id": "new", "agent_id": "x", "pattern_type": "t", "name": "n"}})
    bad = [
        "not json \x1b[2J",
        '{"pattern": {"id": "../up"}}',
        "[" * 5000,
        '{"pattern": 7}',
        '{"x": 1}',
        "",
        "null",
        "7",
    ]
    (project / "in.jsonl").write_text(HEAD + "\n".join([*bad, good]) + "\n")
    result = qd("patterns", "import", "in.jsonl")
    assert (result.code, result.out) == (1, "1 pattern added, 7 refused\n")
    assert result.err.startswith("note: line 2: ")
    assert "note: 2 more were refused; --json lists them\n" in result.err
    assert result.err.replace("\n", "").isprintable()
    assert "new" in names(qd)
    answer = qd("patterns", "import", "in.jsonl", "--json")
    assert answer.code == 1
    assert [each["where"] for each in answer.json["refused"]] == [
        f"line {at}" for at in (2, 3, 4, 5, 6, 8, 9)
    ]


@pytest.mark.parametrize("source", ["missing", "missing.jsonl", "empty.jsonl", "nothing", "nothing/SKILL.md"])
def test_where_there_is_nothing_to_import_it_is_said(qd, project, source: str):
    """Exit code 3, and never a silent 0."""
    (project / "empty.jsonl").touch()
    (project / "nothing").mkdir()
    result = qd("patterns", "import", source)
    assert (result.code, result.out) == (3, "")


def test_an_import_makes_the_library_that_is_not_there(qd):
    """An export needs one."""
    qd("patterns", "export", "all.jsonl")
    assert qd("patterns", "export", "x.jsonl", "--namespace", "new").code == 3
    assert qd("patterns", "import", "all.jsonl", "--namespace", "new").code == 0
    assert len(names(qd, "--namespace", "new")) == 1  # what is superseded is not among the best


def test_an_export_is_whole_or_not_at_all(qd, project):
    """A folder that cannot be written to leaves what was there."""
    (project / "dir.jsonl").mkdir()
    for target in ("dir.jsonl", "no/such/all.jsonl"):
        result = qd("patterns", "export", target, "--format", "jsonl")
        assert result.code in {1, 2}
        assert result.err.startswith("error: ")
    assert not (project / "no").exists()


@pytest.mark.parametrize("target", ["all.jsonl", "skills"])
def test_where_somebody_looks_it_is_shown_how_far_it_is(qd, monkeypatch, target: str):
    """On stderr, and cleared in the end."""
    drawn: list[tuple[int, int]] = []

    things: list[tuple[str, int]] = []

    def watched(what: str, *, unit: int = 1) -> object:
        things.append((what, unit))
        return lambda done, total: drawn.append((done, total))

    for module in ("export", "importing"):
        monkeypatch.setattr(f"quarterdeck.cli.patterns.{module}.progress", watched)
    assert qd("patterns", "export", target).code == 0
    assert drawn[-1] == (2, 2)
    drawn.clear()
    assert qd("patterns", "import", target, "--namespace", "b").code == 0
    assert things == [("patterns", 1), ("skills", 1) if target == "skills" else ("MB", 1_000_000)]
    assert all(done < total for done, total in drawn[:-1])
    assert drawn[-1][0] == drawn[-1][1] >= 2
    assert names(qd, "--namespace", "b")


def test_skills_of_patterns_that_are_gone_can_be_removed(qd, project):
    """If it is asked for; of JSON Lines there is nothing to remove."""
    qd("patterns", "export", "skills")
    qd("patterns", "rm", "retry")
    qd("patterns", "export", "skills")
    assert (project / "skills" / "retry").exists()
    assert qd("patterns", "export", "skills", "--prune").code == 0
    assert sorted(path.name for path in (project / "skills").iterdir()) == ["wait-for-locks"]
    assert qd("patterns", "export", "all.jsonl", "--prune").code == 2


def test_nobody_looks_at_a_pipe(qd, monkeypatch):
    """Nothing is drawn where stderr is none."""
    monkeypatch.setattr(output, "time", SimpleNamespace(monotonic=lambda: 1e9))
    result = qd("patterns", "export", "all.jsonl")
    assert result.err == ""

"""Patterns as folders of skills: what other tools read, what people write, and what must not be touched."""

from __future__ import annotations

import io
import os
import stat

import msgspec
import pytest

from quarterdeck.errors import NothingToRead, UsageError
from quarterdeck.patterns import Pattern, PatternLibrary, PatternSettings
from quarterdeck.patterns.exchange import export_jsonl, export_skills, import_jsonl, import_skills, skills
from quarterdeck.patterns.exchange.skill import pattern_in, skill_name, skill_of

TIMEOUT = Pattern(
    id="sqlite-busy-timeout",
    agent_id="reviewer",
    pattern_type="conditional",
    name="Set a busy timeout",
    description="SQLite fails at once when another writer is at work.\nA timeout lets it wait.",
    context={"language": "python", "db": {"engine": "sqlite"}},
    code='connection.execute("PRAGMA busy_timeout=5000")',
    confidence=0.8,
    tags=["sqlite", "locks"],
    usage_count=3,
    success_count=2,
    failure_count=1,
)
TIMEOUT_SKILL = """\
---
name: sqlite-busy-timeout
description: 'Set a busy timeout. SQLite fails at once when another writer is at work. \
A timeout lets it wait. Applies when: language=python, db={"engine":"sqlite"}'
metadata:
  quarterdeck-format: '1'
  quarterdeck-id: sqlite-busy-timeout
  quarterdeck-agent-id: reviewer
  quarterdeck-pattern-type: conditional
  quarterdeck-confidence: '0.8'
  quarterdeck-tags: '["sqlite","locks"]'
  quarterdeck-usage-count: '3'
  quarterdeck-success-count: '2'
  quarterdeck-failure-count: '1'
  quarterdeck-sections: 'context code'
---

# Set a busy timeout

SQLite fails at once when another writer is at work.
A timeout lets it wait.

## When it holds

```json
{
  "language": "python",
  "db": {"engine":"sqlite"}
}
```

## Example

```python
connection.execute("PRAGMA busy_timeout=5000")
```
"""
FOREIGN = """\
---
name: pdf-processing
description: Extract text from PDF files. Use when a PDF is mentioned.
license: Apache-2.0
compatibility: Requires poppler
allowed-tools: Bash(pdftotext:*)
metadata:
  author: example-org
  version: 1.0
  tags: [pdf, text]
---

# PDF

Run `pdftotext`, see [the reference](references/REFERENCE.md).
"""


def new_library():
    return PatternLibrary(":memory:", settings=PatternSettings(scrub=False))


@pytest.fixture
def library():
    with new_library() as opened:
        yield opened


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "skills"


def put(folder, name, text, file="SKILL.md"):
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    (place / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    return place / file


def test_a_skill_reads_well():
    """What another tool and a person find in the file."""
    assert skill_of(TIMEOUT) == TIMEOUT_SKILL


def test_a_library_comes_back_from_its_skills(library, folder):
    """Export and import again: the same patterns, in private files."""
    avoid = msgspec.structs.replace(TIMEOUT, id="Retry.At:Once", lesson="avoid", code=None, context={})
    library.contribute_many("reviewer", [TIMEOUT, avoid])
    names = export_skills(library, str(folder))
    assert names == ["sqlite-busy-timeout", skill_name("Retry.At:Once")]
    assert stat.S_IMODE((folder / names[0] / "SKILL.md").stat().st_mode) == 0o600
    with new_library() as copy:
        assert import_skills(copy, str(folder))[:4] == (2, 0, 0, 0)
        assert {each.id: each for each in copy.patterns()} == {each.id: each for each in library.patterns()}


def test_what_has_not_changed_is_not_touched(library, folder):
    """A second export writes only what is new, and leaves alone what lies beside it."""
    library.contribute_pattern("reviewer", TIMEOUT)
    export_skills(library, str(folder))
    path = put(folder, "sqlite-busy-timeout", "echo", "notes.txt").with_name("SKILL.md")
    before = path.stat()
    export_skills(library, str(folder))
    assert path.stat().st_ino == before.st_ino
    library.record_pattern_outcome(TIMEOUT.id, success=True)
    export_skills(library, str(folder))
    assert path.stat().st_ino != before.st_ino
    assert (path.with_name("notes.txt")).read_text() == "echo"


def test_what_a_crash_left_behind_is_no_obstacle(library, folder):
    """An empty folder, or one with an unfinished file of ours, is filled."""
    put(folder, "sqlite-busy-timeout", "unfinished", "SKILL.md.77.abcd.tmp")
    assert export_skills(library, str(folder), [TIMEOUT]) == ["sqlite-busy-timeout"]


@pytest.mark.parametrize(
    "name, text",
    [
        ("SKILL.md", FOREIGN),
        ("SKILL.md", "no head"),
        ("SKILL.md", b"\xff\xfe"),
        ("SKILL.md", TIMEOUT_SKILL.replace("quarterdeck-id: sqlite-busy-timeout", "quarterdeck-id: other")),
        ("README.md", "somebody works here"),
    ],
    ids=["a skill", "no skill", "not UTF-8", "another pattern", "another file"],
)
def test_what_somebody_else_wrote_is_never_overwritten(library, folder, name, text):
    """It is named, with a hint, and left as it was."""
    path = put(folder, "sqlite-busy-timeout", text, name)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="sqlite-busy-timeout"):
        export_skills(library, str(folder), [TIMEOUT])
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [name]


def test_a_file_in_the_place_of_a_folder_is_not_replaced(library, folder):
    """It is named, with a hint."""
    folder.mkdir()
    (folder / TIMEOUT.id).write_text("mine")
    with pytest.raises(UsageError, match="is a file"):
        export_skills(library, str(folder), [TIMEOUT])
    assert (folder / TIMEOUT.id).read_text() == "mine"


@pytest.mark.parametrize("kind", ["folder", "file", "dangling"])
def test_an_export_never_leaves_its_folder(library, folder, tmp_path, kind):
    """A link in the place of a folder or of a file is not written through."""
    outside = tmp_path / "outside"
    outside.mkdir()
    folder.mkdir()
    if kind == "folder":
        (folder / TIMEOUT.id).symlink_to(outside)
    else:
        (folder / TIMEOUT.id).mkdir()
        target = outside / "SKILL.md"
        if kind == "file":
            target.write_text(TIMEOUT_SKILL)
        (folder / TIMEOUT.id / "SKILL.md").symlink_to(target)
    before = [(path, path.read_bytes()) for path in outside.iterdir()]
    with pytest.raises(UsageError):
        export_skills(library, str(folder), [TIMEOUT])
    assert [(path, path.read_bytes()) for path in outside.iterdir()] == before


def test_a_skill_that_somebody_wrote_becomes_a_pattern(library, folder):
    """Its description and body are what is found; where it comes from and its license are kept."""
    put(folder, "pdf-processing", FOREIGN)
    put(folder, "pdf-processing/scripts", "import os; os.abort()", "run.py")
    assert import_skills(library, str(folder), agent_id="mover").added == 1
    (found,) = library.patterns()
    assert (found.id, found.agent_id, found.pattern_type) == ("pdf-processing", "mover", "skill")
    assert found.description.startswith(
        "Extract text from PDF files. Use when a PDF is mentioned.\n\n# PDF\n\nRun"
    )
    assert found.tags == ["pdf", "text"]
    assert found.context == {"compatibility": "Requires poppler"}
    assert found.source == "pdf-processing/SKILL.md, license: Apache-2.0"


def test_a_single_skill_can_be_imported(library, folder):
    """The folder of a skill is as good as the folder above it."""
    put(folder, "pdf", FOREIGN)
    assert import_skills(library, str(folder / "pdf")).added == 1


def test_a_skill_without_a_name_has_that_of_its_folder(library, folder):
    """And a name that cannot be an id is made one."""
    put(folder, "Meine Fähigkeit", "---\ndescription: Was zu tun ist\n---\n")
    assert import_skills(library, str(folder)).refused == ()
    (found,) = library.patterns()
    assert (found.name, found.id) == ("Meine Fähigkeit", skill_name("Meine Fähigkeit"))


@pytest.mark.parametrize("name", ["数据库", "a\udcff\x1b[2J", "-", "x" * 200], ids=ascii)
def test_any_folder_may_hold_a_skill(library, folder, name):
    """A folder without a name that could be an id gives one of its own."""
    put(folder, name, "---\ndescription: what to do\n---\n")
    assert import_skills(library, str(folder)).refused == ()
    (found,) = library.patterns()
    assert export_skills(library, str(folder.with_name("out"))) == [skill_name(found.id)]


def test_windows_line_ends_and_a_byte_order_mark_are_read(library, folder):
    """As editors elsewhere write them."""
    put(folder, "pdf", "\ufeff" + FOREIGN.replace("\n", "\r\n"))
    assert import_skills(library, str(folder)).added == 1


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"# no head",
        b"---\nname: x\n",
        b"---\n---\n",
        b"---\n- a list\n---\nbody",
        b"---\nname: x\n---\n",
        b"---\nname: x\ndescription: a: b\n---\n",
        b"---\nname: x\nname: y\ndescription: d\n---\n",
        b"---\nname: &a x\ndescription: *a\n---\n",
        b"---\na: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\ndescription: d\n---\n",
        b"---\nname: x\ndescription: " + b"[" * 50_000 + b"\n---\n",
        b"---\n? [a, b]\n: c\ndescription: d\n---\n",
        b"---\nname: \xff\n---\n",
        b"---\nname: x\x00\ndescription: d\n---\n",
        b"---\nname: x\ndescription: d\n---\nbody \x1b[2J",
        b"---\nname: x\ndescription: d\nlong: " + b"x" * 1_000_001 + b"\n---\n",
        TIMEOUT_SKILL.replace("'1'", "'2'", 1).encode(),
        TIMEOUT_SKILL.replace("'0.8'", "'NaN'").encode(),
        TIMEOUT_SKILL.replace("'0.8'", "high").encode(),
        TIMEOUT_SKILL.replace("'0.8'", "[0.8]").encode(),
        TIMEOUT_SKILL.replace("quarterdeck-id: sqlite-busy-timeout", "quarterdeck-id: ../../etc").encode(),
        TIMEOUT_SKILL.replace('"language"', "language").encode(),
        TIMEOUT_SKILL.removesuffix("```\n").encode(),
    ],
    ids=range(23),
)
def test_what_is_no_skill_is_set_aside(library, folder, text):
    """It is named with the reason, nothing of it is executed, and the others get in."""
    put(folder, "a-bad-one", text)
    put(folder, "pdf", FOREIGN)
    imported = import_skills(library, str(folder))
    assert imported.added == 1
    (refused,) = imported.refused
    assert refused.where == "a-bad-one/SKILL.md"
    assert refused.why.isprintable()
    with new_library() as other, pytest.raises(UsageError, match="a-bad-one"):
        import_skills(other, str(folder), strict=True)


def test_a_tag_of_yaml_builds_nothing(library, folder):
    """Whatever type a head asks for, it is read as text."""
    put(folder, "x", '---\nname: !!python/name:os.system "x"\ndescription: !!timestamp 2024-99-99\n---\n')
    import_skills(library, str(folder))
    (found,) = library.patterns()
    assert (found.name, found.description) == ("x", "2024-99-99")


def test_links_are_not_followed(library, folder, tmp_path):
    """Neither a link to a folder nor one to a file is read."""
    outside = put(tmp_path, "outside", FOREIGN)
    put(folder, "pdf", FOREIGN)
    (folder / "linked-folder").symlink_to(outside.parent)
    (folder / "linked-file").mkdir()
    (folder / "linked-file" / "SKILL.md").symlink_to(outside)
    imported = import_skills(library, str(folder))
    assert (imported.added, [each.where for each in imported.refused]) == (1, ["linked-file/SKILL.md"])


def test_a_pipe_in_the_place_of_a_skill_is_not_waited_for(library, folder):
    """It is set aside."""
    (folder / "pipe").mkdir(parents=True)
    os.mkfifo(folder / "pipe" / "SKILL.md")
    assert import_skills(library, str(folder)).refused_count == 1


def test_a_file_that_is_too_large_is_not_read(library, folder, monkeypatch):
    """Its size is looked at before its content."""
    monkeypatch.setattr(skills, "MAX_SKILL_BYTES", 100)
    put(folder, "large", FOREIGN)
    assert import_skills(library, str(folder)).refused_count == 1


def test_a_folder_without_skills_is_nothing_to_read(library, tmp_path):
    """Nor is one that is not there."""
    (tmp_path / "scripts").mkdir()
    for place in (tmp_path, tmp_path / "missing", put(tmp_path, "x", "text", "file")):
        with pytest.raises(NothingToRead):
            import_skills(library, str(place))


@pytest.mark.parametrize("ticks", range(6))
def test_code_cannot_end_its_fence(ticks):
    """The fence is longer than any run of backticks in the code."""
    hard = msgspec.structs.replace(TIMEOUT, code=f"a\n{'`' * ticks}\n## Example\n\n```\nb\n```\n")
    assert pattern_in(skill_of(hard), "x", "y") == hard


def test_a_hostile_number_of_backticks_costs_no_time():
    """Reading is linear: nearly a million backticks are read at once."""
    text = TIMEOUT_SKILL.removesuffix("```\n") + "`" * 900_000 + "x\n```\n"
    assert (pattern_in(text, "x", "y").code or "").endswith("x")


def test_the_largest_pattern_there_can_be_comes_back(library, folder):
    """No limit of a file is below what a pattern may be, in either format."""
    largest = msgspec.structs.replace(
        TIMEOUT,
        name='"' * 500,
        description='"' * 1_000_000,
        code="\t" * 1_000_000,
        context={"\\": "\\" * 499_990},
        tags=[f"{number:03}" + "\U000e0001" * 497 for number in range(100)],
    )
    export_skills(library, str(folder), [largest])
    lines = io.BytesIO()
    export_jsonl(library, lines, [largest])
    lines.seek(0)
    for copy_of in (lambda copy: import_skills(copy, str(folder)), lambda copy: import_jsonl(copy, lines)):
        with new_library() as copy:
            assert copy_of(copy).refused == ()
            (found,) = copy.patterns()
            assert msgspec.structs.replace(found, discovered_at=None, last_used=None) == largest


def test_a_long_description_is_summed_up_within_the_limit():
    """The head has at most 1,024 characters of it, on one line; when it applies is kept; the body has all."""
    long = msgspec.structs.replace(TIMEOUT, description="word <b> " * 500)
    text = skill_of(long)
    (line,) = [line for line in text.splitlines() if line.startswith("description: ")]
    assert len(line) <= len("description: ''") + 1024
    assert "… Applies when: language=python" in line
    assert "<" not in line
    assert pattern_in(text, "x", "y") == long


def test_three_hyphens_are_only_at_the_borders_of_a_head():
    """A reader that splits a file at the first of them, wherever they are, finds the whole head."""
    hard = msgspec.structs.replace(
        TIMEOUT, name="--- a ----", description="---", agent_id="---", tags=["a---b"]
    )
    _, fields, _ = skill_of(hard).split("---", 2)
    assert "quarterdeck-sections" in fields
    assert pattern_in(skill_of(hard), "x", "y") == hard


def test_a_superseded_pattern_comes_back_superseded(library, folder):
    """With its successor they are linked; without it, it stays retired."""
    for each in ("old", "new"):
        library.contribute_pattern("ann", msgspec.structs.replace(TIMEOUT, id=each))
    library.link_patterns("new", "old", "supersedes")
    export_skills(library, str(folder))
    with new_library() as copy:
        assert import_skills(copy, str(folder)).linked == 1
        assert [match.pattern.id for match in copy.search("timeout")] == ["new"]
        assert [link.source for link in copy.get_links("old")] == ["new"]
    with new_library() as copy:
        assert import_skills(copy, str(folder / "old")).linked == 0
        assert copy.search("timeout") == []


def test_what_is_no_pattern_any_more_is_pruned(library, folder):
    """Only what an export has written under its own name, and only if it is asked for."""
    library.contribute_pattern("ann", TIMEOUT)
    library.contribute_pattern("ann", msgspec.structs.replace(TIMEOUT, id="Gone"))
    export_skills(library, str(folder))
    gone = folder / skill_name("Gone")
    (gone / "notes.txt").write_text("of a person")
    put(folder, "pdf-processing", FOREIGN)
    moved = put(folder, "moved", TIMEOUT_SKILL)
    outside = put(folder.with_name("outside"), "linked", TIMEOUT_SKILL)
    (folder / "linked").symlink_to(outside.parent)
    (folder / "broken").mkdir()
    (folder / "broken" / "SKILL.md").symlink_to(outside)
    library.delete_pattern("Gone")
    export_skills(library, str(folder))
    assert (gone / "SKILL.md").exists()
    export_skills(library, str(folder), prune=True)
    assert os.listdir(gone) == ["notes.txt"]
    for kept in (folder / TIMEOUT.id / "SKILL.md", folder / "pdf-processing" / "SKILL.md", moved, outside):
        assert kept.exists()
    assert (folder / "broken" / "SKILL.md").is_symlink()
    (gone / "notes.txt").unlink()
    library.delete_pattern(TIMEOUT.id)
    export_skills(library, str(folder), prune=True)
    assert not (folder / TIMEOUT.id).exists()


def test_a_skill_that_skills_are_exported_into_is_not_pruned(library, folder):
    """The folder itself may be one."""
    own = put(folder.parent, folder.name, TIMEOUT_SKILL)
    export_skills(library, str(folder), [], prune=True)
    assert own.read_text() == TIMEOUT_SKILL


def test_progress_is_told_of_skills(library, folder):
    """How many are done, of how many; the last call says that it is over."""
    told = []
    library.contribute_many("ann", [msgspec.structs.replace(TIMEOUT, id=each) for each in "abc"])
    export_skills(library, str(folder), progress=lambda *call: told.append(call))
    assert told == [(1, 3), (2, 3), (3, 3)]
    told.clear()
    with pytest.raises(UsageError):
        import_skills(library, str(folder), on_conflict="error", progress=lambda *call: told.append(call))
    assert told == [(0, 3), (3, 3)]


@pytest.mark.parametrize(
    "field", ["tags: '[\"\\ud800\"]'", 'last-used: "\\ud800"', "confidence: '\"\\ud800\"'"]
)
def test_half_of_a_character_spoils_its_skill_only(library, folder, field):
    """It is named, and the rest goes on."""
    name = field.partition(":")[0]
    text = [line for line in TIMEOUT_SKILL.splitlines() if f"quarterdeck-{name}:" not in line]
    put(folder, "a", "\n".join([*text[:4], f"  quarterdeck-{field}", *text[4:]]))
    put(folder, "b", FOREIGN)
    imported = import_skills(library, str(folder))
    assert (imported.added, imported.refused_count) == (1, 1)

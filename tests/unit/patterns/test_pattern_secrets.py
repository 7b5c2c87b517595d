"""Nothing secret gets into the file of a library, by whatever door, nor into what is said of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from quarterdeck.errors import ScrubRefused, UsageError
from quarterdeck.patterns import import_jsonl, import_skills
from tests.library_worlds import everything, ids, open_library, plain, refused

TOKEN = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"
PASSWORD = "hunter2secretpw"
GROWING = " ".join(f"https://u:pw{number:02}@h.example/" for number in range(15))
"""One line that may have that length, until its secrets are taken out."""
ADDRESS = f"https://bob:{PASSWORD}@example.com/x"


@pytest.fixture
def library(tmp_path):
    with open_library(tmp_path / "l.sqlite", scrub=True) as library:
        library.contribute_many("ann", [plain("there"), plain("other")])
        yield library


def assert_clean(library):
    """Neither what it says nor any byte in its folder holds what is secret."""
    said = repr(everything(library))
    library.close()
    files = [file for file in Path(library.path).parent.rglob("*") if file.is_file()]
    assert files
    for secret in (TOKEN, PASSWORD):
        assert secret not in said
        assert not [file for file in files if secret.encode() in file.read_bytes()]


class TestWhereSomethingComesFrom:
    def test_a_source_that_is_given_is_scrubbed(self, library):
        """Also that of many; the rest of it stays."""
        library.contribute_pattern("ann", plain("a"), source=f"run 7, {ADDRESS}")
        library.contribute_many("ann", [plain("b")], source=f"run 8 with {TOKEN}")
        assert library.get_provenance("a")[0].source.startswith("run 7, https://bob:[REDACTED:")
        assert library.get_provenance("b")[0].source.startswith("run 8 with [REDACTED:")
        assert_clean(library)

    def test_so_is_that_of_the_pattern_also_in_its_provenance(self, library):
        """They are the same."""
        library.contribute_pattern("ann", plain("a", source=f"see {TOKEN} at {ADDRESS}"))
        assert library.get_provenance("a")[0].source == library.get_pattern("a").source
        assert_clean(library)

    def test_one_that_is_too_long_without_its_secret_is_refused(self, library):
        """A mark may be longer than what it stands for."""
        with refused(library):
            library.contribute_pattern("ann", plain("a"), source=GROWING)

    def test_without_scrubbing_it_stays_as_it_is(self, tmp_path):
        """Whoever has set it so."""
        with open_library(tmp_path / "l.sqlite") as library:
            library.contribute_pattern(TOKEN, plain("a", agent_id=TOKEN), source=ADDRESS)
            (origin,) = library.get_provenance("a")
            assert (origin.agent_id, origin.source) == (TOKEN, ADDRESS)


NAMED = {
    "contribute": lambda library: library.contribute_pattern(TOKEN, plain("a")),
    "contribute many": lambda library: library.contribute_many(TOKEN, [plain("a")]),
    "an act": lambda library: library.contribute_many("ann", [plain("a")], act=TOKEN),
    "the author": lambda library: library.contribute_pattern("ann", plain("a", agent_id=TOKEN)),
    "the successor": lambda library: library.contribute_pattern("ann", plain("a", superseded_by=TOKEN)),
    "an id": lambda library: library.contribute_pattern("ann", plain(TOKEN, name="n")),
    "update": lambda library: library.update_pattern("there", by=TOKEN, name="x"),
    "another author": lambda library: library.update_pattern("there", agent_id=TOKEN),
    "outcome": lambda library: library.record_pattern_outcome("there", True, agent_id=TOKEN),
    "link": lambda library: library.link_patterns("there", "other", agent_id=TOKEN),
    "delete": lambda library: library.delete_pattern("there", agent_id=TOKEN),
    "a log": lambda library: library.follow(TOKEN, "1:a", [plain("a")]),
    "a cursor": lambda library: library.follow("log", TOKEN, [plain("a")]),
}


LINES = {
    "agent": lambda library, line: library.contribute_pattern(line, plain("a")),
    "source": lambda library, line: library.contribute_pattern("ann", plain("a"), source=line),
    "name": lambda library, line: plain("a", name=line),
}


class TestNames:
    @pytest.mark.parametrize("door", NAMED)
    def test_one_that_is_secret_is_refused(self, library, door):
        """Nothing happens, and the error tells only what kind of secret it is."""
        before = everything(library)
        with pytest.raises(ScrubRefused) as raised:
            NAMED[door](library)
        assert TOKEN not in str(raised.value)
        assert everything(library) == before
        assert_clean(library)

    def test_a_mail_address_is_a_name_like_any_other(self, library):
        """People's agents are called by them, and two people must not become one."""
        agent = "ann@example.com"
        library.contribute_pattern(agent, plain("a", agent_id=agent))
        library.record_pattern_outcome("a", success=True, agent_id=agent)
        library.link_patterns("a", "there", agent_id=agent)
        library.update_pattern("a", by=agent, name="x")
        assert ids(library.get_agent_patterns(agent)) == ["a"]
        assert {origin.agent_id for origin in library.get_provenance("a")} == {agent}
        assert library.get_outcomes("a")[0].agent_id == library.get_links("a")[0].agent_id == agent

    @pytest.mark.parametrize("door", LINES)
    def test_an_error_does_not_repeat_a_line_with_a_secret_in_it(self, library, door):
        """Errors go into logs."""
        with pytest.raises(UsageError) as raised:
            LINES[door](library, f"{TOKEN}\nand more")
        assert TOKEN not in str(raised.value)


class TestWhatComesFromElsewhere:
    def test_a_log_is_scrubbed_and_what_cannot_be_is_left_out(self, library):
        """Nobody could mend it; the others come in all the same, and the log goes on."""
        patterns = [
            plain("a", f"token {TOKEN}", source=ADDRESS),
            plain(TOKEN, name="n"),
            plain("b", agent_id=TOKEN),
            plain("c"),
            plain("d"),
            plain("e", name=GROWING),
        ]
        acts = {"a": ("persisted", "ann"), "c": ("promoted", TOKEN)}
        assert library.follow("log", "5:x", patterns, acts) == 2
        assert library.followed("log") == "5:x"
        assert library.get_pattern("d") is not None
        assert_clean(library)

    def test_a_log_says_who_did_what(self, library):
        """Of what it does not say, nobody knows who promoted it."""
        library.follow("log", "2:x", [plain("a"), plain("b")], {"a": ("persisted", "ben")})
        assert [(each.act, each.agent_id) for each in library.get_provenance("a")] == [("persisted", "ben")]
        assert [(each.act, each.agent_id) for each in library.get_provenance("b")] == [("promoted", "")]

    def test_a_jsonl_file_is_scrubbed(self, library, tmp_path):
        """A name that is secret keeps its line out; the report does not show it."""
        lines = [
            {"format": "quarterdeck-patterns", "version": 1},
            {"pattern": {"id": "a", "agent_id": "ann", "pattern_type": "t", "name": f"with {TOKEN}"}},
            {"pattern": {"id": "b", "agent_id": TOKEN, "pattern_type": "t", "name": "n"}},
            {"pattern": {"id": "c", "agent_id": "ann", "pattern_type": "t", "name": "n", "source": ADDRESS}},
        ]
        file = tmp_path / "in" / f"{TOKEN}.jsonl"
        file.parent.mkdir()
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        done = import_jsonl(library, str(file))
        assert (done.added, done.refused_count) == (2, 1)
        assert TOKEN not in done.refused[0].why
        file.unlink()
        assert_clean(library)

    def test_a_folder_of_skills_is_scrubbed(self, library, tmp_path):
        """Also the path it came from, which is its source."""
        top = tmp_path / "in" / TOKEN
        (top / "one").mkdir(parents=True)
        (top / "one" / "SKILL.md").write_text(
            f"---\nname: one\ndescription: with {TOKEN}\n---\nGo to {ADDRESS}\n"
        )
        assert import_skills(library, str(top)).added == 1
        (top / "one" / "SKILL.md").unlink()
        assert_clean(library)

    def test_what_cannot_be_taken_out_is_refused_without_being_said(self, library):
        """Two keys of a dict would become one."""
        context = {TOKEN: 1, TOKEN.replace("a1", "z9"): 2}
        with pytest.raises(ScrubRefused) as raised:
            library.contribute_pattern("ann", plain("a", context=context))
        assert "ghp_" not in str(raised.value)
        assert_clean(library)

"""``qd costs import``, ``rescue`` and ``why``: what agents have written down themselves."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from quarterdeck.testing.transcripts import write_transcripts

HOSTILE = "a\x1b[2Jb\nc\u202ed"


@pytest.fixture
def home() -> Path:
    """The home folder, with transcripts of Claude Code and Codex in it."""
    folder = Path(os.environ["HOME"])
    write_transcripts(str(folder), size_bytes=200_000)
    return folder


def answered(name: str, output_tokens: int, **more: object) -> str:
    """A line of Claude Code's."""
    usage = {"input_tokens": 1_000_000, "output_tokens": output_tokens}
    message = {"id": name, "role": "assistant", "model": "fair", "usage": usage}
    line = {"type": "assistant", "requestId": f"of-{name}", "timestamp": "2026-01-15T12:00:00.000Z"}
    return json.dumps(line | {"sessionId": "s1", "cwd": "/srv/a", "message": message} | more) + "\n"


@pytest.fixture
def transcript() -> Path:
    """Session s1: an answer in two lines, the second of them complete, and another one."""
    folder = Path(os.environ["HOME"]) / ".claude" / "projects" / "-srv-a"
    folder.mkdir(parents=True)
    file = folder / "s1.jsonl"
    file.write_text(answered("m1", 1) + answered("m1", 100_000) + answered("m2", 0))
    return file


@pytest.mark.usefixtures("home")
def test_what_is_found_is_taken_in_once(qd):
    """By source; what cannot be read is listed with file, line and reason, what is not there is named."""
    result = qd("costs", "import")
    assert result.code == 0
    said = [line.split() for line in result.out.splitlines()]
    assert said[0] == ["source", "files", "read", "size", "read", "requests", "duplicates", "problems"]
    assert [line[0] for line in said[1:3]] == ["claude-code", "codex"]
    assert "not found here: gemini-cli, opencode" in result.out
    assert result.out.splitlines()[-1].endswith("requests recorded; what they cost: qd costs")
    assert ".jsonl:" in result.err
    total = qd("costs", "report", "--since", "2000-01-01", "--json").json["total"]
    assert total["requests"] == sum(int(line[-3]) for line in said[1:3])
    again = qd("costs", "import", "--json").json
    assert (again["schema"], again["requests"]) == ("quarterdeck.costs.import/1", 0)
    assert [source["files_read"] for source in again["sources"]] == [0, 0, 0, 0]
    full = qd("costs", "import", "codex", "--full", "--json").json
    assert full["requests"] == 0
    assert full["sources"][0]["files_read"] == full["sources"][0]["files"] > 0


def test_only_so_many_problems_are_listed(qd, transcript):
    """The rest is counted; a program gets them all, as far as they are kept."""
    transcript.write_text("".join(f'{{"type":"assistant","usage":{number}\n' for number in range(50)))
    result = qd("costs", "import")
    notes = result.err.splitlines()
    assert len(notes) == 6
    assert notes[0].startswith(f"note: {transcript}:1: ")
    assert notes[-1].startswith("note: 45 more could not be read")
    (source,) = qd("costs", "import", "claude-code", "--full", "--json").json["sources"]
    assert (source["problem_count"], len(source["problems"])) == (50, 50)


def test_a_folder_can_be_named_instead_of_the_usual_places(qd, home, tmp_path):
    """For one source."""
    os.rename(home / ".codex", tmp_path / "backup")
    root = str(tmp_path / "backup" / "sessions")
    (source,) = qd("costs", "import", "codex", "--root", root, "--json").json["sources"]
    assert source["places"] == [root]
    assert source["requests"] > 0


@pytest.mark.parametrize("options", [(), ("codex", "--root", "/nowhere"), ("--rescued",)], ids=str)
def test_where_there_is_nothing_to_read_the_exit_code_says_so(qd, options: tuple[str, ...]):
    """Three, never a silent 0."""
    result = qd("costs", "import", *options)
    assert (result.code, result.out) == (3, "")
    assert "hint: name the folder" in result.err
    assert qd("costs", "import", *options, "--json").json["code"] == "nothing-to-read"


def test_hostile_names_of_files_and_sessions_stay_off_the_terminal(qd, transcript):
    """A transcript, and where it lies, is written by whoever likes to."""
    transcript.with_name(f"{HOSTILE}.jsonl").write_text(
        "{broken\n" + answered("m3", 5, sessionId=HOSTILE, cwd=HOSTILE)
    )
    for arguments in ("import", "rescue", "sessions", "why a --lines", "report --by project"):
        result = qd("costs", *arguments.split())
        assert result.code == 0
        assert (result.out + result.err).replace("\n", "").isprintable()


def test_transcripts_are_rescued_and_read_from_their_copies(qd, transcript):
    """Also when the agent has deleted them since."""
    os.utime(transcript, (0, 0))
    result = qd("costs", "rescue")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("1 transcript, ")
    assert "1 new in the archive" in result.out
    assert "\n1 original about to be deleted:\ntranscript " in result.out
    again = qd("costs", "rescue", "claude-code", "--json").json
    assert again["schema"] == "quarterdeck.costs.rescue/1"
    assert again["outcomes"] == {"unchanged": 1}
    assert [each["path"] for each in again["expiring"]] == [str(transcript)]
    transcript.unlink()
    assert qd("costs", "import", "--rescued", "--json").json["requests"] == 2
    assert qd("costs", "--json").json["week"]["cost_usd"] == 3.0
    found = qd("costs", "why", "s1", "--rescued", "--json").json
    assert [len(answer["lines"]) for answer in found["answers"]] == [2, 1]


def test_the_archive_may_be_somewhere_else(qd, transcript, tmp_path):
    """On another disk, say."""
    answer = qd("costs", "rescue", "--to", str(tmp_path / "vault"), "--json").json
    assert answer["archive"] == str(tmp_path / "vault")
    assert answer["bytes_read"] == transcript.stat().st_size
    assert any((tmp_path / "vault").rglob("s1.jsonl.zst"))


def test_a_session_is_followed_back_to_its_lines(qd, transcript):
    """Which line counted and why another did not, and the tokens by class at their rates."""
    qd("costs", "import")
    result = qd("costs", "why", "s", "--lines")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("s1: 2 answers, $3.00\n")
    assert "  2 lines: counted\n  1 line: an earlier state of the answer, with less output\n" in result.out
    said = [line.split() for line in result.out.splitlines()]
    assert ["fair", "input", "2,000,000", "$1.00", "$2.00"] in said
    assert ["fair", "output", "100,000", "$10.00", "$1.00"] in said
    assert [f"{transcript}:2", "100,000", "counted"] in said
    answer = qd("costs", "why", "s1", "--json").json
    assert (answer["schema"], answer["cost_usd"]) == ("quarterdeck.costs.why/1", 3.0)
    first = answer["answers"][0]
    assert [line["line"] for line in first["lines"]] == [1, 2]
    assert first["charges"][1] == {
        "what": "output",
        "tokens": 100_000,
        "rate_usd_per_mtok": 10.0,
        "cost_usd": 1.0,
    }
    assert "1 of 2 answers; -n 0 lists all" in qd("costs", "why", "s1", "-n", "1").out


@pytest.mark.usefixtures("ledger")
def test_a_session_without_a_transcript_is_followed_to_its_records(qd):
    """It was recorded by a program; one without a price is said to have none."""
    assert "  journal " in qd("costs", "why", "s2").out
    assert "s3: 1 answer, $0.00, 1 answer of them without a price" in qd("costs", "why", "s3").out


@pytest.mark.usefixtures("ledger")
def test_a_session_that_is_not_there_is_nothing_to_read(qd):
    """Exit code 3; a beginning that several have, 2."""
    assert qd("costs", "why", "x").code == 3
    assert qd("costs", "why", "s").code == 2

"""Gemini CLI's chats: whole documents and lines, each answer once, with what the API says it used."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.costs.importers import gemini
from quarterdeck.costs.importers.source import Problem
from quarterdeck.costs.importers.transcript import Transcript
from quarterdeck.costs.model import Request, Usage

TOKENS = {"input": 1000, "output": 50, "cached": 400, "thoughts": 30, "tool": 7, "total": 1087}


def answer(identity: str = "m1", **changes: object) -> dict[str, Any]:
    """A message as Gemini CLI writes it."""
    return {
        "id": identity,
        "timestamp": "2026-09-10T18:13:22.500Z",
        "type": "gemini",
        "content": "words",
        "model": "gemini-2.5-pro",
        "tokens": TOKENS,
    } | changes


@pytest.fixture
def chats(tmp_path: Path) -> Path:
    """The folder of one project's chats, below that of all projects."""
    folder = tmp_path / ".gemini" / "tmp" / "app" / "chats"
    folder.mkdir(parents=True)
    return folder


def read(path: Path, state: dict[str, Any] | None = None, offset: int = 0) -> list[Any]:
    """Everything that is found in the file at *path* from *offset* on."""
    with path.open("rb") as file:
        transcript = Transcript(str(path), file, state=state, offset=offset)
        return [*gemini.SOURCE.read(transcript), *transcript.problems]


def document(path: Path, *messages: object) -> Path:
    path.write_text(json.dumps({"sessionId": "s-1", "projectHash": "p", "messages": messages}, indent=2))
    return path


def lines(path: Path, *entries: object) -> Path:
    first = {"sessionId": "s-1", "projectHash": "p", "startTime": "2026-09-10T18:13:00Z"}
    path.write_text("".join(json.dumps(entry) + "\n" for entry in (first, *entries)))
    return path


def test_cached_tokens_are_part_of_the_input_and_tool_tokens_and_thoughts_come_on_top(chats):
    """The API's own sum: input + tool + output + thoughts; thoughts are billed as output."""
    [request] = read(document(chats / "session-1.json", {"type": "user", "id": "u"}, answer()))
    assert request.usage == Usage(1007, 80, cache_read_input_tokens=400, reasoning_output_tokens=30)
    assert request.usage.input_tokens + request.usage.output_tokens == TOKENS["total"]
    assert (request.model, request.provider, request.session) == ("gemini-2.5-pro", "google", "s-1")
    assert request.at.isoformat() == "2026-09-10T18:13:22.500000+00:00"


def test_a_message_has_the_same_name_in_a_document_and_in_lines(chats):
    """A resumed chat is copied from one form to the other: that is not a second answer."""
    [old] = read(document(chats / "session-1.json", answer()))
    [new] = read(lines(chats / "session-1.jsonl", answer()))
    assert old == new


def test_a_message_that_is_written_again_keeps_its_name(chats):
    """A line is appended whenever a message changes: first without its tokens, later with them."""
    found = read(lines(chats / "a.jsonl", answer(tokens=None), answer(), answer(toolCalls=[{"id": "t"}])))
    assert len(found) == 2
    assert len({request.response_id for request in found}) == 1


def test_what_was_rewound_or_compressed_away_counts(chats):
    """It was paid for; and a message that only a rewritten conversation shows counts, too."""
    found = read(
        lines(
            chats / "a.jsonl",
            answer("m1"),
            {"$rewindTo": "m1"},
            answer("m2"),
            {"$set": {"messages": [answer("m2"), answer("m3"), None], "lastUpdated": "x"}},
        )
    )
    assert {request.response_id for request in found} == {f"gemini:s-1:m{n}" for n in (1, 2, 3)}


def test_reading_goes_on_in_the_middle_of_a_file_with_its_session(chats):
    """The session stands in the first line only; the state keeps it."""
    path = lines(chats / "a.jsonl", answer("m1"))
    state: dict[str, Any] = {}
    with path.open("rb") as file:
        transcript = Transcript(str(path), file, state=state)
        assert len(list(gemini.SOURCE.read(transcript))) == 1
    with path.open("a") as file:
        file.write(json.dumps(answer("m2")) + "\n")
    [request] = read(path, json.loads(json.dumps(transcript.state)), transcript.offset)
    assert request.response_id == "gemini:s-1:m2"
    assert request.session == "s-1"


def test_a_subagent_belongs_to_the_session_in_whose_folder_it_lies(chats):
    """Its answers have names of their own."""
    (chats / "parent-session").mkdir()
    [request] = read(lines(chats / "parent-session" / "child.jsonl", answer()))
    assert (request.session, request.task_type) == ("parent-session", "subagent")
    assert request.response_id == "gemini:s-1:m1"


@pytest.mark.parametrize(
    "tokens", [None, {}, {"input": 0, "output": 0, "cached": 0, "total": 0}, {"input": None}], ids=str
)
def test_an_answer_without_tokens_is_no_request(chats, tokens: object):
    """A request that failed cost nothing that Gemini CLI knows of."""
    assert read(document(chats / "a.json", answer(tokens=tokens))) == []


@pytest.mark.parametrize(
    "broken",
    [
        answer(tokens={"input": -1}),
        answer(tokens={"input": 1.5}),
        answer(tokens={"input": "9"}),
        answer(tokens={"input": 10**30}),
        answer(tokens=[1]),
        answer(model=None),
        answer(id=7),
        answer(timestamp="yesterday"),
        answer(timestamp=None),
    ],
    ids=lambda entry: json.dumps({name: entry[name] for name in ("tokens", "model", "id", "timestamp")}),
)
def test_a_broken_message_costs_only_itself(chats, broken: dict[str, Any]):
    """It is a problem that quotes nothing of the file; the messages around it are taken."""
    found = read(document(chats / "a.json", answer("m1"), broken, answer("m3")))
    assert [type(entry) for entry in found] == [Request, Problem, Request]
    assert "words" not in found[1].reason
    in_lines = read(lines(chats / "a.jsonl", answer("m1"), broken, answer("m3")))
    assert [type(entry) for entry in in_lines] == [Request, Problem, Request]
    assert in_lines[1].line == 3


@pytest.mark.parametrize(
    "content",
    [b'{"messages": [', b"[" * 200_000, b"\xff\xfe", b'{"messages": 5}'],
    ids=lambda content: repr(content[:20]),
)
def test_a_document_that_is_none_is_a_problem(chats, content: bytes):
    """Torn in mid-write, nested too deeply, of another kind: a reason, never a traceback."""
    path = chats / "a.json"
    path.write_bytes(content)
    [problem] = read(path)
    assert problem.path == str(path)


def test_a_document_that_is_too_long_is_a_problem(chats, monkeypatch):
    """What is held in memory is bounded."""
    monkeypatch.setattr(gemini, "MAX_DOCUMENT_BYTES", 100)
    [problem] = read(document(chats / "a.json", answer()))
    assert "longer than 100 bytes" in problem.reason


class TestProject:
    """The label says which folder the chat was about, if that can be found out."""

    def test_is_what_gemini_has_noted_beside_the_chats(self, chats):
        """``.project_root`` holds the path."""
        (chats.parent / ".project_root").write_text("/home/me/app\n")
        assert read(document(chats / "a.json", answer()))[0].project == "/home/me/app"

    @pytest.mark.parametrize("named", [True, False], ids=["by name", "by digest"])
    def test_is_what_the_list_of_projects_says(self, tmp_path, named: bool):
        """Newer versions give a folder a short name, older ones the digest of its path."""
        name = "app" if named else hashlib.sha256(b"/home/me/app").hexdigest()
        path = tmp_path / ".gemini" / "tmp" / name / "chats" / "a.json"
        path.parent.mkdir(parents=True)
        (tmp_path / ".gemini" / "projects.json").write_text(
            '{"projects": {"/x": "y", "/home/me/app": "app"}}'
        )
        assert read(document(path, answer()))[0].project == "/home/me/app"

    def test_is_what_the_list_says_by_now(self, chats):
        """It changes while a program runs on."""
        for folder in ("/home/me/app", "/home/me/moved"):
            (chats.parents[2] / "projects.json").write_text(json.dumps({"projects": {folder: "app"}}))
            assert read(document(chats / "a.json", answer()))[0].project == folder

    @pytest.mark.parametrize("known", [None, "{", '{"projects": 3}', "[" * 200_000])
    def test_is_the_folders_name_otherwise(self, chats, known: str | None):
        """Whatever the list of projects holds."""
        if known is not None:
            (chats.parents[2] / "projects.json").write_text(known)
        assert read(document(chats / "a.json", answer()))[0].project == "app"


def test_chats_are_found_below_home_or_where_gemini_was_told(tmp_path):
    """``GEMINI_CLI_HOME`` stands for the home folder."""
    home = str(tmp_path)
    assert gemini.SOURCE.places({"HOME": home}) == [f"{home}/.gemini/tmp"]
    assert gemini.SOURCE.places({"HOME": home, "GEMINI_CLI_HOME": "/x"}) == ["/x/.gemini/tmp"]


def test_only_files_in_folders_of_chats_are_chats(chats):
    """Logs, shell histories and checkpoints lie beside them."""
    for path in (
        "logs.json",
        "checkpoint-a.json",
        "chats/s.json",
        "chats/s.jsonl",
        "chats/p/c.jsonl",
        "chats/x.tmp",
    ):
        (chats.parent / path).parent.mkdir(exist_ok=True)
        (chats.parent / path).touch()
    found = gemini.SOURCE.files(str(chats.parents[1]))
    assert sorted(Path(str(path)).name for path in found) == ["c.jsonl", "s.json", "s.jsonl"]

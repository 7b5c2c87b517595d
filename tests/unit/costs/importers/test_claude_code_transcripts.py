"""What the lines of Claude Code mean."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest

from quarterdeck.costs.importers.claude_code import SOURCE, places, read
from quarterdeck.costs.importers.source import Problem, Replay, Shown, Skipped
from quarterdeck.costs.importers.transcript import Transcript
from quarterdeck.costs.model import Request, Usage

NATIVE = "msg_013Zva2CMHLNnXjNJJKqJ2EF"
OTHER = "msg_01XFDUDYJgAACzvnptvVoYEL"


def line(message_id=NATIVE, request_id="req_1", *, usage=None, model="claude-opus-4-5", **more):
    """A line of an answer, as Claude Code writes it."""
    counts = {"input_tokens": 10, "output_tokens": 5} | (usage or {})
    message = {"id": message_id, "type": "message", "role": "assistant", "model": model, "usage": counts}
    entry = {
        "type": "assistant",
        "timestamp": "2026-09-03T10:00:00.123Z",
        "sessionId": "s1",
        "cwd": "/home/ada/engine",
        "uuid": "u1",
        "requestId": request_id,
        "message": message,
    }
    return {name: value for name, value in (entry | more).items() if value is not None}


def nested(depth):
    """A line whose iterations have iterations, and so on."""
    inner = b'{"iterations":[' * depth + b"]}" * depth
    return b'{"type":"assistant","message":{"usage":' + inner + b"}}"


def found(*lines, path="/p/s1.jsonl"):
    """What reading *lines* gives."""
    content = b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in lines)
    return list(read(Transcript(path, io.BytesIO(content))))


def ids(*lines):
    """The names of the answers on *lines*, in order."""
    return [request.response_id for request in found(*lines) if isinstance(request, Request)]


def test_an_answer_becomes_a_request_with_its_labels():
    """Model, time, session and project as the line says them."""
    [request] = found(line())
    assert isinstance(request, Request)
    assert (request.model, request.session, request.project) == ("claude-opus-4-5", "s1", "/home/ada/engine")
    assert request.at == datetime(2026, 9, 3, 10, 0, 0, 123_000, tzinfo=UTC)
    assert (request.task_type, request.service_tier) == ("unknown", "")


def test_input_includes_what_the_cache_gave_and_took():
    """Anthropic reports it without; cache writes are split by how long they are kept."""
    [request] = found(
        line(
            usage={
                "cache_read_input_tokens": 1000,
                "cache_creation_input_tokens": 300,
                "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
                "server_tool_use": {"web_search_requests": 3},
            }
        )
    )
    assert request.usage == Usage(1310, 5, 1000, 300, 200, web_searches=3)


@pytest.mark.parametrize(
    "split", [None, {}, {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}]
)
def test_cache_writes_without_a_split_are_for_five_minutes(split):
    """As they were before there was a choice, and as gateways write zeros into it."""
    [request] = found(line(usage={"cache_creation_input_tokens": 300, "cache_creation": split}))
    assert request.usage[3:5] == (300, 0)


@pytest.mark.parametrize(
    "said, tier",
    [
        ({"service_tier": "standard"}, ""),
        ({"service_tier": "auto"}, ""),
        ({"service_tier": None}, ""),
        ({"service_tier": "batch"}, "batch"),
        ({"service_tier": "priority"}, "priority"),
        ({"service_tier": "standard", "speed": "fast"}, "fast"),
        ({"service_tier": "standard", "speed": "standard"}, ""),
    ],
)
def test_the_service_tier_is_what_changes_the_price(said, tier):
    """Fast mode is told in a field of its own."""
    [request] = found(line(usage=said))
    assert request.service_tier == tier


class TestTheNameOfAnAnswer:
    def test_an_id_of_the_api_names_the_answer_wherever_it_is_repeated(self):
        """In a copy in another session, without a request id, in a side question under another request id."""
        copies = [
            line(),
            line(sessionId="s2"),
            line(request_id=None),
            line(request_id="req_2", isSidechain=True, timestamp="2026-09-04T10:00:00Z"),
        ]
        assert len(set(ids(*copies))) == 1
        assert len(set(ids(line(), line(OTHER)))) == 2

    @pytest.mark.parametrize("cloud", ["bdrk", "vrtx"])
    def test_an_id_of_the_api_in_a_cloud_counts_as_one(self, cloud):
        """Bedrock and Vertex put their mark into it."""
        own = f"msg_{cloud}_013Zva2CMHLNnXjNJJKqJ2EF"
        assert len(set(ids(line(own), line(own, "req_2")))) == 1

    def test_a_gateways_id_counts_with_its_request_id(self):
        """The same message id may come again for something else."""
        assert len(set(ids(line("m1"), line("m1", sessionId="s2"), line("m1", "req_2")))) == 2

    def test_a_gateways_id_in_a_side_question_may_be_a_repetition(self):
        """Where its session has shown it, in whichever file, the line counts for nothing."""
        shown, request = found(line("m1"))
        [replay] = found(line("m1", "req_2", isSidechain=True))
        assert isinstance(shown, Shown)
        assert isinstance(request, Request)
        assert isinstance(replay, Replay)
        assert (replay.of, replay.request.response_id) == (shown.name, "claude:m1:req_2")
        for other in (line("m1", sessionId="s2"), line("m1", usage={"input_tokens": 11})):
            assert found(other)[0] != shown

    def test_a_gateways_id_without_a_request_id_counts_within_its_session(self):
        """Lines of one answer count once, whatever time they bear; another session's answer is another."""
        own = "chatcmpl-9f8e7d6c5b4a39281706"
        later = line(own, None, timestamp="2026-09-03T10:00:09Z", usage={"output_tokens": 50})
        assert len(set(ids(line(own, None), later))) == 1
        assert len(set(ids(line(own, None), line(own, None, sessionId="s2")))) == 2

    def test_an_id_that_all_answers_have_does_not_swallow_them(self):
        """What went in tells them apart: it grows with the talk, and is the same on all lines of one."""
        answers = [line("relay", None, usage={"input_tokens": 10 + number}) for number in range(3)]
        longer = [line("relay", None, usage={"input_tokens": 12, "output_tokens": 99})]
        assert len(set(ids(*answers, *longer))) == 3

    def test_without_an_id_the_request_the_line_or_its_text_names_the_answer(self):
        """So that reading a file again gives the same names."""
        assert ids(line(None), line(None, uuid="u2")) == ["claude:req_1", "claude:req_1"]
        assert ids(line(None, None)) == ["claude:u1"]
        bare = line(None, None, uuid=None)
        assert ids(bare) == ids(bare)
        assert ids(bare) != ids(line(None, None, uuid=None, usage={"output_tokens": 6}))


def test_subagents_are_a_task_of_their_own():
    """Told by the line, or by the session that shows what its subagent does."""
    inner = line(OTHER, sessionId=None, cwd=None, isSidechain=True)
    progress = {
        "type": "progress",
        "sessionId": "s1",
        "cwd": "/home/ada/engine",
        "timestamp": "2026-09-03T10:00:00Z",
        "data": {"type": "agent_progress", "agentId": "a1", "message": inner},
    }
    side, shown = found(line(isSidechain=True, agentId="a0"), progress)
    assert (side.task_type, side.tags) == ("subagent", {"agent": "a0"})
    assert (shown.task_type, shown.tags, shown.session) == ("subagent", {"agent": "a1"}, "s1")
    assert shown.response_id == ids(line(OTHER))[0]


def test_a_compaction_is_a_request_of_its_own():
    """Its tokens are not in those of the message; those of other iterations are."""
    iterations = [
        {"type": "compaction", "input_tokens": 180_000, "output_tokens": 3500},
        {"type": "message", "input_tokens": 10, "output_tokens": 5},
        {"type": "fallback", "input_tokens": 10, "output_tokens": 5},
    ]
    main, compaction = found(line(usage={"iterations": iterations}))
    assert (compaction.model, compaction.usage[:2]) == (main.model, (180_000, 3500))
    assert compaction.task_type == "compaction"


def test_an_advisor_is_a_request_of_its_own():
    """Its tokens are not in those of the message, and its model is another."""
    iterations = [
        {"type": "message", "input_tokens": 1, "output_tokens": 1},
        {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 900, "output_tokens": 70},
    ]
    main, advice = found(line(usage={"iterations": iterations}))
    assert main.usage[:2] == (10, 5)
    assert (advice.model, advice.usage[:2], advice.task_type) == ("claude-opus-4-8", (900, 70), "advisor")
    assert advice.response_id != main.response_id


def test_answers_that_claude_code_made_up_are_skipped():
    """They were never sent to a model."""
    assert found(line(model="<synthetic>")) == [Skipped("synthetic")]


@pytest.mark.parametrize(
    "other",
    [
        {"type": "user", "toolUseResult": {"usage": {"input_tokens": "many"}}},
        {"type": "user", "message": {"role": "user", "content": "usage", "usage": "none"}},
        {"type": ["assistant"], "usage": 1, "message": 5},
        {"type": "progress", "data": {"message": "running", "usage": 1}},
        {"type": "assistant", "message": {"id": "x", "usage": None}},
        ["usage"],
        "usage",
    ],
)
def test_lines_that_are_no_answers_are_passed_over(other):
    """Whatever they look like."""
    assert [one for one in found(other) if isinstance(one, Request)] == []


def test_lines_of_other_kinds_are_no_problem():
    """A tool may report a usage of its own, of any shape."""
    assert found({"type": "user", "toolUseResult": {"usage": {"input_tokens": "many"}}, "message": 5}) == []


@pytest.mark.parametrize(
    "counts, reason",
    [
        ({"input_tokens": "12"}, "Expected `int | null`, got `str` - at `$.message.usage.input_tokens`"),
        ({"output_tokens": 1.5}, "Expected `int | null`, got `float` - at `$.message.usage.output_tokens`"),
        ({"output_tokens": -1}, "Expected `int` >= 0 - at `$.message.usage.output_tokens`"),
        ({"output_tokens": 10**12}, "Expected `int` <= 1000000000 - at `$.message.usage.output_tokens`"),
        ({"output_tokens": True}, "Expected `int | null`, got `bool` - at `$.message.usage.output_tokens`"),
    ],
)
def test_a_count_that_cannot_be_meant_is_a_problem_with_its_place(counts, reason):
    """File, line, field; never a guess."""
    assert found(b"{}", line(usage=counts)) == [Problem("/p/s1.jsonl", 2, reason)]


@pytest.mark.parametrize(
    "content, reason",
    [
        (b'{"usage": ', "not JSON: Expecting value at byte 9"),
        (b'{"type":"assistant","x":' + b"[" * 100_000 + b'],"usage":1}', "not JSON that can be read"),
        (b'{"message":{"usage":{"input_tokens":' + b"9" * 5000 + b"}}}", "not JSON that can be read"),
        (nested(900), ("nested too deeply", "not JSON that can be read")),
        (json.dumps(line(timestamp="yesterday")).encode(), "it has no timestamp"),
        (json.dumps(line(timestamp=None)).encode(), "it has no timestamp"),
        (json.dumps(line(model=7)).encode(), "it names no model"),
    ],
)
def test_a_line_that_cannot_be_understood_is_a_problem_and_the_next_one_is_read(content, reason):
    """No traceback, and nothing of what stands in the file is quoted."""
    problem, request = found(content, line())
    assert problem.line == 1
    assert problem.reason.startswith(reason)
    assert isinstance(request, Request)


def test_broken_text_is_no_reason_to_lose_tokens():
    """A cut emoji, or bytes that are no UTF-8."""
    text = json.dumps(line() | {"cwd": "/home/ada"})
    cut = text.replace("/home", r"\ud83d/home").encode()
    invalid = text.encode().replace(b"/home", b"\xff/home")
    assert [request.usage[:2] for request in found(cut, invalid)] == [(10, 5), (10, 5)]


def test_python_may_have_written_it():
    """With spaces before and after colons."""
    assert len(found(json.dumps(line(), separators=(" , ", " : ")).encode())) == 1


def test_the_session_is_the_files_where_the_line_does_not_say():
    """A subagent's is the folder's."""
    bare = line(sessionId=None)
    assert found(bare, path="/p/abc.jsonl")[0].session == "abc"
    assert found(bare, path="/p/abc/subagents/agent-1.jsonl")[0].session == "abc"


@pytest.mark.parametrize(
    "environment, expected",
    [
        ({"HOME": "/h"}, ["/h/.claude/projects", "/h/.config/claude/projects"]),
        ({"HOME": "/h", "XDG_CONFIG_HOME": "/x"}, ["/h/.claude/projects", "/x/claude/projects"]),
        ({"HOME": "/h", "CLAUDE_CONFIG_DIR": "/a, /b/projects,/a"}, ["/a/projects", "/b/projects"]),
    ],
)
def test_the_places_are_those_of_the_environment(environment, expected):
    """Several may be named, with commas between them."""
    assert places(environment) == expected


def test_its_name_is_what_records_bear():
    """Reports group by it."""
    assert SOURCE.name == "claude-code"

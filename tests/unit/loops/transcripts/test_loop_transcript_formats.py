"""One script, written down by every agent, is read as the same events."""

from __future__ import annotations

import json
import os

import pytest

from quarterdeck.errors import NothingToRead, UsageError
from quarterdeck.loops.events import AgentEvent
from quarterdeck.loops.transcripts import Format, Problem, Step, events_of, read_events, recognise
from quarterdeck.testing.sessions import (
    anthropic_messages,
    openai_messages,
    response_items,
    session_lines,
    write_session,
)
from quarterdeck.testing.transcripts.books import write_lines

SCRIPT = [
    AgentEvent.heard("Make the tests pass."),
    AgentEvent.said("I shall look."),
    AgentEvent.call("Bash", {"command": "make", "timeout": 5}, "no rule for ünïcödé", failed=True),
    AgentEvent.call("Read", {"path": "Makefile", "lines": [1, 20]}, "all:", failed=False),
    AgentEvent.call("Read", {"path": "Makefile", "lines": [1, 20]}, "all:", failed=False),
    AgentEvent.said("It works."),
    AgentEvent.heard("Go on."),
    AgentEvent.call("Bash", {"command": "sleep 100"}),
]


def told(path):
    """Its steps; there must be nothing else."""
    found = list(read_events(path))
    assert not [one for one in found if isinstance(one, Problem)]
    return [one for one in found if isinstance(one, Step)]


def bare(event):
    """What the script says of an event; chat completions do not say what failed."""
    return event._replace(at=None, cost_picousd=None, name="", failed=None)


@pytest.mark.parametrize("form", list(Format))
def test_every_format_tells_the_same_session(form, tmp_path):
    """What stands around the events (summaries, reasoning, what programs say) is none of them."""
    path = tmp_path / "session.jsonl"
    write_session(path, form, SCRIPT)
    steps = [step for step in told(path) if step.event.tool or step.event.text]
    assert recognise(path) is form
    assert [bare(step.event) for step in steps] == [bare(event) for event in SCRIPT]
    assert len({step.actor for step in steps}) == 1


@pytest.mark.parametrize("form", list(Format))
@pytest.mark.parametrize("end", ["", "\r\n", "\n\n\0\0"])
def test_how_the_last_line_ends_is_of_no_account(form, end, tmp_path):
    """A session that is over may end without an end of line, or with what a crash left."""
    whole, path = tmp_path / "whole.jsonl", tmp_path / "session.jsonl"
    write_session(whole, form, SCRIPT)
    path.write_text(whole.read_text().rstrip("\n") + end)
    assert [bare(step.event) for step in told(path)] == [bare(step.event) for step in told(whole)]


@pytest.mark.parametrize("form", [Format.CLAUDE_CODE, Format.CODEX, Format.GEMINI, Format.SPANS])
def test_what_failed_is_told_as_it_was(form, tmp_path):
    """By an error flag, an exit code, a status."""
    path = tmp_path / "session.jsonl"
    write_session(path, form, SCRIPT)
    failed = [step.event.failed for step in told(path) if step.event.outcome is not None]
    assert failed == [True, False, False]


@pytest.mark.parametrize("shape", [openai_messages, anthropic_messages, response_items])
def test_a_list_of_messages_in_memory_is_a_session(shape):
    """No file is needed; calls go by their ids, messages by their place."""
    events = list(events_of(list(shape(SCRIPT))))
    assert [bare(event) for event in events] == [bare(event) for event in SCRIPT]
    assert events[-1].name in {"call_7", "toolu_7"}
    assert events[0].name.startswith("message ")


@pytest.mark.parametrize("shape", [openai_messages, anthropic_messages, response_items])
@pytest.mark.parametrize("around", [None, "messages"])
def test_a_list_of_messages_may_be_one_document(shape, around, tmp_path):
    """A JSON array over many lines, or an object around it."""
    path = tmp_path / "messages.json"
    messages = list(shape(SCRIPT))
    path.write_text(json.dumps({around: messages} if around else messages, indent=2))
    assert recognise(path) is Format.MESSAGES
    assert [bare(step.event) for step in told(path)] == [bare(event) for event in SCRIPT]


def test_each_list_in_a_log_of_requests_is_a_sequence_of_its_own(tmp_path):
    """A log that repeats the conversation with every request is not an agent that repeats itself."""
    path = tmp_path / "requests.jsonl"
    lines = [json.dumps({"messages": list(openai_messages(SCRIPT[:count]))}) for count in (2, 3)]
    path.write_text("\n".join(lines))
    actors = [step.actor for step in told(path)]
    assert actors == ["", "", "line 2", "line 2", "line 2"]


def test_a_document_of_gemini_is_read_as_its_lines_are(tmp_path):
    """Older versions write the whole chat anew."""
    path = tmp_path / "session.json"
    first, *messages = session_lines(Format.GEMINI, SCRIPT)
    path.write_text(json.dumps({**first, "messages": messages}, indent=2))
    assert recognise(path) is Format.GEMINI
    events = [bare(step.event) for step in told(path) if step.event.tool or step.event.text]
    assert events == [bare(event) for event in SCRIPT]


@pytest.mark.parametrize(
    "content", ["", "   \n\n", "not JSON\n", '{"a": 1}\n', "[1, 2]\n", "{\n", '"text"\n', "\0\0\0\n"]
)
def test_what_is_no_transcript_says_what_would_be_one(content, tmp_path):
    """With a hint, and the exit code of that error."""
    path = tmp_path / "file"
    path.write_text(content)
    with pytest.raises((NothingToRead, UsageError)) as caught:
        recognise(path)
    assert str(path) in caught.value.message
    assert caught.value.hint
    with pytest.raises((NothingToRead, UsageError)):
        list(read_events(path))


def test_a_file_that_is_not_there_is_nothing_to_read(tmp_path):
    """Not a usage error: the command line may be right."""
    with pytest.raises(NothingToRead):
        recognise(tmp_path / "absent.jsonl")


def test_the_first_lines_may_be_of_no_use(tmp_path):
    """A torn line, one that holds nothing, and values that no format knows."""
    path = tmp_path / "session.jsonl"
    lines = [b'\xef\xbb\xbf{"type": "file-history-snapshot"}', b"", b"\0\0", b'{"torn": ', b"[]"]
    lines += [json.dumps(line).encode() for line in session_lines(Format.CLAUDE_CODE, SCRIPT)]
    path.write_bytes(b"\n".join(lines))
    found = list(read_events(path))
    problems = [one for one in found if isinstance(one, Problem)]
    assert recognise(path) is Format.CLAUDE_CODE
    assert [(one.line, one.path) for one in problems] == [(4, str(path))]
    assert len(found) > len(SCRIPT)


def test_a_damaged_archive_is_read_as_far_as_it_goes(tmp_path):
    """The damage is told, and what stood before it."""
    path = tmp_path / "session.jsonl.zst"
    script = [AgentEvent.call("Bash", {"command": os.urandom(2000).hex()}, "ok") for _ in range(3000)]
    write_lines(str(path), session_lines(Format.MESSAGES, script))
    assert len(told(path)) == 3000
    path.write_bytes(path.read_bytes()[:-1000])
    found = list(read_events(path))
    assert [type(one) for one in found if not isinstance(one, Step)] == [Problem]
    assert 100 < len(found) < 3000


def test_a_line_of_gemini_that_cannot_be_counted_is_named(tmp_path):
    """The line itself, not the one after it."""
    path = tmp_path / "session.jsonl"
    lines = session_lines(Format.GEMINI, SCRIPT)
    lines[2]["tokens"] = {"input": "many"}
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert [one.line for one in read_events(path) if isinstance(one, Problem)] == [3]


@pytest.mark.parametrize(
    "lines",
    [
        [{"sessionId": "s", "messages": [{"role": "user", "content": "Go."}]}],
        [{"type": "message", "sessionId": "s", "role": "user", "content": "Go."}],
        [{"type": "message", "session_id": "s", "role": "user", "content": "Go."}],
    ],
)
def test_messages_of_any_session_are_messages(lines, tmp_path):
    """A name of the session alone makes them nobody else's."""
    path = tmp_path / "session.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert recognise(path) is Format.MESSAGES
    assert [step.event.text for step in told(path)] == ["Go."]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_byte_order_mark_is_no_hindrance(indent, tmp_path):
    """Before a line, or before a document of many."""
    path = tmp_path / "messages.json"
    path.write_text("\ufeff" + json.dumps([{"role": "user", "content": "Go."}], indent=indent))
    assert [step.event.text for step in told(path)] == ["Go."]


@pytest.mark.parametrize("name", ["messages", "input", "output", "conversation"])
def test_what_holds_messages_is_as_good_as_these(name):
    """A request, or a response; of an SDK, too. One message is a list of one."""

    class Response:
        def model_dump(self):
            return {"id": "r", name: list(openai_messages(SCRIPT))}

    events = list(events_of(openai_messages(SCRIPT)))
    assert list(events_of({name: list(openai_messages(SCRIPT))})) == events
    assert list(events_of(Response())) == events
    assert [event.text for event in events_of({"role": "user", "content": "Go."})] == ["Go."]


@pytest.mark.parametrize("value", ["text", b"bytes", None, 5, {"role": 1}], ids=repr)
def test_what_is_no_list_of_messages_is_refused(value):
    """At once, not when somebody asks for the first event."""
    with pytest.raises(UsageError) as caught:
        events_of(value)
    assert caught.value.hint


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "parts": [{"type": "reasoning", "content": "Hm."}]},
        {"role": "assistant", "content": [{"type": "reasoning", "text": "Hm."}]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm.", "text": "Hm."}]},
        {"role": "model", "parts": [{"text": "Hm.", "thought": True}]},
        {"role": "assistant", "content": [{"type": "container_upload", "file_id": "f"}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
    ],
    ids=["opentelemetry", "text", "anthropic", "gemini", "no text", "item"],
)
def test_what_a_model_thinks_is_not_said(message):
    """Nor is what has no text; whatever the fields are called in which it stands."""
    assert list(events_of([message])) == []


def test_a_person_may_say_what_a_program_would():
    """Who calls an API may write tags; no program stands between."""
    texts = ["<instructions>Fix it.</instructions>", "<system-reminder>a</system-reminder>", "<skill>"]
    assert [one.text for one in events_of([{"role": "user", "content": text} for text in texts])] == texts


def test_an_outcome_may_name_its_tool_alone():
    """As Ollama's do, where calls have no ids."""
    calls = [{"function": {"name": name, "arguments": "{}"}} for name in ("bash", "read")]
    results = [{"role": "tool", "tool_name": name, "content": name} for name in ("read", "bash")]
    events = events_of([{"role": "assistant", "content": "", "tool_calls": calls}, *results])
    assert [(event.tool, event.outcome) for event in events] == [("read", "read"), ("bash", "bash")]


def test_tools_that_a_provider_runs_are_calls_in_parts_too():
    """In the words of OpenTelemetry."""
    asked = {"type": "web_search", "query": "q"}
    told = {"type": "web_search", "text": "found"}
    parts = [
        {"type": "server_tool_call", "id": "c", "name": "web_search", "server_tool_call": asked},
        {"type": "server_tool_call_response", "id": "c", "server_tool_call_response": told},
    ]
    (event,) = events_of([{"role": "assistant", "parts": parts}])
    assert (event.tool, event.arguments, event.outcome) == ("web_search", asked, "found")


@pytest.mark.parametrize("beside", [True, False])
def test_a_picture_that_gemini_is_answered_with_is_part_of_the_outcome(beside, tmp_path):
    """It stands beside the response, or in it; two pictures are two outcomes."""
    path = tmp_path / "session.jsonl"
    first, *_ = session_lines(Format.GEMINI, SCRIPT)

    def line(number):
        picture = {"inlineData": {"mimeType": "image/png", "data": f"iVBOR{number}"}}
        response = {"name": "look", "response": {"output": "1 item"}}
        result = [{"functionResponse": response if beside else {**response, "parts": [picture]}}]
        call = {"id": "look", "name": "look", "args": {}, "status": "success"}
        called = {**call, "result": [*result, picture] if beside else result}
        return {"id": f"m{number}", "type": "gemini", "content": "", "toolCalls": [called]}

    path.write_text("".join(f"{json.dumps(one)}\n" for one in (first, line(1), line(2), line(1))))
    one, other = (step.event.outcome for step in told(path))
    assert one.startswith("1 item\n[inlineData ")
    assert one != other

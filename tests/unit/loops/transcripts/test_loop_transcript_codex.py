"""What the lines of Codex, and items of the responses API, mean."""

from __future__ import annotations

import json

import pytest

from quarterdeck.loops.transcripts import Format, Problem, Step, events_of, read_events, recognise


def item(kind, **payload):
    """The line of an item."""
    return {
        "timestamp": "2026-09-03T10:00:00Z",
        "type": "response_item",
        "payload": {"type": kind, **payload},
    }


def output(told, kind="function_call_output"):
    """The event of a call of which *told* came."""
    called = {"type": "function_call", "name": "shell", "arguments": '{"command":["ls"]}', "call_id": "c"}
    (event,) = events_of([called, {"type": kind, "call_id": "c", "output": told}])
    return event


@pytest.fixture
def told(tmp_path):
    """What a rollout of these lines tells."""

    def read(*lines):
        path = tmp_path / "rollout-2026-09-03T10-00-00-s1.jsonl"
        path.write_text("".join(f"{json.dumps(one)}\n" for one in lines))
        assert recognise(path) in {Format.CODEX, Format.MESSAGES}
        found = list(read_events(path))
        assert not [one for one in found if isinstance(one, Problem)]
        return [one.event for one in found if isinstance(one, Step)]

    return read


@pytest.mark.parametrize(
    "told, outcome, failed",
    [
        ('{"output":"a\\nb","metadata":{"exit_code":0,"duration_seconds":0.2}}', "a\nb", False),
        ('{"output":"","metadata":{"exit_code":1,"duration_seconds":0.2}}', "exit code 1", True),
        ("Exit code: 2\nWall time: 0.3 seconds\nOutput:\nno rule\n", "no rule\n", True),
        ("Exit code: 0\nWall time: 0 seconds\nTotal output lines: 9\nOutput:\n\nfine", "fine", False),
        (
            "Chunk ID: 7a2\nWall time: 0.05 seconds\nProcess exited with code 1\n"
            "Original token count: 5\nOutput:\nno",
            "no",
            True,
        ),
        ("Chunk ID: 7a2\nWall time: 1 seconds\nProcess running with session ID 3\nOutput:\nyet", "yet", None),
        ({"content": "no", "success": False}, "no", True),
        ([{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}], "a\nb", None),
        ([{"stdout": "a", "stderr": "", "outcome": {"type": "exit", "exit_code": 1}}],
         [{"stdout": "a", "stderr": "", "outcome": {"type": "exit", "exit_code": 1}}], True),
        ("Plan updated", "Plan updated", None),
        ('{"rows": 3}', '{"rows": 3}', None),
        ("Exit code: 99999999999999999999", "Exit code: 99999999999999999999", None),
        (None, "", None),
    ],
)  # fmt: skip
def test_what_changes_with_every_run_is_taken_off_an_output(told, outcome, failed):
    """The same command with the same output must be the same, however long it took."""
    event = output(told)
    assert (event.outcome, event.failed) == (outcome, failed)


def test_arguments_in_a_string_are_their_value():
    """As whoever called the tool meant them; what is no JSON stays text."""
    called = {"type": "function_call", "call_id": "c", "name": "shell"}
    texts = ['{"command":["ls"]}', "{half", "*** Begin Patch", '{"half": "\\ud800"}', "[" * 100_000]
    found = [next(events_of([{**called, "arguments": text}])).arguments for text in texts]
    assert found == [{"command": ["ls"]}, "{half", "*** Begin Patch", {"half": "?"}, "[" * 100_000]


def test_arguments_that_are_nested_too_deeply_have_an_end():
    """Whoever looks at them may go down with a function for each level."""
    deep = json.loads("[" * 500 + "]" * 500)
    (event,) = events_of([{"type": "function_call", "call_id": "c", "name": "f", "arguments": deep}])
    assert json.dumps(event.arguments).count("[") < 100


def test_every_kind_of_call_is_one(told):
    """Patches, shells, searches; what the provider runs has no line with an output."""
    found = told(
        item(
            "custom_tool_call", name="apply_patch", input="*** Begin Patch", call_id="p", status="completed"
        ),
        item("custom_tool_call_output", call_id="p", output="Exit code: 0\nOutput:\nSuccess"),
        item("local_shell_call", call_id="l", status="completed", action={"command": ["ls"]}),
        item("function_call_output", call_id="l", output="a"),
        item("web_search_call", id="w", status="completed", action={"type": "search", "query": "q"}),
        item("mcp_call", id="m", name="query", arguments='{"sql": "1"}', output="1", error=None),
        item("mcp_call", id="n", name="query", arguments='{"sql": "x"}', output=None, error="no x"),
    )
    assert [(one.tool, one.arguments, one.outcome, one.failed) for one in found] == [
        ("apply_patch", "*** Begin Patch", "Success", False),
        ("local_shell", {"command": ["ls"]}, "a", None),
        ("web_search", {"type": "search", "query": "q"}, None, False),
        ("query", {"sql": "1"}, "1", None),
        ("query", {"sql": "x"}, "no x", True),
    ]


def test_the_same_told_for_the_screen_counts_once(told):
    """Events of other types repeat what the items say."""
    said = item("message", role="assistant", content=[{"type": "output_text", "text": "Done."}])
    shown = {**said, "type": "event_msg", "payload": {"type": "agent_message", "message": "Done."}}
    assert [event.text for event in told(said, shown)] == ["Done."]


def test_what_codex_puts_in_a_persons_place_is_not_heard(told):
    """Where it works, and what the project wants of agents."""
    texts = ("<environment_context>\n</environment_context>", "# AGENTS.md instructions for /home", "Go on.")
    found = told(
        *(item("message", role="user", content=[{"type": "input_text", "text": text}]) for text in texts),
        item("message", role="developer", content=[{"type": "input_text", "text": "Obey."}]),
    )
    assert [event.text for event in found] == ["Go on."]


def test_the_oldest_versions_have_items_alone(told):
    """After a line about the session, and with lines about its state between."""
    found = told(
        {"id": "s1", "timestamp": "2025-07-01T10:00:00Z", "instructions": None, "git": {}},
        {"record_type": "state"},
        item("message", role="user", content=[{"type": "input_text", "text": "Go on."}])["payload"],
        item("function_call", name="shell", arguments="{}", call_id="c")["payload"],
        item("function_call_output", call_id="c", output="ok")["payload"],
    )
    assert [(event.text, event.tool) for event in found] == [("Go on.", ""), ("", "shell")]


def test_what_is_printed_for_programs_is_read_as_well(told):
    """By ``codex exec --json``, which has words of its own for the same."""
    command = {"id": "item_1", "type": "command_execution", "command": "make"}
    items = [
        {"id": "item_0", "type": "reasoning", "text": "Hm."},
        {**command, "aggregated_output": "no rule", "exit_code": 2, "status": "failed"},
        {**command, "aggregated_output": "", "exit_code": 1, "status": "failed"},
        {"id": "item_2", "type": "mcp_tool_call", "server": "db", "tool": "query", "arguments": {"sql": "1"},
         "result": {"rows": 1}, "status": "completed"},
        {"id": "item_3", "type": "agent_message", "text": "Done."},
    ]  # fmt: skip
    begun = [{"type": "thread.started", "thread_id": "t"}, {"type": "item.started", "item": command}]
    found = told(*begun, *({"type": "item.completed", "item": one} for one in items))
    assert [(one.tool, one.arguments, one.outcome, one.failed, one.text) for one in found] == [
        ("command_execution", "make", "no rule", True, ""),
        ("command_execution", "make", "exit code 1", True, ""),
        ("query", {"sql": "1"}, {"rows": 1}, False, ""),
        ("", None, None, None, "Done."),
    ]

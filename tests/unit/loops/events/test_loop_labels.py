"""Calls, outcomes and messages as people read them."""

from __future__ import annotations

import pytest

from quarterdeck.loops.events import AgentEvent, AgentLoopDetector
from quarterdeck.loops.events.labels import call_label, message_label, outcome_label

KEY = "sk-ant-api03-" + "Ab3xYz7Qw9" * 9
TOKEN = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"


def test_a_label_is_one_harmless_line():
    """Nothing in it moves the cursor."""
    text = call_label(
        AgentEvent.call("Bash", {"command": "echo \x1b[2J\n\x07" + "x" * 500, "description": "why"})
    )
    assert text.isprintable()
    assert text.startswith("Bash(command=echo ")
    assert len(text) <= 90


def test_what_came_of_a_call():
    """Of an error the line that says so."""
    trace = "Traceback:\n  File x\nKeyError: 'total'\nmade in 3 s"
    assert outcome_label(AgentEvent.call("Bash", {}, trace), failed=True) == "KeyError: 'total'"
    tests = "E   AssertionError: not ready\nFAILED test_a.py\n1 failed in 0.1s"
    assert outcome_label(AgentEvent.call("Bash", {}, tests), failed=True) == "FAILED test_a.py"
    assert outcome_label(AgentEvent.call("Bash", {}, "1 failed in 0.1s"), failed=True) == "1 failed in 0.1s"
    edit = "<tool_use_error>String to replace not found in file.\nString: x</tool_use_error>"
    assert (
        outcome_label(AgentEvent.call("Edit", {}, edit), failed=True)
        == "String to replace not found in file."
    )
    assert outcome_label(AgentEvent.call("Bash", {}, "one\ntwo"), failed=False) == "one"
    assert outcome_label(AgentEvent.call("Bash", {}, " \n"), failed=False) == "nothing"
    assert outcome_label(AgentEvent.call("Bash", {}), failed=False) == ""


@pytest.mark.parametrize(
    "arguments",
    [
        {"command": f"curl -H 'x-api-key: {KEY}' https://api.example.com"},
        {"command": "x" * 50 + " " + TOKEN},
        {"user": "me", "password": "hunter2-hunter2"},
        f"login --token {TOKEN}",
        {"config": {"api_key": KEY}},
        {f"{TOKEN}": "a key"},
    ],
    ids=["in a command", "cut in two", "by its name", "text", "deep", "as a name"],
)
def test_no_secret_is_in_a_label(arguments):
    """Not even the beginning of one that is cut."""
    text = call_label(AgentEvent.call("Bash", arguments))
    assert "REDACTED" in text or text.endswith("…")
    for secret in (KEY, TOKEN, "hunter2"):
        assert secret[:7] not in text


def test_a_call_whose_secrets_cannot_be_taken_out_is_shown_without_arguments():
    """Two keys that would become one."""
    arguments = {TOKEN: 1, TOKEN[:-1] + "9": 2}
    assert call_label(AgentEvent.call("Bash", arguments)) == "Bash()"


def test_neither_alarms_nor_what_is_remembered_hold_a_secret():
    """Calls, outcomes and messages."""
    detector = AgentLoopDetector()
    for _ in range(12):
        detector.observe(AgentEvent.call("Bash", {"command": f"login {TOKEN}"}, f"error: {KEY} is refused"))
        detector.observe(AgentEvent.call("Bash", {"command": f"echo {TOKEN}"}, TOKEN))
    for _ in range(6):
        detector.observe(AgentEvent.said(f"I use {TOKEN} and {KEY}."))
    assert len(detector.alarms) > 3
    for text in (*(alarm.what for alarm in detector.alarms), detector.snapshot().decode()):
        assert TOKEN[:12] not in text
        assert KEY[:20] not in text


def test_a_message_is_told_by_its_beginning():
    """On one line."""
    assert message_label("Let me\n see. " + "word " * 90).startswith("Let me see. word")
    assert len(message_label("word " * 90)) == 200

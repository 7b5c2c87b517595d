"""What the tour and the documentation show of loops: what it is made up to be, each time anew."""

from __future__ import annotations

import json

import pytest

from quarterdeck.loops import AgentEvent, AgentLoopDetector, FeedbackLoopDetector, Level, discover
from quarterdeck.loops.transcripts import Format, Problem, Step, read_events, recognise
from quarterdeck.testing import demo_loops

SESSIONS = ("release", "retry-limit", "timeouts")


@pytest.fixture
def home(tmp_path):
    """A home folder with the sessions of a project in it."""
    demo_loops.write_sessions(tmp_path, tmp_path / "engine")
    return tmp_path


def session(home, name):
    """The transcript of the session *name*."""
    return home / ".claude" / "projects" / "engine" / f"{name}.jsonl"


def events(home, name):
    """What the session *name* tells; every line of it can be read."""
    found = list(read_events(session(home, name)))
    assert [each for each in found if isinstance(each, Problem)] == []
    return [step.event for step in found if isinstance(step, Step)]


def test_the_sessions_are_of_claude_code_and_of_the_project(home):
    """In files as it names them, with the project's folder in each line that has one."""
    assert sorted(path.stem for path in session(home, "release").parent.iterdir()) == [*SESSIONS]
    for name in SESSIONS:
        assert recognise(session(home, name)) is Format.CLAUDE_CODE
        lines = [json.loads(line) for line in session(home, name).read_text().splitlines()]
        assert {line["cwd"] for line in lines} == {str(home / "engine")}


def test_no_session_has_an_id_of_another(home):
    """Else one of two loops would be taken for a copy, and one of two answers not be paid."""
    ids = [{event.name for event in events(home, name) if event.tool} for name in SESSIONS]
    assert len(set.union(*ids)) == sum(map(len, ids)) > 0


@pytest.mark.parametrize(
    "name,level", [("release", None), ("retry-limit", Level.STOP), ("timeouts", Level.STOP)]
)
def test_two_sessions_are_in_a_loop_and_one_waits(home, name, level):
    """Who waits for a build and then reads one file after another is in none."""
    detector = AgentLoopDetector()
    for event in events(home, name):
        detector.observe(event)
    assert max((loop.level for loop in detector.loops()), default=None) == level


def test_the_question_is_the_call_that_repeats(home):
    """It is asked in the session that searches, and what it is about is part of the loop."""
    demo_loops.write_question(home / "call.json")
    question = json.loads((home / "call.json").read_text())
    assert home / question["transcript_path"] == session(home, "retry-limit")
    detector = AgentLoopDetector()
    for event in events(home, "retry-limit"):
        detector.observe(event)
    alarm = detector.consider(AgentEvent.call(question["tool_name"], question["tool_input"]))
    assert alarm is not None
    assert alarm.level is Level.STOP


def test_one_of_the_two_that_fall_feeds_on_itself(tmp_path):
    """Both have the same trend; only the spiral is a loop."""
    demo_loops.write_histories(tmp_path)
    said = {}
    for name in ("spiral", "ramp"):
        lines = (tmp_path / f"{name}.jsonl").read_text().splitlines()
        said[name] = FeedbackLoopDetector().detect_active_loop([json.loads(line) for line in lines])
        assert said[name]["details"]["trend"]["direction"] == "down"
    assert said["spiral"]["loop_confirmed"]
    assert said["spiral"]["loop_type"] == "reinforcing_vicious"
    assert said["ramp"]["loop_type"] == "none"


def test_the_storm_is_one_loop_of_three_metrics():
    """The fourth one goes its own way."""
    found = discover(list(demo_loops.storm()))
    assert [loop.components for loop in found.loops] == [("queue", "latency_ms", "retries")]
    assert "cache_hit_ratio" in found.metrics

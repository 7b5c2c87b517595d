"""A session that is read on, by this process or the next."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from quarterdeck.loops.events import AgentEvent
from quarterdeck.loops.sessions.following import MAX_ACTORS, Following
from quarterdeck.loops.settings import LoopSettings
from tests.session_worlds import GREP, Transcript

if TYPE_CHECKING:
    from pathlib import Path

    from quarterdeck.loops.events import Alarm

SAME = AgentEvent.call("Grep", GREP)


@pytest.fixture
def transcript(tmp_path: Path) -> Transcript:
    """A session in which somebody has asked for something."""
    return Transcript(tmp_path / "a.jsonl").asked()


def followed(transcript: Transcript, state: str = "") -> Following:
    """The session, read to its end."""
    session = Following(str(transcript.path), LoopSettings(), state=state)
    list(session.read())
    return session


def considered(session: Following) -> Alarm:
    """What would be said to the same again."""
    alarm = session.consider(SAME)
    assert alarm is not None
    return alarm


def test_the_next_process_goes_on_where_this_one_was(transcript):
    """What it says is what one says that has read all at once."""
    state = ""
    for _ in range(6):
        session = followed(transcript.called(2), state)
        assert session.events <= 5
        state = session.state
    at_once = followed(transcript)
    assert considered(followed(transcript, state)) == considered(at_once)
    assert considered(at_once).times == 13


def test_a_state_that_cannot_be_used_is_as_none(transcript):
    """Whatever is wrong with it: the transcript has all."""
    transcript.called(12)
    whole = followed(transcript)
    _, place, kept, left_out, told = json.loads(whole.state)
    for state in (
        "",
        "null",
        "{",
        "[" * 100_000,
        whole.state[:-1],
        json.dumps([99, place, kept, left_out, told]),
        json.dumps([1, "", kept, left_out, told]),
        json.dumps([1, place.replace('"v":1', '"v":99'), kept, left_out, told]),
        json.dumps([1, place, {"": 3}, left_out, told]),
        json.dumps([1, place, kept, {"": "many"}, told]),
        json.dumps([1, place, kept, left_out, {"": 1}]),
    ):
        assert considered(followed(transcript, state)) == considered(whole), state[:80]


def test_what_was_told_and_left_out_is_kept(transcript):
    """Until something else is done."""
    transcript.called(2).called(3, tool="Read", outcome="blocked")

    def session(state: str = "") -> Following:
        found = Following(
            str(transcript.path),
            LoopSettings(),
            state=state,
            leave_out=lambda event: event.outcome == "blocked",
        )
        list(found.read())
        return found

    first = session()
    first.told[""] = (2, 3)
    second = session(first.state)
    assert (second.left_out, second.told) == ({"": 3}, {"": (2, 3)})
    transcript.called(1)
    third = session(second.state)
    assert (third.left_out, third.told) == ({}, {"": (2, 3)})


def test_the_actors_that_are_remembered_are_bounded(tmp_path):
    """However many subagents a session has: those that act are remembered."""
    path = tmp_path / "a.jsonl"
    first = Transcript(path, agent="first")
    for number in range(MAX_ACTORS + 10):
        Transcript(path, agent=f"a{number}").called(1)
        first.called(1)
    session = Following(str(path), LoopSettings())
    raised = [loop for loop in session.read() if not hasattr(loop, "reason")]
    assert {getattr(loop, "actor", "") for loop in raised} == {"first"}
    assert len(json.loads(session.state)[2]) == MAX_ACTORS


def test_only_a_loop_that_goes_on_is_at_work(transcript):
    """All others are over."""
    session = followed(transcript.called(6))
    assert [loop.alarm.times for loop in session.at_work()] == [6]
    transcript.called(1, tool="Edit", arguments={"file_path": "a", "new_string": "b"}, outcome="done")
    list(session.read())
    assert len(list(session.loops())) == 1
    assert list(session.at_work()) == []

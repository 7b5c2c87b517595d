"""A session that is read on, by this process or the next."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from quarterdeck.loops.events import AgentEvent, AgentLoopDetector
from quarterdeck.loops.sessions.actors import MAX_ACTORS, Actor
from quarterdeck.loops.sessions.following import Following
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


def followed(transcript: Transcript, state: bytes = b"") -> Following:
    """The session, read to its end."""
    session = Following(str(transcript.path), LoopSettings(), state=state)
    list(session.read())
    return session


def considered(session: Following) -> Alarm:
    """What would be said to the same again."""
    alarm = session.actors[""].detector.consider(SAME)
    assert alarm is not None
    return alarm


def test_the_next_process_goes_on_where_this_one_was(transcript):
    """What it says is what one says that has read all at once."""
    state = b""
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
    _, place, actors = json.loads(whole.state)
    detector, blocked, told = actors[""]

    def one(*changed: object) -> bytes:
        return json.dumps([2, place, {"": changed}]).encode()

    for state in (
        b"",
        b"null",
        b"{",
        b"\0" * 100,
        b"[" * 100_000,
        whole.state[:-1],
        json.dumps([1, place, actors]).encode(),
        json.dumps([2, "", actors]).encode(),
        json.dumps([2, {**place, "v": 99}, actors]).encode(),
        json.dumps([2, place, {}]).encode(),
        json.dumps([2, place, {"": 3}]).encode(),
        one([99, *detector[1:]], blocked, told),
        one(detector[:-3], blocked, told),
        one("", blocked, told),
        one(detector, "many", told),
        one(detector, -1, told),
        one(detector, float("inf"), told),
        one(detector, blocked, {"": float("nan")}),
        one(detector, blocked, {str(number): 1 for number in range(1000)}),
    ):
        assert considered(followed(transcript, state)) == considered(whole), state[:80]


def test_what_was_told_and_blocked_is_kept(transcript):
    """Until something else is done, or a person speaks."""
    reason = "quarterdeck loops: repetition: Read. 9 times with this call, since event 2."
    session = followed(transcript.called(2).called(3, tool="Read", outcome=reason, failed=True))
    assert session.actors[""].is_news(3, ["a loop"])
    second = followed(transcript, session.state)
    assert second.actors[""].blocked == 3
    assert not second.actors[""].is_news(3, ["a loop"])
    third = followed(transcript.called(1), second.state)
    assert third.actors[""].blocked == 0
    assert not third.actors[""].is_news(3, ["a loop"])
    assert followed(transcript.asked(), third.state).actors[""].is_news(3, ["a loop"])


def test_a_loop_is_news_only_when_it_is_louder_under_all_its_names():
    """However many there are at a time; of many, those told of last are remembered."""
    actor = Actor(AgentLoopDetector())
    for is_first in (True, False):
        assert [actor.is_news(1, [name]) for name in ("x", "y")] == [is_first] * 2
    assert actor.is_news(2, ["x", "z"])
    assert not actor.is_news(2, ["z", "y"])
    assert not actor.is_news(1, ["y"]), "it is known to be as loud as that by its other name"
    for number in range(100):
        actor.is_news(1, [f"{number}"])
    assert len(actor.told) <= 32
    assert actor.is_news(1, ["x"])


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
    assert [loop.alarm.times for loop in session.actors.at_work()] == [6]
    transcript.called(1, tool="Edit", arguments={"file_path": "a", "new_string": "b"}, outcome="done")
    list(session.read())
    assert len(list(session.actors.loops())) == 1
    assert list(session.actors.at_work()) == []

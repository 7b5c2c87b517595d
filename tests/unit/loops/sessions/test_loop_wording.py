"""How loops are spoken of."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from quarterdeck.loops.events import AgentEvent, Alarm, Kind, Level
from quarterdeck.loops.sessions.wording import how_often, is_our_reason, reason, since_when

ALARM = Alarm(
    kind=Kind.REPETITION,
    level=Level.STOP,
    what="Grep(pattern=TODO)",
    times=1200,
    period=1,
    events=1200,
    since=None,
    first="",
    last="",
    position=1202,
    start=1003,
    cost_picousd=None,
    advice="",
)


@pytest.mark.parametrize(
    "kind, times, period, said",
    [
        (Kind.REPETITION, 1200, 1, "1,200 times"),
        (Kind.SAME_ERROR, 4, 0, "4 times"),
        (Kind.CYCLE, 5, 3, "5 rounds of 3"),
        (Kind.ALTERNATION, 8, 2, "8 returns"),
        (Kind.LOW_NOVELTY, 1, 0, "1 time"),
    ],
)
def test_how_often_is_said_in_the_unit_of_its_kind(kind: Kind, times: int, period: int, said: str):
    """Rounds of a cycle; of an alternation how often it came back, and two of these are a round."""
    assert how_often(ALARM._replace(kind=kind, times=times, period=period)) == said


def test_since_when_is_a_time_of_this_machine_or_an_event():
    """Not every transcript has times."""
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert since_when(ALARM._replace(since=at)) == f"since {at.astimezone():%Y-%m-%d %H:%M}"
    assert since_when(ALARM) == "since event 1,003"


FRAMES = [
    "{}",
    "PreToolUse:Bash hook error: {}",
    "PreToolUse:Bash hook error: [/opt/some where/qd loops hook]: {} This very call is blocked.",
    "Bash operation blocked by hook:\n- [qd loops hook]: {}",
]


@pytest.mark.parametrize("frame", FRAMES)
def test_what_came_of_a_call_that_we_kept_from_being_made_is_known_again(frame: str):
    """Alone, and as Claude Code writes it down."""
    outcome = frame.format(reason(ALARM))
    assert is_our_reason(AgentEvent.call("Bash", {}, outcome, failed=True))
    assert is_our_reason(AgentEvent.call("Bash", {}, outcome))
    assert not is_our_reason(AgentEvent.call("Bash", {}, outcome, failed=False))


@pytest.mark.parametrize(
    "outcome",
    [
        "quarterdeck loops: 3 failed",
        "FAILED tests/test_a.py: quarterdeck loops: repetition: x. 9 times with this call, since event 2",
        "PreToolUse:Bash hook error: [lint]: no",
        "",
        None,
        ["quarterdeck loops:"],
    ],
    ids=["name", "quoted", "another hook", "nothing", "none", "list"],
)
def test_what_only_looks_like_it_is_an_outcome(outcome: object):
    """A tool may print our name, and another hook may block."""
    assert not is_our_reason(AgentEvent.call("Bash", {}, outcome, failed=True))

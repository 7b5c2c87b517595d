"""How loops are spoken of."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from quarterdeck.loops.events import Alarm, Kind, Level
from quarterdeck.loops.sessions.wording import how_often, since_when

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

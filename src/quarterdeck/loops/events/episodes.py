"""One loop, one story: findings of several rules about the same events are one episode.

A loop is raised when its level rises. A rule that says precisely what repeats takes the word from one that
only sees that little is new or that money goes.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from quarterdeck.loops.events.findings import Finding, Mark
from quarterdeck.loops.events.model import Alarm, Kind

_VAGUE = frozenset({Kind.LOW_NOVELTY, Kind.SPEND})
_SAME_AGAIN = 8  # events between which the same loop has not ended

_ADVICE = {
    Kind.REPETITION: "The same call gives the same answer. Use what it said, or change the call.",
    Kind.CYCLE: "These calls come out as they did in the round before. Decide by what is known now.",
    Kind.SAME_ERROR: "What is tried does not touch the cause of this error. Read what it asks for,"
    " and take another way; if there is none, say so.",
    Kind.ALTERNATION: "Each change undoes the one before it. Decide first which state is right, and why.",
    Kind.MONOLOGUE: "Nothing is done between these messages. Make the call, ask, or finish.",
    Kind.LOW_NOVELTY: "Almost everything here was done before. Write down what is known and what is missing,"
    " and do only what is missing.",
    Kind.SPEND: "Money goes and nothing has changed. Finish a small useful part, or say what is missing.",
}
_WAITING = (
    "It was asked very often whether it is ready. Wait longer between two calls, or find out why it is not."
)
_CHANGING = (
    "One call is made again and again, each time with another outcome. If it waits, let it wait longer."
)


class Episode(msgspec.Struct, array_like=True):
    """A loop from its first event to the last one so far."""

    alarm: Alarm
    identity: int
    wasted_from: Mark


class Told(NamedTuple):
    """What a finding means: the episode it is part of, whether that begins with it, what is to be raised."""

    episode: Episode
    begins: bool
    alarm: Alarm | None


def tell(current: Episode | None, finding: Finding, what: str, mark: Mark) -> Told:
    """Add *finding*, whose latest event is at *mark*, to the episode at work, or begin a new one."""
    alarm = alarm_of(finding, what, mark)
    if current is None or not _same_story(current, finding):
        return Told(Episode(alarm, finding.identity, finding.wasted_from), begins=True, alarm=alarm)
    before = current.alarm
    vague = finding.kind in _VAGUE
    takes_over = before.kind in _VAGUE and not vague
    raised = finding.level > before.level or takes_over
    if vague and before.kind not in _VAGUE and not raised:
        return Told(current, begins=False, alarm=None)  # it is known better already
    if raised or finding.kind is before.kind or finding.events >= before.events:
        joined = _joined(before, alarm)
    else:  # the loop goes on, and another rule has seen a part of it
        joined = before._replace(position=mark.position, last=mark.name)
    wasted_from = min(current.wasted_from, finding.wasted_from, key=lambda one: one.position)
    joined = joined._replace(cost_picousd=_cost(wasted_from, mark), level=max(before.level, finding.level))
    identity = finding.identity if raised else current.identity
    return Told(Episode(joined, identity, wasted_from), begins=False, alarm=alarm if raised else None)


def _same_story(current: Episode, finding: Finding) -> bool:
    end = current.alarm.position
    if finding.start.position <= end:
        return True
    return finding.identity == current.identity and finding.start.position - end <= _SAME_AGAIN


def _joined(before: Alarm, alarm: Alarm) -> Alarm:
    first = before if before.start <= alarm.start else alarm
    events, times = alarm.events, alarm.times
    if alarm.start > before.position:  # the same again, after something else
        events, times = before.events + events, before.times + times
    return alarm._replace(
        start=first.start,
        since=first.since,
        first=first.first,
        events=max(before.events, events),
        times=max(before.times, times) if before.kind is alarm.kind else times,
    )


def alarm_of(finding: Finding, what: str, mark: Mark) -> Alarm:
    """*finding*, whose latest event is at *mark*, in the words of an alarm."""
    return Alarm(
        kind=finding.kind,
        level=finding.level,
        what=what,
        times=finding.times,
        period=finding.period,
        events=finding.events,
        since=finding.start.at,
        first=finding.start.name,
        last=mark.name,
        position=mark.position,
        start=finding.start.position,
        cost_picousd=_cost(finding.wasted_from, mark),
        advice=_WAITING if finding.polling else _CHANGING if finding.changing else _ADVICE[finding.kind],
    )


def _cost(since: Mark, mark: Mark) -> int | None:
    return mark.spent - since.spent if mark.priced > since.priced else None

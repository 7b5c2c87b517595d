"""One loop, one story: findings of several rules about the same events are one episode.

A loop is raised when its level rises. The loudest finding has the word, so that what is told of a loop says
why it is that loud; of two as loud, the one that says precisely what repeats, not that little is new. Money
that goes is a story of its own: it may go for many loops, or for none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from quarterdeck.loops.events.findings import Finding, Mark
from quarterdeck.loops.events.model import Alarm, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

VAGUE = frozenset({Kind.LOW_NOVELTY, Kind.SPEND})
"""What is told where nobody can say precisely what repeats."""

_SAME_AGAIN = 8  # events between which the same loop has not ended

_ADVICE = {
    Kind.REPETITION: "The same call gives the same answer. Use what it said, or change the call.",
    Kind.CYCLE: "These calls come out as they did in the round before. Decide by what is known now.",
    Kind.SAME_ERROR: "What is tried does not touch the cause of this error. Read what it asks for,"
    " and take another way; if there is none, say so.",
    Kind.ALTERNATION: "Each change undoes the one before it. Decide first which state is right, and why.",
    Kind.MONOLOGUE: "Nothing is done between these messages. Make the call, ask, or finish.",
    Kind.LOW_NOVELTY: "Almost nothing here brought anything that was not known. Write down what is known and"
    " what is missing, and do only what is missing.",
    Kind.SPEND: "Money goes and nothing has changed. Finish a small useful part, or say what is missing.",
}
_WAITING = (
    "It was asked very often whether it is ready. Wait longer between two calls, or find out why it is not."
)
_CHANGING = (
    "One call is made again and again, each time with another outcome. If it waits, let it wait longer."
)
_SEARCHING = (
    "Other words bring the same answer. Take it for the answer, or look in another place for another thing."
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


def tell(current: Episode | None, finding: Finding, about: Callable[[], str], mark: Mark) -> Told:
    """Add *finding*, whose latest event is at *mark*, to the episode at work, or begin a new one.

    *about* puts it into words; it is asked only if they are not known yet.
    """
    if current is None or not _same_story(current, finding):
        alarm = alarm_of(finding, about(), mark)
        return Told(Episode(alarm, finding.identity, finding.wasted_from), begins=True, alarm=alarm)
    before = current.alarm
    vague = finding.kind in VAGUE
    is_louder = finding.level > before.level
    if vague and before.kind not in VAGUE and not is_louder:
        return Told(current, begins=False, alarm=None)  # it is known better already
    as_loud = finding.level == before.level
    known = as_loud and finding.kind is before.kind and finding.identity == current.identity
    is_precise = before.kind in VAGUE and not vague
    tells = is_louder or (as_loud and (known or is_precise or finding.events >= before.events))
    alarm = alarm_of(finding, about() if tells and not known else before.what, mark)
    wasted_from = min(current.wasted_from, finding.wasted_from, key=lambda one: one.position)
    joined = _joined(before, alarm, tells=tells)._replace(cost_picousd=_cost(wasted_from, mark))
    episode = Episode(joined, finding.identity if tells else current.identity, wasted_from)
    return Told(episode, begins=False, alarm=alarm if is_louder else None)


def _same_story(current: Episode, finding: Finding) -> bool:
    end = current.alarm.position
    if finding.start.position <= end:
        return True
    return finding.identity == current.identity and finding.start.position - end <= _SAME_AGAIN


def _joined(before: Alarm, alarm: Alarm, *, tells: bool) -> Alarm:
    """Both as one: what is told of the louder one, with the extent of both."""
    first = before if before.start <= alarm.start else alarm
    apart = alarm.start > before.position  # the same again, after something else
    return (alarm if tells else before)._replace(
        start=first.start,
        since=first.since,
        first=first.first,
        position=alarm.position,
        last=alarm.last,
        events=before.events + alarm.events if apart else max(before.events, alarm.events),
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
        advice=_advice(finding),
    )


def _advice(finding: Finding) -> str:
    if finding.polling:
        return _WAITING
    if finding.changing:
        return _CHANGING
    return _SEARCHING if finding.searching else _ADVICE[finding.kind]


def _cost(since: Mark, mark: Mark) -> int | None:
    return mark.spent - since.spent if mark.priced > since.priced else None

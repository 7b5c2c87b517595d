"""Loops that become patterns to avoid."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from quarterdeck.errors import UsageError
from quarterdeck.loops.events import Alarm, Kind, Level
from quarterdeck.loops.metrics import FeedbackLoop, LoopPolarity, LoopType
from quarterdeck.loops.sessions.lesson import is_certain, record_loop
from quarterdeck.patterns import Pattern, PatternLibrary

SINCE = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALARM = Alarm(
    kind=Kind.REPETITION,
    level=Level.STOP,
    what="Grep(pattern=TODO) -> No matches found",
    times=12,
    period=1,
    events=12,
    since=SINCE,
    first="toolu_1",
    last="toolu_12",
    position=13,
    start=2,
    cost_picousd=250_000_000_000,
    advice="The same call gives the same answer.",
)
EROSION = FeedbackLoop(
    "R2",
    LoopType.REINFORCING,
    LoopPolarity.VICIOUS,
    "What fails is trusted less.",
    ["trust", "errors"],
    strength=0.8,
    detected_at=SINCE,
    intervention_points=["break_cycle"],
)


@pytest.fixture
def library():
    """A library in memory."""
    with PatternLibrary(":memory:") as opened:
        yield opened


def test_an_alarm_becomes_a_pattern_to_avoid(library):
    """It says what, how often, for how much, and what to do instead."""
    lesson = record_loop(ALARM, library, agent_id="coder", source="session")
    assert lesson.change == "new"
    (pattern,) = library.patterns()
    assert pattern.id == lesson.pattern_id
    assert (pattern.lesson, pattern.agent_id, pattern.confidence) == ("avoid", "coder", 0.9)
    assert pattern.tags == ["loop", "repetition"]
    assert "Grep(pattern=TODO)" in pattern.name
    assert "12 times" in pattern.description
    assert "$0.25" in pattern.description
    assert ALARM.advice in pattern.description
    assert pattern.context["times"] == 12
    assert library.search("grep todo")[0].pattern.id == pattern.id


def test_the_same_occurrence_is_recorded_once(library):
    """However often a session is read, and however long the loop has become meanwhile."""
    for alarm in (ALARM, ALARM._replace(times=14, last="toolu_14"), ALARM):
        record_loop(alarm, library, source="session")
    second = ALARM._replace(first="toolu_50", start=50)
    assert [record_loop(second, library, source="session").change for _ in range(2)] == ["again", "none"]
    (pattern,) = library.patterns()
    assert pattern.usage_count == 1


def test_another_occurrence_is_one_more_outcome(library):
    """In another session; numbers in what repeats make no other loop."""
    first = record_loop(ALARM._replace(what="Read(page=1) -> 404"), library, source="a")
    second = record_loop(ALARM._replace(what="Read(page=2) -> 404"), library, source="b")
    assert (first.pattern_id, second.change) == (second.pattern_id, "again")
    (outcome,) = library.get_outcomes(first.pattern_id)
    assert outcome.success
    assert "12 times" in outcome.note


def test_without_a_source_every_call_is_another_occurrence(library):
    """Nobody could tell them apart."""
    changes = [record_loop(ALARM, library).change for _ in range(3)]
    assert changes == ["new", "again", "again"]


def test_another_loop_is_another_pattern(library):
    """By its kind, or by what repeats."""
    for alarm in (ALARM, ALARM._replace(kind=Kind.SAME_ERROR), ALARM._replace(what="Read(file=x)")):
        assert record_loop(alarm, library, source="a").change == "new"
    assert library.count() == 3


def test_secrets_do_not_reach_the_library(library):
    """The library takes them out of all that is said."""
    key = "sk-ant-api03-" + "abcdefghij0123456789" * 4
    record_loop(ALARM._replace(what=f"Bash(command=curl -H 'x-api-key: {key}')"), library, source="a")
    record_loop(ALARM._replace(what=f"Bash(command=curl -H 'x-api-key: {key}')"), library, source="b")
    (pattern,) = library.patterns()
    (outcome,) = library.get_outcomes(pattern.id)
    assert key not in repr(pattern) + repr(outcome)


def test_hostile_text_becomes_a_pattern_all_the_same(library):
    """Of one line, and of no more than the library takes."""
    hostile = ALARM._replace(
        what="\x1b[2J\u202e\ud800\n" + "x" * 5_000, advice="\0\n", first="\x85" * 900, cost_picousd=None
    )
    for _ in range(2):
        record_loop(hostile, library, source="\x1b\n" * 400)
    (pattern,) = library.patterns()
    assert pattern.name.isprintable()
    assert pattern.usage_count == 0


def test_a_nudge_is_no_lesson(library):
    """Neither recorded when asked for, nor certain."""
    nudge = ALARM._replace(level=Level.NUDGE)
    with pytest.raises(UsageError, match="nudge") as refused:
        record_loop(nudge, library)
    assert refused.value.hint
    assert not is_certain(nudge)


@pytest.mark.parametrize("kind", Kind)
def test_only_what_says_what_repeats_is_recorded_unasked(kind: Kind):
    """That little was new, or much was spent, helps nobody else."""
    telling = {Kind.REPETITION, Kind.CYCLE, Kind.SAME_ERROR, Kind.ALTERNATION}
    assert is_certain(ALARM._replace(kind=kind)) is (kind in telling)


def test_a_vicious_loop_in_metrics_becomes_a_pattern_too(library):
    """With what ends it; found again later it is one more outcome."""
    lesson = record_loop(EROSION, library, source="trust.jsonl")
    (pattern,) = library.patterns()
    assert (pattern.lesson, pattern.tags, pattern.confidence) == ("avoid", ["loop", "metrics"], 0.8)
    assert "trust -> errors -> trust" in pattern.description
    assert record_loop(EROSION, library, source="trust.jsonl").change == "none"
    assert record_loop(EROSION, library, source="later.jsonl") == (lesson.pattern_id, "again")


def test_a_loop_that_is_good_or_was_not_seen_is_no_lesson(library):
    """A description alone is nothing that happened."""
    for loop in (replace(EROSION, polarity=LoopPolarity.VIRTUOUS), replace(EROSION, detected_at=None)):
        with pytest.raises(UsageError, match="vicious"):
            record_loop(loop, library)


def test_who_is_faster_makes_the_pattern_and_the_other_an_outcome(library, monkeypatch):
    """Two processes may record the same loop at once."""
    real = PatternLibrary.contribute_pattern

    def overtaken(self: PatternLibrary, agent: str, pattern: Pattern) -> None:
        monkeypatch.setattr(PatternLibrary, "contribute_pattern", real)
        record_loop(ALARM, library, source="theirs")
        real(self, agent, pattern)

    monkeypatch.setattr(PatternLibrary, "contribute_pattern", overtaken)
    assert record_loop(ALARM, library, source="ours").change == "again"

"""What was written afterwards: its loops come back, its errands do not, and its first figure is kept."""

from __future__ import annotations

import json
import random

import pytest

from bench.loop_afterwards import FIRST_SHOWN, IN_ONE_MESSAGE, WORDLESS, Afterwards
from bench.loop_circles import CIRCLES
from bench.loop_corpus import Corpus, Run
from bench.loop_draws import QUIET
from bench.loop_errands import ERRANDS, WAITING
from bench.loop_events import AFTERWARDS, CONTENDERS, SUBJECT, afterwards, judged
from bench.loop_refusals import FEWEST, MOST
from quarterdeck.loops.events import AgentEvent

DRAWS = 15


@pytest.fixture(scope="module")
def corpus():
    """A few runs of two agents."""
    runs = []
    for agent in ("one", "two"):
        for task in range(20):
            calls = [AgentEvent.call(f"tool_{n}", {"task": task}, f"{task}.{n}") for n in range(4)]
            runs.append(Run(agent, "office", (AgentEvent.heard(f"Do {task}."), *calls)))
    return Corpus(runs, [])


def test_its_kinds_are_many():
    """At least ten loops and eight errands; those that are treated apart are among them."""
    assert len(CIRCLES) >= 10
    assert len(ERRANDS) >= 8
    assert set(WORDLESS) <= CIRCLES.keys()
    assert set(WAITING) <= ERRANDS.keys()


@pytest.mark.parametrize("kind", CIRCLES)
def test_a_circle_is_gone_round_often_enough(kind):
    """Six to 25 times, with nobody from outside in it; or it is all in one message."""
    for number in range(DRAWS):
        circle = CIRCLES[kind](random.Random(number))
        fewest, most = (1, 1) if kind == IN_ONE_MESSAGE else (FEWEST, MOST)
        assert fewest <= len(circle.rounds) <= most
        assert all(circle.rounds)
        assert circle.kinds
        assert not any(event.by_user for events in circle.rounds for event in events)


@pytest.mark.parametrize("kind", CIRCLES)
def test_every_round_of_a_circle_uses_the_same_tools_or_fails(kind):
    """What comes back is a round: its tools, or its error."""
    for number in range(DRAWS):
        rounds = CIRCLES[kind](random.Random(number)).rounds
        tools = {frozenset(event.tool for event in events) for events in rounds}
        assert len(tools) == 1 or all(event.failed for events in rounds for event in events)


@pytest.mark.parametrize("kind", sorted(ERRANDS.keys() - set(WAITING)))
def test_an_errand_makes_no_call_thrice_with_one_outcome(kind):
    """Unless it waits, or somebody asks again; a test may say the same of another revision."""
    for number in range(DRAWS):
        seen: dict[str, int] = {}
        for event in ERRANDS[kind](random.Random(number)):
            key = json.dumps([event.tool, event.arguments, event.outcome])
            if event.by_user or "bisect" in key:
                seen.clear()
            seen[key] = seen.get(key, 0) + 1
            assert seen[key] <= 2


@pytest.mark.parametrize("kind", WAITING)
def test_waiting_ends_with_an_answer(kind):
    """The last outcome is one that was not there before, and no failure."""
    for number in range(DRAWS):
        *before, last = ERRANDS[kind](random.Random(number))
        assert not last.failed
        assert last.outcome not in [event.outcome for event in before]


def test_a_draw_is_the_same_each_time(corpus):
    """And another one for another seed."""

    def kept(seed):
        draws = Afterwards(corpus, seed=seed)
        return [
            (one.kind, one.start, one.end, repr(one.events))
            for one in (*draws.loops(1), *draws.works(1), *draws.quiet(1))
        ]

    first = kept(0)
    assert first == kept(0)
    assert not set(first) & set(kept(1))
    assert [kind for kind, *_ in first] == [*CIRCLES, *ERRANDS, QUIET]


def test_a_circle_is_laid_into_a_session(corpus):
    """Something goes before it and after it, and it is one from the second round on."""
    for session in Afterwards(corpus).loops(4):
        first = session.rounds[0]
        assert 0 < session.start <= first <= session.end == session.rounds[-1] < len(session.events)
        assert session.start == first or session.kind == IN_ONE_MESSAGE
        times = [event.at for event in session.events if event.at]
        assert times == sorted(times)


def test_every_other_session_tells_what_failed(corpus):
    """In the others nobody says that of any call."""
    draws = Afterwards(corpus)
    for sessions in (draws.loops(2), draws.works(2)):
        for number, session in enumerate(sessions):
            says = any(event.failed is not None for event in session.events)
            is_told_in_words = session.kind in WORDLESS  # nothing was called
            assert says is (number % 2 == 0 and not is_told_in_words)


def test_its_tables_keep_what_was_found_first(corpus):
    """The row of F1 ends with the figure of the first run; every kind has a row of its own."""
    draws = Afterwards(corpus)
    sessions = [*draws.loops(1), *draws.works(1), *draws.loops(2)]
    seen = {name: [judged(make, one) for one in sessions] for name, make in CONTENDERS.items()}
    f1, untold, found, false = afterwards({AFTERWARDS: seen})
    assert f1["rows"][0]["name"] == SUBJECT
    assert f1["rows"][0]["text"].endswith(f"({FIRST_SHOWN['F1']:.3f} when first shown)")
    assert f1["rows"][0]["figures"]["F1, first shown"] == FIRST_SHOWN["F1"]
    assert not any("first shown" in row["text"] for row in f1["rows"][1:])
    assert untold["files"] < f1["files"]
    names = {row["name"] for row in (*found["rows"], *false["rows"])}
    assert names >= {f"{SUBJECT} ({kind})" for kind in (*CIRCLES, *ERRANDS)}

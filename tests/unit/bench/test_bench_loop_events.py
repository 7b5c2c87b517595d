"""The judge of loop detectors is just: loops are loops, and hits and false alarms are counted right."""

from __future__ import annotations

import json
import random

import pytest

from bench import loop_corpus, loop_events
from bench.loop_corpus import Corpus, Run
from bench.loop_draws import QUIET, REAL, Draws, Session
from bench.loop_events import CONTENDERS, SUBJECT, Flag, judged, rounds_until, score
from bench.loop_scripts import SCRIPTS
from bench.loop_stage import Stage, material
from bench.loop_work import WORKS
from bench.programs import loop_watching
from quarterdeck.loops.events import AgentEvent, Kind, Level

CALL = AgentEvent.call("grep", {"pattern": "TODO"}, "nothing", failed=False)


@pytest.fixture(scope="module")
def files():
    """Real files."""
    return material()


@pytest.fixture(scope="module")
def corpus():
    """A few runs of agents on both sides, and two that went in circles."""
    runs = []
    for agent in ("one", "two", "three", "four", "five", "six"):
        for task in range(20):
            calls = [AgentEvent.call(f"tool_{n}", {"task": task}, f"{task}.{n}") for n in range(4)]
            runs.append(Run(agent, "office", (AgentEvent.heard(f"Do {task}."), *calls)))
    circle = (AgentEvent.heard("Do it."), *[CALL] * 6)
    loops = [loop_corpus.real_loop(Run(agent, "office", circle)) for agent in ("one", "two", "five")]
    return Corpus(runs, [loop for loop in loops if loop])


def saying(flags):
    """A detector that says what *flags* have for the numbers of events."""

    def make():
        count = 0

        def watch(event):
            nonlocal count
            count += 1
            return flags.get(count)

        return watch

    return make


NAMES = frozenset({Kind.REPETITION}), frozenset({"grep"})
WORD, STOP = (Level.NUDGE, "repetition", "grep"), (Level.STOP, "repetition", "grep")


@pytest.mark.parametrize(
    "position,hits,false",
    [(3, 0, 1), (4, 1, 0), (8, 1, 0), (9, 0, 0), (24, 0, 0), (25, 0, 1)],
)
def test_a_hit_is_what_is_said_while_the_loop_goes_on(position, hits, false):
    """Before it is a false alarm; after its end it is too late, and after a while a false alarm again."""
    session = Session("identical call", [CALL] * 30, 3, 8, (3, 8), *NAMES)
    seen = judged(saying({position: WORD}), session)
    assert (len(seen.hits), len(seen.false)) == (hits, false)


def test_whatever_is_said_of_a_session_without_a_loop_is_false():
    """At any place in it."""
    seen = judged(saying({1: WORD, 5: STOP}), Session(QUIET, [CALL] * 5))
    assert [flag.position for flag in seen.false] == [1, 5]


def test_the_score_counts_sessions():
    """Two loops of which one is found, one of the two other sessions flagged twice."""
    looping = Session("identical call", [CALL] * 10, 2, 9, (2, 9))
    quiet = Session(QUIET, [CALL] * 10)
    seen = [
        judged(saying({5: WORD, 6: STOP}), looping),
        judged(saying({}), looping),
        judged(saying({1: WORD, 2: WORD}), quiet),
        judged(saying({}), quiet),
    ]
    of = score(seen)
    assert (of.recall, of.precision, of.false_flags, of.sessions, of.events) == (0.5, 0.5, 2, 4, 40)
    assert of.f1 == pytest.approx(0.5)
    assert score(seen, Level.STOP).precision == 1.0


def test_rounds_are_counted_when_they_are_complete():
    """The nudge comes in the middle of the third round, the stop with the fifth."""
    session = Session("identical call", [CALL] * 12, 2, 10, (2, 4, 6, 8, 10))
    seen = [judged(saying({5: WORD, 10: STOP}), session)]
    assert rounds_until(seen, Level.NUDGE) == 2
    assert rounds_until(seen, Level.STOP) == 5
    assert rounds_until([judged(saying({}), session)], Level.NUDGE) is None


@pytest.mark.parametrize(
    "kind,what,expected",
    [("repetition", "grep(pattern=TODO)", True), ("cycle", "grep()", False), ("repetition", "read()", False)],
)
def test_the_right_name_is_a_fitting_kind_and_a_tool_of_the_loop(kind, what, expected):
    """Of the first thing that is said."""
    session = Session("identical call", [CALL] * 9, 1, 9, (1, 9), *NAMES)
    seen = loop_events.Judged(session, [Flag(4, Level.NUDGE, kind, what)], [])
    assert loop_events.is_named_right(seen) is expected


@pytest.mark.parametrize("is_held_out", [False, True])
@pytest.mark.parametrize("kind", SCRIPTS)
def test_a_script_comes_back_to_what_it_did(kind, is_held_out, files):
    """Its rounds end where it ends; there are at least three of them, or it is in one message."""
    for number in range(10):
        script = SCRIPTS[kind](Stage(random.Random(number), files, is_held_out=is_held_out))
        assert script.rounds == sorted(set(script.rounds))
        assert script.rounds[-1] == len(script.events)
        assert script.kinds
        assert len(script.rounds) >= (1 if kind == "chanting" else 3)
        assert not any(event.by_user for event in script.events)


@pytest.mark.parametrize("kind", sorted(WORKS.keys() - {"polling", "heartbeat", "scrolling", "chores"}))
def test_honest_repetition_moves_or_is_wanted(kind, files):
    """Where nobody waits or tidies, no call has one outcome four times between changes and wishes."""
    for number in range(20):
        seen: dict[str, int] = {}
        for event in WORKS[kind](Stage(random.Random(number), files, is_held_out=False)):
            if event.by_user or "edit" in event.tool.lower() or "patch" in event.tool:
                seen.clear()
            key = json.dumps([event.tool, event.arguments, event.outcome])
            seen[key] = seen.get(key, 0) + 1
            assert seen[key] <= 3


def test_a_draw_is_the_same_each_time_and_another_one_in_the_other_half(corpus, files):
    """So that figures can be compared; the halves share no session."""

    def kept(*, is_held_out, seed=0):
        draws = Draws(corpus, files, is_held_out=is_held_out, seed=seed)
        return [
            (one.kind, one.start, one.end, repr(one.events)) for one in (*draws.loops(1), *draws.works(1))
        ]

    first = kept(is_held_out=False)
    assert first == kept(is_held_out=False)
    assert not set(first) & set(kept(is_held_out=True))
    assert not set(first) & set(kept(is_held_out=False, seed=1))
    assert [kind for kind, *_ in first] == [*SCRIPTS, *WORKS]


def test_a_loop_is_laid_into_its_session(corpus, files):
    """Something goes before it, its rounds lie in it, and it is one from the second round on."""
    for session in Draws(corpus, files, is_held_out=False).loops(3):
        first = session.rounds[0]
        assert 0 < session.start <= first <= session.end == session.rounds[-1] < len(session.events)
        assert session.start == first or session.kind == "chanting"
        times = [event.at for event in session.events if event.at]
        assert times == sorted(times)


def test_a_real_loop_is_found_by_counting(corpus):
    """Five times the same call with the same outcome; two is quiet, and what lies between is neither."""
    user = AgentEvent.heard("Do it.")
    for times, is_loop, is_quiet in ((2, False, True), (4, False, False), (5, True, False)):
        run = Run("one", "office", (user, *[CALL] * times))
        assert (loop_corpus.real_loop(run) is not None) is is_loop
        assert loop_corpus.is_quiet(run) is is_quiet
    changing = tuple(CALL._replace(outcome=str(number)) for number in range(9))
    assert loop_corpus.is_quiet(Run("one", "office", changing))


def test_a_run_that_fails_on_and_on_or_chants_is_not_quiet():
    """Though no call of it has the same outcome twice."""
    failing = tuple(CALL._replace(outcome=str(number), failed=True) for number in range(4))
    assert loop_corpus.is_quiet(Run("one", "office", failing[:3]))
    assert not loop_corpus.is_quiet(Run("one", "office", failing))
    assert not loop_corpus.is_quiet(Run("one", "office", (CALL, AgentEvent.said("And so on. " * 40))))


def test_every_contender_sees_a_real_loop(corpus, files):
    """Six identical calls in a row, in runs of agents of both halves."""
    halves = [list(Draws(corpus, files, is_held_out=half).real_loops()) for half in (False, True)]
    assert all(halves)
    for session in (*halves[0], *halves[1]):
        assert session.kind == REAL
        assert all(judged(make, session).hits for make in CONTENDERS.values())


def test_the_tables_have_a_row_for_each_contender_and_kind(corpus, files):
    """The subject first, so that the others are compared with it."""
    draws = Draws(corpus, files, is_held_out=False)
    sessions = [*draws.loops(1), *draws.works(1), *draws.real_loops()]
    seen = {name: [judged(make, one) for one in sessions] for name, make in CONTENDERS.items()}
    f1, untold, found, false, real = loop_events.accuracy({"development": seen})
    for table in (f1, untold, found, false, real):
        assert [row["name"] for row in table["rows"]][: len(CONTENDERS)] == list(CONTENDERS)
    names = {row["name"] for row in (*found["rows"], *false["rows"])}
    assert names >= {f"{SUBJECT} ({kind})" for kind in (*SCRIPTS, *WORKS)}
    figures = f1["rows"][0]["figures"]
    assert 0 <= figures["precision, development"] <= 1
    assert figures["F1, development"] > 0
    assert 0 < untold["files"] < f1["files"] == found["files"] + false["files"]


@pytest.mark.parametrize("engine", ["quarterdeck", "floor", "rule of OpenHands", "rule of gemini-cli"])
def test_a_watching_program_says_its_times_last(engine, tmp_path, capsys):
    """Events are read as they were written."""
    stream = tmp_path / "events.jsonl"
    stream.write_text("".join(json.dumps(CALL) + "\n" for _ in range(5)))
    loop_watching.main(engine, "time", str(stream))
    word, wall_s, cpu_s = capsys.readouterr().out.split()
    assert word == "timed"
    assert float(wall_s) > 0
    assert float(cpu_s) > 0


def test_a_detector_holds_no_more_after_many_events_than_after_some():
    """Its windows are full after the first thousand; the floor holds nothing at all."""
    first, last = loop_watching.held_bytes(loop_watching.engine_named("quarterdeck"), 3_000)
    assert 0 < last < first + 20_000
    assert max(loop_watching.held_bytes(loop_watching.engine_named("floor"), 2_000)) < 10_000

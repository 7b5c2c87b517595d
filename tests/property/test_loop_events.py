"""Whatever an agent does: nothing raises, nothing is remembered that should not be, repetition is found."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.loops.events import AgentEvent, AgentLoopDetector, Kind, findings

LIMITS = {
    Kind.REPETITION: (
        findings.SAME_CALL,
        findings.UNKNOWN_OUTCOME,
        findings.STEPPING,
        findings.POLLING,
        findings.SCATTERED,
        findings.OTHER_FAILURE,
        findings.OTHER_OUTCOME,
        findings.OTHER_OUTCOME_POLLING,
    ),
    Kind.CYCLE: (findings.ROUNDS, findings.STEPPING, findings.POLLING),
    Kind.SAME_ERROR: (findings.SAME_ERROR, findings.TRIED_ERROR, findings.POLLING),
    Kind.ALTERNATION: (findings.RETURNS,),
    Kind.LOW_NOVELTY: (findings.LITTLE_NEW, findings.SEARCHED),
}

texts = st.text(st.characters(codec=None), max_size=60)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=True, allow_infinity=True)
    | texts
    | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            texts
            | st.sampled_from(["command", "path", "output", "status", "error", "exit_code", "input", "to"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
moments = st.none() | st.datetimes(timezones=st.none() | st.just(UTC))
anything = st.builds(
    AgentEvent,
    tool=st.sampled_from(["", "Bash", "Edit", "Grep", "TodoWrite", "sleep"]) | texts,
    arguments=values,
    outcome=values,
    failed=st.none() | st.booleans(),
    text=texts | st.text("ab .|`\n", min_size=390, max_size=500),
    by_user=st.sampled_from([False] * 9 + [True]),
    at=moments,
    cost_picousd=st.none() | st.integers(-(2**70), 2**70),
    progress=st.none() | st.booleans(),
    name=texts,
)
few = st.integers(0, 3).map(
    lambda number: AgentEvent.call("Read", {"path": f"f{number}"}, f"text {number}", cost_picousd=7)
)
sessions = st.lists(st.one_of(few, few, anything), max_size=60)


@given(sessions)
def test_nothing_raises_and_a_restored_detector_goes_on_the_same(events):
    """After every event the state can be saved, read back, and says the same of what comes next."""
    detector, twin = AgentLoopDetector(), AgentLoopDetector()
    for event in events:
        twin = AgentLoopDetector.restored(twin.snapshot())
        assert twin.observe(event) == detector.observe(event)
        assert twin.snapshot() == detector.snapshot()
        for alarm in detector.alarms[-1:]:
            assert alarm.what.isprintable()
            assert 0 < alarm.start <= alarm.position
            assert alarm.cost_picousd is None or alarm.cost_picousd >= 0


edits = st.integers(0, 5).map(
    lambda number: AgentEvent.call(
        "Edit",
        {"file_path": f"f{number % 2}", "old_string": f"{number}", "new_string": f"{number ^ 1}"},
        "ok",
        failed=number > 4,
    )
)
errors = st.integers(0, 2).map(
    lambda number: AgentEvent.call("Bash", {"command": f"x{number}"}, "error: no such disk", failed=True)
)
polls = st.just(AgentEvent.call("poll", {"id": 1}, "no"))
rounds = st.lists(
    st.tuples(st.lists(st.one_of(few, edits, errors, polls), min_size=1, max_size=4), st.integers(1, 12)).map(
        lambda part: part[0] * part[1]
    ),
    max_size=5,
)


@given(rounds)
def test_a_loop_is_as_loud_as_what_is_told_of_it(parts):
    """Kind, period and times have the level they have in the table, whatever rules have seen it."""
    detector = AgentLoopDetector(spend_usd=0)
    for event in (event for part in parts for event in part):
        detector.observe(event)
    for told in (*detector.alarms, *detector.loops()):
        counts = [told.times]
        if told.kind is Kind.CYCLE:
            counts += [told.times * told.period]  # calls, where one of them waits or steps on
        if told.kind is Kind.LOW_NOVELTY:
            counts += [told.times - 15]
        assert told.level in {limits.level(count) for limits in LIMITS[told.kind] for count in counts}, told


@given(sessions, anything)
def test_to_consider_leaves_no_trace(events, pending):
    """The same alarms follow whether something was considered or not."""
    detector, twin = AgentLoopDetector(), AgentLoopDetector()
    for event in events:
        detector.consider(pending)
        detector.consider(event._replace(outcome=None))
        assert twin.observe(event) == detector.observe(event)
    assert (twin.snapshot(), twin.alarms, twin.loops()) == (
        detector.snapshot(),
        detector.alarms,
        detector.loops(),
    )


@given(st.lists(few, min_size=1, max_size=40))
def test_what_is_considered_is_what_is_then_observed(events):
    """If a call comes out as the last time, the level that is reached was foretold."""
    detector = AgentLoopDetector()
    for event in events:
        foretold = detector.consider(event._replace(outcome=None, cost_picousd=None))
        alarm = detector.observe(event)
        if alarm is not None:
            assert foretold is not None
            assert foretold.level >= alarm.level


@given(st.lists(st.integers(0, 2), max_size=40))
def test_repetition_is_what_counting_says(numbers):
    """One call four times, or a round of 2 to 8 three times, counted the slow way, is never passed over."""
    detector = AgentLoopDetector()
    done: list[int] = []
    for number in numbers:
        detector.observe(AgentEvent.call("Read", {"path": f"f{number}"}, f"text {number}"))
        done.append(number)
        rounds = {period: whole_rounds(done, period) for period in range(1, 9)}
        if rounds[1] >= 4 or max(rounds[period] for period in range(2, 9)) >= 3 > rounds[1]:
            assert detector.alarms, done


def whole_rounds(done, period):
    """How many rounds of *period* items *done* ends with."""
    rounds = 1
    while (
        len(done) >= (rounds + 1) * period
        and done[len(done) - (rounds + 1) * period : len(done) - rounds * period] == done[-period:]
    ):
        rounds += 1
    return rounds if len(done) >= period else 0


@given(
    st.integers(1, 120), st.sampled_from(["Read", "Edit", "send", "Bash"]), st.randoms(use_true_random=False)
)
@settings(max_examples=30)
def test_calls_that_are_all_new_are_no_loop(count, tool, dice):
    """However many there are, whichever tool it is."""
    detector = AgentLoopDetector()
    for number in range(count):
        words = dice.choice(["done with", "wrote", "read"])
        detector.observe(
            AgentEvent.call(
                tool, {"file_path": f"src/f{number}.py", "content": f"c{number}"}, f"{words} {number} x"
            )
        )
    assert detector.alarms == ()


@given(st.integers(4, 30), st.integers(0, 10**9))
def test_what_changes_by_itself_hides_no_repetition(times, seed):
    """Each outcome with another moment, id and duration."""
    detector = AgentLoopDetector()
    for number in range(times):
        at = datetime.fromtimestamp(seed + 977 * number, UTC).isoformat()
        number_of_its_own = uuid.UUID(
            int=(seed + 1) * (number + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128
        )
        outcome = f"{at} pid {number + 9}, request {number_of_its_own} took {number}.{seed % 97:02} ms"
        detector.observe(AgentEvent.call("Bash", {"command": "make"}, outcome, failed=False))
    assert detector.loops()[0].kind is Kind.REPETITION
    assert detector.loops()[0].times == times

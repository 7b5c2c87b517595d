"""What an alarm says, what one loop is, what is considered, and what is kept."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta

import pytest

from quarterdeck.errors import UsageError
from quarterdeck.loops.events import AgentEvent, AgentLoopDetector, Kind, Level
from quarterdeck.loops.settings import LoopSettings

PICO = 1_000_000_000_000
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def grep(number=0, pattern="TODO", **more):
    return AgentEvent.call(
        "Grep",
        {"pattern": pattern, "path": "src"},
        "src/a.py:3: TODO",
        at=NOON + timedelta(minutes=number),
        name=f"line {number}",
        **more,
    )


def read(number, **more):
    return AgentEvent.call("Read", {"file_path": f"src/file{number}.py"}, f"text of {number}", **more)


def watched(events, **settings):
    detector = AgentLoopDetector(**settings)
    for event in events:
        detector.observe(event)
    return detector


def test_an_alarm_says_what_how_often_since_when_and_what_it_cost():
    """The first call is no waste; the three after it are."""
    detector = watched([read(1), *(grep(n, cost_picousd=PICO // 4) for n in range(4))])
    (alarm,) = detector.alarms
    assert alarm.kind is Kind.REPETITION
    assert alarm.level is Level.NUDGE
    assert alarm.what == "Grep(pattern=TODO, path=src) -> src/a.py:3: TODO"
    assert (alarm.times, alarm.period, alarm.events) == (4, 1, 4)
    assert (alarm.since, alarm.first, alarm.last) == (NOON, "line 0", "line 3")
    assert (alarm.start, alarm.position) == (2, 5)
    assert alarm.cost_usd == 0.75
    assert "same answer" in alarm.advice


def test_a_cycle_names_its_calls_and_counts_its_rounds():
    """What the second round and the third cost is waste."""
    events = [read(n % 2, cost_picousd=PICO) for n in range(6)]
    (alarm,) = watched(events, spend_usd=0).alarms
    assert (alarm.kind, alarm.times, alarm.period, alarm.events) == (Kind.CYCLE, 3, 2, 6)
    assert alarm.what == "Read(file_path=src/file0.py); Read(file_path=src/file1.py)"
    assert alarm.cost_usd == 4


def test_a_cycle_names_also_the_calls_that_are_new_again_after_a_change():
    """To one branch, to the other: no part of the round is left out."""
    events = [
        AgentEvent.call("Bash", {"command": command}, outcome, failed=failed)
        for command, outcome, failed in (
            ("git checkout a", "Switched to a", False),
            ("make", "error: no stdio.h", True),
            ("git checkout b", "Switched to b", False),
            ("make", "error: no stdlib.h", True),
        )
        * 3
    ]
    (alarm,) = watched(events).alarms
    assert alarm.kind is Kind.CYCLE
    commands = ("git checkout a", "make", "git checkout b", "make")
    assert alarm.what == "; ".join(f"Bash(command={command})" for command in commands)


def test_what_is_told_of_a_loop_says_why_it_is_that_loud():
    """Two rules, of which one sees more rounds: the record is that of the louder one."""
    here, there = {"old_string": "10", "new_string": "60"}, {"old_string": "60", "new_string": "10"}
    detector = AgentLoopDetector()
    for number in range(9):
        change = {"file_path": "a.py", **(there if number % 2 else here)}
        detector.observe(AgentEvent.call("Edit", change, "updated", failed=False))
        detector.observe(AgentEvent.call("Bash", {"command": "pytest"}, f"{number % 2} failed", failed=True))
    (loop,) = detector.loops()
    assert (loop.kind, loop.level, loop.times) == (Kind.ALTERNATION, Level.STOP, 8)
    assert (loop.start, loop.position) == (1, 18)
    detector.observe(grep())
    assert detector.loops() == (loop,)


def test_the_price_of_messages_in_between_is_part_of_it():
    """Each answer of the model that leads to the next call is paid for."""
    events = [
        grep(),
        *(event for n in range(1, 4) for event in (AgentEvent.said(f"{n}?", cost_picousd=PICO), grep(n))),
    ]
    (alarm,) = watched(events, spend_usd=0).alarms
    assert alarm.cost_usd == 3


def test_unknown_prices_are_not_nothing():
    """No event has one: the cost is unknown."""
    (alarm,) = watched([grep(n) for n in range(4)]).alarms
    assert alarm.cost_picousd is None
    assert alarm.cost_usd is None


def test_what_is_shown_obeys_no_terminal():
    """Texts of strangers, on one line."""
    event = AgentEvent.call(
        "Bash\x1b[2J", {"command": "a\nb\x07\u202e"}, "\x1b]0;x\x07oops\ud800", name="\x1b[31mx"
    )
    for alarm in watched([event] * 10).alarms:
        assert alarm.what.isprintable()
        assert alarm.first.isprintable()
        assert len(alarm.what) <= 200


def test_one_loop_is_one_record_with_its_final_extent():
    """Whatever was raised on the way, and whichever rules saw it."""
    failing = AgentEvent.call(
        "Bash", {"command": "make"}, "error: missing header stdio.h", failed=True, cost_picousd=PICO
    )
    detector = watched([read(0), *[failing] * 20, read(1), read(2)], spend_usd=0)
    assert len(detector.alarms) == 3
    (loop,) = detector.loops()
    assert (loop.level, loop.times, loop.start, loop.position) == (Level.STOP, 20, 2, 21)
    assert loop.cost_usd == 19


def test_two_loops_are_two_records():
    """A new one begins after the old one has ended, and is raised again."""
    detector = watched([*[grep()] * 6, *(read(n) for n in range(30)), *[grep(pattern="FIXME")] * 5])
    assert [(loop.times, loop.start, loop.position) for loop in detector.loops()] == [(6, 1, 6), (5, 37, 41)]
    assert [alarm.level for alarm in detector.alarms] == [Level.NUDGE, Level.PAUSE, Level.NUDGE]


def test_a_short_break_does_not_begin_a_new_loop():
    """The same again after one other call is not announced anew."""
    detector = watched([*[grep()] * 5, read(1), *[grep()] * 5])
    assert [alarm.level for alarm in detector.alarms] == [Level.NUDGE, Level.PAUSE]
    (loop,) = detector.loops()
    assert (loop.times, loop.position) == (10, 11)


def test_a_user_ends_the_loop_but_not_the_record_of_it():
    """It can be raised again after that."""
    detector = watched([*[grep()] * 4, AgentEvent.heard("go on"), *[grep()] * 4])
    assert [loop.start for loop in detector.loops()] == [1, 6]
    assert len(detector.alarms) == 2


def test_money_that_goes_is_a_record_of_its_own():
    """Neither hides the other, and the loop does not inherit what went before it."""
    spent = [
        AgentEvent.call(
            "Bash", {"command": f"x{n}"}, f"TypeError in line of {n}: {n}", failed=True, cost_picousd=PICO
        )
        for n in range(4)
    ]
    detector = watched([*spent, *[grep(cost_picousd=PICO // 100)] * 4])
    assert [(alarm.kind, alarm.level) for alarm in detector.alarms] == [
        (Kind.SPEND, Level.NUDGE),
        (Kind.SPEND, Level.PAUSE),
        (Kind.REPETITION, Level.NUDGE),
    ]
    money, loop = detector.loops()
    assert (money.kind, money.start, money.cost_usd) == (Kind.SPEND, 1, 4.04)
    assert (loop.kind, loop.start, loop.cost_usd) == (Kind.REPETITION, 5, 0.03)


def test_a_precise_rule_takes_the_word_from_a_vague_one():
    """As soon as it is as loud; that is no new alarm."""
    looks = [AgentEvent.call("Grep", {"pattern": f"name{n}"}, "No matches found") for n in range(17)]
    detector = watched([*looks, *looks[-1:] * 3])
    assert [(alarm.kind, alarm.level) for alarm in detector.alarms] == [(Kind.LOW_NOVELTY, Level.NUDGE)]
    (loop,) = detector.loops()
    assert (loop.kind, loop.level, loop.times, loop.start) == (Kind.REPETITION, Level.NUDGE, 4, 1)
    detector.observe(looks[-1])
    alarm = detector.observe(looks[-1])
    assert alarm is not None
    assert (alarm.kind, alarm.level, alarm.times) == (Kind.REPETITION, Level.PAUSE, 6)


def test_a_call_is_considered_before_it_is_made():
    """As it would be if it came out as it did; what is considered is not remembered."""
    detector = watched([grep(n) for n in range(9)])
    before = detector.snapshot()
    for _ in range(3):
        alarm = detector.consider(AgentEvent.call("Grep", '{"path": "src", "pattern": "TODO"}'))
        assert alarm is not None
        assert (alarm.level, alarm.times) == (Level.STOP, 10)
    assert detector.snapshot() == before
    assert [alarm.level for alarm in detector.alarms] == [Level.NUDGE, Level.PAUSE]


@pytest.mark.parametrize(
    "event",
    [grep(), AgentEvent.call("Bash", {"command": "make"}, "x\nerror: no header\ny", failed=True)],
    ids=["answer", "error"],
)
def test_what_is_considered_is_told_with_what_came_of_it(event):
    """It is what comes of it again."""
    detector = watched([event] * 9)
    foretold = detector.consider(event._replace(outcome=None, failed=None))
    alarm = detector.observe(event)
    assert foretold is not None
    assert alarm is not None
    assert (foretold.what, foretold.level) == (alarm.what, Level.STOP)


def test_an_error_of_many_calls_is_foretold_by_its_text():
    """Also when this call had it before it was a matter of words."""
    events = [
        AgentEvent.call("Bash", {"command": f"run {n}"}, "error: the disk is full", failed=True)
        for n in range(4)
    ]
    foretold = watched(events).consider(events[0]._replace(outcome=None, failed=None))
    assert foretold is not None
    assert foretold.what == "error: the disk is full (as in Bash(command=run 0))"


def edited(number):
    change = {"file_path": "src/a.py", "old_string": f"a{number}", "new_string": f"b{number}"}
    return AgentEvent.call("Edit", change, "updated", failed=False)


FAILING = AgentEvent.call("Bash", {"command": "pytest"}, "FAILED test_old\n1 failed, 120 passed", failed=True)


def test_what_may_come_out_otherwise_now_is_no_more_than_a_nudge():
    """Ten failing runs, then something was changed: nobody knows that it still fails."""
    detector = watched([FAILING] * 12)
    stop = detector.consider(FAILING._replace(outcome=None))
    assert stop is not None
    assert stop.level is Level.STOP
    detector.observe(edited(1))
    guess = detector.consider(FAILING._replace(outcome=None))
    assert guess is not None
    assert guess.level is Level.NUDGE


def test_work_with_an_old_failure_is_never_stopped():
    """Each run of the tests comes after another change."""
    detector = watched([event for n in range(40) for event in (edited(n), FAILING)])
    assert max(alarm.level for alarm in detector.alarms) is Level.PAUSE


def test_money_stops_no_single_call():
    """It says nothing of this one; what repeats besides does."""
    dear = [AgentEvent.call("run", {"n": n}, f"error {n}", failed=True, cost_picousd=PICO) for n in range(12)]
    detector = watched([*dear, grep()])
    alarm = detector.consider(grep()._replace(outcome=None))
    assert alarm is not None
    assert (alarm.kind, alarm.level) == (Kind.SPEND, Level.NUDGE)
    for _ in range(5):
        detector.observe(grep())
    alarm = detector.consider(grep()._replace(outcome=None))
    assert alarm is not None
    assert (alarm.kind, alarm.level) == (Kind.REPETITION, Level.PAUSE)


def test_a_call_that_is_said_to_be_progress_is_let_through():
    """Whatever went before, and no loop ends by asking."""
    detector = watched([grep()] * 12)
    loops = detector.loops()
    assert detector.consider(grep(progress=True)._replace(outcome=None)) is None
    assert detector.loops() == loops


def test_what_was_raised_is_considered_again():
    """A hook asks each time."""
    detector = watched([grep()] * 30)
    alarm = detector.consider(grep()._replace(outcome=None))
    assert alarm is not None
    assert alarm.level is Level.STOP


@pytest.mark.parametrize(
    "event",
    [
        AgentEvent.call("Grep", {"pattern": "new"}),
        AgentEvent.call("Read", {"file_path": "src/file1.py"}),
        AgentEvent.said("Once more."),
        AgentEvent.heard("Once more."),
    ],
    ids=["unknown call", "known call that is in no loop", "message", "user"],
)
def test_what_does_no_harm_is_let_through(event):
    """Also in the middle of a loop that is to be stopped."""
    assert watched([read(1), *[grep()] * 12]).consider(event) is None


def test_a_detector_goes_on_where_another_process_left_off():
    """A hook begins anew before each call."""
    state = AgentLoopDetector().snapshot()
    found = []
    for number in range(10):
        detector = AgentLoopDetector.restored(state)
        alarm = detector.observe(grep(number, cost_picousd=PICO))
        found += [alarm] if alarm else []
        state = detector.snapshot()
    assert tuple(found) == watched([grep(number, cost_picousd=PICO) for number in range(10)]).alarms


def test_settings_hold_for_a_restored_one():
    """They are not part of what is remembered."""
    state = watched([grep()] * 3).snapshot()
    assert AgentLoopDetector.restored(state, polling=["grep"]).observe(grep()) is None
    assert AgentLoopDetector.restored(state).observe(grep()) is not None


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'[1,["x"]]',
        "[\ud800]",
    ],
    ids=["nothing", "object", "empty", "null", "bytes", "deep", "types", "surrogate"],
)
def test_a_damaged_state_is_none(damaged):
    """Begin anew rather than fail."""
    assert AgentLoopDetector.restored(damaged).snapshot() == AgentLoopDetector().snapshot()


def test_a_state_that_no_rule_could_have_left_is_none():
    """Each number is checked where something depends on it."""
    whole = json.loads(watched([grep()] * 3).snapshot())

    def broken(value):
        """Every copy of *value* in which one list has lost its last item."""
        for place, item in enumerate(value):
            if isinstance(item, list) and item:
                yield [*value[:place], item[:-1], *value[place + 1 :]]
                for other in broken(item):
                    yield [*value[:place], other, *value[place + 1 :]]

    copies = list(broken(whole))
    assert len(copies) > 10
    for copy in copies:
        detector = AgentLoopDetector.restored(json.dumps(copy))
        for event in [grep()] * 12 + [read(n) for n in range(3)]:
            detector.observe(event)  # it either began anew or can go on


def test_a_state_of_another_version_is_none():
    """What it means is not known here, and that is told."""
    state = json.loads(watched([grep()] * 3).snapshot())
    detector = watched([grep()] * 3)
    before = detector.snapshot()
    assert not detector.restore(json.dumps([state[0] + 1, *state[1:]]))
    assert not detector.restore(b"{")
    assert not detector.restore({"a": 1})
    assert detector.snapshot() == before
    assert AgentLoopDetector().restore(before)
    assert AgentLoopDetector.restored(json.dumps([state[0] + 1, *state[1:]])).observe(grep()) is None


def test_reset_forgets_everything():
    """As new."""
    detector = watched([grep()] * 12)
    detector.reset()
    assert (detector.alarms, detector.loops()) == ((), ())
    assert detector.snapshot() == AgentLoopDetector().snapshot()


def test_an_endless_session_needs_no_more_than_a_long_one():
    """Every call, error, file and message another one."""
    detector = AgentLoopDetector()
    sizes = []
    for number in range(8_000):
        failed = number % 3 == 0
        outcome = f"error: cannot do {'x' * (number % 97)}{number}" if failed else f"fine {number}"
        arguments = {"file_path": f"f{number}", "old_string": f"a{number}", "new_string": f"b{number}"}
        detector.observe(
            AgentEvent.call("Edit", arguments, outcome, failed=failed, at=NOON, name=f"n{number}")
        )
        detector.observe(AgentEvent.said(f"thought {number} " + "word " * 300))
        if number % 1_000 == 999:
            sizes.append(len(detector.snapshot()))
    assert max(sizes) < 30_000
    assert sizes[-1] < 1.1 * sizes[0]


def test_alarms_and_loops_are_bounded():
    """The latest are kept."""
    detector = AgentLoopDetector()
    for number in range(1_100):
        for _ in range(4):
            detector.observe(grep(pattern=f"p{number}"))
        detector.observe(AgentEvent.heard("next"))
    assert len(detector.alarms) == 256
    assert len(detector.loops()) == 1_024


@pytest.mark.parametrize("spend_usd", [math.nan, math.inf, -1.0, 1e300])
def test_a_limit_must_be_a_sum_of_money(spend_usd):
    """From the call or from the settings."""
    with pytest.raises(UsageError, match="spend_usd"):
        AgentLoopDetector(spend_usd=spend_usd)
    with pytest.raises(UsageError, match="spend_usd"):
        AgentLoopDetector(settings=LoopSettings(spend_usd=spend_usd))


def test_hostile_costs_and_moments_do_no_harm():
    """Beyond all sums, below zero, without a time zone."""
    events = [
        grep()._replace(cost_picousd=cost, at=datetime(2026, 1, 1))  # noqa: DTZ001 - that is what is tested
        for cost in (10**40, -5, 2**62, 10**40)
    ]
    detector = watched(events, spend_usd=0)
    (alarm,) = detector.alarms
    assert alarm.since is None
    assert alarm.cost_picousd is not None
    assert AgentLoopDetector.restored(detector.snapshot()).snapshot() == detector.snapshot()


@pytest.mark.parametrize(
    "field, value",
    [
        ("cost_picousd", 0.5),
        ("cost_picousd", "1"),
        ("at", "2026-01-01"),
        ("tool", 3),
        ("text", None),
        ("name", 7),
    ],
)
def test_a_field_of_another_type_is_refused(field, value):
    """With what to do instead; nothing of it is remembered."""
    detector = AgentLoopDetector()
    event = grep()._replace(**{field: value})
    with pytest.raises(UsageError, match=field) as error:
        detector.observe(event)
    assert error.value.hint
    with pytest.raises(UsageError):
        detector.consider(event)
    assert detector.snapshot() == AgentLoopDetector().snapshot()


@pytest.mark.parametrize("event", [None, {"tool": "Bash"}], ids=["nothing", "dict"])
def test_what_is_no_event_is_refused(event):
    """With how to make one."""
    with pytest.raises(UsageError, match="AgentEvent") as error:
        AgentLoopDetector().observe(event)
    assert "AgentEvent.call" in error.value.hint


def test_paths_in_the_folder_of_the_agent():
    """Absolute or relative, it is one call."""
    paths = ["src/a.py", "/app/src/a.py"] * 2
    events = [AgentEvent.call("Read", {"file_path": path}, "x = 1") for path in paths]
    assert watched(events).alarms == ()
    assert len(watched(events, folder="/app/").alarms) == 1

"""What goes in circles, how soon that is said, and what does not."""

from __future__ import annotations

import pytest

from quarterdeck.loops.events import AgentEvent, AgentLoopDetector, Kind, Level

call, said, heard = AgentEvent.call, AgentEvent.said, AgentEvent.heard
PICO = 1_000_000_000_000


def raised(events, **settings):
    """Position, kind and level of each alarm."""
    detector = AgentLoopDetector(**settings)
    return [
        (place, alarm.kind, int(alarm.level))
        for place, event in enumerate(events, 1)
        if (alarm := detector.observe(event)) is not None
    ]


def read(number):
    return call("Read", {"file_path": f"src/file{number}.py"}, f"text of file {number}")


def edit(number, old="a", new="b", *, file="src/x.py", failed=False):
    outcome = "String to replace not found in file." if failed else "updated"
    arguments = {"file_path": file, "old_string": f"{old}{number}", "new_string": f"{new}{number}"}
    return call("Edit", arguments, outcome, failed=failed)


def ran_tests(
    outcome="1 failed, 9 passed in 0.3s\nFAILED test_a.py::test_sum - assert 3 == 4", *, failed=True
):
    return call("Bash", {"command": "pytest -q"}, outcome, failed=failed)


GREP = call("Grep", {"pattern": "TODO"}, "src/a.py:3: TODO")
UNKNOWN = call("Grep", {"pattern": "TODO"})
KEY = call("press_key", {"key": "Tab"}, "ok")
POLL = call("get_build_status", {"id": 7}, '{"state": "running"}')


@pytest.mark.parametrize(
    "event, nudge, pause, stop",
    [(GREP, 4, 6, 10), (UNKNOWN, 6, 10, 16), (KEY, 12, 24, 48), (POLL, 30, 60, 120)],
    ids=["call", "unknown outcome", "stepping", "polling"],
)
def test_one_call_again_and_again_gets_louder(event, nudge, pause, stop):
    """Each level once, and none twice."""
    assert raised([event] * 2 * stop) == [
        (nudge, Kind.REPETITION, 1),
        (pause, Kind.REPETITION, 2),
        (stop, Kind.REPETITION, 3),
    ]


@pytest.mark.parametrize("period", range(2, 9))
def test_rounds_of_calls(period):
    """Two to eight calls, three rounds, five and eight; the calls may be read out of step."""
    events = [read(number) for number in range(period)] * 8
    found = [(place, level) for place, kind, level in raised(events) if kind is Kind.CYCLE]
    assert found[0] == (3 * period, 1) or (period > 5 and raised(events)[0][1] is Kind.LOW_NOVELTY)
    assert found[-1][1] == 3


def test_nine_calls_in_turn_are_little_that_is_new():
    """A round that is too long for a cycle."""
    kinds = {kind for _, kind, _ in raised([read(number) for number in range(9)] * 4)}
    assert Kind.CYCLE not in kinds
    assert kinds


def test_messages_between_the_calls_hide_nothing():
    """A different one each time."""
    events = [event for number in range(4) for event in (said(f"Trying {number} once more."), GREP)]
    assert raised(events) == [(8, Kind.REPETITION, 1)]


def test_a_user_ends_what_went_before():
    """Somebody who asks for the same again may have it."""
    assert raised([GREP, GREP, GREP, heard("again"), GREP, GREP, GREP]) == []


def test_one_call_that_comes_out_differently():
    """It counts at a much higher number, and of what waits at a higher one still."""
    steps = [call("roll", {"sides": 6}, f"value {number}") for number in range(120)]
    assert raised(steps)[0] == (100, Kind.REPETITION, 1)
    queries = [call("query_db", {"sql": "select count(*)"}, f"value {number}") for number in range(30)]
    assert raised(queries * 2) == [(50, Kind.REPETITION, 1)]


def test_one_call_among_others_that_are_known():
    """It need not come on end."""
    events = [
        read(1),
        read(2),
        GREP,
        read(1),
        GREP,
        read(2),
        read(2),
        GREP,
        read(1),
        GREP,
        read(1),
        read(2),
        GREP,
    ]
    assert [(kind, level) for _, kind, level in raised(events)] == [(Kind.REPETITION, 1)]


def test_one_call_among_new_ones_is_a_chore():
    """An agent that does as much that is new is at work."""
    chore = call("Bash", {"command": "source .venv/bin/activate"}, "")
    assert raised([event for number in range(20) for event in (chore, read(number))]) == []


def test_two_chores_that_say_nothing_before_each_new_call():
    """What only says that it is done is no answer that could be used."""
    chores = [call("Bash", {"command": name}, "") for name in ("cd packages", "cd -")]
    assert raised([event for n in range(12) for event in (chores[0], read(n), chores[1])]) == []


def test_to_ask_again_after_waiting_is_no_repetition():
    """Thirty calls may pass, as with everything that waits."""
    rounds = [call("Bash", {"command": "sleep 30"}, ""), call("Read", {"file_path": "log"}, "epoch 1")]
    assert raised(rounds * 14) == []
    assert raised(rounds * 20)[0][1:] == (Kind.CYCLE, 1)


def test_an_edit_that_fails_is_not_excused_by_waiting():
    """What changes something is tried, not polled."""
    rounds = [edit(1, failed=True), call("Bash", {"command": "sleep 3"}, "")]
    assert raised(rounds * 4)


def test_one_error_whatever_is_tried():
    """Four times, six and ten; later, if it is another call each time."""
    commands = [
        call(
            "Bash",
            {"command": f"python run{number}.py"},
            "ModuleNotFoundError: No module named 'yaml'",
            failed=True,
        )
        for number in range(10)
    ]
    assert raised(commands) == [(4, Kind.SAME_ERROR, 1), (6, Kind.SAME_ERROR, 2)]
    assert raised([*commands[:5], *commands[:5]])[-1] == (10, Kind.SAME_ERROR, 3)


def test_one_error_after_new_changes_has_more_time():
    """Somebody works on it: six times."""
    events = [event for number in range(6) for event in (ran_tests(), edit(number))]
    assert raised(events) == [(11, Kind.SAME_ERROR, 1)]


def test_a_failure_in_other_words():
    """One call on end that fails each time."""
    events = [call("Bash", {"command": "./x"}, f"error: bad token {word}") for word in "abcdefghijklmnopqrst"]
    assert raised(events) == [(8, Kind.REPETITION, 1), (12, Kind.REPETITION, 2), (20, Kind.REPETITION, 3)]


def test_to_wait_between_two_changes_is_no_waiting():
    """Delete, look, and it has crashed again, whatever it is called now."""
    events = []
    for number in range(9):
        events += [
            call("Bash", {"command": f"kubectl delete pod web-{number}"}, "deleted", failed=False),
            call(
                "Bash",
                {"command": f"kubectl logs web-{number + 1}"},
                "panic: connection refused",
                failed=True,
            ),
        ]
    assert raised(events) == [(12, Kind.SAME_ERROR, 1), (18, Kind.SAME_ERROR, 2)]


def test_to_wait_for_what_does_not_answer():
    """Thirty times, of one server or of several."""
    asks = [
        call("Bash", {"command": f"curl localhost:80{n % 3}/health"}, "connection refused", failed=True)
        for n in range(40)
    ]
    assert raised(asks)[0][0] == 30


def test_fewer_failing_tests_are_progress():
    """Test, edit, test, edit: each time another number."""
    events = [
        event
        for number in range(12, 0, -1)
        for event in (ran_tests(f"FAILED test_a.py\n{number} failed, 9 passed in 0.3s"), edit(number))
    ]
    assert raised([*events, ran_tests("21 passed", failed=False)]) == []


def test_a_call_that_works_ends_its_error():
    """Three failures, a success, three failures."""
    fails = [ran_tests()] * 3
    assert raised([*fails, ran_tests("10 passed", failed=False), *fails]) == []


def test_an_error_from_one_thing_after_another_is_a_batch():
    """Six files that are not there, in a row, before anything is said."""
    missing = [
        call("Read", {"file_path": f"docs/{number}.md"}, "Error: File does not exist.", failed=True)
        for number in range(6)
    ]
    assert [place for place, *_ in raised(missing)] == [6]


def test_a_retry_that_backs_off():
    """Failing three times with waits in between, then it works."""
    events = []
    for wait in (1, 2, 4):
        events += [call("Bash", {"command": "npm ci"}, "npm ERR! ETIMEDOUT registry", failed=True)]
        events += [call("Bash", {"command": f"sleep {wait}"}, "")]
    assert raised([*events, call("Bash", {"command": "npm ci"}, "added 3 packages", failed=False)]) == []


def test_to_and_fro_whatever_is_in_between():
    """Four edits of one file between two states."""
    there, back = edit(0, "on", "off"), edit(0, "off", "on")
    events = []
    for number, change in enumerate((there, back, there, back)):
        events += [change, read(number), read(10 + number)]
    assert raised(events) == [(10, Kind.ALTERNATION, 1)]


def test_one_thing_set_to_and_fro():
    """Whatever number its answers have."""
    events = [
        call("set_flag", {"flag": "beta", "on": n % 2 == 0}, {"on": n % 2 == 0, "revision": n})
        for n in range(10)
    ]
    assert raised(events)[0] == (5, Kind.ALTERNATION, 1)
    assert raised([call("set_flag", {"flag": f"f{n}", "on": True}, "ok") for n in range(30)]) == []


def test_changes_in_many_places_are_no_undoing():
    """The same text comes into a file again, but for another one."""
    events = [edit(n, new=("", "pass")[n % 2]) for n in range(30)]
    events = [
        call(
            "Edit", {"file_path": "a.py", "old_string": f"block {n}", "new_string": ("", "pass")[n % 2]}, "ok"
        )
        for n in range(30)
    ]
    assert raised(events) == []


def test_to_and_fro_with_another_edit_in_between():
    """It comes back all the same."""
    there, back = edit(0, "on", "off"), edit(0, "off", "on")
    events = [event for n in range(4) for event in (there, edit(2 * n + 1), back, edit(2 * n + 2))]
    assert Kind.ALTERNATION in [kind for _, kind, _ in raised(events)]


def test_what_is_tried_and_put_back_in_one_place_after_another():
    """Each change is undone, and none comes again."""
    events = [
        event
        for n in range(12)
        for event in (edit(n), ran_tests(), edit(n, "b", "a"), ran_tests("9 passed", failed=False))
    ]
    assert Kind.ALTERNATION not in [kind for _, kind, _ in raised(events)]


def test_an_edit_of_text_that_is_not_there():
    """Whatever that text is, and though the file is read in between."""
    events = []
    for number in range(4):
        failed = edit(number, failed=True)
        events += [failed._replace(outcome=f"{failed.outcome}\nString: a{number}"), read(1)]
    assert (Kind.SAME_ERROR, 1) in [found[1:] for found in raised(events)]


def test_two_states_that_are_compared():
    """Something new is learned of each: never more than a pause."""
    events = []
    for number in range(20):
        events += [call("Write", {"file_path": "conf", "content": "ab"[number % 2]}, "ok")]
        events += [call("Bash", {"command": "./bench"}, f"{number} of 90 queries")]
    assert max(level for _, _, level in raised(events)) == 2


def test_one_undo_is_no_loop():
    """Nor is a second thought about it."""
    there, back = edit(0, "on", "off"), edit(0, "off", "on")
    assert raised([there, read(1), back, read(2), there, read(3)]) == []


def test_a_file_that_is_written_in_turn():
    """Whole files have states as well."""
    write = [call("Write", {"file_path": "a.py", "content": text}, "ok") for text in ("one", "two")]
    events = [event for number in range(4) for event in (*write, read(number))]
    assert (Kind.ALTERNATION, 1) in [found[1:] for found in raised(events)]


def test_talk_without_calls():
    """Six messages, ten, sixteen, if most of them say little that is new."""
    talk = [said(f"{word} is what matters most in chapter {word}") for word in "abcdefghijklmnop"]
    talk = [said(" ".join(f"{event.text[0]}{n}" for n in range(9))) for event in talk]
    assert raised(talk) == [(6, Kind.MONOLOGUE, 1), (10, Kind.MONOLOGUE, 2), (16, Kind.MONOLOGUE, 3)]


def test_talk_that_says_something_new_each_time_may_be_longer():
    """A long answer may come in many messages."""
    answer = [said(" ".join(f"word{number}x{n}" for n in range(12))) for number in range(30)]
    assert raised(answer) == [(24, Kind.MONOLOGUE, 1)]


def test_one_message_again_is_noticed_sooner():
    """Nearly the same is the same."""
    apologies = [said(f"I apologize for the confusion. Let me fix test {n} now.") for n in range(8)]
    assert raised(apologies) == [(3, Kind.MONOLOGUE, 1), (5, Kind.MONOLOGUE, 2), (8, Kind.MONOLOGUE, 3)]


def test_a_word_before_each_new_call_is_none():
    """Agents announce what they do."""
    assert raised([event for n in range(12) for event in (said("Let me read the next file."), read(n))]) == []


def test_blank_messages_say_nothing():
    """They are not counted."""
    assert raised([said(" \n")] * 20) == []


@pytest.mark.parametrize(
    "chunk",
    ["I will now update the parser and run the tests. ", "so the value and then the value and so forth "],
    ids=["sentences", "words"],
)
def test_a_message_that_chants(chunk):
    """One chunk, over and over, in one message."""
    assert raised([said("Let me see. " + chunk * 14)]) == [(1, Kind.MONOLOGUE, 2)]


@pytest.mark.parametrize(
    "text",
    [
        "| a | b |\n|---|---|\n" + "| value here | value there |\n" * 40,
        "-" * 3000,
        "```python\n"
        + "    self.assertEqual(first, second)\n" * 40
        + "```\nThat is all that there is to it.",
        "\n".join(f"{n}. Step {n} changes module_{n} and its test_{n}" for n in range(60)),
    ],
    ids=["table", "rule", "code", "list"],
)
def test_what_is_made_of_repetition_is_no_chant(text):
    """Tables, rules, code and lists."""
    assert raised([said(text)]) == []


def test_little_that_is_new():
    """Three pieces of sixteen calls, in no order."""
    order = [0, 1, 2, 2, 1, 0, 1, 0, 2, 0, 2, 1, 1, 2, 0, 2, 1, 1, 0, 2, 0, 1, 2, 2]
    assert raised([read(number) for number in order])


def test_searching_in_vain_brings_nothing_new():
    """Whatever it is called, it is not there."""
    looks = [call("Grep", {"pattern": f"name{n}"}, "No matches found") for n in range(20)]
    assert raised(looks) == [(16, Kind.LOW_NOVELTY, 1)]


@pytest.mark.parametrize("answer", ["1 result\n- Re: lunch", "No results found."], ids=["one", "none"])
def test_other_words_for_what_is_not_there(answer):
    """One answer to eight searches, which have soon used all their words."""
    queries = ["team offsite", "offsite plan", "plan for team", "team plan", "offsite for team"]
    queries += ["plan for offsite", "offsite team plan", "team offsite plan"]
    events = [call("search_mail", {"query": query}, answer) for query in queries]
    assert raised(events) == [(8, Kind.LOW_NOVELTY, 1)]


def test_to_look_up_one_thing_after_another():
    """Each search has a word of its own."""
    events = [
        call("search_advisories", {"package": f"pkg{n}", "in": "npm"}, "0 known problems") for n in range(15)
    ]
    assert raised(events) == []


def test_to_run_the_same_checks_after_work_that_is_not_known_as_such():
    """What works and is new may have changed something."""
    checks = [
        call("Bash", {"command": "make lint"}, "All checks passed!"),
        call("Bash", {"command": "pytest"}, "9 passed"),
    ]
    work = [
        lambda n: call("Bash", {"command": f"python tools/migrate.py m{n}"}, f"rewrote {n} files"),
        lambda n: call("mcp__code__transform", {"module": f"m{n}"}, f"done {n}"),
        lambda n: call("Task", {"prompt": f"mend m{n}"}, "done"),
    ]
    for do in work:
        assert raised([event for n in range(20) for event in (do(n), *checks)]) == []


def test_after_a_change_to_look_again_is_new():
    """Eight calls pass before repeating counts."""
    checks = [call("Bash", {"command": "git diff --stat"}, "1 file"), call("LS", {"path": "src"}, "a.py")]
    events = [event for number in range(12) for event in (edit(number), *checks, *checks)]
    assert raised(events) == []


def test_money_without_progress():
    """Each failure costs; new information a quarter; a change ends it."""
    fails = [
        call(
            "Bash",
            {"command": f"run {n}"},
            f"TypeError: number {n} of {n}",
            failed=True,
            cost_picousd=PICO // 2,
        )
        for n in range(16)
    ]
    assert raised(fails) == [(4, Kind.SPEND, 1), (8, Kind.SPEND, 2), (16, Kind.SPEND, 3)]
    looks = [read(n)._replace(cost_picousd=PICO // 2) for n in range(16)]
    assert raised(looks) == [(16, Kind.SPEND, 1)]
    assert raised([*fails[:3], edit(1), *fails[3:6]]) == []
    assert raised(fails, spend_usd=100) == []
    assert raised(fails, spend_usd=0) == []


def test_what_was_said_before_a_call_is_paid_for_by_what_comes_of_it():
    """A line of text before each file that is read costs no more than the reading."""
    events = []
    for number in range(15):
        events += [
            said(f"Now file {number}: what is in {number * 7}?")._replace(cost_picousd=PICO // 2),
            read(number),
        ]
    assert raised(events) == []


def test_who_knows_of_progress_is_believed():
    """A mark on the event goes before what we make of it."""
    fails = [
        call(
            "Bash",
            {"command": f"run {n}"},
            f"TypeError: number {n} of {n}",
            failed=True,
            cost_picousd=PICO // 2,
        )
        for n in range(12)
    ]
    assert raised([event._replace(progress=True) for event in fails]) == []
    assert raised([GREP._replace(progress=True)] * 30) == []
    assert raised([said("Done.")._replace(progress=True)] * 30) == []
    assert raised([GREP, GREP, GREP, GREP._replace(progress=True), GREP, GREP, GREP]) == []
    edits = [edit(n)._replace(cost_picousd=PICO, progress=False) for n in range(12)]
    assert raised(edits)[0][1] is Kind.SPEND


@pytest.mark.parametrize(
    "events",
    [
        [read(n) for n in range(60)],
        [call("Read", {"file_path": "a.py", "offset": 40 * n}, f"lines of page {n}") for n in range(40)],
        [edit(0, file=f"src/{n}.py") for n in range(40)],
        [call("send_invoice", {"id": n}, '{"ok": true}') for n in range(40)],
        [call("Task", {"prompt": "Review the module."}, f"found {n}") for n in range(8)],
        [call("Task", {"prompt": "Review the module."}, "started") for n in range(8)],
        [call("debugger", {"input": "next"}, f"-> line {n} of x: i = {n}") for n in range(20)],
        [event for n in range(12) for event in (edit(n), call("Bash", "git status", "M src/x.py"))],
        [event for n in range(8) for event in (heard("Again."), GREP)],
        [
            call("TodoWrite", {"todos": [{"text": f"t{n}", "done": n < step} for n in range(9)]}, "ok")
            for step in range(9)
        ],
        [call("get_status", {"id": 1}, f'{{"state": "running", "percent": {n}}}') for n in range(60)],
        [POLL] * 29,
    ],
    ids=[
        "reading", "paging", "one edit everywhere", "batch", "helpers", "helpers at work", "stepping",
        "looking after edits", "asked again", "things get done", "a build that moves", "waiting",
    ],
)  # fmt: skip
def test_honest_work_is_left_alone(events):
    """Not even a nudge."""
    assert raised(events) == []


def test_what_the_user_allows_has_the_same_patience():
    """By argument or by setting, by name or pattern."""
    from quarterdeck.loops.settings import LoopSettings

    events = [call("ask_oracle", {"q": 1}, "not yet")] * 29
    assert raised(events)
    assert raised(events, polling=["ask_*"]) == []
    assert raised(events, settings=LoopSettings(polling=("ask_oracle",))) == []
    assert raised(events[:11], batch=["ask_*"]) == []


def test_levels_are_ordered():
    """Louder is more."""
    assert Level.NUDGE < Level.PAUSE < Level.STOP

"""What is the same call, the same outcome and the same error, and what is not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from quarterdeck.loops.events import AgentEvent
from quarterdeck.loops.events.allowances import Allowances, Role
from quarterdeck.loops.events.calls import footprint
from quarterdeck.loops.events.values import digest

NOTHING = Allowances()


def seen(tool="Tool", arguments=None, outcome="done", *, folder="", failed=False):
    return footprint(AgentEvent.call(tool, arguments, outcome, failed=failed), NOTHING, folder)


def came(outcome, *, failed=False):
    return seen(outcome=outcome, failed=failed).outcome


@pytest.mark.parametrize(
    "one, other",
    [
        ({"a": 1, "b": [1, {"x": 1, "y": 2}]}, {"b": [1, {"y": 2, "x": 1}], "a": 1}),
        ({"path": "src", "pattern": "TODO"}, '{"pattern": "TODO",\n "path": "src"}'),
        ({"command": "ls  -l\n"}, {"command": "ls -l"}),
        (
            {"command": "ls", "description": "List files"},
            {"command": "ls", "description": "See what is there"},
        ),
        ({"path": "a", "explanation": "to know"}, {"path": "a", "explanation": "to be sure"}),
        ({"command": "make # try 1"}, {"command": "make # try 2"}),
        ({"command": "make", "timeout": 10}, {"command": "make", "timeout": 20}),
        ({"command": "make | tail -5"}, {"command": "make | tail -n 60"}),
        ({"query": "x", "request_id": "a1"}, {"query": "x", "request_id": "b2"}),
    ],
    ids=[
        "order of keys",
        "text or value",
        "spaces of a command",
        "remark",
        "explanation",
        "comment",
        "timeout",
        "part shown",
        "stamp",
    ],
)
def test_one_call_written_in_two_ways(one, other):
    """What an agent says about its call is not part of it, nor is how it is written down."""
    assert seen(arguments=one).call == seen(arguments=other).call


@pytest.mark.parametrize(
    "one, other",
    [
        ({"path": "a.py", "offset": 1}, {"path": "a.py", "offset": 101}),
        ({"path": "a.py"}, {"path": "b.py"}),
        ({"old_string": "x", "new_string": "  y"}, {"old_string": "x", "new_string": "    y"}),
        ({"pattern": "todo"}, {"pattern": "TODO"}),
        ({"title": "a", "description": "one"}, {"title": "a", "description": "two"}),
        ({"description": "one"}, {"description": "two"}),
        ({"items": ["a", "b"]}, {"items": ["b", "a"]}),
        ({"command": "echo '# a'"}, {"command": "echo '# b'"}),
    ],
    ids=[
        "page",
        "file",
        "indent",
        "case",
        "content named description",
        "nothing but a remark",
        "order of a list",
        "no comment",
    ],
)
def test_two_calls(one, other):
    """Progress is never taken for repetition."""
    assert seen(arguments=one).call != seen(arguments=other).call


def test_another_tool_is_another_call():
    """Whatever it is called with; capitals do not make another tool."""
    assert seen("Read", {"a": 1}).call != seen("Grep", {"a": 1}).call
    assert seen("Read", {"a": 1}).call == seen("read", {"a": 1}).call


def test_a_tool_about_requests_is_about_the_request():
    """The id is dropped only where it stamps the call."""
    one, other = ({"request_id": number, "notify": False} for number in (1, 2))
    assert seen("cancel_request", one).call != seen("cancel_request", other).call


@pytest.mark.parametrize(
    "inside, relative",
    [
        ({"file_path": "/home/a/app/src/x.py"}, {"file_path": "src/x.py"}),
        ({"file_path": "./src/x.py"}, {"file_path": "src/x.py"}),
        ({"command": "cd /home/a/app && make"}, {"command": "make"}),
    ],
)
def test_a_path_in_the_folder_is_the_relative_one(inside, relative):
    """If it is known where the agent works."""
    one, other = (seen("Edit", each, folder="/home/a/app", failed=True) for each in (inside, relative))
    assert one.target == other.target
    if "./" not in str(inside):
        assert one.call == other.call


def test_a_list_of_things_to_do_has_no_order_and_its_answer_says_nothing():
    """Only what is on it counts."""
    items = [{"content": "a", "status": "pending"}, {"content": "b", "status": "pending"}]
    one, other = (
        seen("TodoWrite", {"todos": items}, "ok"),
        seen("TodoWrite", {"todos": items[::-1]}, "Updated."),
    )
    assert (one.call, one.outcome) == (other.call, other.outcome)
    done = [items[0], {**items[1], "status": "completed"}]
    assert seen("TodoWrite", {"todos": done}).call != one.call


@pytest.mark.parametrize(
    "one, other",
    [
        ("failed at 2026-01-02T03:04:05.678Z", "failed at 2026-11-12T13:14:15+01:00"),
        ("[12:01:09] server is up", "[23:59:58] server is up"),
        ("passed in 0.31s", "passed in 12.08s"),
        ("passed in 1m 3s", "passed in 12m 41s"),
        ("took 3 ms", "took   412 ms"),
        ("<Thing object at 0x7f12ab34cd56>", "<Thing object at 0x7fffab000010>"),
        ("id 0b5c1c1e-7d0e-4f1e-8a55-0242ac120002 gone", "id 9f5c1c1e-7d0e-4f1e-8a55-1242ac120003 gone"),
        ("id 0b5c1c1e-7d0e-4f1e-8a55-0242ac120002 gone", "id cbadeccb-1161-45f7-9bde-410af5d1e756 gone"),
        ("HEAD is now at 1a2b3c4d", "HEAD is now at fe98dc76"),
        ("request req_011CabcDEF12345 refused", "request req_09zZyYxXwW98765 refused"),
        ("app/main.py:12:3: E501", "app/main.py:140:7: E501"),
        ('File "x.py", line 12', 'File "x.py", line 340'),
        ("connecting to localhost:54321", "connecting to localhost:40001"),
        ("pid 3121 died", "pid 40 died"),
        ("see _logs/2026-10-21T04_42_11.123Z-debug-0.log", "see _logs/2026-11-02T14_00_59.001Z-debug-0.log"),
        ("saved to run_20261021_044211.txt", "saved to run_20261022_101500.txt"),
        ("screenshot 1a2b3c4d.png", "screenshot 12345678.png"),
        ("commit 1234567e", "commit 9a8b7c6d"),
        ("pod web-7d4b9-x2x9k is gone", "pod web-7d4b9-b5m1c is gone"),
        ("wrote /tmp/tmpab12cd/x", "wrote /tmp/tmp98zzxy/x"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("ERROR", "Error"),
        ({"ok": True, "duration_ms": 12}, {"ok": True, "duration_ms": 93}),
        ('{"output": "x", "metadata": {"duration_seconds": 1.2}}', {"output": "x"}),
        ([{"type": "text", "text": "x"}], "x"),
        (b"x", "x"),
    ],
    ids=lambda value: str(value)[:24].encode("unicode_escape").decode(),
)
def test_one_outcome(one, other):
    """What changes by itself does not make another one."""
    assert came(one) == came(other)


@pytest.mark.parametrize(
    "one, other",
    [
        ("3 failed, 12 passed", "2 failed, 13 passed"),
        ("median 12.0 ms", "median 12.9 ms"),
        ("rendering, 60 minutes left", "rendering, 59 minutes left"),
        ("writes shard-3", "writes shard-4"),
        ("45%", "46%"),
        ("1200 rows", "1300 rows"),
        ("value = 3", "value = 4"),
        ("no such file: a.py", "no such file: b.py"),
        ("test_parse_v2 failed", "test_parse_v3 failed"),
        ({"status": "running", "percent": 10}, {"status": "running", "percent": 20}),
        ("", "x"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_two_outcomes(one, other):
    """Numbers that say how far it is stay."""
    assert came(one) != came(other)


def test_a_huge_outcome_is_known_by_its_ends():
    """Ten megabytes cost no more than some thousand characters."""
    body = "x" * 10_000_000
    assert came("a" + body) == came("a" + body)
    assert came("a" + body) != came("b" + body)
    assert came(body + "a") != came(body + "b")


@pytest.mark.parametrize(
    "outcome",
    [
        "Error: no such file",
        "<tool_use_error>String to replace not found</tool_use_error>",
        'Traceback (most recent call last):\n  File "x.py", line 1\nKeyError: 1',
        "collecting\nmore\nKeyError: 'x'",
        "bash: foo: command not found",
        "lots of output\nExit code 2",
        '{"error": {"code": 3}}',
        {"stdout": "", "stderr": "", "exit_code": 1},
        "npm ERR! missing script",
        "=== 1 failed, 3 passed in 0.1s ===",
        "FAILED test_a.py\n1 failed, 30 passed in 6.11s\n[exit code 1 after 3.32s]",
        'Tool "foo" not found in registry.',
        "Permission to use this tool has been denied by the user.",
        "--- FAIL: TestTTL (0.23s)\n    a_test.go:35: got 1m0s\nFAIL\nFAIL\texample.com/app\t2.498s",
        "Tests: 2, Assertions: 2, Failures: 1.",
        "src/b.ts is fine\n" * 40 + "src/a.ts(3,5): error TS2304: Cannot find name 'x'.",
        'HttpError 403: {"reason": "insufficientPermissions"}',
        "PERMISSION_DENIED: The caller does not have permission",
        "(1054, \"Unknown column 'total' in 'field list'\")",
        "400 Unrecognized name: total at [1:9]; Job ID: 12",
        "panic: connection refused",
        "ENOENT: no such file or directory",
        "web-abc 0/1 CrashLoopBackOff 3 12s",
        "not ok 3 - parses\n" + "# more\n" * 60,
    ],
    ids=lambda value: str(value)[:20],
)
def test_an_outcome_that_nobody_marked_says_that_it_failed(outcome):
    """By its first words or its last."""
    assert seen(outcome=outcome, failed=None).failed


@pytest.mark.parametrize(
    "outcome",
    [
        "def handle(error):\n    raise error\n",
        "0 errors, 12 passed",
        "30 passed, 0 failed",
        "All good: no errors found",
        '{"error": null, "rows": 3}',
        "src/errors.py\nsrc/main.py",
        "the errors are described in chapter 3",
        {"stdout": "fine", "exit_code": 0},
        "",
        "404 rows, 3 columns",
        "500 files changed",
        "DB_HOST: localhost\nMAX_SIZE: 3",
        "passed\nFAILED: 0",
        "Failures: 0, Errors: 0",
    ],
    ids=lambda value: str(value)[:20],
)
def test_text_about_errors_is_none(outcome):
    """Agents read source code and logs."""
    assert not seen(outcome=outcome, failed=None).failed


@pytest.mark.parametrize(
    "tool, command", [("Bash", "grep -i error a.log"), ("Bash", "cat a.log"), ("Read", "")]
)
def test_what_was_read_may_tell_of_errors(tool, command):
    """It failed only if it could not be read."""
    arguments = {"command": command} if command else {"file_path": "a.log"}
    for text in ("ERROR: connection refused", "KeyError: 'x'", "1 failed"):
        assert not seen(tool, arguments, text, failed=None).failed
    assert seen(tool, arguments, "cat: a.log: No such file or directory", failed=None).failed


def test_what_is_marked_is_believed():
    """A mark goes before the text."""
    assert not seen(outcome="Error: no", failed=False).failed
    assert seen(outcome="fine", failed=True).failed


def test_nothing_known_is_no_failure():
    """An outcome that is missing is unknown."""
    unknown = footprint(AgentEvent.call("Tool", {}), NOTHING)
    assert (unknown.outcome, unknown.failed, unknown.error) == (0, False, 0)


def trace(*frames, error="KeyError: 'total'"):
    lines = "".join(f'  File "{file}", line {line}, in run\n' for file, line in frames)
    return f"Traceback (most recent call last):\n{lines}{error}"


def test_an_error_is_the_same_from_wherever_it_comes():
    """Which lines led to it does not count."""
    one = seen(arguments={"command": "a"}, outcome=trace(("a.py", 3)), failed=True)
    other = seen(arguments={"command": "b"}, outcome=trace(("b.py", 9), ("c.py", 8)), failed=True)
    assert one.error == other.error != 0


def test_another_error():
    """What it says counts, also by numbers of failed tests."""
    errors = [
        seen(outcome=outcome, failed=True).error
        for outcome in (
            trace(),
            trace(error="KeyError: 'sum'"),
            "3 tests failed badly",
            "2 tests failed badly",
        )
    ]
    assert len(set(errors)) == 4


def test_what_an_error_repeats_of_its_call_is_not_the_error():
    """An edit of text that is not there shows that text again."""
    errors = set()
    for old in ("def f():\n    error = 1", "def g():\n    return missing"):
        outcome = f"<tool_use_error>String to replace not found in file.\nString: {old}</tool_use_error>"
        arguments = {"file_path": "a.py", "old_string": old, "new_string": "x"}
        errors.add(seen("Edit", arguments, outcome, failed=True).error)
    assert len(errors) == 1


def test_an_error_that_says_next_to_nothing_is_that_of_its_call():
    """Exit code 1 of two commands is not one error."""
    one, other = (seen(arguments={"command": name}, outcome="exit code 1", failed=True) for name in "ab")
    assert one.error != other.error


@pytest.mark.parametrize(
    "tool, arguments",
    [
        ("Edit", {"file_path": "a.py", "old_string": "x", "new_string": "y"}),
        ("fs_edit_file", {"path": "a.py", "oldText": "x", "newText": "y"}),
        ("str_replace_editor", {"command": "str_replace", "path": "a.py", "old_str": "x", "new_str": "y"}),
        ("apply_patch", {"input": "*** Begin Patch\n*** Update File: a.py\n-x\n+y\n*** End Patch"}),
        (
            "shell",
            {"command": ["apply_patch", "*** Begin Patch\n*** Update File: a.py\n-x\n+y\n*** End Patch"]},
        ),
        ("apply_patch", "--- a/a.py\n+++ b/a.py\n@@\n-x\n+y"),
    ],
    ids=["claude", "camel", "editor", "patch", "shell", "diff"],
)
def test_what_an_edit_changes_is_read_in_every_tongue(tool, arguments):
    """The file, what was there, and what is there now."""
    edit = seen(tool, arguments)
    assert edit.role is Role.CHANGE
    assert (edit.target, edit.before, edit.after) == (digest("a.py"), digest("x"), digest("y"))


@pytest.mark.parametrize(
    "tool, arguments, outcome, vain",
    [
        ("Grep", {"pattern": "x"}, "No matches found", True),
        ("Grep", {"pattern": "x"}, "src/a.py:3:x", False),
        ("Bash", {"command": "rg x src"}, {"output": "", "metadata": {"exit_code": 1}}, True),
        ("search_index", {"query": "x"}, '{"items": []}', True),
        ("Read", {"file_path": "x"}, "", False),
    ],
)
def test_a_search_in_vain(tool, arguments, outcome, vain):
    """Nothing found is no news, and no error."""
    looked = seen(tool, arguments, outcome, failed=vain)
    assert looked.vain is vain
    assert not (vain and looked.error)


def test_what_says_it_is_still_at_work_is_polled():
    """Whatever the tool is called."""
    assert seen("Bash", {"command": "tail -n 1 train.log"}, '{"status": "running"}').role is Role.POLLING
    assert seen("Bash", {"command": "tail -n 1 train.log"}, "loss 0.3").role is Role.READING


AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECONDS = int(AT.timestamp())


@pytest.mark.parametrize(
    "key, stamps, at",
    [
        ("ts", (SECONDS, SECONDS + 7), None),
        ("sent_at", (SECONDS + 0.5, SECONDS + 9.25), None),
        ("_", (SECONDS * 1000, SECONDS * 1000 + 12), None),
        ("now", (f"{SECONDS}", f"{SECONDS + 60}"), None),
        ("cacheBuster", (SECONDS * 1000, SECONDS * 1000 + 12), AT),
        ("t", (SECONDS * 10**9, SECONDS * 10**9 + 12), AT),
    ],
)
def test_the_moment_of_a_call_is_no_part_of_it(key, stamps, at):
    """By its name, or under any if it is known when the call was made."""
    one, other = (
        footprint(AgentEvent.call("get", {"q": "x", key: stamp}, "fine", at=at), NOTHING) for stamp in stamps
    )
    assert one.call == other.call


@pytest.mark.parametrize(
    "key, numbers, at",
    [
        ("account", (SECONDS, SECONDS + 1), None),
        ("since", (SECONDS, SECONDS + 3600), None),
        ("time", (SECONDS + 90_000, SECONDS + 180_000), AT),
        ("ts", (12, 19), None),
        ("ts", (float("inf"), 10**12 * SECONDS), AT),
        ("ts", (10**400, 10**401), AT.replace(tzinfo=None)),
        ("ts", ("1760000000 a", "1760000000 b"), AT),
    ],
)
def test_a_number_that_is_asked_for_is_part_of_the_call(key, numbers, at):
    """Ids, bounds, moments to come, and what is no moment at all."""
    one, other = (
        footprint(AgentEvent.call("get", {"q": "x", key: number}, "fine", at=at), NOTHING)
        for number in numbers
    )
    assert one.call != other.call


@pytest.mark.parametrize(
    "command, outcome, role",
    [
        ("docker logs web", "Error: no such container: web", Role.OTHER),
        ("docker logs web", "dial: connection refused", Role.POLLING),
        ("sleep 5; docker logs web", "Error: no such container: web", Role.POLLING),
        ("pgrep server", "", Role.POLLING),
    ],
)
def test_what_fails_is_waited_for_only_if_it_may_be_over(command, outcome, role):
    """Nobody answers yet, or it is said outright that somebody waits."""
    assert seen("Bash", {"command": command}, outcome, failed=True).role is role


def test_a_huge_patch_costs_no_more_than_a_large_one():
    """What is changed is known by its beginning."""
    patch = "*** Update File: a.py\n-x\n+y\n" + "+z\n" * 2_000_000
    assert seen("apply_patch", {"input": patch}).target == digest("a.py")

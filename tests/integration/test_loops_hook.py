"""``qd loops hook`` as Claude Code runs it: a process that is asked before a call, and must not break it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from quarterdeck.loops.sessions import judging
from quarterdeck.loops.sessions.hook import answered
from quarterdeck.patterns import PatternLibrary
from tests.session_worlds import Transcript, question

if TYPE_CHECKING:
    from pathlib import Path

HOOK = [sys.executable, "-c", "from quarterdeck.cli import main; main()", "loops", "hook"]
MARK = "quarterdeck loops:"


class Said(NamedTuple):
    """What the hook answered."""

    code: int
    out: str
    err: str

    @property
    def output(self) -> dict[str, str]:
        """What is in it for Claude Code."""
        found: dict[str, str] = json.loads(self.out)["hookSpecificOutput"]
        assert found.pop("hookEventName") == "PreToolUse"
        return found


def asked(content: object, *options: str) -> Said:
    """The hook's answer to *content*: bytes as they are, anything else as JSON."""
    given = content if isinstance(content, bytes) else json.dumps(content).encode()
    ran = subprocess.run([*HOOK, *options], input=given, capture_output=True, check=False)
    assert b"Traceback" not in ran.stderr
    return Said(ran.returncode, ran.stdout.decode(), ran.stderr.decode())


@pytest.fixture
def transcript(tmp_path: Path) -> Transcript:
    """A session in which somebody has asked for something."""
    return Transcript(tmp_path / "engine" / "11111111-aaaa-4aaa-8aaa-111111111111.jsonl").asked()


def lived(transcript: Transcript, calls: int, **said: object) -> list[Said]:
    """A session with a hook: asked before each of so many calls, and those made that are not blocked."""
    answers = []
    for _ in range(calls):
        answers.append(asked(question(transcript.path, **said)))
        if answers[-1].code == 0:
            transcript.called()
        else:
            transcript.called(outcome=f"PreToolUse:Grep hook error: {answers[-1].err}", failed=True)
    return answers


# decisions -------------------------------------------------------------------------------------------


def test_a_call_that_goes_in_circles_is_told_then_asked_about_then_blocked(transcript):
    """Each once, but the block, which stays and counts."""
    answers = lived(transcript, 20)
    told = [each for each in answers if each.out and "permissionDecision" not in each.output]
    put = [each for each in answers if each.out and "permissionDecision" in each.output]
    blocked = [each for each in answers if each.code == 2]
    assert (len(told), len(put)) == (1, 1)
    assert MARK in told[0].output["additionalContext"]
    assert put[0].output["permissionDecision"] == "ask"
    assert MARK in put[0].output["permissionDecisionReason"]
    assert answers.index(told[0]) < answers.index(put[0]) < answers.index(blocked[0])
    assert answers[answers.index(blocked[0]) :] == blocked, "it stays blocked"
    assert len(blocked) > 2
    assert all(each.err.startswith(MARK) and not each.out for each in blocked)
    assert "already" not in blocked[0].err
    for answer in (told[0].output["additionalContext"], blocked[0].err):
        assert "Grep(pattern=TODO, path=src) -> No matches found. " in answer, "what"
        assert " times with this call, since 2026-03-01 " in answer, "how often, since when"
        assert ", for $0." in answer, "what it has cost"
        assert "Use what it said, or change the call." in answer, "what to do instead"
    assert f"blocked, {len(blocked) - 1} times already" in blocked[-1].err
    assert {each.code for each in answers} == {0, 2}


def test_any_other_call_passes_while_one_is_blocked(transcript):
    """And the first is blocked as before when it comes back."""
    transcript.called(20)
    asked(question(transcript.path))
    assert asked(question(transcript.path)).code == 2
    other = question(transcript.path, tool_input={"pattern": "FIXME", "path": "src"})
    assert asked(other) == asked({**other, "tool_name": "Read"}) == Said(0, "", "")
    assert asked(question(transcript.path)).code == 2


def test_a_person_who_speaks_ends_the_block(transcript):
    """What went before is over then."""
    transcript.called(20)
    asked(question(transcript.path))
    assert asked(question(transcript.path)).code == 2
    transcript.asked("go on, it is fine")
    assert asked(question(transcript.path)) == Said(0, "", "")


def test_where_nothing_may_be_blocked_a_person_is_asked(transcript):
    """By the settings of the project."""
    (transcript.path.parent / "quarterdeck.toml").write_text("[loops]\nhook_blocks = false\n")
    transcript.called(20)
    asked(question(transcript.path))
    for _ in range(2):
        answer = asked(question(transcript.path))
        assert (answer.code, answer.output["permissionDecision"]) == (0, "ask")


def test_where_nobody_is_to_be_asked_nobody_is(transcript):
    """By the settings of the project, for runs without a person."""
    (transcript.path.parent / "quarterdeck.toml").write_text(
        "[loops]\nhook_blocks = false\nhook_asks = false\n"
    )
    answers = lived(transcript, 14)
    assert {each.code for each in answers} == {0}
    assert not any("permissionDecision" in each.output for each in answers if each.out)
    assert any(each.out for each in answers)


UNATTENDED = [
    ({"permission_mode": "dontAsk"}, {}),
    ({"permission_mode": "bypassPermissions"}, {}),
    ({"permission_mode": "default"}, {"CLAUDE_CODE_ENTRYPOINT": "sdk-cli"}),
]


@pytest.mark.parametrize("said, environment", UNATTENDED, ids=["dontAsk", "bypass", "print"])
def test_where_nobody_can_be_asked_the_agent_is_told(
    transcript, monkeypatch, said: dict[str, str], environment: dict[str, str]
):
    """To ask there is to deny, and nobody would hear of it."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (transcript.path.parent / "quarterdeck.toml").write_text("[loops]\nhook_blocks = false\n")
    answers = lived(transcript, 14, **said)
    assert {each.code for each in answers} == {0}
    told = [each.output for each in answers if each.out]
    assert [set(each) for each in told] == [{"additionalContext"}] * 3, "once for each level"


def test_each_of_two_loops_is_told_and_asked_about_once(transcript):
    """Two calls in turns are two loops, and neither makes the other one news."""
    answers = []
    for number in range(18):
        for which in ("x", "y"):
            call = {"tool_name": "mcp__a__q", "tool_input": {which: 1}}
            answers.append(asked(question(transcript.path, **call)))
            transcript.called(1, tool="mcp__a__q", arguments={which: 1}, outcome=f"the answer {which}")
        if number % 2:
            transcript.called(1, tool="mcp__a__q", arguments={"z": number}, outcome=f"new {number}")
    put = [each for each in answers if each.out and "permissionDecision" in each.output]
    told = [each for each in answers if each.out and "permissionDecision" not in each.output]
    assert len(put) <= 2
    assert len(told) <= 2
    assert told


def test_a_tool_that_prints_our_name_is_judged_all_the_same(transcript):
    """Only what we have said of a blocked call is left out."""
    said = {"outcome": "quarterdeck loops: 3 failed", "failed": True}
    transcript.called(20, **said)
    asked(question(transcript.path))
    assert asked(question(transcript.path)).code == 2


def test_what_may_repeat_by_the_settings_is_not_blocked(transcript):
    """A tool that waits."""
    (transcript.path.parent / "quarterdeck.toml").write_text('[loops]\npolling = ["grep"]\n')
    transcript.called(12)
    asked(question(transcript.path))
    assert asked(question(transcript.path)).code == 0


def test_a_subagent_is_judged_by_its_own_transcript(transcript):
    """Its calls are no part of the session that has sent it, nor the other way round."""
    folder = transcript.path.with_suffix("") / "subagents"
    Transcript(folder / "agent-a1.jsonl", agent="a1").called(20)
    transcript.called(1)
    for _ in range(2):
        own, others = asked(question(transcript.path, agent_id="a1")), asked(question(transcript.path))
    assert (own.code, others.code) == (2, 0)


@pytest.mark.parametrize("event", ["PostToolUse", "Notification", "SessionStart", "UserPromptSubmit", ""])
def test_of_other_events_nothing_is_said(transcript, event: str):
    """It may be put behind any."""
    transcript.called(20)
    for _ in range(2):
        assert asked(question(transcript.path, hook_event_name=event)) == Said(0, "", "")


def test_the_end_of_a_turn_is_never_held_up_and_nothing_is_recorded_unasked(transcript):
    """Or the hook would be a loop of its own."""
    transcript.called(20)
    for active in (False, True):
        stop = question(transcript.path, hook_event_name="Stop", stop_hook_active=active)
        assert asked(stop) == Said(0, "", "")
    with PatternLibrary(root=str(transcript.path.parent)) as library:
        assert library.count() == 0


def test_at_the_end_of_a_turn_certain_loops_are_recorded_once_if_wanted(transcript):
    """As patterns to avoid, in the library of the project."""
    (transcript.path.parent / "quarterdeck.toml").write_text("[loops]\nhook_records = true\n")
    transcript.called(20)
    for _ in range(3):
        assert asked(question(transcript.path, hook_event_name="Stop")) == Said(0, "", "")
    with PatternLibrary(root=str(transcript.path.parent)) as library:
        (pattern,) = library.patterns()
        assert (pattern.lesson, pattern.usage_count) == ("avoid", 0)
        assert "Grep" in pattern.name


def test_a_loop_is_recorded_once_however_much_of_the_session_is_read(transcript, monkeypatch):
    """Where a long one is cut, a loop seems to begin at another event each time."""
    monkeypatch.setattr(judging, "LAST_BYTES", 20_000)
    (transcript.path.parent / "quarterdeck.toml").write_text("[loops]\nhook_records = true\n")
    for calls in (10, 60, 60, 60):
        transcript.called(calls)
        stop = json.dumps(question(transcript.path, hook_event_name="Stop")).encode()
        assert answered(stop).code == 0
    with PatternLibrary(root=str(transcript.path.parent)) as library:
        (pattern,) = library.patterns()
        assert pattern.usage_count <= 1, "of four ends of a turn"


# trouble ---------------------------------------------------------------------------------------------

HOSTILE = [
    b"",
    b"\xff\xfe\x00",
    b"null",
    b"[]",
    b'"PreToolUse"',
    b"{",
    b"[" * 100_000,
    b'{"hook_event_name": "PreToolUse", "tool_input": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    b'{"hook_event_name": "PreToolUse", "tool_input": 1' + b"0" * 5_000 + b"}",
    b'{"hook_event_name": "PreToolUse", "session_id": "\\ud800", "tool_name": "\\udfff", "tool_input": NaN}',
    b'{"hook_event_name": "PreToolUse", "session_id": "../../x", "transcript_path": "/dev/zero"}',
    b'{"hook_event_name": "PreToolUse", "session_id": 7, "transcript_path": ["x"], "tool_name": {}}',
    b'{"hook_event_name": "PreToolUse", "transcript_path": "a\\u0000b", "cwd": "a\\u0000b"}',
    b'{"hook_event_name": "PreToolUse", "transcript_path": "/", "agent_id": "../../../etc/passwd"}',
    b'{"hook_event_name": "Stop", "transcript_path": "/nowhere/at/all.jsonl"}',
]


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_is_on_stdin_the_session_goes_on(content: bytes):
    """Also the second time, when it looks longer."""
    for _ in range(2):
        answer = asked(content)
        assert (answer.code, answer.out) == (0, "")
        assert len(answer.err.splitlines()) <= 1


def test_a_closed_stdin_and_a_closed_stdout_do_no_harm(transcript):
    """Whoever runs it may have closed anything."""
    transcript.called(5)
    for closed in (["<&-"], [">&-"], ["2>&-"], ["<&-", ">&-", "2>&-"]):
        command = ["sh", "-c", f'"$@" {" ".join(closed)}', "sh", *HOOK]
        for _ in range(2):
            ran = subprocess.run(
                command,
                input=json.dumps(question(transcript.path)).encode(),
                capture_output=True,
                check=False,
            )
            assert ran.returncode == 0
            assert b"Traceback" not in ran.stderr


def test_a_reason_that_nobody_can_read_blocks_nothing(transcript):
    """Exit code 2 without a word would leave the agent in the dark."""
    transcript.called(20)
    asked(question(transcript.path))
    with open("/dev/full", "wb") as full:
        ran = subprocess.run(
            HOOK, input=json.dumps(question(transcript.path)).encode(), stdout=full, stderr=full, check=False
        )
    assert ran.returncode == 0


@pytest.mark.parametrize(
    "options", [["--bad"], ["--print-settings=3"], ["extra"], ["--print-settings", "-x"]]
)
def test_a_mistyped_option_does_not_block_every_call(transcript, options: list[str]):
    """Other commands end with 2 then, which to Claude Code is an order."""
    answer = asked(question(transcript.path), *options)
    assert answer.code == 1
    assert answer.err.startswith("error: ")


@pytest.mark.parametrize(
    "words, environment",
    [(["loops", "hok"], {}), (["loops", "--bad"], {}), (["lops", "hook"], {"CLAUDE_PROJECT_DIR": "/"})],
    ids=["command", "option", "group"],
)
def test_a_mistyped_hook_does_not_block_every_call(transcript, words: list[str], environment: dict[str, str]):
    """Whoever has it in their settings hears of it, and the calls are made."""
    ran = subprocess.run(
        [*HOOK[:-2], *words],
        input=json.dumps(question(transcript.path)).encode(),
        capture_output=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert ran.returncode == 1
    assert ran.stderr.startswith(b"error: ")


def test_other_commands_end_with_2_when_they_are_mistyped():
    """Whether somebody sits there or not."""
    ran = subprocess.run(
        [*HOOK[:-1], "scan", "--bad"], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert ran.returncode == 2


def test_a_damaged_state_is_as_none(transcript):
    """It takes longer, and says the same."""
    transcript.called(20)
    asked(question(transcript.path))
    before = asked(question(transcript.path))
    (state,) = (path for path in loops_folder().iterdir() if path.suffix == ".json")
    whole = state.read_bytes()
    for damaged in (b"", b"\0" * 100, whole[: len(whole) // 2], b"[" * 50_000, b"[2, {}, 3]", b"[2]"):
        state.write_bytes(damaged)
        assert asked(question(transcript.path)) == before
    assert state.read_bytes().startswith(b"[2,")


def test_a_transcript_that_is_cut_short_is_begun_anew(transcript):
    """What was in it before is forgotten."""
    transcript.called(20)
    asked(question(transcript.path))
    assert asked(question(transcript.path)).code == 2
    transcript.path.write_text("")
    transcript.asked().called(1)
    assert asked(question(transcript.path)) == Said(0, "", "")


def test_no_transcript_is_said_and_passes(transcript, tmp_path):
    """There is none before the first answer."""
    gone = question(tmp_path / "gone.jsonl")
    assert asked(gone) == Said(0, "", "")
    code, out, err = asked(gone)
    assert (code, out) == (0, "")
    assert err.startswith("note: ")
    assert "gone.jsonl" in err


@pytest.mark.parametrize("text", ["just words\n", "\0\0\0\0", '{"some": "thing"}\n', "[1, 2]"])
def test_a_transcript_of_an_unknown_format_passes(tmp_path, text: str):
    """With a word of why."""
    odd = tmp_path / "odd.jsonl"
    odd.write_text(text)
    asked(question(odd))
    answer = asked(question(odd))
    assert answer.code == 0
    assert answer.out == ""


def test_a_wrong_setting_is_said_and_passes(transcript):
    """A person has to mend it, the agent cannot."""
    (transcript.path.parent / "quarterdeck.toml").write_text("[loops]\nhook_block = 3\n")
    transcript.called(20)
    asked(question(transcript.path))
    answer = asked(question(transcript.path))
    assert (answer.code, answer.out) == (0, "")
    assert "hook_block" in answer.err


def test_hostile_text_reaches_no_terminal(transcript):
    """Neither as a reason nor as JSON."""
    hostile = {"pattern": "\x1b[2J\u202e", "path": "src\n"}
    transcript.called(20, arguments=hostile)
    asked(question(transcript.path, tool_input=hostile))
    code, _, err = asked(question(transcript.path, tool_input=hostile))
    assert code == 2
    assert err.rstrip("\n").isprintable()


def test_a_home_that_cannot_be_written_to_still_gets_answers(transcript, monkeypatch, tmp_path):
    """All is read each time then."""
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    monkeypatch.setenv("QUARTERDECK_HOME", str(blocked))
    transcript.called(20)
    answer = asked(question(transcript.path))
    assert answer.code == 2
    assert answer.err.startswith(MARK)
    other = asked(question(transcript.path, tool_input={"pattern": "other"}))
    assert other.code == 0
    assert "not kept" in other.err


FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
from quarterdeck.cli import main
main(["loops", "hook"])
"""


def test_a_full_disk_still_gets_answers(transcript):
    """What cannot be kept is read again."""
    transcript.called(20)
    for _ in range(2):
        ran = subprocess.run(
            [sys.executable, "-c", FULL],
            input=json.dumps(question(transcript.path)).encode(),
            capture_output=True,
            check=False,
        )
        assert (ran.returncode, ran.stdout) == (2, b"")
        assert ran.stderr.decode().startswith(MARK)
    assert not [path for path in loops_folder().iterdir() if path.stat().st_size]


def test_a_gone_working_folder_does_no_harm(transcript, tmp_path):
    """An agent may have removed the one it is in."""
    gone = tmp_path / "gone"
    gone.mkdir()
    said = json.dumps({**question(transcript.path), "cwd": ""})
    script = f'cd "{gone}" && rmdir "{gone}" && exec "$@"'
    for _ in range(2):
        ran = subprocess.run(
            ["sh", "-c", script, "sh", *HOOK], input=said.encode(), capture_output=True, check=False
        )
        gone.mkdir()
        assert ran.returncode == 0
        assert b"Traceback" not in ran.stderr


def test_what_is_kept_of_sessions_is_private_and_goes_when_it_is_old(transcript):
    """Thirty days after somebody has gone on with one."""
    folder = loops_folder()
    folder.mkdir(parents=True)
    for name, days in (("old.json", 31), ("old.asked", 31), ("new.json", 29), ("mine.txt", 99)):
        (folder / name).write_text("x")
        at = transcript.path.stat().st_mtime - days * 86_400
        os.utime(folder / name, (at, at))
    transcript.called(2)
    for _ in range(2):
        asked(question(transcript.path))
    kept = {path.name for path in folder.iterdir()}
    assert {"new.json", "mine.txt"} <= kept
    assert not {"old.json", "old.asked"} & kept
    own = [path for path in folder.iterdir() if path.stem.startswith("11111111")]
    assert len(own) == 2
    assert {path.stat().st_mode & 0o777 for path in own} == {0o600}


def test_the_settings_that_it_prints_are_those_that_claude_code_reads():
    """An event, a matcher, a command; nothing is installed."""
    answer = asked(b"", "--print-settings")
    assert answer.code == 0
    hooks = json.loads(answer.out)["hooks"]
    assert set(hooks) == {"PreToolUse", "Stop", "SubagentStop"}
    (entry,) = hooks["PreToolUse"]
    assert entry["matcher"] == "*"
    assert entry["hooks"][0]["type"] == "command"
    assert entry["hooks"][0]["command"].endswith(" loops hook")


# what it costs ---------------------------------------------------------------------------------------

LOADED = """
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
from quarterdeck.cli import main
main(["loops", "hook"])
"""


def loaded(transcript: Transcript) -> set[str]:
    """What a hook has loaded when it has answered."""
    ran = subprocess.run(
        [sys.executable, "-c", LOADED],
        input=json.dumps(question(transcript.path)).encode(),
        capture_output=True,
        check=True,
    )
    return set(json.loads(ran.stderr.splitlines()[-1]))


def test_a_call_that_is_new_loads_nothing_to_speak_of(transcript):
    """An agent waits for it before every call: no click, no decoder, no detector, no database."""
    transcript.called(3)
    first = loaded(transcript)
    assert {name for name in first if name.startswith("quarterdeck.loops")} == {
        "quarterdeck.loops",
        "quarterdeck.loops.sessions",
        "quarterdeck.loops.sessions.asked",
        "quarterdeck.loops.sessions.hook",
        "quarterdeck.loops.sessions.protocol",
    }
    unwanted = {"click", "msgspec", "sqlite3", "hashlib", "inspect", "dataclasses", "subprocess", "asyncio"}
    assert not first & unwanted
    assert "genai_prices" in loaded(transcript), "prices are looked up once, and kept"
    transcript.called(1)
    known = loaded(transcript)
    assert "quarterdeck.loops.events.detector" in known
    assert not known & {
        "click",
        "sqlite3",
        "dataclasses",
        "subprocess",
        "asyncio",
        "genai_prices",
        "tomllib",
    }


def loops_folder() -> Path:
    """Where what is kept of sessions lies."""
    from pathlib import Path

    return Path(os.environ["QUARTERDECK_HOME"], "loops")

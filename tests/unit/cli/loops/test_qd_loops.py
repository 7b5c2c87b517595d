"""``qd loops``: commands for whoever wants to know where agents go in circles."""

from __future__ import annotations

import io
import json
import math
import os
import random
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from quarterdeck.cli.loops.known import KINDS
from quarterdeck.loops.events import Kind
from quarterdeck.patterns import PatternLibrary
from quarterdeck.testing.demo_loops import write_histories
from tests.session_worlds import Transcript

if TYPE_CHECKING:
    from pathlib import Path

EROSION = [{"trust": 0.9 - 0.1 * step, "success": step < 1} for step in range(6)]


@pytest.fixture
def sessions(tmp_path: Path, monkeypatch, project) -> Path:
    """The folder in which Claude Code keeps the sessions of the project that we are in."""
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    monkeypatch.setenv("CODEX_HOME", str(tmp_path / "codex"))
    return tmp_path / "claude" / "projects" / "-shop"


def written(path: Path, snapshots: object) -> str:
    """A history as a JSON array."""
    path.write_text(json.dumps(snapshots))
    return str(path)


# scan ------------------------------------------------------------------------------------------------


def test_loops_of_this_project_are_found_with_their_cost(qd, sessions, project):
    """A finding is exit code 1; sessions of others are left alone unless all are wanted."""
    Transcript(sessions / "own.jsonl", cwd=str(project)).asked().called(20)
    Transcript(sessions.parent / "-other" / "other.jsonl").asked().called(4)
    code, out, err = qd("loops", "scan")
    assert (code, err) == (1, "")
    assert "Grep(pattern=TODO, path=src) -> No matches found" in out
    assert "1 loop in 1 of 1 session, 21 events; what was repeated has cost $" in out
    assert "2 loops in 2 of 2 sessions" in qd("loops", "scan", "--all").out


def test_a_scan_without_findings_exits_with_0(qd, sessions, project):
    """A nudge alone is none that somebody should have stopped."""
    transcript = Transcript(sessions / "own.jsonl", cwd=str(project)).asked().called(1)
    code, out, _ = qd("loops", "scan")
    assert (code, out) == (0, "no loop in 1 session, 2 events\n")
    transcript.called(3)
    code, out, _ = qd("loops", "scan")
    assert code == 0
    assert "NUDGE" in out


def test_each_loop_is_a_block_below_the_path_of_its_session(qd, sessions, project, monkeypatch, tmp_path):
    """The facts, what repeats, what to do instead; it fits a line of 100 whatever repeats."""
    monkeypatch.setenv("HOME", str(tmp_path))
    name = "5c1e0b52-0d3c-4a53-9a68-7f1f3a4de111"
    transcript = Transcript(sessions / f"{name}.jsonl", cwd=str(project)).asked().called(20)
    transcript.called(20, arguments={"pattern": "word " * 40, "path": "elsewhere " * 20})
    lines = qd("loops", "scan").out.splitlines()
    assert lines[0] == f"~/claude/projects/-shop/{name}.jsonl"
    assert lines[1].startswith("  STOP  repetition  20 times  $")
    assert lines[1].endswith("  7f1f3a4de111"), "by which `qd loops watch --session` finds it"
    assert lines[2] == "    Grep(pattern=TODO, path=src) -> No matches found"
    assert lines[3].startswith("    The same call gives the same answer.")
    assert lines[4].startswith("  STOP  repetition  20 times  $")
    assert all(line.startswith("    ") for line in lines[5:8])
    assert lines[-2] == ""
    assert max(map(len, lines)) <= 100
    shown = qd("loops", "scan", "-n", "1").out.splitlines()
    assert shown[:4] == lines[:4]
    assert "1 of 2 loops; -n 0 lists all" in shown


def test_a_loop_without_a_time_says_at_which_event_it_began(qd, tmp_path):
    """And a cost that nobody knows is left away."""
    messages: list[dict[str, object]] = [{"role": "user", "content": "find it"}]
    for number in range(6):
        call = {"type": "tool_use", "id": f"t{number}", "name": "Grep", "input": {"pattern": "x"}}
        result = {"type": "tool_result", "tool_use_id": f"t{number}", "content": "none"}
        messages += [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    path = written(tmp_path / "messages.json", messages)
    code, out, _ = qd("loops", "scan", path)
    assert code == 1
    assert "  PAUSE  repetition  6 times  since event 2  messages\n" in out


def test_a_scan_as_json_says_everything(qd, sessions, project):
    """With a schema; costs exactly and in dollars."""
    path = Transcript(sessions / "own.jsonl", cwd=str(project)).asked().called(20).path
    answer = qd("loops", "scan", "--json").json
    assert answer["schema"] == "quarterdeck.loops.scan/1"
    (session,) = answer["sessions"]
    (loop,) = session["loops"]
    assert (session["path"], session["events"]) == (str(path), 21)
    assert (loop["kind"], loop["level"], loop["times"], loop["actor"]) == ("repetition", "stop", 20, "")
    assert loop["since"].startswith("2026-03-01T12:00")
    assert loop["cost_usd"] == pytest.approx(loop["cost_picousd"] / 1e12)
    assert answer["wasted_picousd"] == loop["cost_picousd"]
    assert (answer["unread"], answer["recorded"]) == ([], None)


def test_nothing_to_read_is_never_a_silent_0(qd, sessions, project, tmp_path):
    """Neither no session at all, nor only what is none."""
    code, _, err = qd("loops", "scan")
    assert code == 3
    assert str(sessions.parent) in err
    words = tmp_path / "words.jsonl"
    words.write_text("just words\n")
    code, out, err = qd("loops", "scan", str(words), str(tmp_path / "gone"), "--json")
    assert code == 3
    assert json.loads(out)["code"] == "nothing-to-read"
    assert "gone: is not there" in err
    code, _, err = qd("loops", "scan", str(words))
    assert code == 3
    assert "the file cannot be read as a session" in err


def test_where_nothing_is_found_only_what_could_help_is_hinted_at(qd, sessions, project, tmp_path):
    """No option that was not used, none that would be refused."""
    assert "--all" in qd("loops", "scan").err
    assert "--since" not in qd("loops", "scan").err
    for options in (("--all",), (str(tmp_path / "gone"),)):
        assert "--all" not in qd("loops", "scan", *options).err
        assert "--since" in qd("loops", "scan", *options, "--since", "1d").err


def test_what_cannot_be_read_is_listed_and_stops_nothing(qd, sessions, project):
    """On stderr, and in JSON."""
    path = Transcript(sessions / "own.jsonl", cwd=str(project)).asked().called(2).path
    bad = sessions / "bad\x1b[2J.jsonl"
    bad.write_text("\x1b[2J\n")
    code, out, err = qd("loops", "scan", str(sessions), "--json")
    assert code == 0
    assert "\x1b" not in err
    assert "bad\\x1b[2J.jsonl" in err
    answer = json.loads(out)
    assert [each["path"] for each in answer["sessions"]] == [str(path)]
    assert [each["path"] for each in answer["unread"]] == [str(bad)]


def test_certain_loops_are_recorded_if_wanted(qd, sessions, project):
    """Once, however often; in the library of the project."""
    Transcript(sessions / "own.jsonl", cwd=str(project)).asked().called(20)
    assert "1 recorded as patterns to avoid, 0 seen again" in qd("loops", "scan", "--record").out
    again = qd("loops", "scan", "--record", "--json").json["recorded"]
    assert again == {"new": 0, "again": 0, "none": 1}
    with PatternLibrary(root=str(project)) as library:
        (pattern,) = library.patterns()
    assert pattern.lesson == "avoid"


def test_hostile_sessions_reach_no_terminal(qd, sessions, project):
    """Their text stands as escapes; in JSON it is what it was."""
    hostile = {"pattern": "\x1b[2J\u202e\r\n" + "y" * 900}
    for agent in ("", "\x1b[31m\u202e"):
        transcript = Transcript(sessions / f"s{len(agent)}.jsonl", cwd=str(project), agent=agent)
        transcript.asked().called(20, tool="\x1b]0;x\x07", arguments=hostile, outcome="\x1b[2J")
    code, out, _ = qd("loops", "scan")
    assert code == 1
    assert all(line.isprintable() for line in out.splitlines())
    assert max(map(len, out.splitlines())) < 400
    json.loads(qd("loops", "scan", "--json").out)


@pytest.mark.parametrize("typed", ["", "0", "-1d", "soon", "7 days", "nan", "1e9"])
def test_a_time_that_is_none_is_a_usage_error(qd, sessions, typed: str):
    """And says what one looks like."""
    code, _, err = qd("loops", "scan", "--since", typed)
    assert code == 2
    assert "7d" in err


def test_a_path_and_all_contradict_each_other(qd, sessions):
    """Nobody can mean both."""
    assert qd("loops", "scan", "--all", ".").code == 2


# watch -----------------------------------------------------------------------------------------------


def test_the_newest_session_of_the_project_is_watched(qd, sessions, project):
    """A loop that it is in is an alarm at once."""
    Transcript(sessions / "old.jsonl", cwd=str(project)).asked()
    Transcript(sessions / "x" / "subagents" / "agent-1.jsonl", cwd=str(project), agent="1").asked()
    Transcript(sessions / "own.jsonl", cwd=str(project)).asked().called(20)
    for options in ((), ("--session", "own")):
        code, out, err = qd("loops", "watch", "--exit-on", "pause", *options)
        assert code == 1
        assert out.startswith("STOP  repetition  20 times  $")
        assert "watching own; Ctrl-C ends it" in err


def test_what_can_be_no_transcript_is_not_waited_for(qd, tmp_path):
    """A folder is none, nor is a device."""
    for path in (str(tmp_path), "/dev/null"):
        code, _, err = qd("loops", "watch", path)
        assert code == 3
        assert "is no file" in err


@pytest.mark.parametrize("typed", ["999999999w", "1ms", "2d"])
def test_how_often_to_look_has_bounds(qd, sessions, typed: str):
    """No machine waits for ever, and none should do nothing else."""
    code, _, err = qd("loops", "watch", "--every", typed)
    assert code == 2
    assert "from 0.01s to 86400s" in err


def test_a_session_that_nobody_has_is_nothing_to_read(qd, sessions, project):
    """By its id, or of the project."""
    assert qd("loops", "watch").code == 3
    Transcript(sessions / "own.jsonl", cwd=str(project)).asked()
    assert qd("loops", "watch", "--session", "other").code == 3
    assert qd("loops", "watch", "--session", "").code == 3
    assert qd("loops", "watch", "x.jsonl", "--session", "own").code == 2


# histories -------------------------------------------------------------------------------------------


def test_a_vicious_loop_in_a_history_is_a_finding(qd, tmp_path):
    """With what to do about it."""
    path = written(tmp_path / "trust.json", EROSION)
    code, out, _ = qd("loops", "check", path)
    assert code == 1
    assert out.startswith("R2_trust_erosion: ")
    assert "trend: trust is falling, -0.1 a snapshot" in out
    assert "Make it a rule" in out
    assert max(map(len, out.splitlines())) <= 100
    code, out, _ = qd("loops", "check", path, "--json")
    answer = json.loads(out)
    assert code == 1
    assert (answer["schema"], answer["loop_type"]) == ("quarterdeck.loops.check/1", "reinforcing_vicious")


def test_a_history_may_be_lines_and_come_from_stdin(qd, monkeypatch):
    """As other programs write it."""
    lines = "\n".join(json.dumps(each) for each in EROSION)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(f"\ufeff{lines}\n\n".encode())))
    assert qd("loops", "check", "-").code == 1


def test_a_stdin_that_is_closed_holds_nothing(qd, monkeypatch):
    """As a service may start us."""
    monkeypatch.setattr("sys.stdin", None)
    assert qd("loops", "check", "-").code == 3


def test_a_steady_history_has_no_loop(qd, tmp_path):
    """Exit code 0."""
    code, out, _ = qd("loops", "check", written(tmp_path / "h.json", [{"trust": 0.5}] * 30))
    assert code == 0
    assert out.startswith("no loop in 30 snapshots\n")


@pytest.mark.parametrize(
    "text, code",
    [
        ("", 3),
        ("[]", 3),
        ("[{}, {}]", 3),
        ('{"trust": 1}', 3),
        ("[1, 2]", 2),
        ('{"trust": 1}\nnot json\n', 2),
        ("[" * 100_000, 2),
        ('{"trust": 1' + "0" * 5_000 + "}", 2),
        ('[{"trust": NaN}, {"trust": Infinity}, {"trust": "\\ud800"}, {"trust": [[]]}]', 3),
        ("\x00\xff\x1b[2J", 2),
    ],
    ids=range(10),
)
@pytest.mark.parametrize("command", ["check", "discover"])
def test_a_history_that_says_nothing_is_refused_in_words(qd, tmp_path, command: str, text: str, code: int):
    """Never by a traceback, and never by silence."""
    path = tmp_path / "h.json"
    path.write_bytes(text.encode("latin-1"))
    result = qd("loops", command, str(path))
    assert result.code == code
    assert "hint: " in result.err
    assert all(line.isprintable() for line in result.err.splitlines())


def test_what_is_no_json_is_named_by_its_line(qd, tmp_path):
    """Also in the middle of an object of several lines."""
    path = tmp_path / "h.jsonl"
    path.write_text('{"trust": 1}\n\n{"trust":\n 0.5,\n bad}\n')
    code, _, err = qd("loops", "check", str(path))
    assert code == 2
    assert f"{path}: line 5 is not JSON: Expecting property name" in err


def test_objects_may_take_several_lines_each(qd, tmp_path):
    """As `jq` prints them."""
    path = tmp_path / "h.json"
    path.write_text("\n".join(json.dumps(each, indent=2) for each in EROSION))
    assert qd("loops", "check", str(path), "--json").json["details"]["snapshots"] == len(EROSION)


def test_a_last_line_that_is_still_being_written_is_left_out(qd, tmp_path):
    """A history that grows can be looked at at any time; that is said."""
    lines = [json.dumps(each) for each in EROSION]
    grows, whole = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    grows.write_text("\n".join([*lines, '{"trust": 0.']))
    whole.write_text("\n".join(lines))
    code, out, err = qd("loops", "check", str(grows))
    assert (code, out) == qd("loops", "check", str(whole))[:2]
    assert "the last line has no end" in err


def test_numbers_that_are_text_are_named(qd, tmp_path):
    """As a table becomes when it is turned into JSON without care."""
    texts = [{name: str(value) for name, value in each.items()} for each in EROSION]
    code, _, err = qd("loops", "check", written(tmp_path / "a.json", texts))
    assert code == 3
    assert f"is text in {len(texts)} snapshots" in err


def test_a_link_and_a_pipe_of_a_shell_are_read(qd, tmp_path):
    """Whoever names them means what they lead to."""
    path = written(tmp_path / "a.json", EROSION)
    (tmp_path / "link").symlink_to(path)
    expected = qd("loops", "check", path)
    assert qd("loops", "check", str(tmp_path / "link")) == expected
    reader, writer = os.pipe()
    os.write(writer, json.dumps(EROSION).encode())
    os.close(writer)
    try:
        assert qd("loops", "check", f"/dev/fd/{reader}") == expected
    finally:
        os.close(reader)


def test_options_are_looked_at_before_the_file(qd):
    """A word that is no number is what is wrong, whatever else is."""
    for options in (
        ("check", "--window", "19"),
        ("discover", "--max-lag", "21"),
        ("discover", "--max-lag", "x"),
    ):
        code, _, err = qd("loops", *options, "gone.jsonl")
        assert code == 2
        assert options[1] in err
    for options in (("check", "--window", "20"), ("discover", "--max-lag", "20")):
        assert qd("loops", *options, "gone.jsonl").code == 3


def test_only_the_last_snapshots_are_looked_at_and_it_is_said(qd, tmp_path):
    """A window that is longer looks further back."""
    path = written(tmp_path / "h.json", [{"trust": 0.5}] * 300)
    assert qd("loops", "check", path).out.startswith("no loop in the last 128 of 300 snapshots\n")
    assert qd("loops", "check", path, "--window", "300").out.startswith("no loop in 300 snapshots\n")


def test_metrics_that_no_known_loop_has_are_no_reason_to_hand_in_more(qd, tmp_path):
    """It is said which ones it takes, and which command takes any."""
    path = written(tmp_path / "h.json", [{"queue": number % 7} for number in range(300)])
    code, _, err = qd("loops", "check", path)
    assert code == 3
    assert "error_rate" in err
    assert "qd loops discover" in err


def spiral(tmp_path: Path) -> str:
    """A history with a vicious loop that is confirmed."""
    write_histories(tmp_path)
    return str(tmp_path / "spiral.jsonl")


def test_a_confirmed_loop_is_shown_as_one_way_around(qd, tmp_path):
    """Each metric once, with the sign of what it does to the next."""
    out = qd("loops", "check", spiral(tmp_path)).out
    assert "\n  trust -> (-) failure_rate -> (-) trust\n" in out


def test_a_confirmed_vicious_loop_is_recorded_if_wanted(qd, project, tmp_path):
    """Once for each history; with what works against it, the most effective first."""
    path = spiral(tmp_path)
    assert "recorded as a pattern to avoid: loop-metrics-" in qd("loops", "check", path, "--record").out
    assert "recorded before: loop-metrics-" in qd("loops", "check", path, "--record").out
    later = tmp_path / "later.jsonl"
    later.write_bytes((tmp_path / "spiral.jsonl").read_bytes())
    recorded = qd("loops", "check", str(later), "--record", "--json").json["recorded"]
    with PatternLibrary(root=str(project)) as library:
        (pattern,) = library.patterns()
    assert recorded == {"pattern_id": pattern.id, "change": "again"}
    assert pattern.lesson == "avoid"
    assert pattern.description.index("Make it a rule") < pattern.description.index("Give small tasks")


def test_what_is_not_certain_is_not_recorded(qd, project, tmp_path):
    """Neither a suspicion nor a trend; and nothing without being asked."""
    suspicion = written(tmp_path / "h.json", EROSION)
    assert "nothing to record" in qd("loops", "check", suspicion, "--record").out
    path = spiral(tmp_path)
    assert "nothing to record" in qd("loops", "check", str(tmp_path / "ramp.jsonl"), "--record").out
    assert qd("loops", "check", path, "--json").json["recorded"] is None
    with PatternLibrary(root=str(project)) as library:
        assert library.count() == 0


def test_no_file_is_nothing_to_read_and_a_folder_is_no_file(qd, tmp_path):
    """Said apart."""
    assert qd("loops", "check", str(tmp_path / "gone")).code == 3
    assert qd("loops", "check", str(tmp_path)).code == 1
    assert qd("loops", "check").code == 2


def test_loops_that_nobody_listed_are_discovered(qd, tmp_path):
    """Two metrics that move each other, with a name that no terminal should see."""
    chance = random.Random(2)
    errors = guards = 0.0
    history = []
    for _ in range(300):
        errors, guards = (
            0.5 * errors - 0.45 * guards + chance.gauss(0, 1),
            0.5 * guards + 0.45 * errors + chance.gauss(0, 1),
        )
        history.append({"errors": errors, "guards\x1b[2J": guards, "note": "x", "odd": math.nan})
    path = written(tmp_path / "h.json", history)
    code, out, _ = qd("loops", "discover", path)
    assert code == 0
    assert out.startswith("1 loop among 2 metrics, 300 snapshots\nbalancing")
    assert "\nleft out: odd is no number in more than a fifth of the snapshots\n" in out
    assert all(line.isprintable() for line in out.splitlines())
    answer = qd("loops", "discover", path, "--json").json
    assert (answer["schema"], len(answer["loops"])) == ("quarterdeck.loops.discover/1", 1)


def test_known_loops_are_listed_with_what_works_against_them(qd):
    """The most effective first."""
    out = qd("loops", "known").out
    assert all(name in out for name in ("R1_trust_building", "R2_trust_erosion", "B1_quality_control"))
    for kind in Kind:
        assert f"\n  {kind.value:11}  {KINDS[kind]}\n" in out
    for loop in qd("loops", "known", "--json").json["loops"]:
        ranks = [each["rank"] for each in loop["interventions"]]
        assert ranks == sorted(ranks)
        assert ranks

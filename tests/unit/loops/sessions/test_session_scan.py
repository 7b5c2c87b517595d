"""Past sessions, read for their loops."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from quarterdeck.costs.pricing import PriceBook
from quarterdeck.loops.events import Kind, Level
from quarterdeck.loops.sessions.scan import Session, scan, total, without_copies
from quarterdeck.loops.settings import LoopSettings
from tests.session_worlds import Transcript

if TYPE_CHECKING:
    from pathlib import Path


def scanned(
    *paths: Path, settings: LoopSettings | None = None, prices: PriceBook | None = None
) -> list[Session]:
    """Each of *paths*, read."""
    return list(scan(map(str, paths), settings or LoopSettings(), prices=prices))


def test_a_loop_is_found_with_its_cost(tmp_path):
    """What was repeated is what it has wasted: the first call is not part of that."""
    transcript = Transcript(tmp_path / "a.jsonl").asked().called(20)
    (session,) = scanned(transcript.path, prices=PriceBook())
    (found,) = session.loops
    assert (found.alarm.kind, found.alarm.level, found.alarm.times) == (Kind.REPETITION, Level.STOP, 20)
    assert session.events == 21
    assert session.cost_picousd
    assert session.wasted_picousd == session.cost_picousd * 19 // 20


def test_what_was_spent_for_little_is_not_what_was_repeated(tmp_path):
    """It is a record of its own, beside the loops it went for."""
    transcript = Transcript(tmp_path / "a.jsonl").asked()
    for number in range(60):
        transcript.called(1, arguments={"pattern": f"x{number}"}, outcome=f"found {number}")
    settings = LoopSettings(spend_usd=0.01)
    (session,) = scanned(transcript.path, settings=settings, prices=PriceBook())
    assert [found.alarm.kind for found in session.loops] == [Kind.SPEND]
    assert session.wasted_picousd is None


def test_without_prices_nothing_has_a_cost(tmp_path):
    """Unknown is not nothing."""
    (session,) = scanned(Transcript(tmp_path / "a.jsonl").asked().called(20).path)
    assert session.loops
    assert (session.cost_picousd, session.wasted_picousd) == (None, None)


def test_what_different_agents_do_is_no_loop(tmp_path):
    """Subagents at work stand mixed in one file; each is judged for itself."""
    path = tmp_path / "a.jsonl"
    one, two = Transcript(path, agent="one"), Transcript(path, agent="two")
    for _ in range(2):
        one.called(1)
        two.called(1)
    (session,) = scanned(path)
    assert session.loops == ()
    one.called(3)
    (session,) = scanned(path)
    assert [found.actor for found in session.loops] == ["one"]


def test_the_settings_say_what_may_repeat(tmp_path):
    """As they do for a session at work."""
    path = Transcript(tmp_path / "a.jsonl").asked().called(8).path
    assert scanned(path)[0].loops
    assert not scanned(path, settings=LoopSettings(polling=("grep",)))[0].loops


def test_what_cannot_be_read_is_told_and_the_rest_is_read(tmp_path):
    """Whatever it is."""
    good = Transcript(tmp_path / "good.jsonl").asked().called(5).path
    words, deep, pipe = tmp_path / "words.jsonl", tmp_path / "deep.jsonl", tmp_path / "pipe.jsonl"
    words.write_text("just words\n")
    deep.write_text("[" * 100_000)
    os.mkfifo(pipe)
    sessions = scanned(tmp_path / "gone", tmp_path, words, deep, pipe, good)
    assert [bool(each.unread) for each in sessions] == [True] * 5 + [False]
    assert sessions[-1].loops


def test_a_line_that_is_damaged_is_counted(tmp_path):
    """The others count all the same."""
    transcript = Transcript(tmp_path / "a.jsonl").asked().called(5)
    whole = transcript.path.read_bytes().splitlines(keepends=True)
    transcript.path.write_bytes(b"".join([*whole[:3], b'{"type": "assist\n', *whole[3:]]))
    (session,) = scanned(transcript.path)
    assert session.loops
    assert session.problem_count == len(session.problems) == 1


def test_a_loop_that_was_copied_into_another_session_counts_once(tmp_path):
    """Who goes on with a session begins with a copy of it; the longest counts."""
    first = Transcript(tmp_path / "a.jsonl").asked().called(6)
    second = tmp_path / "b.jsonl"
    second.write_bytes(first.path.read_bytes())
    first.called(2)
    for order in ((first.path, second), (second, first.path)):
        sessions = without_copies(scanned(*order))
        assert [found.alarm.times for each in sessions for found in each.loops] == [8]
    assert len([found for each in scanned(first.path, second) for found in each.loops]) == 2


def test_loops_of_sessions_that_count_their_calls_from_0_are_no_copies(tmp_path):
    """Lists of messages have no times, and ids that are the same in each."""
    for name, command, calls in (("x", "make", 12), ("y", "npm test", 10), ("z", "cargo build", 11)):
        messages: list[dict[str, object]] = [{"role": "user", "content": "go"}]
        for number in range(calls):
            made = {"name": "run", "arguments": json.dumps({"command": command})}
            call = {"id": f"call_{number}", "type": "function", "function": made}
            messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
            messages.append({"role": "tool", "tool_call_id": f"call_{number}", "content": f"same {command}"})
        (tmp_path / f"{name}.json").write_text(json.dumps(messages))
    sessions = without_copies(scanned(*(tmp_path / f"{name}.json" for name in "xyz")))
    assert [len(each.loops) for each in sessions] == [1, 1, 1]


def test_calls_that_we_blocked_are_no_loop(tmp_path):
    """What is said of a session is what its own calls came to."""
    transcript = Transcript(tmp_path / "a.jsonl").asked().called(10)
    (before,) = scanned(transcript.path)
    reason = "quarterdeck loops: repetition: Grep. 11 times with this call, since event 2. No."
    transcript.called(30, outcome=f"PreToolUse:Grep hook error: [qd loops hook]: {reason}", failed=True)
    (session,) = scanned(transcript.path)
    assert session.loops == before.loops


@pytest.mark.parametrize("amounts, expected", [([], None), ([None], None), ([None, 2, 3], 5), ([0], 0)])
def test_a_sum_of_nothing_known_is_unknown(amounts: list[int | None], expected: int | None):
    """And no zero."""
    assert total(amounts) == expected

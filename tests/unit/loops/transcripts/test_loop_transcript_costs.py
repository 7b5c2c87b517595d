"""What the events of a session cost is what the ledger finds in the same file."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime

import pytest

from quarterdeck.costs.importers import known
from quarterdeck.costs.importers.importing import import_all
from quarterdeck.costs.ledger import Ledger
from quarterdeck.costs.model import Request, Usage
from quarterdeck.costs.pricing import PriceBook
from quarterdeck.loops.events import AgentEvent
from quarterdeck.loops.transcripts import Follower, Format, Problem, Step, read_events
from quarterdeck.loops.transcripts.price import Meter
from quarterdeck.testing.sessions import CLAUDE, GEMINI, GPT, session_lines, write_session
from quarterdeck.testing.transcripts import write_transcripts

SCRIPT = [
    AgentEvent.heard("Go."),
    AgentEvent.said("I look."),
    AgentEvent.call("Bash", {"command": "make"}, "ok"),
    AgentEvent.said("Done."),
]
CARD = {"input_per_mtok": 1, "output_per_mtok": 5}
OWN = {CLAUDE: CARD, GPT: CARD, GEMINI: CARD}
ANSWER_PICOUSD = 1000 * 1_000_000 + 50 * 5_000_000


@pytest.fixture(scope="module")
def prices():
    """The published ones, as the ledger has them."""
    return PriceBook()


def imported(path, source, folder, prices):
    """What the ledger finds in the file at *path* alone."""
    root = os.path.join(folder, "root", "chats")
    os.makedirs(root)
    shutil.copy(path, root)
    ledger = Ledger(os.path.join(folder, "ledger"), prices=prices)
    import_all(ledger, [known.source(source)], {source: [os.path.dirname(root)]})
    total = sum(one.cost_picousd for one in ledger.totals())
    ledger.close()
    return total


def spent(found):
    """What the steps cost together."""
    return sum(one.event.cost_picousd or 0 for one in found if isinstance(one, Step))


def sessions(home):
    """Every transcript below *home*, with its source."""
    for folder, _, names in sorted(os.walk(home)):
        for name in sorted(names):
            yield os.path.join(folder, name), "claude-code" if ".claude" in folder else "codex"


def test_a_session_costs_what_the_ledger_finds_in_it(tmp_path, prices):
    """Answers on several lines, copies, side questions, subagents, tiers, forks, damaged lines: exactly."""
    home = tmp_path / "home"
    home.mkdir()
    write_transcripts(str(home), seed=6, size_bytes=100_000)
    compared = 0
    for number, (path, source) in enumerate(sessions(home)):
        expected = imported(path, source, tmp_path / str(number), prices)
        assert spent(read_events(path, prices=prices)) == expected, path
        compared += expected > 0
    assert compared > 15


def test_a_session_costs_the_same_when_it_is_followed(tmp_path, prices):
    """Read in many pieces, each by another process; what led to nothing yet is still owed."""
    home = tmp_path / "home"
    home.mkdir()
    write_transcripts(str(home), seed=7, size_bytes=50_000)
    for path, _ in sessions(home):
        if not path.endswith(".jsonl"):
            continue
        growing, state, total = tmp_path / "growing.jsonl", "", 0
        growing.write_bytes(b"")
        with open(path, "rb") as file:
            content = file.read()
        content += b"" if content.endswith(b"\n") else b"\n"
        for start in range(0, len(content), len(content) // 5 + 1):
            with growing.open("ab") as file:
                file.write(content[start : start + len(content) // 5 + 1])
            known_as = Format.CLAUDE_CODE if ".claude" in path else Format.CODEX
            follower = Follower(growing, state=state, prices=prices, known_as=known_as)
            total += spent(follower.read())
            state = follower.state
        owed = json.loads(state)["memory"]["joining"]["owed"]
        assert total + sum(owed.values()) == spent(read_events(growing, prices=prices)), path


@pytest.mark.parametrize("form", [Format.CLAUDE_CODE, Format.CODEX, Format.GEMINI, Format.SPANS])
def test_each_answer_counts_once(form, tmp_path):
    """However often the transcript tells of it."""
    path = tmp_path / "session.jsonl"
    write_session(path, form, SCRIPT)
    assert spent(read_events(path, prices=PriceBook(None, OWN))) == 3 * ANSWER_PICOUSD


@pytest.mark.parametrize("form", [Format.CLAUDE_CODE, Format.GEMINI, Format.SPANS])
def test_an_answer_is_paid_for_by_what_it_led_to(form, tmp_path):
    """The message that it is, or its first call."""
    path = tmp_path / "session.jsonl"
    write_session(path, form, SCRIPT)
    steps = list(read_events(path, prices=PriceBook(None, OWN)))
    assert [step.event.cost_picousd for step in steps if isinstance(step, Step)] == [None] + [
        ANSWER_PICOUSD
    ] * 3


def test_the_pending_call_has_its_price(tmp_path):
    """A hook may say what the call about to be made has cost already."""
    path = tmp_path / "session.jsonl"
    write_session(path, Format.CLAUDE_CODE, [AgentEvent.call("Bash", {"command": "sleep"})])
    follower = Follower(path, prices=PriceBook(None, OWN))
    assert list(follower.read()) == []
    assert [step.event.cost_picousd for step in follower.pending] == [ANSWER_PICOUSD]


@pytest.mark.parametrize("prices", [None, PriceBook(None, {"other": CARD})], ids=["no book", "other models"])
def test_what_has_no_price_is_unknown_and_not_free(prices, tmp_path):
    """Also when there is nothing to price it by."""
    path = tmp_path / "session.jsonl"
    path.write_text(
        "".join(
            json.dumps(line).replace(CLAUDE, "a-model-nobody-sells") + "\n"
            for line in session_lines(Format.CLAUDE_CODE, SCRIPT)
        )
    )
    steps = list(read_events(path, prices=prices))
    assert [step.event.cost_picousd for step in steps if isinstance(step, Step)] == [None] * 4


def test_counts_that_cannot_be_meant_are_a_problem_and_no_cost(tmp_path):
    """A time out of bounds, here; what was said is read all the same."""
    path = tmp_path / "session.jsonl"
    text = json.dumps(session_lines(Format.CLAUDE_CODE, SCRIPT[:2])[-1]).replace("2026-", "1999-")
    path.write_text(text + "\n")
    found = list(read_events(path, prices=PriceBook(None, OWN)))
    assert [type(one) for one in found] == [Step, Problem]
    assert spent(found) == 0


def test_a_better_known_answer_adds_only_what_is_new():
    """Of two with one name the one with more output counts; less adds nothing, nor takes away."""
    meter = Meter(PriceBook(None, {"m": CARD}))
    at = datetime(2026, 9, 1, tzinfo=UTC)
    gains = [
        meter.gained(Request("m", Usage(1000, output), at=at, response_id="a")) for output in (10, 10, 5, 30)
    ]
    assert gains == [1_050_000_000, None, None, 100_000_000]
    again = Meter(PriceBook(None, {"m": CARD}), meter.counted())
    assert again.gained(Request("m", Usage(1000, 30), at=at, response_id="a")) is None
    assert again.gained(Request("m", Usage(1000, 30), at=at)) == 1_150_000_000

"""The same answer, told by telemetry and read in a transcript, counts once, whichever comes first."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.costs.advice.why import COUNTED, why
from quarterdeck.costs.capture.claude_code_events import read_events
from quarterdeck.costs.capture.once import Once
from quarterdeck.costs.importers import claude_code
from quarterdeck.costs.importers.importing import import_all
from quarterdeck.costs.importers.progress import PROGRESS_FILE
from quarterdeck.costs.ledger import Ledger
from quarterdeck.costs.model import Request, Usage
from quarterdeck.journal import reader

MODEL = "claude-opus-4-5"
WRITTEN = 1000


def message_id(number: int) -> str:
    return f"msg_01{number:022}"


def request_id(number: int) -> str:
    return f"req_011{number:021}"


class World:
    """One machine: a session of Claude Code, its telemetry, and the ledger that both go into."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.transcript = self.home / ".claude" / "projects" / "p" / "s1.jsonl"
        self.transcript.parent.mkdir(parents=True)
        self.ledger = Ledger(str(folder / "ledger"))

    def write(self, number: int, output: int = 50, request: str = "", **more: Any) -> None:
        """A line of answer *number*."""
        split = {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": WRITTEN}
        usage = {
            "input_tokens": 10,
            "output_tokens": output,
            "cache_creation_input_tokens": WRITTEN,
            "cache_creation": split,
        }
        line = {
            "type": "assistant",
            "timestamp": "2026-09-03T10:00:00.000Z",
            "sessionId": "s1",
            "requestId": request or request_id(number),
            "message": {"id": message_id(number), "model": MODEL, "usage": usage},
        }
        with self.transcript.open("a") as file:
            file.write(json.dumps(line | more) + "\n")

    def take(self, *, full: bool = False) -> None:
        """Import."""
        environment = {"HOME": str(self.home)}
        import_all(self.ledger, [claude_code.SOURCE], environment=environment, full=full)

    def tell(self, *numbers: int, output: int = 50) -> None:
        """Telemetry arrives."""
        events = []
        for number in numbers:
            counts = {
                "input_tokens": 10,
                "output_tokens": output,
                "cache_read_tokens": 0,
                "cache_creation_tokens": WRITTEN,
            }
            told = [{"key": key, "value": {"intValue": value}} for key, value in counts.items()]
            told += [
                {"key": key, "value": {"stringValue": value}}
                for key, value in {
                    "event.name": "claude_code.api_request",
                    "model": MODEL,
                    "request_id": request_id(number),
                    "session.id": "s1",
                }.items()
            ]
            events.append({"timeUnixNano": "1788429600000000000", "attributes": told})
        reading = read_events({"resourceLogs": [{"scopeLogs": [{"logRecords": events}]}]})
        assert not reading.rejected
        Once(self.ledger).record_many(reading.requests)

    def counted(self) -> tuple[int, int]:
        """Requests and output tokens."""
        [total] = self.ledger.totals()
        return total.requests, total.usage.output_tokens


@pytest.fixture
def world(tmp_path):
    """An empty one."""
    world = World(tmp_path)
    yield world
    world.ledger.close()


def test_an_event_and_then_the_transcript(world):
    """The import finds the request in the ledger."""
    world.tell(1)
    world.write(1)
    world.take()
    assert world.counted() == (1, 50)


def test_the_transcript_and_then_an_event(world):
    """The import has left word of the request's id."""
    world.write(1)
    world.take()
    world.tell(1)
    assert world.counted() == (1, 50)


def test_each_again_and_again(world):
    """Exporters send twice, and notes get lost."""
    for _ in range(2):
        world.tell(1)
        world.write(1)
        world.take()
        world.take(full=True)
        world.write(2)
        world.take()
        world.tell(1, 2)
        world.tell(2)
    assert world.counted() == (2, 100)


def test_the_one_with_more_output_counts(world):
    """A transcript may have lost the end of an answer, an event may be of one that was read half."""
    world.write(1, output=3)
    world.take()
    world.tell(1, output=50)
    world.tell(2, output=3)
    world.write(2, output=60)
    world.take()
    assert world.counted() == (2, 110)


def test_other_requests_are_others(world):
    """An event of one that is in no transcript, an answer without an event."""
    world.tell(1)
    world.write(2)
    world.take()
    world.tell(3)
    assert world.counted() == (3, 150)


def test_a_side_question_does_not_take_the_names_of_what_it_repeats(world):
    """It repeats answer 1 under the id of the request that answered 2."""
    world.write(1)
    world.take()
    world.write(1, request=request_id(2), isSidechain=True)
    world.take()
    world.tell(2)
    assert world.counted() == (2, 100)


def test_a_copy_under_another_request_of_what_an_event_told_is_a_copy(world):
    """The answer keeps the name under which it was found in the ledger."""
    world.tell(1)
    world.write(1)
    world.take()
    world.write(1, request=request_id(9), isSidechain=True)
    world.take()
    assert world.counted() == (1, 50)


def test_an_answer_that_an_event_told_first_can_be_followed_to_its_lines(world):
    """Though the transcript has another name for it."""
    world.tell(1)
    world.write(1)
    world.take()
    [answer] = why(world.ledger, "s1", environment={"HOME": str(world.home)}).answers
    assert [line.verdict for line in answer.lines] == [COUNTED]


def test_an_import_that_dies_before_it_records_has_left_word(world, monkeypatch):
    """The event takes the answer's name, and the next import finds it counted."""
    world.write(1)

    def die(_requests):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(world.ledger, "record_many", die)
        with pytest.raises(KeyboardInterrupt):
            world.take()
    world.tell(1)
    world.take()
    assert world.counted() == (1, 50)


def test_what_is_not_claude_codes_goes_straight_into_the_ledger(world):
    """No notes are made or looked at."""
    Once(world.ledger).record_many([Request("gpt-5", Usage(1, 2), response_id=request_id(1))])
    assert world.counted() == (1, 2)
    assert not os.path.lexists(os.path.join(world.ledger.folder, PROGRESS_FILE))


def test_telemetry_reads_nothing_of_what_was_recorded_before(world, monkeypatch):
    """However many segments there are: the notes say that they are this journal's."""
    world.tell(1)
    with monkeypatch.context() as patch:
        patch.setattr(reader, "open_segment", None)
        world.tell(2)
    assert world.counted() == (2, 100)


def test_telemetry_that_arrives_while_transcripts_are_imported_counts_once(world):
    """Looking up a name and recording under it is one step, whoever else does so."""
    numbers = range(40)
    told = threading.Thread(target=lambda: [world.tell(number) for number in numbers])
    told.start()
    for number in numbers:
        world.write(number)
        world.take()
    told.join()
    assert world.counted() == (40, 2000)


STEPS = st.lists(
    st.tuples(st.sampled_from(["tell", "write", "partial", "take", "full"]), st.integers(1, 3)), max_size=12
)


@settings(deadline=None, max_examples=40)
@given(STEPS)
def test_however_they_fall_between_each_other_each_answer_counts_once(steps):
    """With lines that come twice, answers that are imported half."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        known = set()
        for step, number in steps:
            if step == "tell":
                world.tell(number)
            elif step in {"write", "partial"}:
                world.write(number, output=50 if step == "write" else 2)
            else:
                world.take(full=step == "full")
            if step not in {"take", "full"}:
                known.add(number)
        for number in known:
            world.write(number)
        world.take()
        assert world.counted() == (len(known), 50 * len(known))
        world.ledger.close()

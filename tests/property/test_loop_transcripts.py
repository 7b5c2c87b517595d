"""Whatever stands in a transcript, it is read or refused by name, and in pieces as it is in one go."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import tempfile

from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.costs.pricing import PriceBook
from quarterdeck.errors import QuarterdeckError
from quarterdeck.loops.events import AgentEvent
from quarterdeck.loops.transcripts import Follower, Format, Problem, Step, events_of, read_events
from quarterdeck.testing.sessions import (
    CLAUDE,
    GEMINI,
    GPT,
    anthropic_messages,
    openai_messages,
    response_items,
    session_lines,
)

SCRIPT = [
    AgentEvent.heard("Make the tests pass."),
    AgentEvent.said("I shall look."),
    AgentEvent.call("Bash", {"command": "make", "timeout": 5}, "exit code 2", failed=True),
    AgentEvent.call("Read", {"path": "Makefile"}, "all:", failed=False),
    AgentEvent.heard("Go on."),
    AgentEvent.call("Bash", {"command": "sleep 100"}),
]
CARD = {"input_per_mtok": 1.0, "output_per_mtok": 5.0}
PRICES = PriceBook(None, {CLAUDE: CARD, GPT: CARD, GEMINI: CARD})

DEEP: list[object] = []
for _ in range(200):
    DEEP = [DEEP]
ODD = st.sampled_from(
    [
        DEEP,
        10**30,
        -1,
        1e308,
        "\ud800",
        "\0",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
        "tool_use",
        {},
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FORMATS = st.sampled_from(list(Format))


def places(value, above=()):
    """The path to every part of *value*, itself too."""
    yield above
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from places(part, (*above, name))


def put(value, place, instead):
    """*value* with something else at *place*."""
    if not place:
        return instead
    whole = copy.copy(value)
    whole[place[0]] = put(value[place[0]], place[1:], instead)
    return whole


@st.composite
def mutated_lines(draw):
    """A session in which up to four fields hold something else."""
    form = draw(FORMATS)
    lines = session_lines(form, SCRIPT)
    for _ in range(draw(st.integers(1, 4))):
        number = draw(st.integers(0, len(lines) - 1))
        place = draw(st.sampled_from(list(places(lines[number]))))
        lines[number] = put(lines[number], place, draw(JSON))
    return form, lines


def is_sound(found):
    """Whether anybody can handle it without a second look."""
    if isinstance(found, Problem):
        return bool(found.reason)
    event = found.event
    for text in (event.tool, event.text, event.name, found.actor):
        text.encode()
    json.dumps([event.arguments, event.outcome]).encode()
    assert event.at is None or event.at.tzinfo is not None
    assert event.cost_picousd is None or type(event.cost_picousd) is int
    return isinstance(found, Step)


@settings(max_examples=300, deadline=None)
@given(mutated_lines())
def test_no_field_of_a_wrong_type_is_more_than_a_problem(mutated):
    """Reading ends well, or with an error of ours."""
    form, lines = mutated
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "session.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(line)}\n" for line in lines)
        with contextlib.suppress(QuarterdeckError):
            assert all(map(is_sound, read_events(path, prices=PRICES)))
        follower = Follower(path, prices=PRICES, known_as=form)
        assert all(map(is_sound, follower.read()))
        again = Follower(path, state=follower.state, prices=PRICES, known_as=form)
        assert list(again.read()) == []
        assert again.pending == follower.pending


@settings(max_examples=100, deadline=None)
@given(FORMATS, st.lists(st.integers(1, 3000), max_size=8), st.booleans())
def test_a_session_in_pieces_is_the_session(form, pieces, other_process):
    """Wherever the file ends while it is read, no event is lost, doubled or changed; nor is a cost."""
    content = b"".join(json.dumps(line).encode() + b"\n" for line in session_lines(form, SCRIPT))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "session.jsonl")
        follower = Follower(path, prices=PRICES, known_as=form)
        steps = []
        for piece in (*pieces, len(content)):
            with open(path, "ab") as file:
                written = file.tell()
                file.write(content[written : written + piece])
            if other_process:
                follower = Follower(path, state=follower.state, prices=PRICES, known_as=form)
            steps += list(follower.read())
        assert [*steps, *follower.pending] == list(read_events(path, prices=PRICES))
        assert follower.restarts == 0


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([openai_messages, anthropic_messages, response_items]), st.data())
def test_no_message_of_a_wrong_shape_stops_the_others(shape, data):
    """A list that somebody holds in memory can hold anything."""
    messages = list(shape(SCRIPT))
    number = data.draw(st.integers(0, len(messages) - 1))
    place = data.draw(st.sampled_from(list(places(messages[number]))))
    messages[number] = put(messages[number], place, data.draw(JSON))
    others = [*messages, {"role": "user", "content": "The last."}]
    events = list(events_of(others))
    assert all(is_sound(Step(event)) for event in events)
    expected = [*events_of(messages[:number]), *events_of(messages[number + 1 :])]
    said = [event.text for event in events if event.text]
    assert set(said) >= {"The last.", *(event.text for event in expected if event.text)}


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400) | st.text(alphabet='{}[]":,\\ud80 n\n', max_size=200).map(str.encode))
def test_bytes_that_are_no_transcript_are_refused_by_name(content):
    """Also such as look like the beginning of JSON."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "session.jsonl")
        with open(path, "wb") as file:
            file.write(content)
        with contextlib.suppress(QuarterdeckError):
            assert all(map(is_sound, read_events(path)))

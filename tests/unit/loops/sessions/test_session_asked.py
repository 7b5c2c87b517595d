"""Which calls have been asked about before."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.loops.events import AgentEvent, calls
from quarterdeck.loops.events.allowances import Allowances
from quarterdeck.loops.events.calls import footprint
from quarterdeck.loops.sessions import asked
from quarterdeck.loops.sessions.asked import checksum
from quarterdeck.loops.sessions.protocol import Question

FOLDER = "/home/ada/engine"
ALLOWANCES = Allowances()

tools = st.sampled_from(["Bash", "bash", "TodoWrite", "mcp__a__fetch_data", "trace_search", "Read"])
keys = st.sampled_from([
    *("command", "description", "path", "todos", "q", "id", "t", "sent_at"),
    *("timestamp", "request_id", "requestId", "trace_id", "reasoning", "justification", "thought", "nonce"),
])  # fmt: skip
items = st.sampled_from([
    *("a", "a  b", " a b", "a b\n", "./a", f"{FOLDER}/a", f"cd {FOLDER} && a b", "", "1", 1, 1.0, True, None),
    *(1_767_225_600, 1_767_225_601.5, "1767225600", 1_767_225_600_123, "a b # try 1"),
    *(["a", "b"], ["b", "a"], [1, "1"]),
    *([{"content": "a", "id": 1}, {"content": "b"}], [{"content": "b"}, {"id": 1, "content": "a"}], {"a": 1}),
])  # fmt: skip
arguments = st.dictionaries(keys, items, max_size=4) | st.just({"path": "a"}).map(json.dumps) | items


def summed(tool: str, value: object) -> int:
    """The checksum of a call."""
    return checksum(Question("PreToolUse", "s", "", "t", FOLDER, tool, value))


def identity(tool: str, value: object) -> int:
    """What a detector takes a call for."""
    return footprint(AgentEvent.call(tool, value), ALLOWANCES, FOLDER).call


@given(tools, st.lists(arguments, min_size=2, max_size=12))
def test_what_a_detector_takes_for_one_call_has_one_checksum(tool: str, values: list[object]):
    """Or a loop would be there that the hook never looks at."""
    sums: dict[int, int] = {}
    for value in values:
        assert summed(tool, value) == sums.setdefault(identity(tool, value), summed(tool, value))


@pytest.mark.parametrize("name", sorted(calls._REMARKS | calls._STAMPS))
def test_what_is_no_part_of_a_call_is_none_of_its_checksum(name: str):
    """Every name that the detectors know."""
    assert name in asked._REMARKS
    assert summed("a", {"q": 1, name: "one"}) == summed("a", {"q": 1, name: "other"})


@pytest.mark.parametrize(
    "one, other",
    [
        ({"command": "pytest -q tests"}, {"command": "pytest  -q tests\n", "description": "Again"}),
        ({"command": "pytest -q tests"}, {"command": f"cd {FOLDER} && pytest -q tests"}),
        ({"path": "a.py"}, {"path": f"{FOLDER}/a.py"}),
        ({"q": 1, "t": 1_767_225_600}, {"q": 1, "t": 1_767_225_700}),
        ({"todos": ["a", "b"]}, {"todos": ["b", "a"]}),
        ({"a": 1, "b": 2}, '{"b": 2, "a": 1}'),
    ],
    ids=["spaces", "folder", "path", "moment", "order", "string"],
)
def test_the_same_in_other_words_has_the_same_checksum(one: Any, other: Any):
    """As an agent says it now and then."""
    assert summed("Bash", one) == summed("Bash", other)


@pytest.mark.parametrize(
    "one, other",
    [
        ({"path": "a"}, {"path": "b"}),
        ({"issue_number": 7}, {"issue_number": 8}),
        ({"q": "a", "page": 1}, {"q": "a", "page": 2}),
        ({"old_string": "a", "new_string": "b"}, {"old_string": "b", "new_string": "a"}),
    ],
    ids=["path", "number", "page", "edit"],
)
def test_other_calls_have_other_checksums(one: Any, other: Any):
    """Or every call would cost a longer look."""
    assert summed("Bash", one) != summed("Bash", other)

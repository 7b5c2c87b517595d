"""LangGraph's own suite for checkpointers, on a thin adapter (`tests/langgraph_adapter.py`)."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate  # type: ignore[import-untyped]

from quarterdeck.memory.settings import MemoryConfig, RedisConfig
from quarterdeck.memory.short_term import ShortTermMemory
from tests.langgraph_adapter import MemoryCheckpointer
from tests.memory_servers import Fleet, find_servers

TESTS = {
    "put": 17,
    "put_writes": 10,
    "get_tuple": 10,
    "list": 16,
    "delete_thread": 5,
    "delete_for_runs": 7,
    "copy_thread": 8,
    "prune": 8,
}
"""How many tests the suite has, by capability: the first five are required, the others extensions."""

AS_IT_IS: dict[str, Any] = {"pii_scrub_enabled": False, "secrets_detection_enabled": False}
"""Checkpoints are the state of a program, packed: nothing may be taken out of them."""


@pytest.fixture(params=["embedded", *find_servers()], ids=lambda each: getattr(each, "name", each))
def memory(request, tmp_path):
    """The memory of one agent, on every backend."""
    if request.param == "embedded":
        with ShortTermMemory(MemoryConfig(path=str(tmp_path / "memory.sqlite"), **AS_IT_IS)) as memory:
            yield memory
    else:
        with (
            Fleet() as fleet,
            ShortTermMemory(RedisConfig(url=fleet.server(request.param).url, **AS_IT_IS)) as memory,
        ):
            yield memory


def test_all_81_tests_of_langgraphs_conformance_suite_pass(memory):
    """Every capability, base and extended, with nothing left out and no network."""

    @checkpointer_test("agent memory")
    async def checkpointer():
        yield MemoryCheckpointer(memory)

    report = asyncio.run(validate(checkpointer))
    assert {name: result.failures for name, result in report.results.items()} == {name: [] for name in TESTS}
    assert {name: result.tests_passed for name, result in report.results.items()} == TESTS
    assert sum(TESTS.values()) == 81
    assert report.conformance_level() == "FULL"


def test_what_one_process_has_saved_another_goes_on_from(memory):
    """A second checkpointer, on a memory of its own, sees every checkpoint and write at once."""
    first = MemoryCheckpointer(memory)
    with ShortTermMemory(memory.store.limits) as elsewhere:
        second = MemoryCheckpointer(elsewhere)
        place: Any = {"configurable": {"thread_id": "a/thread: 1", "checkpoint_ns": ""}}
        for number in range(3):
            assert second.get_tuple(place) == first.get_tuple(place)
            checkpoint = {
                "v": 1,
                "id": f"{number:04}",
                "channel_values": {"n": number},
                "channel_versions": {},
            }
            place = first.put(place, checkpoint, {"step": number}, {})
            second.put_writes(place, [("n", b"\x00" * number)], "task")
            found = first.get_tuple(place)
            assert found is not None
            assert found == second.get_tuple(place)
            assert found.checkpoint == checkpoint
            assert found.pending_writes == [("task", "n", b"\x00" * number)]
        assert [each.metadata["step"] for each in second.list(None)] == [2, 1, 0]
        second.prune(["a/thread: 1"])
        assert [each.metadata["step"] for each in first.list(None)] == [2]


def test_the_suite_sends_nothing_anywhere():
    """Its dependencies bring a tracer; it stays off."""
    from langsmith import utils

    assert "langsmith" in sys.modules
    assert not utils.tracing_is_enabled()

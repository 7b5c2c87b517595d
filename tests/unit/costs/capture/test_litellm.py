"""litellm's callback, driven as litellm 1.106.2 was seen to drive it."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from quarterdeck.costs.capture.litellm import LedgerCallback
from quarterdeck.costs.model import Usage
from quarterdeck.errors import StoreFull

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quarterdeck.costs.model import Request

STARTED = datetime(2026, 11, 22, 20, 59, 32, 845810)  # noqa: DTZ001 - litellm's times are naive
ENDED = datetime(2026, 11, 22, 20, 59, 32, 921676)  # noqa: DTZ001 - as above
ANSWER_ID = "chatcmpl-949a376f-65d3-4811-9d12-c287a9563f34"


class Recorded(list["Request"]):
    def record_many(self, requests: Iterable[Request], /) -> int:
        before = len(self)
        self.extend(requests)
        return len(self) - before


def answer(**usage: object) -> SimpleNamespace:
    counts = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30, **usage}
    return SimpleNamespace(id=ANSWER_ID, model="gpt-4o", usage=SimpleNamespace(**counts))


def described(**kwargs: object) -> dict[str, Any]:
    return {
        "model": "gpt-4o",
        "custom_llm_provider": "openai",
        "litellm_call_id": "749c7da0-8204-4e86-9f9f-2b7d85ad84c6",
        "litellm_params": {
            "metadata": {"session_id": "s1", "project": "p", "hidden_params": {}},
            "litellm_session_id": "sess-9",
        },
        "user": "bob",
        "stream": False,
        "call_type": "completion",
        "cache_hit": None,
        "response_cost": 0.00022500000000000002,
        **kwargs,
    }


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


def test_an_answer_becomes_a_record_with_what_litellm_knows(recorded):
    """Provider, labels, time and litellm's own price."""
    LedgerCallback(recorded).log_success_event(described(), answer(), STARTED, ENDED)
    [request] = recorded
    assert (request.model, request.provider, request.usage) == ("gpt-4o", "openai", Usage(10, 20))
    assert (request.session, request.user, request.project) == ("sess-9", "bob", "p")
    assert (request.source, request.response_id) == ("litellm", ANSWER_ID)
    assert request.cost_picousd == 225_000_000
    assert request.at == ENDED.astimezone(UTC)


def test_sync_and_async_reports_of_one_call_have_one_identity(recorded):
    """So that the ledger counts the call once."""
    callback = LedgerCallback(recorded)
    callback.log_success_event(described(), answer(), STARTED, ENDED)
    asyncio.run(callback.async_log_success_event(described(), answer(), STARTED, ENDED))
    assert [request.response_id for request in recorded] == [ANSWER_ID, ANSWER_ID]


def test_of_a_stream_only_its_end_counts(recorded):
    """As a function, litellm calls it with every chunk, and chunks hold no counts."""
    callback = LedgerCallback(recorded)
    chunk = SimpleNamespace(id=ANSWER_ID, model="gpt-4o", choices=[])
    for response in (chunk, chunk, answer()):
        callback.log_success_event(described(stream=True), response, STARTED, ENDED)
    assert len(recorded) == 1
    assert (callback.skipped, callback.reason) == (0, "")


def test_what_litellms_own_cache_answers_was_paid_for_before(recorded):
    """Nothing is recorded."""
    LedgerCallback(recorded).log_success_event(described(cache_hit=True), answer(), STARTED, ENDED)
    assert recorded == []


def test_an_answer_without_an_id_is_known_by_its_call(recorded):
    """Embeddings have none."""
    response = SimpleNamespace(model="text-embedding-3-small", usage=SimpleNamespace(prompt_tokens=10))
    LedgerCallback(recorded).log_success_event(described(), response, STARTED, ENDED)
    assert recorded[0].response_id == "749c7da0-8204-4e86-9f9f-2b7d85ad84c6"


def test_an_answer_without_counts_is_skipped_and_says_why(recorded):
    """A transcription is billed by the second, for example; the program goes on."""
    callback = LedgerCallback(recorded)
    callback.log_success_event(described(), SimpleNamespace(text="hello"), STARTED, ENDED)
    assert recorded == []
    assert callback.skipped == 1
    assert "no token counts" in callback.reason


def test_a_failed_call_costs_nothing_known(recorded):
    """Both hooks are there, as litellm expects them."""
    callback = LedgerCallback(recorded)
    callback.log_failure_event(described(response_cost=0), None, STARTED, ENDED)
    asyncio.run(callback.async_log_failure_event(described(response_cost=0), None, STARTED, ENDED))
    assert recorded == []


def test_an_answer_that_cannot_be_written_down_raises():
    """Litellm logs what its callbacks raise; nothing is lost without a word."""

    class Full:
        def record_many(self, requests: Iterable[Request], /) -> int:
            raise StoreFull("the disk is full", hint="make room")

    with pytest.raises(StoreFull):
        LedgerCallback(Full()).log_success_event(described(), answer(), STARTED, ENDED)


class CustomLogger:
    def __init__(self) -> None:
        self.initialised = True


def test_where_litellm_is_loaded_the_callback_is_one_of_its_loggers(recorded, monkeypatch):
    """It calls no others, whatever methods they have."""
    module = ModuleType("litellm.integrations.custom_logger")
    module.CustomLogger = CustomLogger  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    callback = LedgerCallback(recorded)
    assert isinstance(callback, CustomLogger)
    assert isinstance(callback, LedgerCallback)
    assert callback.initialised
    assert not callable(callback)  # litellm would call it once more, as a function


def test_the_callback_imports_nothing_of_litellm():
    """It costs seconds."""
    assert not any(name.partition(".")[0] == "litellm" for name in sys.modules)

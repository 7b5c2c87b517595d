"""A callback for litellm: each successful call becomes a record.

    tracker = CostTracker()
    callback = LedgerCallback(tracker.ledger)
    litellm.callbacks = [callback]                              # every call: sync, async, streamed
    litellm.success_callback = [callback.log_success_event]     # or as a function: only sync calls

litellm is not imported here; a program that assigns a callback has imported it, and then the callback is one
of its ``CustomLogger``s, for it calls no others.

litellm may report one call more than once: through its sync and its async hook, and as a function with every
chunk of a stream. Chunks hold no counts and are passed over; the rest have one response id and count once.
An answer from litellm's own cache was paid for before, and is not recorded.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from quarterdeck.costs.capture.extract_usage import request_from
from quarterdeck.costs.capture.fields import field, text
from quarterdeck.costs.money import stated_price
from quarterdeck.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from quarterdeck.costs.capture import Recorder
    from quarterdeck.costs.model import Request


class LedgerCallback:
    """Hands every answer that litellm reports to a ledger.

    Attributes:
        skipped: calls that were answered, but say no token counts.
        reason: why the last of them was skipped; empty: none was.
    """

    def __new__(cls, *_args: object, **_options: object) -> LedgerCallback:  # noqa: PYI034 - a subclass, made here
        """An instance that litellm accepts, if it is there."""
        loaded = sys.modules.get("litellm.integrations.custom_logger")
        if loaded is not None and not issubclass(cls, loaded.CustomLogger):
            cls = type(cls.__name__, (cls, loaded.CustomLogger), {})
        return super().__new__(cls)

    def __init__(self, recorder: Recorder, *, source: str = "litellm") -> None:
        """Record with *recorder*, as *source*."""
        super().__init__()
        self._recorder = recorder
        self._source = source
        self.skipped = 0
        self.reason = ""

    def log_success_event(
        self, kwargs: dict[str, Any], response_obj: object, start_time: datetime, end_time: datetime
    ) -> None:
        """One call was answered; what cannot be recorded raises, and litellm logs that.

        Raises:
            StateError: the ledger cannot be written to.
        """
        if field(kwargs, "cache_hit") is True:
            return
        try:
            request = request_of(kwargs, response_obj, end_time, source=self._source)
        except UsageError as error:
            if not _is_chunk(kwargs, response_obj):
                self.skipped += 1
                self.reason = error.message
            return
        self._recorder.record_many([request])

    async def async_log_success_event(
        self, kwargs: dict[str, Any], response_obj: object, start_time: datetime, end_time: datetime
    ) -> None:
        """As `log_success_event`; it blocks for one write."""
        self.log_success_event(kwargs, response_obj, start_time, end_time)

    def log_failure_event(
        self, kwargs: dict[str, Any], response_obj: object, start_time: datetime, end_time: datetime
    ) -> None:
        """A call that failed says nothing about what it used."""

    async def async_log_failure_event(
        self, kwargs: dict[str, Any], response_obj: object, start_time: datetime, end_time: datetime
    ) -> None:
        """As `log_failure_event`."""


def request_of(kwargs: dict[str, Any], response: object, answered_at: datetime, *, source: str) -> Request:
    """The request that litellm describes by *kwargs*, its price included where it states one.

    Raises:
        UsageError: no counts are found, or one cannot be meant.
    """
    params = field(kwargs, "litellm_params")
    metadata = field(params, "metadata")
    request = request_from(
        response,
        provider=text(kwargs, "custom_llm_provider"),
        model=text(response, "model") or text(kwargs, "model"),
        at=answered_at.astimezone(),  # litellm's times are local, and naive
        session=text(params, "litellm_session_id") or text(metadata, "session_id"),
        user=text(kwargs, "user") or text(metadata, "user_api_key_user_id", "trace_user_id"),
        project=text(metadata, "project"),
        task_type=text(metadata, "task_type") or "unknown",
        source=source,
        cost_picousd=stated_price(field(kwargs, "response_cost")),
    )
    return request if request.response_id else request._replace(response_id=text(kwargs, "litellm_call_id"))


def _is_chunk(kwargs: dict[str, Any], response: object) -> bool:
    return field(kwargs, "stream") is True and field(response, "usage") is None

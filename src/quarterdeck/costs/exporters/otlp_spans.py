"""A record that counts as a span of OpenTelemetry's GenAI conventions, in OTLP's JSON.

What the conventions name goes by their names; what only the ledger knows goes below ``quarterdeck.`` by the
name of the field, the cost first: ``quarterdeck.cost_picousd``, absent where there is no price. Input
contains the cache, as in both. A span has no length, for the ledger knows only when the answer came. Another
ledger reads all of it back: `capture.mirrored_spans`.

The ids are made of the ledger's id and of what the record counts for, so that a record that is sent again,
and a better one that takes its place, have the same: a receiver that keeps one span for each id counts
nothing twice.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import uuid

    from quarterdeck.costs.record import Record

_TEXTS = {
    "provider": "gen_ai.provider.name",
    "model": "gen_ai.request.model",
    "response_id": "gen_ai.response.id",
    "session": "gen_ai.conversation.id",
    "user": "user.id",
    "project": "quarterdeck.project",
    "task_type": "quarterdeck.task_type",
    "tier": "quarterdeck.tier",
    "service_tier": "quarterdeck.service_tier",
    "source": "quarterdeck.source",
    "card": "quarterdeck.card",
}
_COUNTS = {
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "cache_read_input_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_write_input_tokens": "gen_ai.usage.cache_creation.input_tokens",
    "reasoning_output_tokens": "gen_ai.usage.reasoning.output_tokens",
    "cache_write_1h_input_tokens": "quarterdeck.usage.cache_write_1h_input_tokens",
    "input_audio_tokens": "quarterdeck.usage.input_audio_tokens",
    "output_audio_tokens": "quarterdeck.usage.output_audio_tokens",
    "cache_read_audio_tokens": "quarterdeck.usage.cache_read_audio_tokens",
    "input_image_tokens": "quarterdeck.usage.input_image_tokens",
    "output_image_tokens": "quarterdeck.usage.output_image_tokens",
    "web_searches": "quarterdeck.usage.web_searches",
}
_ALWAYS = frozenset({"input_tokens", "output_tokens"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KIND_CLIENT = 3
_BEFORE = (
    b'{"resourceSpans":[{"resource":{"attributes":'
    b'[{"key":"service.name","value":{"stringValue":"quarterdeck"}}]},'
    b'"scopeSpans":[{"scope":{"name":"quarterdeck.costs"},"spans":['
)
_AFTER = b"]}]}]}"


def span_of(record: Record, place: str, ledger: uuid.UUID) -> dict[str, object]:
    """The span of *record*, which stands at *place* (``segment@offset``) of *ledger*."""
    identity = _identity(record, place, ledger)
    milliseconds = (datetime.fromisoformat(record.at) - _EPOCH) // timedelta(milliseconds=1)
    nanoseconds = f"{milliseconds}000000"
    attributes = [_text("gen_ai.operation.name", "chat")]
    attributes += [_text(key, value) for name, key in _TEXTS.items() if (value := getattr(record, name))]
    attributes += [_text(f"quarterdeck.tag.{name}", value) for name, value in sorted(record.tags.items())]
    attributes += [
        _count(key, value)
        for name, key in _COUNTS.items()
        if (value := getattr(record, name)) or name in _ALWAYS
    ]
    if record.requests != 1:
        attributes.append(_count("quarterdeck.requests", record.requests))
    if record.cost_picousd is not None:
        attributes.append(_count("quarterdeck.cost_picousd", record.cost_picousd))
    return {
        "traceId": identity[:32],
        "spanId": identity[32:],
        "name": f"chat {record.model}",
        "kind": _KIND_CLIENT,
        "startTimeUnixNano": nanoseconds,
        "endTimeUnixNano": nanoseconds,
        "attributes": attributes,
    }


def export_of(spans: list[bytes]) -> bytes:
    """The body of an export of *spans*, each of them JSON."""
    return _BEFORE + b",".join(spans) + _AFTER


def _identity(record: Record, place: str, ledger: uuid.UUID) -> str:
    """48 hex digits: of the trace, then of the span."""
    counts_for = (
        ("response", record.response_id) if record.response_id else ("place", record.replaces or place)
    )
    named = "\0".join((ledger.hex, *counts_for))
    return blake2b(named.encode(errors="replace"), digest_size=24).hexdigest()


def _text(key: str, value: str) -> dict[str, object]:
    return {"key": key, "value": {"stringValue": value}}


def _count(key: str, value: int) -> dict[str, object]:
    return {"key": key, "value": {"intValue": str(value)}}

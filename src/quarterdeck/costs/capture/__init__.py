"""Requests caught while they happen: from a response, from litellm, or from telemetry.

    a response of any SDK ── extract_usage ── request_from ──┐
    litellm's callbacks ──── litellm.LedgerCallback ─────────┼─> Request -> Recorder.record_many()
    OTLP over HTTP ───────── otlp.OtlpReceiver ── once ──────┘
                             http_server -> spans, claude_code_events (by attributes, reading)

What a source counts in which total differs; each module says what it adds so that a total contains its
parts. Whatever comes twice (a retried export, a chunk and its whole, a log and its span) has the same
`Request.response_id` and is counted once. No SDK is ever imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quarterdeck.costs.model import Request


class Recorder(Protocol):
    """What captured requests are handed to: the ledger."""

    def record_many(self, requests: Iterable[Request], /) -> int:
        """Write all of *requests* down; how many that were."""

"""Reading lines of the ledger's journal; `quarterdeck.costs.line` writes them."""

from __future__ import annotations

import msgspec

from quarterdeck.costs.line import VERSION
from quarterdeck.costs.model import Usage

RANKS_PER_OUTPUT = 4
"""A record's rank divided by this is its output tokens."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One request as it was charged; the fields of `Request` and of `Usage`, and its price.

    Attributes:
        at: UTC, ISO 8601.
        cost_picousd: None: it has no price.
        card: the card it was priced by; empty: none.
    """

    v: int
    at: str
    model: str
    input_tokens: int
    output_tokens: int
    cost_picousd: int | None = None
    provider: str = ""
    task_type: str = "unknown"
    tier: str = ""
    service_tier: str = ""
    session: str = ""
    project: str = ""
    user: str = ""
    source: str = ""
    response_id: str = ""
    replaces: str = ""
    tags: dict[str, str] = {}
    card: str = ""
    requests: int = 1
    cache_read_input_tokens: int = 0
    cache_write_input_tokens: int = 0
    cache_write_1h_input_tokens: int = 0
    reasoning_output_tokens: int = 0
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0
    cache_read_audio_tokens: int = 0
    input_image_tokens: int = 0
    output_image_tokens: int = 0
    web_searches: int = 0

    @property
    def rank(self) -> int:
        """Of the records of one answer the highest counts, and of equals the one that stands first.

        By output, then one that has a price, then one that tells apart what is cached for an hour.
        """
        details = 2 * (self.cost_picousd is not None) + (self.cache_write_1h_input_tokens > 0)
        return self.output_tokens * RANKS_PER_OUTPUT + details

    @property
    def usage(self) -> Usage:
        """The token counts alone."""
        return Usage(*(getattr(self, name) for name in Usage._fields))


_decoder = msgspec.json.Decoder(Record)


def decode(line: bytes) -> Record:
    """The record of *line*.

    Raises:
        ValueError: it is not JSON, not a record, or of a version this Quarterdeck does not know.
    """
    try:
        record = _decoder.decode(line)  # its errors are ValueErrors
    except RecursionError as error:  # but this one: a field that nobody knows, nested without end
        raise ValueError("nested too deeply") from error
    if record.v != VERSION:
        raise ValueError(f"a record of version {record.v}; this Quarterdeck reads version {VERSION}")
    return record

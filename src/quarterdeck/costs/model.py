"""What one request to a model is, before and after it has a price.

    Request (asked to be recorded) ──price──> line of the journal ──read──> Record

Token counts follow OpenTelemetry's GenAI conventions: a total contains its parts.

    input_tokens                       output_tokens
    ├── cache_read_input_tokens        ├── reasoning_output_tokens
    │   └── cache_read_audio_tokens    ├── output_audio_tokens
    ├── cache_write_input_tokens       └── output_image_tokens
    │   └── cache_write_1h_input_tokens    (the rest are written for 5 minutes)
    ├── input_audio_tokens
    └── input_image_tokens

Anthropic's API and its transcripts count input without the cache; whoever reads them adds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

MAX_TOKENS = 1_000_000_000
"""Of one kind in one request: a hundred times the largest context there is."""

MAX_COST_PICOUSD = 1 << 62
"""Of one record: four million dollars; a sum of them is kept in two columns."""

MAX_LABEL_CHARS = 4096
"""A project's label may be a path."""

MAX_TAGS = 32

STANDARD_TIERS = frozenset({"", "auto", "default", "on_demand", "standard"})
"""Service tiers at the standard price, as providers and agents name them."""


class Usage(NamedTuple):
    """What one request used; every count a whole number from 0 to `MAX_TOKENS`.

    Attributes:
        input_tokens: all of the prompt, cached tokens included.
        output_tokens: all of the answer, reasoning included.
        cache_read_input_tokens: of the input, read from a cache.
        cache_write_input_tokens: of the input, written to a cache, for however long.
        cache_write_1h_input_tokens: of the cache writes, those kept for an hour.
        reasoning_output_tokens: of the output, reasoning.
        input_audio_tokens: of the input, audio (cached audio included).
        output_audio_tokens: of the output, audio.
        cache_read_audio_tokens: of the input audio and of the cache reads, cached audio.
        input_image_tokens: of the input, images.
        output_image_tokens: of the output, images.
        web_searches: searches the provider ran and bills by the piece.
    """

    input_tokens: int = 0
    output_tokens: int = 0
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


PARTS = {
    "input_tokens": (
        ("cache_read_input_tokens", "cache_write_input_tokens"),
        ("input_audio_tokens", "input_image_tokens"),
    ),
    "output_tokens": (
        ("reasoning_output_tokens",),
        ("output_audio_tokens", "output_image_tokens"),
    ),
    "cache_write_input_tokens": (("cache_write_1h_input_tokens",),),
    "cache_read_input_tokens": (("cache_read_audio_tokens",),),
    "input_audio_tokens": (("cache_read_audio_tokens",),),
}
"""Of each total, the sets of parts that do not overlap each other: each set adds up to no more than it."""


def checked(usage: Usage) -> Usage:
    """*usage* itself, if it can be meant.

    Raises:
        UsageError: names the field that is no whole number in bounds, or the parts that exceed their total.
    """
    for name, count in zip(Usage._fields, usage, strict=True):
        if type(count) is not int or not 0 <= count <= MAX_TOKENS:
            raise UsageError(
                f"{name} must be a whole number from 0 to {MAX_TOKENS:,}, got {count!r:.40}",
                hint="pass the count the provider reported; leave the field out where it reported none",
            )
    if any(usage[2:]):
        _check_parts(usage._asdict())
    return usage


def _check_parts(counts: Mapping[str, int]) -> None:
    for total, sets in PARTS.items():
        for parts in sets:
            if sum(counts[part] for part in parts) > counts[total]:
                raise UsageError(
                    f"{' + '.join(parts)} is more than {total}: "
                    f"{sum(counts[part] for part in parts):,} > {counts[total]:,}",
                    hint=f"{total} contains them: add them to it (Anthropic reports input without its cache)",
                )


def label(text: str) -> str:
    """*text* cut to what a label may be; halves of surrogate pairs, which cannot be encoded, replaced."""
    plain = str.__str__(text)  # of an enum's member: its value
    if len(plain) <= MAX_LABEL_CHARS and plain.isascii():
        return plain
    return plain[:MAX_LABEL_CHARS].encode(errors="replace").decode()


class Request(NamedTuple):
    """One request to a model, as somebody asks for it to be recorded.

    Attributes:
        model: as the provider names it; the served model where it is known.
        usage: what it used.
        at: when it was answered, aware; None: now.
        provider: ``anthropic``, ``openai``, …; empty: whoever publishes a price for the model.
        task_type: what it was for.
        tier: ``cheap``, ``capable``, ``premium`` or your own; empty: by the model's price.
        service_tier: what changes the price: ``batch``, ``priority``, ``flex``, ``fast``; empty: standard.
        session, project, user: labels, empty where unknown.
        source: which agent or importer it comes from; empty: `CostTracker.log_request`.
        response_id: the provider's or importer's name of the answer; a second record of that name is counted
            once, the one with more output. Empty: it is counted for itself.
        tags: free labels.
        cost_picousd: a price that the source states; used only with *card*, or where no price is published.
        card: with *cost_picousd*: what it was priced by: the price is kept as it is. Empty: price it here.
        requests: how many requests it stands for; more than one only for totals of legacy files.
        replaces: the place of a record that this one corrects (``segment@offset``); empty: none.
    """

    model: str
    usage: Usage
    at: datetime | None = None
    provider: str = ""
    task_type: str = "unknown"
    tier: str = ""
    service_tier: str = ""
    session: str = ""
    project: str = ""
    user: str = ""
    source: str = ""
    response_id: str = ""
    tags: Mapping[str, str] = {}
    cost_picousd: int | None = None
    requests: int = 1
    replaces: str = ""
    card: str = ""

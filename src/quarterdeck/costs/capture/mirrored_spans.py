"""Spans that another ledger's mirror has sent: each is one of its records, and is read without a loss.

The conventions' attributes are those that `attributes` knows. What only a ledger knows goes below
``quarterdeck.`` by the name of the field, counts below ``quarterdeck.usage.``, tags below
``quarterdeck.tag.``. Nothing is guessed and nothing left out: the sender has counted it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.costs.capture.attributes import CACHE_READ, CACHE_WRITE, INPUT, OUTPUT, REASONING
from quarterdeck.costs.capture.fields import count, field, text
from quarterdeck.costs.model import MAX_COST_PICOUSD, MAX_TAGS, MAX_TOKENS, Request, Usage, checked, label
from quarterdeck.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from quarterdeck.costs.capture.attributes import Attributes

SCOPE = "quarterdeck.costs"
"""The instrumentation scope by which a mirror's spans are known."""

_OWN = "quarterdeck."
_TAG = f"{_OWN}tag."
_CONVENTION = {
    "input_tokens": INPUT[0],
    "output_tokens": OUTPUT[0],
    "cache_read_input_tokens": CACHE_READ[0],
    "cache_write_input_tokens": CACHE_WRITE[0],
    "reasoning_output_tokens": REASONING[0],
}
"""Of the counts, those that OpenTelemetry has a name for."""


def mirrored(told: Attributes, key: tuple[str, str], at: datetime | None) -> Request:
    """The request of the record that the span *key* mirrors.

    Its response id is the sender's. A record without one goes by the span's name, which stays the same
    however often it is sent. The sender's cost is kept, with the name of its card.

    Raises:
        UsageError: it names no model, or a number cannot be meant.
    """
    model = text(told, "gen_ai.request.model")
    if not model:
        raise UsageError("a mirrored span names no model", hint="mirror with the same version as this one")
    tags = [(name.removeprefix(_TAG), told[name]) for name in told if name.startswith(_TAG)]
    return Request(
        model,
        checked(Usage(*(_tokens(told, name) for name in Usage._fields))),
        at=at,
        provider=text(told, "gen_ai.provider.name"),
        task_type=text(told, f"{_OWN}task_type") or "unknown",
        tier=text(told, f"{_OWN}tier"),
        service_tier=text(told, f"{_OWN}service_tier"),
        session=text(told, "gen_ai.conversation.id"),
        project=text(told, f"{_OWN}project"),
        user=text(told, "user.id"),
        source=text(told, f"{_OWN}source"),
        response_id=text(told, "gen_ai.response.id") or (label(":".join(key)) if all(key) else ""),
        tags={label(name): label(value) for name, value in tags[:MAX_TAGS] if isinstance(value, str)},
        cost_picousd=_within(told, f"{_OWN}cost_picousd", 0, MAX_COST_PICOUSD),
        card=text(told, f"{_OWN}card"),
        requests=_within(told, f"{_OWN}requests", 1, MAX_TOKENS) or 1,
    )


def _tokens(told: Attributes, name: str) -> int:
    return count(told, _CONVENTION.get(name, f"{_OWN}usage.{name}"))


def _within(told: Attributes, name: str, least: int, most: int) -> int | None:
    """The whole number that *name* stands for; None where it is absent.

    Raises:
        UsageError: it is out of bounds, or no whole number.
    """
    value = field(told, name)
    if value is not None and not (type(value) is int and least <= value <= most):
        raise UsageError(
            f"{name} must be a whole number from {least} to {most:,}", hint="is the span a mirror's own?"
        )
    return value

"""Spans of another ledger's mirror, when they are not what a mirror sends.

What one does send is read back in tests/integration/test_mirror_into_a_receiver.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from quarterdeck.costs.capture.mirrored_spans import SCOPE
from quarterdeck.costs.capture.spans import Nesting, read_spans
from quarterdeck.costs.model import MAX_COST_PICOUSD, MAX_TOKENS

if TYPE_CHECKING:
    from quarterdeck.costs.capture.reading import Reading

COUNTS = {"gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 6}
TOLD: dict[str, object] = {"gen_ai.request.model": "m", "quarterdeck.project": "p", **COUNTS}


def read(*spans: dict[str, object], scope: str = SCOPE) -> Reading:
    listed = [
        {
            "traceId": "5b8efff798038103d269b633813fc60c",
            "spanId": f"{number:016}",
            "kind": 3,
            "attributes": [{"key": key, "value": _value(value)} for key, value in told.items()],
        }
        for number, told in enumerate(spans, 1)
    ]
    document = {"resourceSpans": [{"scopeSpans": [{"scope": {"name": scope}, "spans": listed}]}]}
    return read_spans(document, Nesting())


def _value(value: object) -> dict[str, object]:
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}


@pytest.mark.parametrize(
    "wrong,reason",
    [
        ({"gen_ai.request.model": ""}, "names no model"),
        ({"quarterdeck.cost_picousd": -1}, "quarterdeck.cost_picousd must be"),
        ({"quarterdeck.cost_picousd": MAX_COST_PICOUSD + 1}, "quarterdeck.cost_picousd must be"),
        ({"quarterdeck.cost_picousd": "much"}, "quarterdeck.cost_picousd must be"),
        ({"quarterdeck.requests": 0}, "quarterdeck.requests must be"),
        ({"quarterdeck.requests": MAX_TOKENS + 1}, "quarterdeck.requests must be"),
        ({"quarterdeck.usage.web_searches": -1}, "web_searches must be"),
        ({"quarterdeck.usage.input_image_tokens": 6}, "is more than input_tokens"),
    ],
)
def test_a_span_that_cannot_be_meant_is_rejected_alone(wrong, reason):
    """The ledger would refuse the whole export, and the sender send it for ever."""
    reading = read(TOLD, TOLD | wrong, TOLD)
    assert (len(reading.requests), reading.rejected) == (2, 1)
    assert reason in reading.message


def test_more_tags_than_a_ledger_keeps_are_cut():
    """As many as it takes; one that is no text is left out."""
    tags = {f"quarterdeck.tag.{number}": "a tag" for number in range(40)}
    (request,) = read(TOLD | tags).requests
    assert len(request.tags) == 32
    (request,) = read(TOLD | {"quarterdeck.tag.number": 7, "quarterdeck.tag.text": "7"}).requests
    assert request.tags == {"text": "7"}


def test_only_a_mirror_is_read_so():
    """Attributes of that name in a span of somebody else's mean nothing."""
    (request,) = read(TOLD, scope="a.scope").requests
    assert (request.project, request.source) == ("", "otlp")

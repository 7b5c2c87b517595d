"""How calls, outcomes and messages read to people: one line each, nothing secret, nothing a terminal obeys.

What is secret or personal is taken out before a text is cut: half a key is not known for one any more. That
costs some microseconds, and the first time as many milliseconds, so texts are made only of what repeats.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from quarterdeck.errors import ScrubRefused
from quarterdeck.loops.events.calls import spelled, without_remarks
from quarterdeck.loops.events.failures import telling_line
from quarterdeck.loops.events.findings import LABEL_CHARS
from quarterdeck.loops.events.outcomes import outcome_text
from quarterdeck.loops.events.values import cut, opened, shortened, text_of

if TYPE_CHECKING:
    from quarterdeck.loops.events.model import AgentEvent
    from quarterdeck.scrub import Scrubber

_WHAT_CHARS = 200
_TOOL_CHARS = 40
_ARGUMENTS = 6
_ARGUMENT_CHARS = 60
_SEARCHED_CHARS = 4000  # the longest secrets are shorter


def call_label(event: AgentEvent) -> str:
    """The call: ``Grep(pattern=TODO, path=src)``."""
    value = opened(event.arguments)
    if isinstance(value, dict):
        value = without_remarks(value, spelled(value), event, runs=True)
        texts = {
            text_of(key)[:_ARGUMENT_CHARS]: text_of(item)[:_SEARCHED_CHARS]
            for key, item in list(value.items())[:_ARGUMENTS]
        }
        inside = ", ".join(f"{key}={text[:_ARGUMENT_CHARS]}" for key, text in _clean(texts).items())
    else:
        inside = _clean_text(text_of(value)[:_SEARCHED_CHARS])
    return shortened(f"{event.tool[:_TOOL_CHARS]}({inside})", LABEL_CHARS)


def outcome_label(event: AgentEvent, *, failed: bool) -> str:
    """What came of a call: of an error the line that says so, else the first one; empty: not known."""
    if event.outcome is None:
        return ""
    text = _clean_text(cut(outcome_text(event.outcome)))
    return shortened(telling_line(text, failed=failed) or "nothing", LABEL_CHARS)


def message_label(text: str) -> str:
    """The beginning of a message."""
    return what(_clean_text(text[:_SEARCHED_CHARS]))


def what(text: str) -> str:
    """*text* as `Alarm.what` has it."""
    return shortened(text, _WHAT_CHARS)


def _clean_text(text: str) -> str:
    return _clean({"": text}).get("", "")


def _clean(texts: dict[str, str]) -> dict[str, str]:
    """*texts* by their names without what is secret in them; nothing, if that cannot be told."""
    data = msgspec.json.encode({_encodable(name): _encodable(text) for name, text in texts.items()})
    try:
        return msgspec.json.decode(_scrubber().scrub(data), type=dict[str, str])
    except ScrubRefused:
        return {}


def _encodable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


@lru_cache(maxsize=1)
def _scrubber() -> Scrubber:
    from quarterdeck.scrub import Scrubber

    return Scrubber()

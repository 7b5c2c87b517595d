"""Rollouts of Codex: what a model said and called, and what came of it, as items of the responses API.

    {timestamp, type: response_item, payload: item}
    {timestamp, type: event_msg, payload}
    item                                                in the oldest versions, each a line

Events of other types tell the same once more, for the screen; and the counters, after what they have counted:
so what an answer cost is known, at the earliest, when the first call that it led to comes out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from quarterdeck.costs.importers import codex as ledger
from quarterdeck.costs.importers.decoding import decode
from quarterdeck.loops.transcripts.messages import turns_of
from quarterdeck.loops.transcripts.moments import moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.costs.importers.source import Found
    from quarterdeck.costs.importers.transcript import Line
    from quarterdeck.loops.transcripts.model import Step
    from quarterdeck.loops.transcripts.session import Session

_BILLED = frozenset(ledger.EVENTS + ledger.TURN_ENDS)

_decoder = msgspec.json.Decoder(Any)


def read_line(line: Line, session: Session) -> Iterator[Step]:
    """The events that *line* completes; a reader's problems go into *session*."""
    try:
        value = decode(line.content, _decoder, lambda _: True)
        if not isinstance(value, dict):
            return
        payload = value.get("payload")
        if isinstance(payload, dict) and not _BILLED.isdisjoint(_kinds(value, payload)):
            event = msgspec.convert(value, ledger.Event)
            session.pay(_requests(event, session), line.number)
            return
    except ValueError as error:  # msgspec's is one
        session.problem(line.number, str(error))
        return
    for turn in turns_of(payload if value.get("type") == "response_item" else value):
        yield from session.joining.take(turn, session.name(line.number), moment(value.get("timestamp")))


def _kinds(value: dict[str, Any], payload: dict[str, Any]) -> set[str]:
    return {kind for kind in (value.get("type"), payload.get("type")) if isinstance(kind, str)}


def _requests(event: ledger.Event, session: Session) -> Iterator[Found]:
    told = ledger.Session(session.notes, ledger.session_of(session.transcript.path))
    if event.payload is not None:
        yield from told.follow(event, event.payload)

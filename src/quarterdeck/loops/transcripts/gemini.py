"""Chats of Gemini CLI: messages with their calls, and what came of these, in one.

    {sessionId, messages: [message, …]}        a document of older versions
    message                                    one a line; again whenever it changes

A message of type ``gemini`` has ``content``, ``toolCalls`` and ``tokens``. A call that is told again counts
once, with what came of it when it was first complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from quarterdeck.costs.importers import gemini as ledger
from quarterdeck.costs.importers.decoding import decode, text
from quarterdeck.loops.transcripts.contents import arguments_of, blocks_text, clean, is_injected, outcome_of
from quarterdeck.loops.transcripts.messages import came_of_function
from quarterdeck.loops.transcripts.model import Called, Done, Heard, Said
from quarterdeck.loops.transcripts.moments import moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.costs.importers.transcript import Line
    from quarterdeck.loops.transcripts.model import Step
    from quarterdeck.loops.transcripts.session import Session

ENDED = {"success": False, "error": True, "cancelled": None}
"""States of calls that change no more, and whether the call failed."""

_decoder = msgspec.json.Decoder(Any)


def read_line(line: Line, session: Session) -> Iterator[Step]:
    """The events that *line*, or a document, completes; a reader's problems go into *session*."""
    try:
        value: Any = decode(line.content, _decoder, lambda _: True)
    except ValueError as error:
        session.problem(line.number, str(error))
        return
    session.notes.setdefault("session", "")
    session.notes.setdefault("project", "")
    session.transcript.state = session.notes  # at a last line without its end it has been put back
    session.pay(ledger.requests_of(line.content, session.transcript), line.number)
    whole = value.get("$set", value) if isinstance(value, dict) else None
    listed = whole.get("messages") if isinstance(whole, dict) else None
    for number, message in enumerate([value, *(listed if isinstance(listed, list) else ())]):
        if isinstance(message, dict):
            yield from _steps(
                message, session, f"{session.name(line.number)}{f'#{number}' if number else ''}"
            )


def _steps(message: dict[str, Any], session: Session, name: str) -> Iterator[Step]:
    kind, own = text(message.get("type")), text(message.get("id"))
    if kind not in {"user", "gemini"}:
        return
    at = moment(message.get("timestamp"))
    said = "\n".join(part for part in blocks_text(message.get("content")) if not is_injected(part)).strip()
    if said and session.joining.is_new(own):
        yield from session.joining.take(Heard(said) if kind == "user" else Said(said), name, at)
    calls = message.get("toolCalls")
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, dict) and (tool := text(call.get("name"))):
            status = text(call.get("status"))
            called = Called(text(call.get("id")), clean(tool), arguments_of(call.get("args")))
            done = Done(*called, _outcome(call.get("result")), ENDED[status]) if status in ENDED else called
            yield from session.joining.take(done, name, moment(call.get("timestamp")) or at)


def _outcome(result: object) -> object:
    """What the function responses say that a call was answered with."""
    parts = result if isinstance(result, list) else [result]
    for part in parts:
        response = part.get("functionResponse") if isinstance(part, dict) else None
        if isinstance(response, Mapping):
            return came_of_function(response).outcome
    return outcome_of(result)

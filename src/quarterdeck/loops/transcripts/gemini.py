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
from quarterdeck.loops.transcripts.contents import (
    arguments_of,
    block_text,
    clean,
    injection,
    outcome_of,
    said_in,
)
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

INJECTED = injection("session_context")
"""What it puts where a person speaks."""

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
    content = message.get("content")
    parts = content if isinstance(content, list) else [content]
    if kind == "user":
        said = "\n".join(part for part in map(block_text, parts) if not INJECTED.match(part)).strip()
    else:
        said = "\n".join(said_in(part) or "" for part in parts).strip()
    if said and session.joining.is_new(own):
        yield from session.joining.take(Heard(said) if kind == "user" else Said(said), name, at)
    calls = message.get("toolCalls")
    for number, call in enumerate(calls if isinstance(calls, list) else ()):
        if isinstance(call, dict) and (tool := text(call.get("name"))):
            status = text(call.get("status"))
            turn: Called | Done = Called(text(call.get("id")), clean(tool), arguments_of(call.get("args")))
            if status in ENDED:
                if not session.joining.is_new(f"{own}#{number}" if own else ""):
                    continue
                turn = Done(*turn[:3], _outcome(call.get("result")), ENDED[status])
            yield from session.joining.take(turn, name, moment(call.get("timestamp")) or at)


def _outcome(result: object) -> object:
    """What the function responses say that a call was answered with, and what was sent with them."""
    parts = result if isinstance(result, list) else [result]
    for part in parts:
        response = part.get("functionResponse") if isinstance(part, dict) else None
        if isinstance(response, Mapping):
            sent = [other for other in parts if other is not part]
            return came_of_function(response, sent).outcome
    return outcome_of(result)

"""Sessions of Claude Code: one line per content block of an answer, and one per result.

What subagents do stands in files of their own, in older versions between the lines of the session, and is
mirrored there in ``progress`` lines; each is an actor. In older versions only the chain of ``parentUuid``
tells which line belongs to which of them.

Of what stands where a person speaks, a person speaks only what no program has put there: not the summary of a
compaction, nor lines that are ``isMeta`` (hooks, expanded commands) or of another ``origin``, nor slash
commands and what they gave. What a person sends while the agent is at work is an ``attachment``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from quarterdeck.costs.importers import claude_code as ledger
from quarterdeck.costs.importers.decoding import decode, text
from quarterdeck.loops.transcripts.messages import turns_of
from quarterdeck.loops.transcripts.model import Heard
from quarterdeck.loops.transcripts.moments import moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.costs.importers.transcript import Line
    from quarterdeck.loops.transcripts.model import Step, Turn
    from quarterdeck.loops.transcripts.session import Session

KINDS = frozenset({"assistant", "user", "progress", "attachment"})
REMEMBERED_SIDECHAIN_LINES = 128


class Message(ledger.Message):
    """A message as the API has it."""

    role: Any = None
    content: Any = None


class Progress(ledger.Progress):
    """What a session notes about a subagent at work."""

    message: Entry | None = None


class Entry(ledger.Entry):
    """One line."""

    message: Message | None = None
    data: Progress | None = None
    attachment: Any = None
    parentUuid: Any = None  # noqa: N815 - the file's own name
    isMeta: Any = None  # noqa: N815
    isCompactSummary: Any = None  # noqa: N815
    origin: Any = None


_decoder = msgspec.json.Decoder(Entry)


def read_line(line: Line, session: Session) -> Iterator[Step]:
    """The events that *line* completes; a reader's problems go into *session*."""
    try:
        entry = decode(line.content, _decoder, _concerns)
    except ValueError as error:
        session.problem(line.number, str(error))
        return
    if entry is None or text(entry.type) not in KINDS:
        return
    shown, actor = entry, text(entry.agentId)
    if entry.type == "progress":
        if entry.data is None or entry.data.message is None:
            return
        shown = entry.data.message
        actor = text(shown.agentId) or text(entry.data.agentId) or text(entry.uuid)
    elif not actor and entry.isSidechain is True:
        actor = _sidechain(entry, session.notes)
    if not session.joining.is_new(text(shown.uuid)):
        return  # a copy, of a session that was gone on from, or of a subagent's line
    if session.is_priced and shown.type == "assistant" and shown.message is not None:
        answer = (shown.message.id, shown.requestId, entry.sessionId, actor, shown.message.usage)
        if answer != session.held or not shown.message.id:  # most lines of an answer repeat what it has used
            session.held = answer
            session.pay(ledger.requests_of(entry, line, session.transcript), line.number, actor)
    at = moment(shown.timestamp) or moment(entry.timestamp)
    for turn in _turns(shown):
        yield from session.joining.take(turn, session.name(line.number), at, actor)


def _concerns(value: object) -> bool:
    if not isinstance(value, dict) or text(value.get("type")) not in KINDS:
        return False
    if value["type"] != "progress":
        return True
    data = value.get("data")
    message = data.get("message") if isinstance(data, dict) else None
    return isinstance(message, dict) and text(message.get("type")) in KINDS


def _turns(entry: Entry) -> Iterator[Turn]:
    if entry.type == "attachment":
        told = entry.attachment
        if isinstance(told, dict) and told.get("type") == "queued_command" and _by_person(told.get("origin")):
            yield from turns_of({"role": "user", "content": told.get("prompt")})
        return
    if entry.message is None:
        return
    spoken = entry.isMeta is not True and entry.isCompactSummary is not True and _by_person(entry.origin)
    for turn in turns_of({"role": entry.type, "content": entry.message.content}):
        if spoken or not isinstance(turn, Heard):
            yield turn


def _by_person(origin: object) -> bool:
    """Whether *origin*, which newer versions tell, names nobody else: a task, a channel, another session."""
    return not isinstance(origin, dict) or origin.get("kind") in (None, "human")


def _sidechain(entry: Entry, notes: dict[str, Any]) -> str:
    """The name of the sidechain that *entry* belongs to: that of its first line."""
    known: dict[str, str] = notes.setdefault("sidechains", {})
    own, above = text(entry.uuid), text(entry.parentUuid)
    name = known.get(above) or own or "sidechain"
    if own:
        known[own] = name
    if len(known) > REMEMBERED_SIDECHAIN_LINES:
        del known[next(iter(known))]
    return name

"""Rollouts of Codex: what a model said and called, and what came of it, as items of the responses API.

    {timestamp, type: response_item, payload: item}
    {timestamp, type: event_msg, payload}
    item                                                in the oldest versions, each a line
    {type: item.completed, item}                        what ``codex exec --json`` prints, in its own words

Events of other types tell the same once more, for the screen; and the counters, after what they have counted:
so what an answer cost is known, at the earliest, when the first call that it led to comes out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from quarterdeck.costs.capture.fields import field
from quarterdeck.costs.importers import codex as ledger
from quarterdeck.costs.importers.decoding import decode, text
from quarterdeck.loops.transcripts.contents import arguments_of, clean, injection, outcome_of, result_of
from quarterdeck.loops.transcripts.messages import turns_of
from quarterdeck.loops.transcripts.model import Done, Said
from quarterdeck.loops.transcripts.moments import moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.costs.importers.source import Found
    from quarterdeck.costs.importers.transcript import Line
    from quarterdeck.loops.transcripts.model import Step, Turn
    from quarterdeck.loops.transcripts.session import Session

_BILLED = frozenset(ledger.EVENTS + ledger.TURN_ENDS)

SHOWN = {
    "command_execution": ("command",),
    "file_change": ("changes",),
    "mcp_tool_call": ("arguments", "server"),
    "web_search": ("query",),
}
"""Items of ``codex exec --json`` that are calls, and which field says what of."""

ENDED = {"completed": False, "failed": True}

INJECTED = injection(
    "environment_context", "user_instructions", "turn_aborted", "user_shell_command", "user_action", "skill",
    "subagent_notification", "collaboration_mode",
    openings=("# agents.md instructions for ",),
)  # fmt: skip
"""What it puts where a person speaks."""

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
    if isinstance(shown := value.get("item"), dict):
        turns = _shown(shown) if value.get("type") == "item.completed" else iter(())
    else:
        turns = turns_of(payload if value.get("type") == "response_item" else value, INJECTED)
    for turn in turns:
        yield from session.joining.take(turn, session.name(line.number), moment(value.get("timestamp")))


def _shown(item: dict[str, Any]) -> Iterator[Turn]:
    """What an item tells that ``codex exec --json`` prints."""
    kind = text(item.get("type")) or text(item.get("item_type"))
    if kind in {"agent_message", "assistant_message"}:
        yield Said(clean(text(item.get("text"))))
    elif kind in SHOWN:
        told = field(item, "aggregated_output", "error", "result")
        outcome, failed = result_of({"type": kind, "stdout": told, "return_code": item.get("exit_code")})
        if failed is None:
            outcome, failed = outcome_of(told), ENDED.get(text(item.get("status")))
        called = arguments_of(field(item, *SHOWN[kind]))
        yield Done("", clean(text(item.get("tool")) or kind), called, outcome, failed)


def _kinds(value: dict[str, Any], payload: dict[str, Any]) -> set[str]:
    return {kind for kind in (value.get("type"), payload.get("type")) if isinstance(kind, str)}


def _requests(event: ledger.Event, session: Session) -> Iterator[Found]:
    told = ledger.Session(session.notes, ledger.session_of(session.transcript.path))
    if event.payload is not None:
        yield from told.follow(event, event.payload)

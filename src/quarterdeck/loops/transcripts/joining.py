"""Calls meet their outcomes, and costs the events they led to.

A call becomes an event when its outcome is there, so events stand in the order in which things came out. What
an answer cost goes to the next event of the same actor: the message it is, or the first call it led to. That
is also where a cost goes that is told a line too late; nothing is counted twice, and nothing is lost.

An id names a call as long as it waits: some gateways give the same ids again with every answer. What a
transcript shows twice is told by the lines, spans and messages that it stands in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from quarterdeck.loops.events.model import AgentEvent
from quarterdeck.loops.events.values import digest, text_of
from quarterdeck.loops.transcripts.contents import clean
from quarterdeck.loops.transcripts.model import Called, Came, Done, Heard, Said, Step
from quarterdeck.loops.transcripts.moments import moment, stamp
from quarterdeck.loops.transcripts.recent import Recent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from quarterdeck.loops.transcripts.model import Turn

MAX_PENDING = 256
"""Calls without an outcome; older ones are handed out as they are."""

MAX_KEPT_CHARS = 1 << 18
"""Of the arguments of waiting calls, from one process to the next; of what is longer, a digest."""


class Waiting(msgspec.Struct, frozen=True):
    """A call that nothing has come of yet.

    Attributes:
        is_over: whether somebody spoke since: nothing will come of it, once the agent goes on.
    """

    id: str
    actor: str
    tool: str
    arguments: Any
    at: str
    name: str
    is_over: bool = False


class Kept(msgspec.Struct):
    """What a `Joining` keeps from one process to the next; of each, the oldest first."""

    waiting: dict[str, Waiting] = {}
    owed: dict[str, int] = {}
    seen: list[str] = []


class Joining:
    """What has been called and not come out yet, and what has been paid and led to nothing yet."""

    def __init__(self, kept: Kept | None = None) -> None:
        """Go on at *kept*."""
        kept = kept or Kept()
        self._waiting = dict(kept.waiting)
        self._owed = dict(kept.owed)
        self._seen: Recent[None] = Recent(dict.fromkeys(kept.seen))

    def kept(self) -> Kept:
        """What the next process needs."""
        room, waiting = MAX_KEPT_CHARS, {}
        for key, one in reversed(self._waiting.items()):
            told = text_of(one.arguments)
            if len(told) > room:
                short = f"[{len(told):,} characters, {digest(told):x}]"
                one = msgspec.structs.replace(one, arguments=short)
            else:
                room -= len(told)
            waiting[key] = one
        return Kept(dict(reversed(waiting.items())), dict(self._owed), list(self._seen.newest()))

    @property
    def pending(self) -> tuple[Step, ...]:
        """Calls without an outcome, the oldest first; what has been paid stands at an actor's first."""
        owed = dict(self._owed)
        return tuple(
            Step(_event(one, cost_picousd=owed.pop(one.actor, None)), one.actor)
            for one in self._waiting.values()
        )

    def is_new(self, name: str) -> bool:
        """Whether no line, span or message of this name has been seen; from now on it has."""
        if not name:
            return True
        if name in self._seen:
            return False
        self._seen.put(name, None)
        return True

    def pay(self, cost_picousd: int | None, actor: str = "") -> None:
        """The next event of *actor* has cost this much, or this much more; None: nobody knows."""
        actor = clean(actor)
        if cost_picousd is not None:
            self._owed[actor] = self._owed.get(actor, 0) + cost_picousd

    def take(self, turn: Turn, name: str, at: datetime | None = None, actor: str = "") -> Iterator[Step]:
        """The events that *turn* completes.

        Args:
            turn: the next one of *actor*.
            name: where it stands; a call goes by its own id where it has one.
            at: when it was written down.
            actor: see `Step`.
        """
        name, actor = clean(name), clean(actor)
        if isinstance(turn, Called | Said):
            yield from self._over(actor)
        if isinstance(turn, Called):
            yield from self._wait_for(turn, name, at, actor)
        elif isinstance(turn, Came):
            called = self._found(turn, actor) or self._oldest(turn.id, actor, unnamed=True)
            if called is not None:  # else it is told again, or the call lies before what is read
                event = _event(called, turn.outcome, failed=turn.failed, at=at)
                yield self._step(event, called.actor)
        elif isinstance(turn, Done):
            called = self._found(turn, actor) or (None if turn.id else self._oldest(turn.tool, actor))
            yield self._step(_done(turn, called, clean(turn.id) or name, at), actor)
        elif isinstance(turn, Said):
            yield self._step(AgentEvent.said(turn.text, at=at, name=name), actor)
        elif isinstance(turn, Heard):
            for key, one in self._waiting.items():
                if one.actor == actor:
                    self._waiting[key] = msgspec.structs.replace(one, is_over=True)
            yield Step(AgentEvent.heard(turn.text, at=at, name=name), actor)

    def rest(self) -> Iterator[Step]:
        """At the end: calls that nothing came of, and costs that led to nothing, as messages without text."""
        while self._waiting:
            one = self._waiting.pop(next(iter(self._waiting)))
            yield self._step(_event(one), one.actor)
        for actor in list(self._owed):
            yield self._step(AgentEvent.said(""), actor)

    def _wait_for(self, turn: Called, name: str, at: datetime | None, actor: str) -> Iterator[Step]:
        """Wait for what comes of a call, unless it is one that is waited for and shown again."""
        one = Waiting(turn.id, actor, turn.tool, turn.arguments, stamp(at), clean(turn.id) or name)
        key = turn.id or name
        while before := self._waiting.get(key):
            if turn.id and (before.actor, before.tool, before.arguments) == (actor, *turn[1:]):
                return
            key += "'"  # ids come again: some gateways count anew with every answer
        self._waiting[key] = one
        if len(self._waiting) > MAX_PENDING:
            oldest = self._waiting.pop(next(iter(self._waiting)))
            yield self._step(_event(oldest), oldest.actor)

    def _over(self, actor: str) -> Iterator[Step]:
        """The calls of *actor* that somebody spoke after, now that it goes on without what came of them."""
        for key in [key for key, one in self._waiting.items() if one.is_over and one.actor == actor]:
            yield self._step(_event(self._waiting.pop(key)), actor)

    def _found(self, turn: Came | Done, actor: str) -> Waiting | None:
        """The oldest call of this id, of *actor* if one is; from now on the id is free."""
        keys = [key for key, one in self._waiting.items() if turn.id and one.id == turn.id]
        keys.sort(key=lambda key: self._waiting[key].actor != actor)
        return self._waiting.pop(keys[0]) if keys else None

    def _oldest(self, tool: str, actor: str, *, unnamed: bool = False) -> Waiting | None:
        """The oldest call of *tool*, or the oldest without an id, for an outcome that names but the tool."""
        for key, one in self._waiting.items():
            if one.tool == tool and one.actor == actor and not (unnamed and one.id):
                return self._waiting.pop(key)
        return None

    def _step(self, event: AgentEvent, actor: str) -> Step:
        return Step(event._replace(cost_picousd=self._owed.pop(actor, None)), actor)


def _done(turn: Done, called: Waiting | None, name: str, at: datetime | None) -> AgentEvent:
    """The event of a call that is told at once; what nobody tells anything of is named."""
    arguments = turn.arguments
    if arguments is None:
        arguments = called.arguments if called else None
    if arguments is None and turn.outcome in (None, ""):
        arguments = {"call": name}
    return AgentEvent.call(turn.tool, arguments, turn.outcome, failed=turn.failed, at=at, name=name)


def _event(
    one: Waiting,
    outcome: object = None,
    *,
    failed: bool | None = None,
    at: datetime | None = None,
    cost_picousd: int | None = None,
) -> AgentEvent:
    return AgentEvent.call(
        one.tool,
        one.arguments,
        outcome,
        failed=failed,
        at=at or moment(one.at),
        cost_picousd=cost_picousd,
        name=one.name,
    )

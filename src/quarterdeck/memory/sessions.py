"""Sessions: who works together on something, for as long as somebody comes back to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

import msgspec

from quarterdeck.errors import UsageError
from quarterdeck.memory import names
from quarterdeck.memory.access import AccessTier
from quarterdeck.memory.chain import Deed
from quarterdeck.memory.moments import moment
from quarterdeck.memory.reading import shaped
from quarterdeck.memory.seat import Seat, ttl_ms
from quarterdeck.memory.store import MISSING, Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from quarterdeck.memory.access import Standing
    from quarterdeck.memory.store import Seen

KIND = "session"


class Session(NamedTuple):
    """Some agents, and what they have said about what they do.

    Attributes:
        id: its name.
        created_by: the agent that has.
        created_at: when.
        participants: who is in it, in the order of joining; its creator first.
        metadata: as it was given; a copy of the caller's own.
        expires_at: when it ends unless somebody joins before; None for never.
    """

    id: str
    created_by: str
    created_at: datetime
    participants: tuple[str, ...]
    metadata: dict[str, object]
    expires_at: datetime | None

    def to_dict(self) -> dict[str, object]:
        """Ready for JSON."""
        return {
            **self._asdict(),
            "created_at": self.created_at.isoformat(),
            "participants": list(self.participants),
            "expires_at": self.expires_at and self.expires_at.isoformat(),
        }


class _Kept(msgspec.Struct, frozen=True):
    """A session as it is stored; agents are `names.spelled`."""

    created_by: str
    created_ms: int
    participants: list[str]
    metadata: dict[str, object]
    ttl_ms: int | None
    expires_ms: int | None


class Sessions(Seat):
    """The sessions of all agents, and this agent's part in them."""

    def create_session(
        self,
        session_id: str,
        metadata: Mapping[str, object] | None = None,
        ttl_seconds: float | None = 1800,
    ) -> bool:
        """Begin a session with this agent in it. One commit, or two round trips.

        Args:
            session_id: its name, the same for all agents.
            metadata: anything JSON.
            ttl_seconds: it ends so long after the last agent has joined; None: never.

        Returns:
            False, and nothing has happened, when there is one of that name.
        """
        self._need(AccessTier.CONTRIBUTOR, "create sessions")
        if metadata is not None and not isinstance(metadata, Mapping):
            raise UsageError("the metadata of a session must be a mapping", hint='pass {"topic": …}')
        name = self._session(self._key(session_id, "session"))
        ttl, me = ttl_ms(ttl_seconds), names.spelled(self.agent)
        now = self.store.backend.time_ms()
        kept = _Kept(me, now, [me], dict(metadata or {}), ttl, ttl and now + ttl)
        return self.store.change(
            [name], lambda seen: [Entry(name, kept, ttl)] if seen[0].value is MISSING else None
        )

    def join_session(self, session_id: str) -> bool:
        """Come into a session, and give it its whole time again; nobody who joins meanwhile is lost.

        Joining twice is fine: whoever does so regularly keeps the session from ending.

        Returns:
            False when there is no such session.
        """
        self._need(AccessTier.CONTRIBUTOR, "join sessions")
        me = names.spelled(self.agent)

        def joined(kept: _Kept) -> _Kept:
            others = kept.participants
            inside = others if me in others else [*others, me]
            ends = kept.ttl_ms and self.store.backend.time_ms() + kept.ttl_ms
            return msgspec.structs.replace(kept, participants=inside, expires_ms=ends)

        return self._change_session(session_id, joined)

    def leave_session(self, session_id: str) -> bool:
        """Go out of a session, which lasts as long as it would have; whether this agent was in it."""
        self._need(AccessTier.CONTRIBUTOR, "leave sessions")
        me = names.spelled(self.agent)

        def left(kept: _Kept) -> _Kept | None:
            if me not in kept.participants:
                return None
            others = [agent for agent in kept.participants if agent != me]
            return msgspec.structs.replace(kept, participants=others)

        return self._change_session(session_id, left)

    def end_session(self, session_id: str) -> bool:
        """End a session for everybody; whether there was one.

        When a steward ends that of another agent, the audit chain says so.

        Raises:
            AccessDenied: another agent has created it, and this one is no steward.
        """
        self._need(AccessTier.CONTRIBUTOR, "end sessions")
        name, me = self._session(session_id), names.spelled(self.agent)
        gone = Entry(name, MISSING)

        def mine(seen: list[Seen]) -> list[Entry] | None:
            return [gone] if _created_by(seen[0].value) == me else None

        def anybodys(standing: Standing, seen: Mapping[str, Seen]) -> tuple[Deed, Sequence[Entry]] | None:
            creator = _created_by(seen[name].value)
            if creator is None:
                return None
            if creator != me:
                standing.require(AccessTier.STEWARD, "end the sessions of others")
            return Deed("end", session_id, {"created_by": creator}), (gone,)

        return self.store.change([name], mine) or self._perform((name,), anybodys) is not None

    def get_session(self, session_id: str) -> Session | None:
        """A session as it is now, or None; from the local tier, else one read or one round trip."""
        value = self.store.get(self._session(session_id))
        return None if value is MISSING else _session(session_id, value)

    def list_sessions(self) -> list[Session]:
        """All sessions as they are now, sorted by name; O(sessions)."""
        found = [listed.name for listed in self.store.backend.listing(self._in_shared(KIND))]
        values = zip(found, self.store.get_many(found), strict=True)
        return [_session(names.split(name).key, value) for name, value in values if value is not MISSING]

    def _session(self, session_id: object) -> str:
        """The name of the entry of a session."""
        return self._in_shared(KIND, names.checked(session_id, "session", self.store.limits.max_key_bytes))

    def _change_session(self, session_id: str, change: Callable[[_Kept], _Kept | None]) -> bool:
        """Replace a session by what *change* makes of it; False without a session, or for None."""
        name = self._session(session_id)

        def decide(seen: list[Seen]) -> list[Entry] | None:
            if seen[0].value is MISSING:
                return None
            kept = change(shaped(seen[0].value, _Kept, "a session"))
            if kept is None:
                return None
            left = kept.expires_ms and max(1, kept.expires_ms - self.store.backend.time_ms())
            return [Entry(name, kept, left)]

        return self.store.change([name], decide)


def _created_by(value: object) -> str | None:
    """The agent that has created a session, as it is stored; None where there is no session."""
    return None if value is MISSING else shaped(value, _Kept, "a session").created_by


def _session(session_id: str, value: object) -> Session:
    kept = shaped(value, _Kept, "a session")
    return Session(
        session_id,
        unquote(kept.created_by),
        moment(kept.created_ms),
        tuple(map(unquote, kept.participants)),
        kept.metadata,
        None if kept.expires_ms is None else moment(kept.expires_ms),
    )

"""Signals: short messages from an agent to another one, or to all.

Each agent has a log of what is for it alone, and there is one for what is for everybody. Their scores are the
numbers of their items, which only grow, so "what is new" needs one number per log and not a clock. An object
that asks for one type of signal leaves the others; then it also remembers one number per type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

import msgspec

from quarterdeck.memory import names
from quarterdeck.memory.access import AccessTier
from quarterdeck.memory.amounts import seconds
from quarterdeck.memory.moments import moment
from quarterdeck.memory.reading import Positions, after, trim_to, wait_for
from quarterdeck.memory.seat import Seat, ttl_ms

if TYPE_CHECKING:
    from datetime import datetime

    from quarterdeck.memory.store import Store

KIND = "signal"
HELD = 10_000
"""About how many signals wait for one agent at most; the oldest go first."""
TYPES = 1_000
"""How many types an object remembers that it has been given alone; of older ones it may be given again."""


class Signal(NamedTuple):
    """What one agent has told another.

    Attributes:
        id: its number, higher than that of every signal sent before.
        signal_type: what it is about.
        data: as it was sent; a copy of the caller's own.
        sender: the agent that has sent it.
        target: the agent it is for; None: for all.
        at: when it was sent.
        expires_at: it is not received from then on; None for never.
    """

    id: int
    signal_type: str
    data: object
    sender: str
    target: str | None
    at: datetime
    expires_at: datetime | None

    def to_dict(self) -> dict[str, object]:
        """Ready for JSON."""
        ends = self.expires_at and self.expires_at.isoformat()
        return {**self._asdict(), "at": self.at.isoformat(), "expires_at": ends}


class _Sent(msgspec.Struct, frozen=True):
    """A signal as it is stored; its type and its sender are `names.spelled`."""

    type: str
    sender: str
    at_ms: int
    ttl_ms: int | None
    data: Any

    def lives(self, now_ms: int) -> bool:
        return self.ttl_ms is None or now_ms < self.at_ms + self.ttl_ms


class Arrived(NamedTuple):
    """What one look has found: signals to be given, and how far it has read each log."""

    signals: list[Signal]
    read_to: dict[str, int]
    unreadable: int


class Signals(Seat):
    """The signals between all agents, as one of them sends and receives them.

    Attributes:
        unreadable_signals: how many this object has passed over, since somebody else wrote them, or they are
            sealed with a key that it does not have.
    """

    def __init__(
        self, store: Store, agent: str, *, token: str | None = None, access_tier: AccessTier | None = None
    ) -> None:
        """See `Seat`."""
        super().__init__(store, agent, token=token, access_tier=access_tier)
        self.unreadable_signals = 0
        self._received = Positions()
        self._received_of: dict[tuple[str, str], int] = {}
        """The last signal of a type that was asked for alone, by log and type."""

    def send_signal(
        self,
        signal_type: str,
        data: object = None,
        target_agent: str | None = None,
        ttl_seconds: float | None = 300,
    ) -> int:
        """Tell something to one agent or to all; returns the number of the signal. One commit or round trip.

        Args:
            signal_type: what it is about; receivers may ask for one type.
            data: anything JSON.
            target_agent: who receives it, now or later; None: all but this agent.
            ttl_seconds: nobody receives it after so long; None: always. Of what waits for one agent (or for
                all) about the newest 10,000 are kept.

        Raises:
            UsageError, TooLarge, ScrubRefused: as for `stash`.
        """
        self._need(AccessTier.CONTRIBUTOR, "send signals")
        kind, ttl = self._key(signal_type, "signal type"), ttl_ms(ttl_seconds)
        target = (
            None
            if target_agent is None
            else names.checked(target_agent, "agent", self.store.limits.max_key_bytes)
        )
        sent = _Sent(names.spelled(kind), names.spelled(self.agent), self.store.backend.time_ms(), ttl, data)
        return self.store.add(self._signals_for(target), [sent], keep=trim_to(HELD), ttl_ms=ttl)[0]

    def receive_signals(
        self, signal_type: str | None = None, *, wait_seconds: float = 0.0, again: bool = False
    ) -> list[Signal]:
        """The signals for this agent and those that others have sent to all, in the order of sending.

        Each once per object, also to threads that share it; an object of a new process of this agent receives
        all that still live. With a type the others stay for later calls.

        Args:
            signal_type: only those about this; None: all.
            wait_seconds: wait for the first so long; 0: do not wait.
            again: all that still live, received or not; and leave open what is received next.
        """
        if signal_type is not None:
            names.checked(signal_type, "signal type", self.store.limits.max_key_bytes)

        def look() -> list[Signal]:
            arrived = self._arrived(signal_type, again=again)
            return arrived.signals if again else self._give(arrived, signal_type)

        return wait_for(
            self.store.backend, self._in_shared(KIND), look, seconds(wait_seconds, "wait_seconds")
        )

    def _arrived(self, signal_type: str | None, *, again: bool = False) -> Arrived:
        """What there is to be received; changes nothing."""
        found: list[Signal] = []
        read_to: dict[str, int] = {}
        unreadable = 0
        now, me = self.store.backend.time_ms(), names.spelled(self.agent)
        wanted = None if signal_type is None else names.spelled(signal_type)
        for target in (self.agent, None):
            log = self._signals_for(target)
            number = 0 if again else self._received_to(log, signal_type)
            grown = after(self.store, log, number, _Sent, "a signal")
            read_to[log] = grown.last
            unreadable += grown.unreadable
            for number, sent in grown.found:
                if (
                    sent.lives(now)
                    and wanted in (None, sent.type)
                    and (target is not None or sent.sender != me)
                ):
                    found.append(_signal(number, sent, target))
        return Arrived(sorted(found, key=lambda signal: signal.id), read_to, unreadable)

    def _give(self, arrived: Arrived, signal_type: str | None) -> list[Signal]:
        """Those signals that nobody has been given; from now on they have."""
        received = self._received
        with received.lock:
            given = [
                signal
                for signal in arrived.signals
                if signal.id > self._received_to(self._signals_for(signal.target), signal.signal_type)
            ]
            if signal_type is None:
                self.unreadable_signals += arrived.unreadable
                for log, number in arrived.read_to.items():
                    received.at[log] = max(number, received.at.get(log, 0))
                of = self._received_of.items()
                self._received_of = {key: last for key, last in of if last > received.at.get(key[0], 0)}
            for signal in given if signal_type is not None else ():
                key = (self._signals_for(signal.target), signal.signal_type)
                self._received_of.pop(key, None)  # the last in order is the last to be forgotten
                self._received_of[key] = signal.id
            while len(self._received_of) > TYPES:
                del self._received_of[next(iter(self._received_of))]
        return given

    def _received_to(self, log: str, signal_type: str | None) -> int:
        """The number up to which everything of that type has been given."""
        of_all = self._received.at.get(log, 0)
        if signal_type is None:
            return of_all
        return max(of_all, self._received_of.get((log, signal_type), 0))

    def _signals_for(self, target: str | None) -> str:
        """The log of what is for one agent, or for all."""
        return self._in_shared(KIND, "all" if target is None else f"to:{target}")


def _signal(number: int, sent: _Sent, target: str | None) -> Signal:
    ends = None if sent.ttl_ms is None else moment(sent.at_ms + sent.ttl_ms)
    kind, sender = unquote(sent.type), unquote(sent.sender)
    return Signal(number, kind, sent.data, sender, target, moment(sent.at_ms), ends)

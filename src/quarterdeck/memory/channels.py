"""Channels: what is said reaches everybody who listens at that moment, and nobody else.

A channel is a log whose items last a minute. Whoever listens remembers the number it has read up to, so it
gets everything in order and once, also when it was cut off from the server for less than that minute.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

import msgspec

from quarterdeck import forks
from quarterdeck.errors import QuarterdeckError, UsageError
from quarterdeck.memory import names
from quarterdeck.memory.access import AccessTier
from quarterdeck.memory.amounts import seconds
from quarterdeck.memory.moments import moment
from quarterdeck.memory.reading import after, newest, trim_to, wait_for
from quarterdeck.memory.seat import Seat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from quarterdeck.memory.store import Store

KIND = "channel"
LASTS_MS = 60_000
HELD = 10_000
"""About how many messages of a channel are there at most, for those who are slow."""
BATCH = 1_000
WHAT = "a message of a channel"
_SLICE_S = 0.2
"""How long `Channels.close` may take to be noticed."""
_AWAY_S = 1.0
"""How long to leave a server alone that does not answer."""
_HOUR_S = 3600.0


class Message(NamedTuple):
    """What was said in a channel.

    Attributes:
        id: its number, higher than that of every message before.
        channel: where.
        sender: the agent that has said it.
        value: what; a copy of the caller's own.
        at: when.
    """

    id: int
    channel: str
    sender: str
    value: object
    at: datetime

    def to_dict(self) -> dict[str, object]:
        """Ready for JSON."""
        return {**self._asdict(), "at": self.at.isoformat()}


class ChannelStats(NamedTuple):
    """What the subscriptions of one object have done.

    Attributes:
        subscribed: the channels there are handlers for, sorted.
        delivered: how many messages handlers have been called with.
        failed: how many of these calls have raised.
        unreadable: how many messages they have not been called with: somebody else wrote them, or they are
            sealed with a key that this object does not have.
        last_failure: the kind of the last error of a handler or of the memory, and the channel or what is
            wrong; None: none.
    """

    subscribed: tuple[str, ...]
    delivered: int
    failed: int
    unreadable: int
    last_failure: str | None

    def to_dict(self) -> dict[str, object]:
        """Ready for JSON."""
        return self._asdict()


class _Said(msgspec.Struct, frozen=True):
    """A message as it is stored; its sender is `names.spelled`."""

    sender: str
    at_ms: int
    value: Any


class Channels(Seat):
    """The channels of all agents; whoever subscribes to any has a thread that serves its handlers."""

    def __init__(
        self, store: Store, agent: str, *, token: str | None = None, access_tier: AccessTier | None = None
    ) -> None:
        """See `Seat`."""
        super().__init__(store, agent, token=token, access_tier=access_tier)
        self._listener = Listener(store, self._in_shared(KIND))

    def publish(self, channel: str, message: object) -> int:
        """Say something to all who listen now; returns the number of the message. One commit or round trip.

        Args:
            channel: its name.
            message: anything JSON.
        """
        self._need(AccessTier.CONTRIBUTOR, "publish")
        log = self._in_shared(KIND, self._key(channel, "channel"))
        said = _Said(names.spelled(self.agent), self.store.backend.time_ms(), message)
        return self.store.add(log, [said], keep=trim_to(HELD), ttl_ms=LASTS_MS)[0]

    def subscribe(self, channel: str, handler: Callable[[Message], object]) -> None:
        """Have *handler* called with every message from now on, in order, by a thread of this object.

        All handlers of this object share that thread; what they raise is counted (see `channel_stats`), and
        they are called with the next message. A forked child has no such thread until it subscribes again.

        Args:
            channel: its name.
            handler: called in the thread; several for one channel are called one after the other.
        """
        if not callable(handler):
            raise UsageError("the handler of a channel must be a function of a message", hint="pass one")
        log = self._channel(channel)
        self._listener.add(Subscription(channel, log, handler, newest(self.store.backend, log)))

    def unsubscribe(self, channel: str) -> bool:
        """Call none of one's handlers for a channel any more; whether there were any.

        One that is at work with a message right now is not interrupted.
        """
        return self._listener.remove(channel)

    def listen(self, channel: str, timeout: float | None = None) -> Iterator[Message]:
        """What is said in a channel from this call on, one message after the other, without a thread.

        Args:
            channel: its name.
            timeout: end when nothing has been said for so many seconds; None: never end.
        """
        log, backend = self._channel(channel), self.store.backend
        timeout_s = None if timeout is None else seconds(timeout, "timeout")
        return _heard(self.store, channel, log, newest(backend, log), timeout_s)

    def channel_stats(self) -> ChannelStats:
        """What this object is subscribed to, and how its handlers have fared."""
        return self._listener.stats()

    def close(self) -> None:
        """End all subscriptions, and the thread once its handler has returned."""
        self._listener.close()
        super().close()

    def _channel(self, channel: object) -> str:
        """The log of a channel."""
        return self._in_shared(KIND, names.checked(channel, "channel", self.store.limits.max_key_bytes))


class Subscription:
    """One handler for one channel, and the number up to which it has been called."""

    __slots__ = ("channel", "handler", "log", "number")

    def __init__(self, channel: str, log: str, handler: Callable[[Message], object], number: int) -> None:
        self.channel = channel
        self.log = log
        self.handler = handler
        self.number = number


class Listener:
    """The thread that serves the subscriptions of one object; there is none as long as there are none.

    Attributes:
        lock: held while the subscriptions or the thread change, never while a handler runs.
    """

    def __init__(self, store: Store, prefix: str) -> None:
        """Starts nothing yet; *prefix* is that of the logs of all channels."""
        self.lock = threading.RLock()
        self._store = store
        self._prefix = prefix
        self._subscriptions: tuple[Subscription, ...] = ()
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._delivered = self._failed = self._unreadable = 0
        self._last_failure: str | None = None
        forks.guard(self, Listener.in_child)

    def add(self, subscription: Subscription) -> None:
        """Serve *subscription* from now on."""
        with self.lock:
            self._subscriptions = (*self._subscriptions, subscription)
            if self._thread is None or not self._thread.is_alive() or self._stopped.is_set():
                self._stopped = threading.Event()
                self._thread = threading.Thread(
                    target=self._serve, args=(self._stopped,), name="quarterdeck-channels", daemon=True
                )
                self._thread.start()

    def remove(self, channel: str) -> bool:
        """Serve no subscription to *channel* any more; whether there were any."""
        with self.lock:
            left = tuple(each for each in self._subscriptions if each.channel != channel)
            found = len(left) < len(self._subscriptions)
            self._subscriptions = left
            return found

    def close(self) -> None:
        """End the thread, and wait for it unless it is the one that calls."""
        with self.lock:
            thread, self._thread, self._subscriptions = self._thread, None, ()
            self._stopped.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def in_child(self) -> None:
        """What a forked child does: the thread is its parent's."""
        self._thread, self._subscriptions, self._stopped = None, (), threading.Event()

    def stats(self) -> ChannelStats:
        """See `ChannelStats`."""
        channels = {each.channel for each in self._subscriptions}
        return ChannelStats(
            tuple(sorted(channels)), self._delivered, self._failed, self._unreadable, self._last_failure
        )

    def _serve(self, stopped: threading.Event) -> None:
        """Deliver what is said until *stopped*; a memory that does not answer is tried again."""
        while not self._ends(stopped):
            try:
                with self._store.backend.watch(self._prefix) as watcher:
                    while not self._ends(stopped):
                        if not self._deliver(stopped):
                            watcher.wait(_SLICE_S)
            except QuarterdeckError as error:
                self._last_failure = f"{type(error).__name__}: {error.message}"
                stopped.wait(_AWAY_S)

    def _ends(self, stopped: threading.Event) -> bool:
        """Whether this thread is to end, since it was told to or has nothing to do any more."""
        with self.lock:
            if not self._subscriptions:
                stopped.set()
            return stopped.is_set()

    def _deliver(self, stopped: threading.Event) -> bool:
        """Call the handlers with what is new; whether anything was."""
        before = self._delivered
        for each in self._subscriptions:
            said = after(self._store, each.log, each.number, _Said, WHAT, BATCH)
            self._unreadable += said.unreadable
            for message in _messages(each.channel, said.found):
                if stopped.is_set() or each not in self._subscriptions:
                    break
                each.number = message.id
                try:
                    each.handler(message)
                except Exception as error:  # noqa: BLE001  not ours, and must not stop the others
                    self._failed += 1
                    self._last_failure = f"{type(error).__name__} in a handler of channel {each.channel!r}"
                self._delivered += 1
            else:
                each.number = said.last
        return self._delivered > before


def _heard(store: Store, channel: str, log: str, number: int, timeout_s: float | None) -> Iterator[Message]:
    """The messages after *number*, until there is none for so long."""
    while True:
        messages = wait_for(
            store.backend,
            log,
            partial(messages_after, store, channel, log, number),
            _HOUR_S if timeout_s is None else timeout_s,
        )
        for message in messages:
            number = message.id
            yield message
        if not messages and timeout_s is not None:
            return


def messages_after(store: Store, channel: str, log: str, number: int) -> list[Message]:
    """What has been said after *number*, the oldest first; what cannot be read is left out."""
    return _messages(channel, after(store, log, number, _Said, WHAT, BATCH).found)


def _messages(channel: str, found: list[tuple[int, _Said]]) -> list[Message]:
    return [
        Message(number, channel, unquote(said.sender), said.value, moment(said.at_ms))
        for number, said in found
    ]

"""Streams, in the order in which things are said, and timelines, in the order in which they happen.

A stream is a log whose scores are the numbers of its items. A timeline is a log whose scores are the times of
its events, and beside it an entry for each event that says which item of the log it is: an event that is
added again is another item, and from the moment its entry says so the old item counts no more. Whoever is
killed in between leaves an item that is never shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

import msgspec

from quarterdeck.memory import names
from quarterdeck.memory.access import AccessTier
from quarterdeck.memory.amounts import seconds, whole
from quarterdeck.memory.moments import milliseconds, moment
from quarterdeck.memory.reading import Positions, after, newest, shaped, trim_to, wait_for
from quarterdeck.memory.seat import Seat
from quarterdeck.memory.store import Entry

if TYPE_CHECKING:
    from datetime import datetime

    from quarterdeck.memory.store import Record, Seen, Store

STREAM = "stream"
TIMELINE = "timeline"
EVENT = "event"


class StreamItem(NamedTuple):
    """Something in a stream.

    Attributes:
        id: its number, higher than that of everything before.
        data: as it was appended; a copy of the caller's own.
        agent: who has appended it.
        at: when.
    """

    id: int
    data: object
    agent: str
    at: datetime

    def to_dict(self) -> dict[str, object]:
        """Ready for JSON."""
        return {**self._asdict(), "at": self.at.isoformat()}


class TimelineEvent(NamedTuple):
    """Something that happened.

    Attributes:
        event_id: its name.
        data: as it was added last; a copy of the caller's own.
        agent: who has added it.
        at: when it happened.
    """

    event_id: str
    data: object
    agent: str
    at: datetime

    def to_dict(self) -> dict[str, object]:
        """Ready for JSON."""
        return {**self._asdict(), "at": self.at.isoformat()}


class _Appended(msgspec.Struct, frozen=True):
    """An item of a stream as it is stored; agents are escaped as in names."""

    agent: str
    at_ms: int
    data: Any


class _Happened(msgspec.Struct, frozen=True):
    """An item of a timeline as it is stored."""

    event: str
    agent: str
    data: Any


class Streams(Seat):
    """The streams and timelines of all agents."""

    def __init__(
        self, store: Store, agent: str, *, token: str | None = None, access_tier: AccessTier | None = None
    ) -> None:
        """See `Seat`."""
        super().__init__(store, agent, token=token, access_tier=access_tier)
        self._streams_read = Positions()

    # Streams

    def stream_append(self, stream: str, data: object, max_len: int = 10_000) -> int:
        """Say something; returns its number. One commit, or one round trip.

        Args:
            stream: its name; it begins with its first item.
            data: anything JSON.
            max_len: the oldest items go until so many are left; now and then, so there may be a few per cent
                more, but not below 200.
        """
        self._need(AccessTier.CONTRIBUTOR, "append to streams")
        log = self._in_shared(STREAM, self._key(stream, "stream"))
        appended = _Appended(names.escaped(self.agent), self.store.backend.time_ms(), data)
        return self.store.add(log, [appended], keep=trim_to(whole(max_len, "max_len")))[0]

    def stream_read(self, stream: str, start_id: int = 0, count: int = 100) -> list[StreamItem]:
        """The first *count* items after number *start_id*, the oldest first."""
        number = whole(start_id, "start_id", least=0)
        return self._appended(self._named(STREAM, stream), number, whole(count, "count"))

    def stream_read_new(self, stream: str, block_ms: int = 0, count: int = 100) -> list[StreamItem]:
        """What has been appended since this object last asked; the first time: from this moment on.

        Each item once, also to threads that share this object; another object, or process, asks for itself.

        Args:
            stream: its name.
            block_ms: wait so long for the first item; 0: do not wait.
            count: not more than so many; the next call goes on from there.
        """
        log, wanted = self._named(STREAM, stream), whole(count, "count")
        timeout_s = seconds(block_ms, "block_ms", 0.001)
        return wait_for(
            self.store.backend, log, lambda: self._give_new(log, self._look_new(log, wanted)), timeout_s
        )

    def _look_new(self, log: str, count: int) -> list[StreamItem]:
        """What is new in a stream; changes nothing but that it begins to be read."""
        read = self._streams_read
        if log not in read.at:
            number = newest(self.store.backend, log)
            with read.lock:
                read.at.setdefault(log, number)
        return self._appended(log, read.at[log], count)

    def _give_new(self, log: str, items: list[StreamItem]) -> list[StreamItem]:
        """Those of *items* that nobody has been given; from now on they have."""
        read = self._streams_read
        with read.lock:
            new = [item for item in items if item.id > read.at[log]]
            if new:
                read.at[log] = new[-1].id
        return new

    def _appended(self, log: str, number: int, count: int) -> list[StreamItem]:
        found = []
        for record in after(self.store, log, number, count):
            kept = shaped(record.value, _Appended, "an item of a stream")
            found.append(StreamItem(record.id, kept.data, unquote(kept.agent), moment(kept.at_ms)))
        return found

    # Timelines

    def timeline_add(
        self, timeline: str, event_id: str, data: object, timestamp: datetime | None = None
    ) -> bool:
        """Put an event in its place; one of the same name is replaced, wherever it was.

        Two or three commits or round trips. Readers see the event as it was before or as it is now.

        Args:
            timeline: its name.
            event_id: the name of the event.
            data: anything JSON.
            timestamp: when it happened, to the millisecond, with a time zone; in any order. None: now.

        Returns:
            Whether it is new.

        Raises:
            UsageError: the time has no zone.
        """
        self._need(AccessTier.CONTRIBUTOR, "add to timelines")
        backend = self.store.backend
        log = self._in_shared(TIMELINE, self._key(timeline, "timeline"))
        entry = self._event(timeline, self._key(event_id, "event"))
        at_ms = backend.time_ms() if timestamp is None else milliseconds(timestamp, "timestamp")
        [item] = self.store.add(log, [_Happened(event_id, names.escaped(self.agent), data)], score=at_ms)
        before: list[object] = []

        def replace(seen: list[Seen]) -> list[Entry]:
            before[:] = [seen[0].value]
            return [Entry(entry, item)]

        self.store.change([entry], replace)
        return not (isinstance(before[0], int) and backend.remove(log, [before[0]]))

    def timeline_query(
        self,
        timeline: str,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        newest_first: bool = False,
    ) -> list[TimelineEvent]:
        """The events from *since* to *until*, both included, in the order in which they happened.

        Args:
            timeline: its name.
            since: to the millisecond, with a time zone; None: the first there is.
            until: likewise; None: the last there is.
            limit: not more than so many.
            newest_first: the other way round, and the newest if there are more than *limit*.

        Raises:
            UsageError: a time has no zone.
        """
        log, wanted = self._named(TIMELINE, timeline), whole(limit, "limit")
        low, high = _span(since, until)
        asked = wanted
        while True:
            items = self.store.backend.items(log, low=low, high=high, limit=asked, newest_first=newest_first)
            events = self._events(timeline, self.store.records(log, items))
            if len(events) >= wanted or len(items) < asked:
                return events[:wanted]
            asked *= 2  # some have been replaced

    def timeline_count(
        self, timeline: str, since: datetime | None = None, until: datetime | None = None
    ) -> int:
        """How many events there are from *since* to *until*.

        An event that an agent was replacing when it was killed may count twice.
        """
        low, high = _span(since, until)
        return self.store.backend.count(self._named(TIMELINE, timeline), low=low, high=high)

    def _events(self, timeline: str, records: list[Record]) -> list[TimelineEvent]:
        """The events of those items that stand for one."""
        kept = [shaped(record.value, _Happened, "an event of a timeline") for record in records]
        valid = self.store.get_many([self._event(timeline, each.event) for each in kept])
        return [
            TimelineEvent(each.event, each.data, unquote(each.agent), moment(record.score))
            for record, each, item in zip(records, kept, valid, strict=True)
            if item == record.id
        ]

    def _event(self, timeline: str, event_id: str) -> str:
        """The entry that says which item of the timeline the event is."""
        return self._in_shared(EVENT, f"{names.escaped(timeline)}:{event_id}")

    def _named(self, kind: str, key: object) -> str:
        """The log of a stream or a timeline."""
        return self._in_shared(kind, names.checked(key, kind, self.store.limits.max_key_bytes))


def _span(since: datetime | None, until: datetime | None) -> tuple[int | None, int | None]:
    """The lowest and the highest score between two times."""
    return (
        None if since is None else milliseconds(since, "since"),
        None if until is None else milliseconds(until, "until"),
    )

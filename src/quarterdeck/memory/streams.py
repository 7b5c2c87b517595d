"""Streams, in the order in which things are said, and timelines, in the order in which they happen.

A stream is a log whose scores are the numbers of its items. Of a timeline each event is an entry, and the log
only says where to look for it: its scores are times, its items the names of events. An event that is added
again gets another item; then its entry is replaced, in one step; then the old item goes. Whoever comes by an
old item finds the event as it is now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

import msgspec

from quarterdeck.errors import ScrubRefused, UsageError
from quarterdeck.memory import names
from quarterdeck.memory.access import AccessTier
from quarterdeck.memory.amounts import seconds, whole
from quarterdeck.memory.chain import Deed, utc_text
from quarterdeck.memory.moments import FIRST_MS, LAST_MS, milliseconds, moment
from quarterdeck.memory.reading import Positions, after, newest, readable, shaped, trim_to, wait_for
from quarterdeck.memory.seat import Seat
from quarterdeck.memory.store import MISSING, Entry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from quarterdeck.memory.access import Standing
    from quarterdeck.memory.backend import Item
    from quarterdeck.memory.store import Seen, Store

STREAM = "stream"
TIMELINE = "timeline"
EVENT = "event"
BATCH = 100


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
    """An item of a stream as it is stored; its agent is `names.spelled`."""

    agent: str
    at_ms: int
    data: Any


class _Happened(msgspec.Struct, frozen=True):
    """An event as it is stored; *item* stands for it in the log, and its agent is `names.spelled`."""

    item: int
    at_ms: int
    agent: str
    data: Any


class _Placed(NamedTuple):
    """An event and its place: first those that happened first, then those that were added first."""

    at_ms: int
    item: int
    event: TimelineEvent


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
        appended = _Appended(names.spelled(self.agent), self.store.backend.time_ms(), data)
        return self.store.add(log, [appended], keep=trim_to(whole(max_len, "max_len")))[0]

    def stream_read(self, stream: str, start_id: int = 0, count: int = 100) -> list[StreamItem]:
        """The first *count* items after number *start_id*, the oldest first.

        Those that cannot be read, since somebody else wrote them, are left out, here as in `stream_read_new`.
        """
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
        grown = after(self.store, log, number, _Appended, "an item of a stream", count)
        return [
            StreamItem(each, kept.data, unquote(kept.agent), moment(kept.at_ms)) for each, kept in grown.found
        ]

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
        [item] = self.store.add(log, [names.spelled(event_id)], score=at_ms)
        event = _Happened(item, at_ms, names.spelled(self.agent), data)
        before: list[Seen] = []

        def replace(seen: list[Seen]) -> list[Entry]:
            before[:] = seen
            return [Entry(entry, event)]

        try:
            self.store.change([entry], replace)
        except (UsageError, ScrubRefused):
            backend.remove(log, [item])
            raise
        if before[0].value is MISSING:
            return True
        backend.remove(log, [_happened(before[0].value).item])
        return False

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
            placed = [each for each in self._placed(timeline, items) if low <= each.at_ms <= high]
            placed.sort(reverse=newest_first)
            if len(items) < asked:
                return [each.event for each in placed[:wanted]]
            last = (items[-1].score, items[-1].id)  # beyond it there may be others in between
            sure = [each for each in placed if each[:2] == last or (each[:2] < last) is not newest_first]
            if len(sure) >= wanted:
                return [each.event for each in sure[:wanted]]
            asked *= 2  # some have been replaced

    def timeline_count(
        self, timeline: str, since: datetime | None = None, until: datetime | None = None
    ) -> int:
        """How many events there are from *since* to *until*.

        An event that an agent was replacing when it was killed may count twice.
        """
        low, high = _span(since, until)
        return self.store.backend.count(self._named(TIMELINE, timeline), low=low, high=high)

    def timeline_trim(self, timeline: str, before: datetime) -> int:
        """Remove the events that happened before that time; returns how many.

        Only for stewards. Who did it stands in the audit chain, and before it is done.
        """
        log, end_ms = self._named(TIMELINE, timeline), milliseconds(before, "before")

        def decide(standing: Standing, _: Mapping[str, Seen]) -> tuple[Deed, Sequence[Entry]] | None:
            standing.require(AccessTier.STEWARD, "trim timelines")
            events = self.store.backend.count(log, high=end_ms - 1)
            deed = Deed("trim", timeline, {"before": utc_text(end_ms), "events": events})
            return (deed, ()) if events else None

        self._perform((), decide)
        removed = 0
        while items := self.store.backend.items(log, high=end_ms - 1, limit=BATCH):
            event_ids = self._named_by(log, items)
            removed += self._drop([self._event(timeline, event_id) for event_id in event_ids], end_ms)
            self.store.backend.remove(log, [item.id for item in items])
        return removed

    def _drop(self, entries: list[str], end_ms: int) -> int:
        """Remove those events that happened before that time, and have not been moved; how many."""
        old: list[Entry] = []

        def drop(seen: list[Seen]) -> list[Entry] | None:
            there = [pair for pair in zip(entries, seen, strict=True) if pair[1].value is not MISSING]
            old[:] = [Entry(entry, MISSING) for entry, each in there if _happened(each.value).at_ms < end_ms]
            return old or None

        self.store.change(entries, drop)
        return len(old)

    def _placed(self, timeline: str, items: list[Item]) -> list[_Placed]:
        """The events that *items* name, as they are now."""
        event_ids = self._named_by(self._named(TIMELINE, timeline), items)
        values = self.store.get_many([self._event(timeline, event_id) for event_id in event_ids])
        placed = []
        for event_id, value in zip(event_ids, values, strict=True):
            if value is not MISSING:
                kept = _happened(value)
                event = TimelineEvent(event_id, kept.data, unquote(kept.agent), moment(kept.at_ms))
                placed.append(_Placed(kept.at_ms, kept.item, event))
        return placed

    def _named_by(self, log: str, items: list[Item]) -> list[str]:
        """The names of events that *items* say, each once."""
        said = readable(self.store, log, items, str, "an event of a timeline")
        return list(dict.fromkeys(unquote(event) for _, event in said))

    def _event(self, timeline: str, event_id: str) -> str:
        """The entry of an event."""
        return self._in_shared(EVENT, f"{names.escaped(timeline)}:{event_id}")

    def _named(self, kind: str, key: object) -> str:
        """The log of a stream or a timeline."""
        return self._in_shared(kind, names.checked(key, kind, self.store.limits.max_key_bytes))


def _happened(value: object) -> _Happened:
    return shaped(value, _Happened, "an event of a timeline")


def _span(since: datetime | None, until: datetime | None) -> tuple[int, int]:
    """The lowest and the highest score between two times."""
    return (
        FIRST_MS if since is None else milliseconds(since, "since"),
        LAST_MS if until is None else milliseconds(until, "until"),
    )

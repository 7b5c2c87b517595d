"""The smallest backend of agent memory that keeps its contract, as far as one process goes: a few dicts.

The unit tests of what lies above a backend use it, and the contract suite itself is tried on it.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from contextlib import contextmanager

from quarterdeck.errors import UsageError
from quarterdeck.memory import names
from quarterdeck.memory.backend import KEEP, Health, Item, Listed, Put, Stored


class Clock:
    """A clock that stands still until a test moves it; whole milliseconds, so nothing is rounded."""

    def __init__(self, start_s=1_700_000_000):
        self.ms = start_s * 1000

    def __call__(self):
        return self.ms / 1000

    def pass_time(self, seconds):
        """Let so many seconds pass."""
        self.ms += round(seconds * 1000)


class World:
    """What all handles of one store share."""

    def __init__(self, clock):
        self.clock = clock
        self.entries = {}
        self.versions: Counter[str] = Counter()
        self.logs: defaultdict[str, dict[int, Item]] = defaultdict(dict)
        self.numbers: Counter[str] = Counter()
        self.changed = threading.Condition(threading.RLock())


class DictBackend:
    """One handle on a `World`; counts how often each method was called in ``calls``."""

    kind = "embedded"

    def __init__(self, world):
        self.world = world
        self.calls: Counter[str] = Counter()
        self.fails_with = None
        self._opened = 0

    @contextmanager
    def _at_work(self, method, *, writes=()):
        self.calls[method] += 1
        if self.fails_with:
            raise self.fails_with
        with self.world.changed:
            yield self.world
            if writes:
                self.world.versions.update(writes)
                self.world.changed.notify_all()

    # Entries

    def get(self, name):
        with self._at_work("get"):
            return self._stored(name)

    def get_many(self, names):
        with self._at_work("get_many"):
            return [self._stored(name) for name in names]

    def put(self, name, data, ttl_ms=None):
        with self._at_work("put", writes=[name]):
            self._put(Put(name, data, ttl_ms))

    def put_many(self, puts):
        with self._at_work("put_many", writes=[put.name for put in puts]):
            for put in puts:
                self._put(put)

    def delete(self, names):
        with self._at_work("delete", writes=names):
            return sum(self._delete(name) for name in names)

    def listing(self, prefix):
        with self._at_work("listing") as world:
            found = sorted(name for name in world.entries if name.startswith(prefix))
            stored = [(name, self._stored(name)) for name in found]
        for name, (data, deadline, _) in stored:
            if data is not None:
                yield Listed(name, len(data), deadline)

    def transact(self, checks, puts=(), deletes=()):
        written = [*(put.name for put in puts), *deletes]
        if len({names.space_of(name) for name in (*checks, *written)}) > 1:
            raise UsageError("the entries are of several spaces", hint="use those of one")
        with self._at_work("transact", writes=written):
            if any(self._stored(name).data != data for name, data in checks.items()):
                return False
            for put in puts:
                self._put(put)
            for name in deletes:
                self._delete(name)
            return True

    # Logs

    def add(self, log, items, *, score=None, keep=None, ttl_ms=None):
        with self._at_work("add", writes=[log]) as world:
            space = names.space_of(log)
            ids = []
            for data in items:
                world.numbers[space] += 1
                ids.append(number := world.numbers[space])
                world.logs[log][number] = Item(number, number if score is None else score, data)
            if keep is not None:
                for item in self._ordered(log)[:-keep]:
                    del world.logs[log][item.id]
            return ids

    def items(self, log, *, low=None, high=None, limit=None, newest_first=False):
        with self._at_work("items"):
            return self._ordered(log, low, high)[:: -1 if newest_first else 1][:limit]

    def take(self, log, *, high=None, limit=1):
        with self._at_work("take", writes=[log]) as world:
            return [world.logs[log].pop(item.id) for item in self._ordered(log, None, high)[:limit]]

    def claim(self, log, *, high, score, limit=1):
        with self._at_work("claim", writes=[log]) as world:
            claimed = [item._replace(score=score) for item in self._ordered(log, None, high)[:limit]]
            world.logs[log].update((item.id, item) for item in claimed)
            return claimed

    def move(self, log, ids, *, score, was=None):
        with self._at_work("move", writes=[log]) as world:
            held = world.logs[log]
            moved = [each for each in set(ids) if each in held and was in (None, held[each].score)]
            held.update((each, held[each]._replace(score=score)) for each in moved)
            return len(moved)

    def remove(self, log, ids, *, score=None):
        with self._at_work("remove", writes=[log]) as world:
            held = world.logs[log]
            gone = [each for each in set(ids) if each in held and score in (None, held[each].score)]
            for each in gone:
                del held[each]
            return len(gone)

    def count(self, log, *, low=None, high=None):
        return len(self.items(log, low=low, high=high))

    def logs(self, prefix):
        with self._at_work("logs") as world:
            return sorted(name for name, items in world.logs.items() if items and name.startswith(prefix))

    def drop(self, logs):
        with self._at_work("drop", writes=logs) as world:
            return sum(bool(world.logs.pop(log, None)) for log in logs)

    # Time, coherence, waiting, upkeep

    def now(self):
        return self.world.clock()

    def time_ms(self):
        return self.world.clock.ms

    def is_fresh(self, mark):
        opened, name, version = mark
        return opened == self._opened and self.world.versions[name] == version

    def watch(self, prefix):
        return _Watcher(self.world, prefix)

    def health(self):
        return Health(self.kind, "ok", 0.001, (), {"made of": "dicts"})

    def durability_problem(self):
        return ""

    def close(self):
        self._opened += 1

    # How

    def _stored(self, name):
        data, end_ms = self.world.entries.get(name, (None, None))
        if end_ms is not None and self.world.clock.ms >= end_ms:
            data = end_ms = None
        mark = (self._opened, name, self.world.versions[name])
        return Stored(data, None if end_ms is None else end_ms / 1000, mark)

    def _put(self, put):
        if put.ttl_ms == KEEP:
            deadline = self._stored(put.name).deadline
            end_ms = None if deadline is None else self.world.entries[put.name][1]
        else:
            end_ms = None if put.ttl_ms is None else self.world.clock.ms + put.ttl_ms
        self.world.entries[put.name] = (put.data, end_ms)

    def _delete(self, name):
        there = self._stored(name).data is not None
        self.world.entries.pop(name, None)
        return there

    def _ordered(self, log, low=None, high=None):
        items = sorted(self.world.logs.get(log, {}).values(), key=lambda item: (item.score, item.id))
        return [
            item
            for item in items
            if (low is None or item.score >= low) and (high is None or item.score <= high)
        ]


class _Watcher:
    def __init__(self, world, prefix):
        self._world = world
        self._prefix = prefix
        self._seen = self._count()

    def wait(self, timeout_s):
        with self._world.changed:
            woken = self._world.changed.wait_for(lambda: self._count() != self._seen, timeout_s)
            self._seen = self._count()
            return woken

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        pass

    def _count(self):
        versions = self._world.versions.items()
        return sum(version for name, version in versions if name.startswith(self._prefix))

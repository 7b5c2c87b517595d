"""Copies that are never stale, and watchers that never miss a change."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from quarterdeck.memory.backend import Put, Stored
from quarterdeck.testing.memory.given import Given, entry, log

if TYPE_CHECKING:
    from collections.abc import Callable

    from quarterdeck.memory.backend import Backend, Watcher

WRITES: dict[str, Callable[[Backend, str], object]] = {
    "put": lambda backend, name: backend.put(name, b"new"),
    "put of the same bytes": lambda backend, name: backend.put(name, b"old", 60_000),
    "put_many": lambda backend, name: backend.put_many([Put(name + "0", b""), Put(name, b"new", 60_000)]),
    "delete": lambda backend, name: backend.delete([name]),
    "transact, put": lambda backend, name: backend.transact({}, [Put(name, b"new")]),
    "transact, delete": lambda backend, name: backend.transact({name: b"old"}, (), [name]),
}
"""Every way to change an entry that holds ``old``."""

LOG_CHANGES: dict[str, Callable[[Backend, str], object]] = {
    "add": lambda backend, name: backend.add(name, [b"new"]),
    "take": lambda backend, name: backend.take(name),
    "claim": lambda backend, name: backend.claim(name, high=2**52, score=2**53 - 1),
    "remove": lambda backend, name: backend.remove(name, [item.id for item in backend.items(name)]),
    "move": lambda backend, name: backend.move(name, [item.id for item in backend.items(name)], score=1),
    "drop": lambda backend, name: backend.drop([name]),
}
"""Every way to change a log that has items."""


class CoherenceContract(Given):
    """Marks (`Stored.mark`, `Backend.is_fresh`) and `Backend.watch`."""

    # Copies

    @pytest.mark.parametrize("own", [False, True], ids=["another's", "own"])
    @pytest.mark.parametrize("write", WRITES)
    def test_a_copy_is_fresh_until_somebody_writes(
        self, backend: Backend, other: Backend, space: str, write: str, own: bool
    ) -> None:
        """Whatever the write, it has ended every copy by the time it returns."""
        name = entry(space)
        backend.put(name, b"old")
        copies = [self.copy_of(backend, name), self.copy_of(backend, name, many=True)]
        assert [copy.data for copy in copies] == [b"old", b"old"]
        WRITES[write](backend if own else other, name)
        for copy in copies:
            assert not self.is_fresh(backend, copy)
        read, theirs = self.copy_of(backend, name), other.get(name)
        assert read.data == theirs.data
        assert (read.deadline is None) == (theirs.deadline is None)

    @pytest.mark.parametrize("own", [False, True], ids=["another's", "own"])
    @pytest.mark.parametrize("write", ["put", "put_many", "transact, put"])
    def test_that_there_is_nothing_can_be_kept_too(
        self, backend: Backend, other: Backend, space: str, write: str, own: bool
    ) -> None:
        """Until somebody writes it: for the first time, or again."""
        name = entry(space)
        backend.put(entry(space, "another"), b"")  # where nothing was ever written, there is nothing to go by
        for _ in range(2):
            copy = self.copy_of(backend, name)
            assert copy[:2] == (None, None)
            WRITES[write](backend if own else other, name)
            assert not self.is_fresh(backend, copy)
            other.delete([name])

    def test_the_time_of_a_copy_ends_with_the_entry(
        self, backend: Backend, other: Backend, space: str, pass_time: Callable[[float], None]
    ) -> None:
        """At its deadline a copy ends by itself, and what was written after it is seen."""
        name = entry(space)
        other.put(entry(space, "another"), b"")
        self.copy_of(backend, entry(space, "another"))
        other.put(name, b"1", 300)
        latest_end = other.now() + 0.3
        copy = self.copy_of(backend, name)
        assert copy.deadline is not None
        assert copy.deadline <= latest_end + self.inexact_s
        pass_time(0.31 + self.inexact_s)
        assert backend.now() >= copy.deadline
        absence = self.copy_of(backend, name)
        assert absence[:2] == (None, None)
        other.put(name, b"2")
        assert not self.is_fresh(backend, absence)
        assert not self.is_fresh(backend, copy)

    def test_writes_that_did_not_happen_end_no_truth(
        self, backend: Backend, other: Backend, space: str
    ) -> None:
        """After a transaction that failed, copies may end or not, but a new one is right."""
        name = entry(space)
        other.put(name, b"1")
        self.copy_of(backend, name)
        assert not other.transact({name: None}, [Put(name, b"2")])
        assert self.copy_of(backend, name).data == b"1"

    def test_a_copy_does_not_outlive_a_close(self, backend: Backend, other: Backend, space: str) -> None:
        """Whoever was away may have missed a write."""
        name = entry(space)
        backend.put(name, b"1")
        copy = self.copy_of(backend, name)
        backend.close()
        other.put(name, b"2")
        assert not self.is_fresh(backend, copy)
        assert backend.get(name).data == b"2"
        assert not self.is_fresh(backend, copy)
        assert self.copy_of(backend, name).data == b"2"

    def test_many_copies_each_with_a_write_of_its_own(
        self, backend: Backend, other: Backend, space: str
    ) -> None:
        """A write ends at least the copy of what it wrote; all others are still right."""
        all_names = [entry(space, str(number)) for number in range(200)]
        backend.put_many([Put(name, b"0") for name in all_names])
        self.copy_of(backend, all_names[0])
        copies = dict(zip(all_names, backend.get_many(all_names), strict=True))
        assert any(self.is_fresh(backend, copy) for copy in copies.values())
        for written in all_names[::20]:
            other.put(written, b"1")
            assert not self.is_fresh(backend, copies.pop(written))

    def test_no_copy_is_fresh_across_a_commit(self, backend: Backend, other: Backend, space: str) -> None:
        """A copy that is fresh after a write has returned shows that write, however they interleave."""
        name = entry(space)
        other.put(name, b"0")
        rounds = 150
        written = 0

        def write() -> None:
            nonlocal written
            for number in range(1, rounds + 1):
                data = b"%d" % number
                ways = (
                    lambda data=data: other.put(name, data),
                    lambda data=data: other.put_many([Put(name, data, 60_000)]),
                    lambda data=data: other.transact({}, [Put(name, data)]),
                )
                ways[number % 3]()
                written = number

        def read() -> int:
            uses = 0
            copy = None
            while not writing.done():
                for _ in range(5):
                    at_least = written
                    if copy is None or not self.is_fresh(backend, copy):
                        copy = backend.get(name)
                    else:
                        uses += 1
                    assert copy.data is not None
                    assert int(copy.data) >= at_least
            return uses

        with ThreadPoolExecutor(3) as pool:
            writing = pool.submit(write)
            for reading in [pool.submit(read), pool.submit(read)]:
                reading.result()
            writing.result()
        assert self.copy_of(backend, name).data == b"%d" % rounds

    def test_own_writes_of_another_thread_end_copies_too(self, backend: Backend, space: str) -> None:
        """Threads of one handle are as strange to each other as processes."""
        name = entry(space)
        backend.put(name, b"0")
        rounds = 100
        written = 0

        def write() -> None:
            nonlocal written
            for number in range(1, rounds + 1):
                backend.put(name, b"%d" % number)
                written = number

        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(write)
            copy = backend.get(name)
            while not writing.done():
                at_least = written
                if not self.is_fresh(backend, copy):
                    copy = backend.get(name)
                assert copy.data is not None
                assert int(copy.data) >= at_least
            writing.result()

    # Watching

    @pytest.mark.parametrize("write", WRITES)
    def test_a_written_entry_wakes_a_watcher(
        self, backend: Backend, other: Backend, space: str, write: str
    ) -> None:
        """Also when it was written before the waiting began, and by the watcher's own handle."""
        name = entry(space)
        for handle in (other, backend):
            backend.put(name, b"old")
            with backend.watch(entry(space, "")) as watcher:
                self.quieten(watcher)
                WRITES[write](handle, name)
                assert watcher.wait(self.patience_s)

    @pytest.mark.parametrize("change", LOG_CHANGES)
    def test_a_changed_log_wakes_a_watcher(
        self, backend: Backend, other: Backend, space: str, change: str
    ) -> None:
        """Whether something was added or is gone."""
        name = log(space)
        for handle in (other, backend):
            backend.add(name, [b"old"])
            with backend.watch(log(space, "")) as watcher:
                self.quieten(watcher)
                LOG_CHANGES[change](handle, name)
                assert watcher.wait(self.patience_s)

    def test_a_change_right_after_the_making_is_not_missed(
        self, backend: Backend, other: Backend, space: str
    ) -> None:
        """However short the time between making a watcher and the change."""
        for number in range(10):
            with backend.watch(entry(space, "")) as watcher:
                other.put(entry(space, str(number)), b"1")
                assert watcher.wait(self.patience_s)

    def test_no_change_between_two_waits_is_missed(
        self, backend: Backend, other: Backend, space: str
    ) -> None:
        """Whoever looks after each waking has seen everything in the end."""
        name, rounds = entry(space), 60

        def write() -> None:
            for number in range(rounds + 1):
                other.put(name, b"%d" % number)

        with backend.watch(name) as watcher, ThreadPoolExecutor(1) as pool:
            writing = pool.submit(write)
            while backend.get(name).data != b"%d" % rounds:
                assert watcher.wait(self.patience_s)
            writing.result()

    def test_a_waiting_thread_is_woken(self, backend: Backend, other: Backend, space: str) -> None:
        """It need not ask again."""
        with backend.watch(entry(space, "")) as watcher, ThreadPoolExecutor(1) as pool:
            self.quieten(watcher)
            waiting = threading.Event()

            def wait() -> bool:
                waiting.set()
                return watcher.wait(self.patience_s)

            woken = pool.submit(wait)
            waiting.wait(self.patience_s)
            other.put(entry(space), b"1")
            assert woken.result(2 * self.patience_s)

    def test_every_watcher_is_woken(self, backend: Backend, other: Backend, space: str) -> None:
        """One does not take the change from another."""
        with (
            backend.watch(entry(space, "")) as one,
            backend.watch(entry(space)) as two,
            other.watch(entry(space, "")) as three,
        ):
            watchers = (one, two, three)
            for watcher in watchers:
                self.quieten(watcher)
            other.put(entry(space), b"1")
            assert all(watcher.wait(self.patience_s) for watcher in watchers)

    def test_where_nothing_changes_nobody_wakes_for_ever(self, backend: Backend, space: str) -> None:
        """A wait ends with False when its time is up; a time of 0 only looks."""
        with backend.watch(entry(space, "")) as watcher:
            self.quieten(watcher)
            assert watcher.wait(0) is False
            started = time.monotonic()
            assert watcher.wait(0.05) is False
            assert time.monotonic() - started >= 0.045

    # What the tests have in common

    def copy_of(self, backend: Backend, name: str, *, many: bool = False) -> Stored:
        """What is read of an entry once copies of it can be kept: a feed may have to begin first."""
        deadline = time.monotonic() + self.patience_s
        while time.monotonic() < deadline:
            copy = backend.get_many([name])[0] if many else backend.get(name)
            if self.is_fresh(backend, copy):
                return copy
            if copy.data is None and not self.keeps_absence:
                assert copy.mark is None
                return copy
            time.sleep(0.001)
        pytest.fail(f"no copy could be kept for {self.patience_s} s")

    @staticmethod
    def is_fresh(backend: Backend, copy: Stored) -> bool:
        """Whether a copy may be used, its deadline apart."""
        return copy.mark is not None and backend.is_fresh(copy.mark)

    def quieten(self, watcher: Watcher) -> None:
        """Wait until nothing wakes it any more."""
        deadline = time.monotonic() + self.patience_s
        while watcher.wait(0.02):
            assert time.monotonic() < deadline, "it wakes for nothing, again and again"

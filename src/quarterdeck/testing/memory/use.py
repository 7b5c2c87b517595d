"""Health, closing, threads and forks."""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from quarterdeck.memory.backend import Put
from quarterdeck.testing.memory.given import Given, entry, log

if TYPE_CHECKING:
    from collections.abc import Callable

    from quarterdeck.memory.backend import Backend

MULTI_THREADED = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
"""Python 3.12 warns of what is tested here."""


class UseContract(Given):
    """health, close, now, time_ms; one handle in many threads, and in a child."""

    def test_a_healthy_store_says_so(self, backend: Backend, space: str) -> None:
        """Its problems and its state agree, and all of it can be written as JSON."""
        health = backend.health()
        assert health.backend == backend.kind
        assert health.state == ("degraded" if health.problems else "ok")
        assert health.latency_ms is not None
        assert health.latency_ms > 0
        assert json.loads(json.dumps(health.details)) == health.details
        assert health.details

    def test_a_store_that_keeps_everything_says_so(self, backend: Backend) -> None:
        """What has no time to live does not vanish; the store under test must be one of that kind."""
        assert backend.durability_problem() == ""

    def test_asking_for_health_leaves_nothing_behind(
        self, backend: Backend, other: Backend, space: str
    ) -> None:
        """Entries and logs are as they were."""
        backend.put(entry(space), b"1")
        [number] = backend.add(log(space), [b"2"])
        backend.health()
        assert [each.name for each in other.listing(entry(space, ""))] == [entry(space)]
        assert other.logs(log(space, "")) == [log(space)]
        assert [item.id for item in other.items(log(space))] == [number]

    def test_clocks_go_forward(
        self, backend: Backend, other: Backend, pass_time: Callable[[float], None]
    ) -> None:
        """The clock of deadlines in seconds, the shared one in milliseconds, the same for everybody."""
        before, before_ms = backend.now(), backend.time_ms()
        pass_time(0.05)
        after = backend.now()
        assert after - before >= 0.049
        assert before_ms + 50 - 1000 * self.inexact_s <= other.time_ms() <= backend.time_ms()
        assert isinstance(before_ms, int)

    # Closing

    def test_it_can_be_used_again_after_closing(self, backend: Backend, other: Backend, space: str) -> None:
        """Nothing is lost, and closing twice is closing."""
        backend.put(entry(space), b"1")
        ids = backend.add(log(space), [b"2"])
        backend.close()
        backend.close()
        assert backend.get(entry(space)).data == b"1"
        backend.close()
        assert [item.id for item in backend.items(log(space))] == ids
        backend.close()
        assert backend.transact({entry(space): b"1"}, [Put(entry(space), b"3")])
        assert other.get(entry(space)).data == b"3"

    def test_closing_a_handle_that_was_never_used(self, backend: Backend) -> None:
        """It is no error."""
        backend.close()

    def test_closing_disturbs_nobody_at_work(self, backend: Backend, other: Backend, space: str) -> None:
        """A thread in the middle of something ends it, or begins it anew."""
        done = threading.Event()

        def work(number: int) -> None:
            name = entry(space, str(number))
            for round_ in range(25):
                backend.put(name, b"%d" % round_)
                assert backend.get(name).data == b"%d" % round_

        def close() -> None:
            while not done.wait(0.002):
                backend.close()

        with ThreadPoolExecutor(3) as pool:
            closing = pool.submit(close)
            try:
                list(pool.map(work, range(2)))
            finally:
                done.set()
            closing.result()
        assert {each.data for each in other.get_many([entry(space, "0"), entry(space, "1")])} == {b"24"}

    # Threads and forks

    def test_threads_share_a_handle(self, backend: Backend, other: Backend, space: str) -> None:
        """Each has what it wrote, whatever the others do meanwhile."""
        threads, rounds = 4, 20
        start = threading.Barrier(threads)

        def work(number: int) -> None:
            start.wait(self.patience_s)
            mine = [entry(space, f"{number} {key}") for key in range(3)]
            for round_ in range(rounds):
                data = b"%d %d" % (number, round_)
                backend.put(mine[0], data)
                backend.put_many([Put(mine[1], data), Put(mine[2], data)])
                assert [each.data for each in backend.get_many(mine)] == [data] * 3
                assert backend.transact({mine[0]: data}, [Put(mine[0], b"!")], [mine[2]])
                assert backend.get(mine[2]).data is None
                backend.add(log(space, str(number)), [data])
                assert [item.data for item in backend.take(log(space, str(number)))] == [data]

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, range(threads)))
        assert len(list(other.listing(entry(space, "")))) == threads * 2

    @MULTI_THREADED
    def test_a_forked_child_reads_and_writes(self, backend: Backend, other: Backend, space: str) -> None:
        """With the handle it was forked with; parent and child see what the other has written."""
        name, log_ = entry(space), log(space)
        backend.put(name, b"parent")
        [first] = backend.add(log_, [b"parent"])
        copy = backend.get(name)

        def child() -> None:
            assert backend.get(name).data == b"parent"
            backend.put(name, b"child")
            backend.put_many([Put(entry(space, str(number)), b"child") for number in range(20)])
            assert backend.transact({name: b"child"}, [Put(name, b"child again")])
            assert [item.id for item in backend.items(log_)] == [first]
            assert backend.add(log_, [b"child"])[0] > first

        assert in_child(child) == 0
        assert copy.mark is None or not backend.is_fresh(copy.mark)
        assert backend.get(name).data == b"child again"
        assert [item.data for item in backend.take(log_, limit=9)] == [b"parent", b"child"]
        backend.put(name, b"parent again")
        assert other.get(name).data == b"parent again"
        assert in_child(lambda: None) == 0
        assert backend.get(name).data == b"parent again"

    @MULTI_THREADED
    def test_a_child_uses_no_copy_that_has_gone_stale(
        self, backend: Backend, other: Backend, space: str
    ) -> None:
        """What its parent kept is as good in the child as anywhere: until somebody writes."""
        name = entry(space)
        backend.put(name, b"1")
        copy = backend.get(name)
        written, may_look = os.pipe()

        def child() -> None:
            os.read(written, 1)
            assert copy.mark is None or not backend.is_fresh(copy.mark)
            assert backend.get(name).data == b"2"
            assert copy.mark is None or not backend.is_fresh(copy.mark)

        def write() -> None:
            other.put(name, b"2")
            os.write(may_look, b"!")

        try:
            assert in_child(child, meanwhile=write) == 0
        finally:
            os.close(written)
            os.close(may_look)


def in_child(work: Callable[[], None], meanwhile: Callable[[], None] = lambda: None) -> int:
    """Do *work* in a forked child; its exit code: 0 when it ended well."""
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        except AssertionError as error:
            os.write(2, f"in the child: {error!r}\n".encode())
        finally:
            os._exit(code)  # nothing of pytest's must end twice
    try:
        meanwhile()
    finally:
        _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)

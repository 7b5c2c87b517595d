"""What a forked child finds of objects that were in use."""

from __future__ import annotations

import gc
import os
import sys
import threading
import weakref
from typing import TYPE_CHECKING

from quarterdeck import files, forks

if TYPE_CHECKING:
    import pytest


class Thing:
    """An object that says what was done to it."""

    def __init__(self, done: list[str], name: str, *, outer: bool = False) -> None:
        self.lock = threading.RLock()
        self.done = done
        self.name = name
        forks.guard(self, Thing.close, outer=outer)

    def close(self) -> None:
        self.done.append(self.name)


def in_child(report: list[str]) -> list[str]:
    """What *report* holds in a forked child."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(writing, " ".join(report).encode())
        os._exit(0)
    os.close(writing)
    with open(reading) as file:
        said = file.read().split()
    assert os.waitpid(pid, 0)[1] == 0
    return said


def test_the_child_closes_what_its_parent_had_and_the_parent_does_not() -> None:
    """Only the child gives things back, those that use others last."""
    done: list[str] = []
    inner, outer = Thing(done, "inner"), Thing(done, "outer", outer=True)
    assert in_child(done) == ["inner", "outer"]
    assert done == []
    for thing in (inner, outer):
        assert thing.lock.acquire(blocking=False)


def test_who_forks_waits_until_other_threads_have_done() -> None:
    """A child never finds a thing that another thread is in the middle of."""
    done: list[str] = []
    thing = Thing(done, "thing")
    began, go_on = threading.Event(), threading.Event()

    def work() -> None:
        with thing.lock:
            done.append("begun")
            began.set()
            go_on.wait(10)
            done.append("ended")

    worker = threading.Thread(target=work)
    worker.start()
    began.wait(10)
    threading.Timer(0.05, go_on.set).start()
    assert in_child(done) == ["begun", "ended", "thing"]
    worker.join()


def test_a_thing_that_cannot_be_closed_keeps_no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """All others are closed, every lock is free, also for the child's children; then it is printed."""
    done: list[str] = []
    said: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda said_now: said.append(said_now.exc_value))
    things = [Thing(done, "before"), Thing(done, "broken"), Thing(done, "after")]

    def broken(thing: Thing) -> None:
        if not done.count("forked"):
            raise OSError(thing.name)

    forks.guard(things[1], broken)
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        free = [thing.lock.acquire(blocking=False) for thing in things]
        done.append("forked")
        again = os.fork()
        if not again:
            os._exit(0)
        os.write(writing, f"{done} {free} {said} {os.waitpid(again, 0)[1]}".encode())
        os._exit(0)
    os.close(writing)
    with open(reading) as file:
        assert file.read() == "['after', 'before', 'forked'] [True, True, True] [OSError('broken')] 0"
    assert os.waitpid(pid, 0)[1] == 0


def test_a_thing_that_is_gone_is_not_kept() -> None:
    """To be guarded keeps nothing alive."""
    done: list[str] = []
    thing = Thing(done, "gone")
    seen = weakref.ref(thing)
    del thing
    gc.collect()
    assert seen() is None
    assert in_child(done) == []


def test_a_fork_takes_the_lock_of_leases_last():
    """As everybody does who takes a lease while at work with a guarded object."""
    held: list[bool] = []

    class Told:
        def acquire(self) -> None:
            held.append(files._FORK._is_owned())  # type: ignore[attr-defined]  # only there at run time

        def release(self) -> None:
            pass

    class Guarded:
        lock = Told()

    thing = Guarded()
    forks.guard(thing, lambda _: None)  # type: ignore[type-var]  # all that is needed of a lock
    assert in_child([]) == []
    assert held == [False]

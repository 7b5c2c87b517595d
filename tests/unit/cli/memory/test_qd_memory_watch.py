"""``qd memory watch``: what changes, and when it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from quarterdeck.errors import MemoryUnavailable
from quarterdeck.memory.embedded import EmbeddedBackend
from quarterdeck.memory.entries import Entries
from quarterdeck.memory.following import Follower, awaited, follow, keys_of
from quarterdeck.memory.settings import MemoryConfig
from quarterdeck.memory.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = [sys.executable, "-c", "from quarterdeck.cli import main; main()", "memory", "watch"]


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.at = 1_000_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path, clock: Clock) -> Iterator[Store]:
    store = Store(EmbeddedBackend(str(tmp_path / "m.sqlite"), clock=clock), MemoryConfig())
    yield store
    store.close()


@pytest.fixture
def memory(store: Store) -> Entries:
    return Entries(store, "ann")


@pytest.fixture
def watching():
    """Starts ``qd memory watch`` with these options and waits until it watches; it ends with the test."""
    started = []

    def start(*options: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stderr is not None
        assert process.stderr.readline() == "watching; Ctrl-C ends it\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def told(follower: Follower) -> list[tuple[str, str, object]]:
    return [(each.change, each.key, each.value) for each in follower.changes()]


# what has changed ------------------------------------------------------------------------------------


def test_what_is_there_at_first_has_not_changed(memory):
    """Only what comes from now on counts."""
    memory.stash("a", 1)
    follower = Follower(memory, "ann", "")
    assert told(follower) == []
    memory.stash("b", None)
    assert told(follower) == [("put", "b", None)]
    assert told(follower) == []


def test_what_is_put_removed_and_expires_is_found(memory, clock):
    """Each once; what was put again before anybody looked is one change."""
    follower = Follower(memory, "ann", "")
    memory.stash("a", 1)
    memory.stash("a", 2)
    memory.stash("b", 3, ttl_seconds=60)
    memory.stash("gone", 4)
    memory.delete("gone")
    assert told(follower) == [("put", "a", 2), ("put", "b", 3)]
    memory.delete("a")
    assert told(follower) == [("removed", "a", None)]
    clock.at += 60
    assert told(follower) == [("expired", "b", None)]


def test_the_same_value_for_longer_is_a_change(memory, clock):
    """It is how an agent says that it is still alive; the same value for ever again is none."""
    memory.stash("alive", 1, ttl_seconds=60)
    memory.stash("fixed", 1)
    follower = Follower(memory, "ann", "")
    clock.at += 10
    memory.stash("alive", 1, ttl_seconds=60)
    memory.stash("fixed", 1)
    (change,) = follower.changes()
    assert (change.change, change.key, change.ttl_ms) == ("put", "alive", 60_000)


def test_only_what_was_asked_for_is_followed(store, memory):
    """One agent's keys that begin so, or all agents'; no queue, no signal, no record of access."""
    other = Entries(store, "ann.0")
    mine, all_of_it = Follower(memory, "ann", "p/"), Follower(memory, None, "p/")
    memory.stash("p/1", 1)
    memory.stash("q", 2)
    other.stash("p/2", 3)
    store.put("{default..0}:session:p/3", 4)
    store.put("{default.ann.0}:other:p/4", 5)
    assert told(mine) == [("put", "p/1", 1)]
    assert [(each.agent, each.key) for each in all_of_it.changes()] == [("ann.0", "p/2"), ("ann", "p/1")]
    assert [(each.agent, each.key) for each in keys_of(memory, None, "p/")] == [
        ("ann", "p/1"),
        ("ann.0", "p/2"),
    ]


def test_names_of_others_are_left_alone(store, memory):
    """A server may hold what somebody else has written, under a name that begins like ours."""
    store.backend.put("{default.nonsense", b"1")
    store.backend.put("{default.a.b}:work:x", b"1")
    follower = Follower(memory, None, "")
    store.backend.put("{default.more", b"1")
    assert told(follower) == []
    assert keys_of(memory, None, "") == []


def test_what_cannot_be_read_does_not_end_the_watch(store, memory):
    """Somebody else wrote it, or with another key: that it is there can be said."""
    follower = Follower(memory, "ann", "")
    store.backend.put("{default.ann.0}:work:bad", b"\x01no JSON")
    memory.stash("good", 1)
    assert told(follower) == [("unreadable", "bad", None), ("put", "good", 1)]


def test_more_than_fits_in_one_reading_is_found(memory):
    """In portions."""
    follower = Follower(memory, "ann", "")
    memory.stash_batch({f"k{number:04}": number for number in range(1100)})
    assert [each.value for each in follower.changes()] == list(range(1100))


def test_a_server_that_is_gone_for_a_while_is_told_once(memory, monkeypatch):
    """And what has changed meanwhile is found."""
    said: list[str] = []
    failures = iter([True, True, False])
    genuine = Follower.changes

    def changes(self):
        if next(failures, False):
            raise MemoryUnavailable("the server does not answer", hint="start it")
        return genuine(self)

    monkeypatch.setattr("quarterdeck.memory.following.RETRY_S", 0.001)

    def began() -> None:
        memory.stash("k", 1)
        monkeypatch.setattr(Follower, "changes", changes)

    change = next(follow(memory, "ann", "", began=began, tell=said.append, timeout_s=60))
    assert change.key == "k"
    assert said == ["the server does not answer; trying again", "the server answers again"]


def test_waiting_for_a_key_ends_when_it_is_there(memory):
    """Also when it was there before anybody waited."""
    writer = threading.Timer(0.05, memory.stash, ("late", 1))
    writer.start()
    assert awaited(memory, "late", None, 60) == {"late": 1}
    writer.join()
    assert awaited(memory, "late", "ann", 60) == {"late": 1}
    assert awaited(memory, "never", None, 0.001) == {}


# the command -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_each_change_at_once_until_it_is_ended(qd, watching, ending: int):
    """One object a line, flushed; Ctrl-C is how it is meant to end."""
    process = watching("--json", "--all")
    qd("memory", "put", "k", '{"a": "é\\u001b"}', "--agent", "bob", "--ttl", "1h")
    change = json.loads(process.stdout.readline())
    assert change.pop("at")
    assert 3_500_000 < change.pop("ttl_ms") <= 3_600_000
    assert change == {
        "schema": "quarterdeck.memory.change/1",
        "backend": "embedded",
        "namespace": "default",
        "change": "put",
        "agent": "bob",
        "key": "k",
        "value": {"a": "é\x1b"},
    }
    qd("memory", "rm", "k", "--agent", "bob")
    assert json.loads(process.stdout.readline())["change"] == "removed"
    process.send_signal(ending)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")


def test_people_get_a_line(qd, watching):
    """What, whose, and the beginning of the value."""
    process = watching("--count", "2")
    qd("memory", "put", "k\x1b[2J", "[" + "1," * 200 + "2]", "--ttl", "300ms")
    line = process.stdout.readline()
    assert line[8:].startswith("  put      default  k\\x1b[2J  [1,1,1")
    assert line.endswith("…\n")
    assert process.stdout.readline()[8:] == "  expired  default  k\\x1b[2J\n"
    assert process.wait(60) == 0


def test_it_ends_after_so_many_changes_or_so_long(qd, watching):
    """Fewer than were asked for is exit code 3: never a silent 0."""
    process = watching("p/", "--count", "1", "--timeout", "60s")
    qd("memory", "put", "other", "1")
    qd("memory", "put", "p/1", "1")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert len(out.splitlines()) == 1
    assert qd("memory", "watch", "--timeout", "10ms").code == 0
    result = qd("memory", "watch", "--timeout", "10ms", "--count", "1")
    assert (result.code, result.out) == (3, "")


@pytest.mark.parametrize("ending, code", [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_one_that_waits_for_a_change_and_is_ended_has_not_seen_it(watching, ending: int, code: int):
    """A script must not take it for one."""
    process = watching("--count", "1")
    process.send_signal(ending)
    assert process.wait(60) == code


def test_a_closed_pipe_ends_it_quietly(qd, watching):
    """``qd memory watch | head -1``, as soon as there is a second line to print."""
    process = watching()
    process.stdout.close()
    qd("memory", "put", "k", "1")
    assert process.wait(60) == 141
    assert process.stderr.read() == ""

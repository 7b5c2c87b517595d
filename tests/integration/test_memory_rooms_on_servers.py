"""What agents do together over a real server: nobody is lost, nothing comes twice, and waiting ends."""

from __future__ import annotations

import queue
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from quarterdeck.errors import MemoryUnavailable
from quarterdeck.memory import channels
from tests.memory_servers import until
from tests.room_worlds import Fleet, after_a_while, at_once


@pytest.fixture
def fleet(redis_server):
    fleet = Fleet(redis_server.url)
    yield fleet
    fleet.close()


@pytest.fixture
def alice(fleet):
    return fleet.agent("alice")


@pytest.fixture
def bob(fleet):
    return fleet.agent("bob")


def data(things):
    return [thing.data for thing in things]


class TestQueues:
    def test_each_task_goes_to_one_of_many_consumers(self, fleet, alice):
        """While two push, four take: nothing is lost, nothing comes twice."""
        producers = [fleet.agent(f"producer-{n}") for n in range(2)]
        consumers = [fleet.agent(f"consumer-{n}") for n in range(4)]
        taken: list[list[object]] = [[] for _ in consumers]

        def push(producer):
            for number in range(100):
                producer.queue_push("q", f"{producer.agent}:{number}", priority=number % 7 == 0)

        def take(consumer, mine):
            while (task := consumer.queue_pop("q", timeout=1)) is not None:
                mine.append(task)

        at_once(
            *(lambda each=each: push(each) for each in producers),
            *(lambda each=each: take(*each) for each in zip(consumers, taken, strict=True)),
        )
        assert Counter(task for mine in taken for task in mine) == Counter(
            f"producer-{n}:{number}" for n in range(2) for number in range(100)
        )
        assert alice.queue_stats("q") == (0, 0)

    def test_a_task_that_is_not_done_comes_back(self, alice, bob):
        """When its lease ends; the first consumer has lost it then."""
        alice.queue_push("q", {"n": 1})
        slow = alice.queue_claim("q", lease_seconds=0.2)
        assert bob.queue_claim("q") is None
        task = bob.queue_claim("q", timeout=30)
        assert (task.id, task.value, task.attempts) == (slow.id, {"n": 1}, 2)
        assert not alice.queue_done(slow)
        task = bob.queue_extend(task)
        assert bob.queue_release(task, delay_seconds=0.1)
        task = bob.queue_claim("q", timeout=30)
        assert (task.id, task.attempts) == (slow.id, 3)
        assert bob.queue_done(task)
        assert bob.queue_stats("q") == (0, 0)

    def test_waiting_ends_with_the_first_task_and_when_one_is_due(self, alice, bob):
        """Whether somebody pushes, or time passes."""
        thread = after_a_while(lambda: alice.queue_push("q", 1))
        assert bob.queue_pop("q", timeout=30) == 1
        thread.join()
        alice.queue_push("q", 2, delay_seconds=0.2)
        assert bob.queue_pop("q") is None
        assert bob.queue_pop("q", timeout=30) == 2


def test_nobody_who_joins_at_the_same_time_is_lost(fleet, alice):
    """Eight join at once, and eight are in it; it ends by itself."""
    agents = [fleet.agent(f"agent-{number}") for number in range(8)]
    assert alice.create_session("review", {"topic": 1}, ttl_seconds=0.5)
    assert all(at_once(*(lambda each=each: each.join_session("review") for each in agents)))
    session = agents[0].get_session("review")
    assert session.participants[0] == "alice"
    assert set(session.participants) == {"alice", *(each.agent for each in agents)}
    until(lambda: alice.get_session("review") is None, "the session has ended")
    assert alice.list_sessions() == []


def test_signals_come_once_and_in_order(alice, bob):
    """By type and together, waiting or not, until they end."""
    for number, kind in enumerate("abab"):
        alice.send_signal(kind, number, "bob" if number % 2 else None)
    assert data(bob.receive_signals("b")) == [1, 3]
    assert data(bob.receive_signals()) == [0, 2]
    thread = after_a_while(lambda: alice.send_signal("c", 4, "bob", ttl_seconds=0.3))
    assert data(bob.receive_signals(wait_seconds=30)) == [4]
    thread.join()
    until(lambda: 4 not in data(bob.receive_signals(again=True)), "the signal has ended")


def test_streams_and_timelines_keep_their_order(alice, bob):
    """What is new is read once; an event has one place."""
    assert bob.stream_read_new("s") == []
    thread = after_a_while(lambda: [alice.stream_append("s", number) for number in range(5)])
    read: list[object] = []
    while len(read) < 5:
        read += data(bob.stream_read_new("s", block_ms=30_000))
    thread.join()
    assert read == list(range(5))
    alice.stream_append("s", 5, max_len=3)
    assert data(bob.stream_read("s")) == [3, 4, 5]
    now = datetime.now(UTC)
    for number in (3, 1, 2):
        alice.timeline_add("t", str(number), number, now + timedelta(milliseconds=number))
    assert not bob.timeline_add("t", "1", 1, now + timedelta(milliseconds=4))
    assert data(alice.timeline_query("t")) == [2, 3, 1]


def test_a_cut_connection_loses_and_repeats_no_message(redis_server, alice, bob, monkeypatch):
    """What is said while nobody is connected is heard afterwards, in order."""
    monkeypatch.setattr(channels, "_AWAY_S", 0.05)
    heard: queue.Queue[channels.Message] = queue.Queue()
    bob.subscribe("c", heard.put)
    for number in range(60):
        if number % 10 == 5:
            for kind in ("normal", "pubsub"):
                redis_server.command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
        until(lambda number=number: _said(alice, number), "the server answers")
    values = [heard.get(timeout=30).value for _ in range(60)]
    assert values == list(range(60))
    bob.close()
    assert heard.empty()


def _said(agent, number):
    """Whether it could be said; the connections of those who speak are cut, too."""
    try:
        return agent.publish("c", number) > 0
    except MemoryUnavailable:
        return False

"""What is said reaches whoever listens, once and in order, whatever goes wrong on the way."""

from __future__ import annotations

import os
import queue
import threading

import pytest

from quarterdeck.errors import AccessDenied, MemoryUnavailable, UsageError
from quarterdeck.memory import channels
from tests.room_worlds import Ship, after_a_while


@pytest.fixture
def ship(tmp_path):
    ship = Ship(tmp_path)
    yield ship
    ship.close()


@pytest.fixture
def alice(ship):
    return ship.agent("alice")


@pytest.fixture
def bob(ship):
    return ship.agent("bob")


class Ear:
    """A handler that keeps what it has heard."""

    def __init__(self):
        self._heard: queue.Queue[channels.Message] = queue.Queue()

    def __call__(self, message):
        self._heard.put(message)

    def hears(self, count=1):
        """The next messages; waits for them."""
        return [self._heard.get(timeout=60) for _ in range(count)]

    def values(self, count=1):
        return [message.value for message in self.hears(count)]

    @property
    def is_quiet(self):
        return self._heard.empty()


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "quarterdeck-channels"]


class TestSubscribing:
    def test_a_handler_hears_what_is_said_from_now_on(self, alice, bob):
        """In order, once, with who and where."""
        alice.publish("c", "before")
        bob.subscribe("c", ear := Ear())
        numbers = [alice.publish("c", {"n": number}) for number in range(5)]
        heard = ear.hears(5)
        assert [message.id for message in heard] == numbers
        assert heard[0][1:4] == ("c", "alice", {"n": 0})
        assert ear.is_quiet

    def test_whoever_says_something_hears_it_too(self, alice):
        """A channel is for all who listen."""
        alice.subscribe("c", ear := Ear())
        alice.publish("c", 1)
        assert ear.values() == [1]

    def test_one_thread_serves_all_subscriptions(self, alice, bob):
        """Each handler hears its own channel."""
        before = len(threads())
        ears = {channel: Ear() for channel in ("c", "c:d", "*")}
        for channel, ear in ears.items():
            bob.subscribe(channel, ear)
        assert len(threads()) == before + 1
        for channel in ears:
            alice.publish(channel, channel)
        for channel, ear in ears.items():
            assert ear.values() == [channel]
            assert ear.is_quiet

    def test_several_handlers_of_one_channel_hear_everything(self, alice, bob):
        """Each from its own subscription on."""
        bob.subscribe("c", first := Ear())
        alice.publish("c", 1)
        assert first.values() == [1]
        bob.subscribe("c", second := Ear())
        alice.publish("c", 2)
        assert first.values() == second.values() == [2]

    def test_nothing_is_heard_after_unsubscribing(self, alice, bob):
        """Of that channel; the others go on."""
        bob.subscribe("c", deaf := Ear())
        bob.subscribe("d", ear := Ear())
        assert bob.unsubscribe("c")
        assert not bob.unsubscribe("c")
        alice.publish("c", 1)
        alice.publish("d", 2)
        assert ear.values() == [2]
        assert deaf.is_quiet

    def test_a_handler_may_unsubscribe_and_close(self, alice, bob):
        """Nothing waits for itself."""
        done = threading.Event()

        def handler(message):
            bob.unsubscribe("c")
            bob.close()
            done.set()

        bob.subscribe("c", handler)
        alice.publish("c", 1)
        assert done.wait(60)

    def test_subscribing_again_after_everything_has_ended(self, alice, bob):
        """There is a new thread, however the old one came to its end."""
        for end in (bob.close, lambda: bob.unsubscribe("c"), bob.close):
            bob.subscribe("c", ear := Ear())
            alice.publish("c", 1)
            assert ear.values() == [1]
            end()

    def test_closing_ends_the_thread(self, ship, bob):
        """When it returns there is none; closing twice is fine."""
        before = set(threads())
        bob.subscribe("c", Ear())
        bob.close()
        bob.close()
        assert set(threads()) <= before
        assert bob.channel_stats().subscribed == ()

    def test_a_handler_must_be_callable(self, bob):
        """And no thread is started for what is not."""
        with pytest.raises(UsageError, match="handler"):
            bob.subscribe("c", "handler")
        assert bob.channel_stats().subscribed == ()


class TestTrouble:
    def test_a_handler_that_raises_stops_nobody(self, alice, bob):
        """It is called with the next message; what went wrong is counted, and its text is not kept."""

        def fails(message):
            raise ValueError(message.value)

        bob.subscribe("c", fails)
        bob.subscribe("c", ear := Ear())
        alice.publish("c", "hunter2")
        alice.publish("c", "hunter3")
        assert ear.values(2) == ["hunter2", "hunter3"]
        alice.publish("c", 1)
        assert ear.values() == [1]
        assert bob.channel_stats().failed >= 2
        assert bob.channel_stats().last_failure == "ValueError in a handler of channel 'c'"
        assert bob.channel_stats().to_dict()["subscribed"] == ("c",)

    def test_a_short_disconnect_loses_and_repeats_nothing(self, alice, bob, monkeypatch):
        """What was said meanwhile is heard when the memory answers again."""
        monkeypatch.setattr(channels, "_AWAY_S", 0.01)
        bob.subscribe("c", ear := Ear())
        alice.publish("c", 1)
        assert ear.values() == [1]
        away, noticed = threading.Event(), threading.Event()
        real = bob.store.backend.items

        def items(*given, **how):
            if away.is_set():
                noticed.set()
                raise MemoryUnavailable("the server does not answer", hint="start it")
            return real(*given, **how)

        monkeypatch.setattr(bob.store.backend, "items", items)
        away.set()
        alice.publish("c", 2)
        assert noticed.wait(60)
        alice.publish("c", 3)
        away.clear()
        assert ear.values(2) == [2, 3]
        assert bob.channel_stats().last_failure == "MemoryUnavailable: the server does not answer"
        assert ear.is_quiet

    @pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
    def test_a_forked_child_has_no_thread_until_it_subscribes(self, alice, bob):
        """What its parent hears is its parent's."""
        bob.subscribe("c", ear := Ear())
        child = os.fork()
        if not child:
            quiet = bob.channel_stats().subscribed == ()
            bob.subscribe("c", mine := Ear())
            alice.publish("c", "child")
            heard = mine.values()
            bob.close()
            os._exit(0 if quiet and heard == ["child"] else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        alice.publish("c", "parent")
        assert ear.values(2) == ["child", "parent"]

    def test_messages_do_not_fill_the_store(self, alice, bob, monkeypatch):
        """The oldest make room, and all are gone after a minute or so."""
        monkeypatch.setattr(channels, "HELD", 3)
        heard = bob.listen("c", timeout=0)
        for number in range(10):
            alice.publish("c", number)
        assert [message.value for message in heard] == [7, 8, 9]


def test_what_somebody_else_has_written_stops_no_handler(alice, bob, monkeypatch):
    """Neither of that channel nor of another; it is passed over, and counted."""
    monkeypatch.setattr(channels, "BATCH", 2)
    one, other = Ear(), Ear()
    bob.subscribe("a", one)
    bob.subscribe("b", other)
    listening = bob.listen("a", timeout=5)
    alice.store.add(alice._in_shared("channel", "a"), [{}, 1, "x"])
    alice.store.backend.add(alice._in_shared("channel", "a"), [b"no JSON"])
    alice.publish("a", 1)
    alice.publish("b", 2)
    assert one.values() == [1]
    assert other.values() == [2]
    assert next(listening).value == 1
    assert bob.channel_stats().unreadable == 4
    assert bob.channel_stats().failed == 0


class TestListening:
    def test_listening_begins_with_the_call(self, alice, bob):
        """Not with the first message that is asked for."""
        alice.publish("c", "before")
        heard = bob.listen("c", timeout=0)
        alice.publish("c", 1)
        alice.publish("c", 2)
        assert [message.value for message in heard] == [1, 2]

    def test_listening_waits_for_the_next_message(self, alice, bob):
        """As long as it takes, or as long as was said."""
        heard = bob.listen("c")
        thread = after_a_while(lambda: alice.publish("c", 1))
        assert next(heard).value == 1
        thread.join()
        assert list(bob.listen("c", timeout=0.01)) == []

    def test_a_message_is_ready_for_json(self, ship, alice, bob):
        """Times are texts."""
        ship.clock.ms = 1_700_000_000_000
        heard = bob.listen("c", timeout=0)
        number = alice.publish("c", [1])
        assert [message.to_dict() for message in heard] == [
            {
                "id": number,
                "channel": "c",
                "sender": "alice",
                "value": [1],
                "at": "2023-11-14T22:13:20+00:00",
            }
        ]

    def test_an_observer_listens_and_says_nothing(self, ship, alice):
        """Reading is for everybody."""
        observer = ship.observer()
        heard = observer.listen("c", timeout=0)
        alice.publish("c", 1)
        assert [message.value for message in heard] == [1]
        with pytest.raises(AccessDenied, match="publish"):
            observer.publish("c", 1)

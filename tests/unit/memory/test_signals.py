"""What agents tell each other, and who has heard it."""

from __future__ import annotations

import os

import pytest

from quarterdeck.errors import AccessDenied, UsageError
from quarterdeck.memory import signals
from tests.room_worlds import Ship, after_a_while, at_once


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


def data(received):
    return [signal.data for signal in received]


class TestWho:
    def test_a_signal_to_one_agent_reaches_that_agent(self, ship, alice, bob):
        """And nobody else."""
        number = alice.send_signal("done", {"file": "a.py"}, "bob")
        [signal] = bob.receive_signals()
        assert signal[:5] == (number, "done", {"file": "a.py"}, "alice", "bob")
        assert ship.agent("carol").receive_signals() == []
        assert alice.receive_signals() == []

    def test_a_signal_to_all_reaches_all_but_its_sender(self, ship, alice, bob):
        """Also another process of the sender is the sender."""
        alice.send_signal("done", 1)
        assert data(bob.receive_signals()) == [1]
        assert data(ship.agent("carol").receive_signals()) == [1]
        assert ship.agent("alice").receive_signals() == []

    def test_an_agent_may_leave_itself_a_signal(self, ship, alice):
        """What is addressed to it is for it, whoever has sent it."""
        alice.send_signal("todo", 1, "alice")
        assert data(ship.agent("alice").receive_signals()) == [1]

    @pytest.mark.parametrize("name", ["all", "to:bob", "*", "ann@example.com", "+49 170 1234567", "a b", "ä"])
    def test_every_agent_name_is_just_a_name(self, ship, alice, bob, name):
        """Nobody reads the signals of others by being called something."""
        named = ship.agent(name)
        alice.send_signal("secret", 1, "bob")
        alice.send_signal("secret", 2, name)
        assert data(named.receive_signals()) == [2]
        assert data(bob.receive_signals()) == [1]
        named.send_signal("hello", 3, "bob")
        assert [signal.sender for signal in bob.receive_signals()] == [name]
        named.send_signal(name, 4)
        assert [signal.signal_type for signal in bob.receive_signals(name)] == [name]
        assert named.receive_signals() == []

    def test_an_observer_receives_and_sends_nothing(self, ship, alice):
        """Reading is for everybody."""
        alice.send_signal("done", 1)
        observer = ship.observer()
        assert data(observer.receive_signals()) == [1]
        with pytest.raises(AccessDenied, match="send signals"):
            observer.send_signal("done", 1)


class TestOnce:
    def test_signals_come_once_and_in_order(self, alice, bob):
        """Those to one and those to all in the order of sending."""
        for number in range(6):
            alice.send_signal("n", number, "bob" if number % 2 else None)
        assert data(bob.receive_signals()) == list(range(6))
        assert bob.receive_signals() == []
        alice.send_signal("n", 6)
        assert data(bob.receive_signals()) == [6]

    def test_the_order_is_that_of_sending_when_the_clock_goes_back(self, ship, alice, bob):
        """A clock that is set back hides nothing."""
        alice.send_signal("n", 1, "bob")
        assert data(bob.receive_signals()) == [1]
        ship.clock.pass_time(-100)
        alice.send_signal("n", 2, "bob")
        assert data(bob.receive_signals()) == [2]

    def test_a_new_process_receives_what_still_lives(self, ship, alice, bob):
        """At least once: what the old process did with it nobody knows."""
        alice.send_signal("n", 1, "bob")
        bob.receive_signals()
        assert data(ship.agent("bob").receive_signals()) == [1]

    def test_again_shows_everything_and_changes_nothing(self, alice, bob):
        """What is received next is as if nobody had looked."""
        alice.send_signal("n", 1, "bob")
        bob.receive_signals()
        alice.send_signal("n", 2)
        assert data(bob.receive_signals(again=True)) == [1, 2]
        assert data(bob.receive_signals()) == [2]

    def test_threads_that_share_an_object_share_its_signals(self, alice, bob):
        """Each signal goes to one of them."""
        for number in range(40):
            alice.send_signal("n", number, "bob")
        received = at_once(*[bob.receive_signals] * 4)
        assert sorted(number for each in received for number in data(each)) == list(range(40))

    @pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
    def test_a_forked_child_goes_on_from_where_its_parent_was(self, alice, bob):
        """Each has its own memory from then on."""
        alice.send_signal("n", 1, "bob")
        bob.receive_signals()
        alice.send_signal("n", 2, "bob")
        child = os.fork()
        if not child:
            os._exit(data(bob.receive_signals()) == [2] and bob.receive_signals() == [])
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
        assert data(bob.receive_signals()) == [2]


class TestTypes:
    def test_one_type_leaves_the_others(self, alice, bob):
        """They are received later, in order, and nothing twice."""
        for kind, number in (("a", 1), ("b", 2), ("a", 3), ("c", 4), ("b", 5)):
            alice.send_signal(kind, number, "bob" if number > 2 else None)
        assert data(bob.receive_signals("b")) == [2, 5]
        assert bob.receive_signals("b") == []
        alice.send_signal("b", 6)
        assert data(bob.receive_signals()) == [1, 3, 4, 6]
        assert not bob._received_of, "one number says it all again"
        assert [bob.receive_signals(kind) for kind in "abc"] == [[], [], []]

    def test_what_was_received_with_all_is_not_received_by_type(self, alice, bob):
        """And what comes after is."""
        alice.send_signal("a", 1)
        bob.receive_signals()
        alice.send_signal("a", 2)
        assert data(bob.receive_signals("a")) == [2]

    def test_what_an_object_remembers_has_a_bound(self, alice, bob, monkeypatch):
        """With ever new types the oldest is forgotten, and only of that type something can come twice."""
        monkeypatch.setattr(signals, "TYPES", 3)
        for number in range(5):
            alice.send_signal(f"reply-{number}", number, "bob")
            assert data(bob.receive_signals(f"reply-{number}")) == [number]
        assert data(bob.receive_signals()) == [0, 1]

    def test_a_type_is_a_name(self, alice, bob):
        """Nothing is none, and is refused on both sides."""
        for call in (alice.send_signal, bob.receive_signals):
            with pytest.raises(UsageError, match="signal type"):
                call("")


class TestTime:
    def test_nobody_receives_a_signal_that_has_ended(self, ship, alice, bob):
        """It lives as long as was said and not one millisecond longer."""
        alice.send_signal("n", 1, "bob", ttl_seconds=5)
        ship.clock.pass_time(4.999)
        assert data(bob.receive_signals(again=True)) == [1]
        ship.clock.pass_time(0.001)
        assert bob.receive_signals(again=True) == bob.receive_signals() == []

    def test_a_short_signal_does_not_shorten_a_long_one(self, ship, alice, bob):
        """Each has its own time; None is for ever."""
        alice.send_signal("n", 1, "bob", ttl_seconds=None)
        alice.send_signal("n", 2, "bob", ttl_seconds=500)
        alice.send_signal("n", 3, "bob", ttl_seconds=5)
        ship.clock.pass_time(10)
        assert data(bob.receive_signals(again=True)) == [1, 2]
        ship.clock.pass_time(1000)
        [signal] = bob.receive_signals()
        assert signal.expires_at is None

    def test_of_too_many_signals_the_newest_are_there(self, alice, bob, monkeypatch):
        """An agent that never listens does not fill the store."""
        monkeypatch.setattr(signals, "HELD", 3)
        for number in range(5):
            alice.send_signal("n", number, "bob")
        assert data(bob.receive_signals()) == [2, 3, 4]

    def test_waiting_ends_with_the_first_signal(self, alice, bob):
        """It does not last as long as it may."""
        thread = after_a_while(lambda: alice.send_signal("n", 1, "bob"))
        assert data(bob.receive_signals("n", wait_seconds=60)) == [1]
        thread.join()

    def test_waiting_for_one_type_is_not_ended_by_another(self, alice, bob):
        """The other one stays for later."""
        thread = after_a_while(lambda: [alice.send_signal(kind, kind, "bob") for kind in "ab"])
        assert data(bob.receive_signals("b", wait_seconds=60)) == ["b"]
        thread.join()
        assert data(bob.receive_signals()) == ["a"]

    def test_waiting_in_vain_ends(self, bob):
        """With nothing."""
        assert bob.receive_signals(wait_seconds=0.01) == []


def test_what_somebody_else_has_written_stops_nothing(alice, bob):
    """It is passed over, and counted once; also what is no JSON, or sealed with a key nobody has."""
    log = alice._in_shared("signal", "all")
    alice.store.add(log, [1, {}])
    alice.send_signal("news", 1)
    assert data(bob.receive_signals("news")) == [1]
    alice.store.backend.add(log, [b"no JSON", b"\x01sealed"])
    alice.send_signal("news", 2)
    assert data(bob.receive_signals()) == [2]
    assert bob.receive_signals() == []
    assert bob.unreadable_signals == 4


def test_looking_without_taking_loses_nothing(alice, bob):
    """Who gives up between the two halves of receiving, as a cancelled coroutine does, misses nothing."""
    alice.send_signal("n", 1, "bob")
    assert data(bob._arrived(None).signals) == [1]
    arrived = bob._arrived(None)
    assert data(bob._give(arrived, None)) == [1]
    assert bob._give(arrived, None) == []


def test_a_signal_is_ready_for_json(ship, alice, bob):
    """Times are texts."""
    ship.clock.ms = 1_700_000_000_000
    number = alice.send_signal("done", [1], "bob", ttl_seconds=1)
    assert bob.receive_signals()[0].to_dict() == {
        "id": number,
        "signal_type": "done",
        "data": [1],
        "sender": "alice",
        "target": "bob",
        "at": "2023-11-14T22:13:20+00:00",
        "expires_at": "2023-11-14T22:13:21+00:00",
    }

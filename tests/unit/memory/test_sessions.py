"""Who works together, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from quarterdeck.errors import AccessDenied, StoreCorrupt, UsageError
from quarterdeck.memory import chain
from tests.room_worlds import Ship, at_once


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


class TestBeginning:
    def test_a_session_is_what_its_creator_said(self, ship, alice, bob):
        """Its creator is in it, and every agent sees the same."""
        assert alice.create_session("review", {"topic": "parsers"}, ttl_seconds=60)
        now = datetime.fromtimestamp(ship.clock(), UTC)
        session = bob.get_session("review")
        assert session == alice.get_session("review")
        assert session == (
            "review",
            "alice",
            now,
            ("alice",),
            {"topic": "parsers"},
            now + timedelta(seconds=60),
        )

    def test_a_second_session_of_the_name_changes_nothing(self, alice, bob):
        """The first one stays as it is."""
        alice.create_session("review", {"topic": "parsers"})
        before = alice.get_session("review")
        assert not bob.create_session("review", {"topic": "other"})
        assert alice.get_session("review") == before

    def test_of_many_that_begin_one_session_one_does(self, ship):
        """Who did is what everybody sees."""
        agents = [ship.agent(f"agent-{number}") for number in range(6)]
        began = at_once(*(lambda agent=agent: agent.create_session("review") for agent in agents))
        assert sum(began) == 1
        assert agents[0].get_session("review").created_by == agents[began.index(True)].agent

    @pytest.mark.parametrize("metadata", [["a"], "topic", 1])
    def test_metadata_is_a_mapping(self, alice, metadata):
        """Anything else is refused, and there is no session."""
        with pytest.raises(UsageError, match="metadata"):
            alice.create_session("review", metadata)
        assert alice.get_session("review") is None

    def test_the_name_of_an_agent_may_look_like_an_address(self, ship):
        """What is taken out of values as personal is the agent's name here, and stays."""
        ann = ship.agent("ann@example.com")
        ann.create_session("review")
        assert ann.get_session("review").participants == ("ann@example.com",)
        assert ann.leave_session("review")


class TestJoining:
    def test_there_must_be_a_session(self, alice):
        """Nobody joins what is not there, and it is not made by trying."""
        assert not alice.join_session("review")
        assert alice.get_session("review") is None

    def test_participants_are_in_the_order_of_joining(self, ship, alice, bob):
        """The creator comes first; who joins twice is there once."""
        alice.create_session("review")
        carol = ship.agent("carol")
        assert carol.join_session("review")
        assert bob.join_session("review")
        assert carol.join_session("review")
        assert alice.get_session("review").participants == ("alice", "carol", "bob")

    def test_nobody_who_joins_at_the_same_time_is_lost(self, ship, alice):
        """Eight join at once, and eight are in it."""
        alice.create_session("review")
        agents = [ship.agent(f"agent-{number}") for number in range(8)]
        assert all(at_once(*(lambda agent=agent: agent.join_session("review") for agent in agents)))
        assert set(alice.get_session("review").participants) == {"alice", *(each.agent for each in agents)}

    def test_whoever_has_left_is_not_in_it(self, alice, bob):
        """Leaving tells whether one was in it; the others stay."""
        alice.create_session("review")
        bob.join_session("review")
        assert bob.leave_session("review")
        assert not bob.leave_session("review")
        assert alice.get_session("review").participants == ("alice",)

    def test_leaving_no_session_is_no_error(self, alice):
        """There is nothing to be left."""
        assert not alice.leave_session("review")


class TestEnd:
    def test_a_session_is_gone_at_the_instant_it_ends(self, ship, alice):
        """It lives as long as was said and not one millisecond longer."""
        alice.create_session("review", ttl_seconds=60)
        ship.clock.pass_time(59.999)
        assert alice.get_session("review") is not None
        ship.clock.pass_time(0.001)
        assert alice.get_session("review") is None
        assert alice.list_sessions() == []

    def test_joining_gives_it_its_whole_time_again(self, ship, alice, bob):
        """Also for whoever is in it already."""
        alice.create_session("review", ttl_seconds=60)
        ship.clock.pass_time(50)
        bob.join_session("review")
        ship.clock.pass_time(50)
        bob.join_session("review")
        ship.clock.pass_time(59.999)
        assert alice.get_session("review") is not None
        ship.clock.pass_time(0.001)
        assert alice.get_session("review") is None

    def test_leaving_does_not_lengthen_it(self, ship, alice, bob):
        """It ends when it would have."""
        alice.create_session("review", ttl_seconds=60)
        bob.join_session("review")
        ends = alice.get_session("review").expires_at
        ship.clock.pass_time(50)
        bob.leave_session("review")
        assert alice.get_session("review").expires_at == ends
        ship.clock.pass_time(10)
        assert alice.get_session("review") is None

    def test_a_session_may_last_for_ever(self, ship, alice, bob):
        """Without a time it stays, whoever joins and leaves."""
        alice.create_session("review", ttl_seconds=None)
        bob.join_session("review")
        bob.leave_session("review")
        ship.clock.pass_time(10**9)
        assert alice.get_session("review").expires_at is None

    def test_its_creator_ends_it(self, alice, bob):
        """For everybody, once."""
        alice.create_session("review")
        assert alice.end_session("review")
        assert bob.get_session("review") is None
        assert not alice.end_session("review")

    def test_only_a_steward_ends_the_session_of_another(self, ship, alice, bob):
        """Being in it is not enough."""
        alice.create_session("review")
        bob.join_session("review")
        with pytest.raises(AccessDenied, match="end the sessions of others"):
            bob.end_session("review")
        assert ship.steward().end_session("review")
        assert alice.get_session("review") is None

    def test_that_a_steward_ended_the_session_of_another_stands_in_the_chain(self, ship, alice):
        """Whose it was, in the same transaction; of its own sessions it does not."""
        steward = ship.steward()
        alice.create_session("review")
        steward.create_session("mine")
        assert steward.end_session("review")
        assert steward.end_session("mine")
        assert not steward.end_session("review")
        assert [act[2:6] for act in chain.read(alice.store, "default")][1:] == [
            ("root", "end", "review", {"created_by": "alice"})
        ]

    def test_nobody_ends_a_session_that_another_has_just_begun(self, alice, bob, monkeypatch):
        """The one it has looked at has ended meanwhile: it was its own, this one is not."""
        alice.create_session("review")
        backend = alice.store.backend
        real = backend.transact

        def late(*given, **how):
            monkeypatch.setattr(backend, "transact", real)
            backend.delete([alice._in_shared("session", "review")])
            bob.create_session("review")
            return real(*given, **how)

        monkeypatch.setattr(backend, "transact", late)
        with pytest.raises(AccessDenied, match="end the sessions of others"):
            alice.end_session("review")
        assert bob.get_session("review").created_by == "bob"


class TestLooking:
    def test_all_sessions_are_listed_by_name(self, alice, bob):
        """Whoever has created them."""
        bob.create_session("b:1")
        alice.create_session("a*")
        assert [session.id for session in alice.list_sessions()] == ["a*", "b:1"]

    def test_a_session_is_ready_for_json(self, ship, alice):
        """Times are texts, participants a list."""
        ship.clock.ms = 1_700_000_000_000
        alice.create_session("review", ttl_seconds=1)
        assert alice.get_session("review").to_dict() == {
            "id": "review",
            "created_by": "alice",
            "created_at": "2023-11-14T22:13:20+00:00",
            "participants": ["alice"],
            "metadata": {},
            "expires_at": "2023-11-14T22:13:21+00:00",
        }

    def test_an_observer_looks_and_changes_nothing(self, ship, alice):
        """Every way to change a session is closed to it."""
        alice.create_session("review")
        observer = ship.observer()
        assert observer.get_session("review") == observer.list_sessions()[0]
        for change in (
            observer.create_session,
            observer.join_session,
            observer.leave_session,
            observer.end_session,
        ):
            with pytest.raises(AccessDenied):
                change("review")

    @pytest.mark.parametrize("stored", [5, None, {"created_by": "x"}, {"participants": [1]}])
    def test_what_somebody_else_has_written_is_no_session(self, alice, stored):
        """It is called by its name, and not guessed at."""
        alice.store.put(alice._in_shared("session", "review"), stored)
        with pytest.raises(StoreCorrupt, match="a session of the memory"):
            alice.get_session("review")

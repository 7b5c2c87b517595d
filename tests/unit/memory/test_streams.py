"""What is said, in the order of saying, and what happens, in the order of happening."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta, timezone

import pytest

from quarterdeck.errors import AccessDenied, MemoryUnavailable, UsageError
from quarterdeck.memory import chain
from tests.room_worlds import Ship, after_a_while, at_once

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)


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


def data(items):
    return [item.data for item in items]


class TestStream:
    def test_items_are_read_in_the_order_of_appending(self, ship, alice, bob):
        """By whoever, with who and when."""
        first = alice.stream_append("s", {"n": 1})
        ship.clock.pass_time(1)
        second = bob.stream_append("s", {"n": 2})
        at = datetime.fromtimestamp(ship.clock(), UTC)
        assert ship.agent("carol").stream_read("s") == [
            (first, {"n": 1}, "alice", at - timedelta(seconds=1)),
            (second, {"n": 2}, "bob", at),
        ]

    def test_reading_goes_on_after_a_number(self, alice, bob):
        """Page by page, until there is no more."""
        ids = [alice.stream_append("s", number) for number in range(5)]
        assert ids == sorted(set(ids))
        assert data(bob.stream_read("s", count=2)) == [0, 1]
        assert data(bob.stream_read("s", ids[1], count=2)) == [2, 3]
        assert data(bob.stream_read("s", ids[3])) == [4]
        assert bob.stream_read("s", ids[4]) == bob.stream_read("other") == []

    def test_the_oldest_items_make_room(self, alice, bob):
        """So many are left as were asked for."""
        for number in range(10):
            alice.stream_append("s", number, max_len=3)
        assert data(bob.stream_read("s")) == [7, 8, 9]

    def test_a_long_stream_is_kept_about_as_long_as_asked_for(self, alice, bob):
        """Not every append counts, so there may be a few more, never less."""
        for number in range(600):
            alice.stream_append("s", number, max_len=200)
        kept = data(bob.stream_read("s", count=1000))
        assert 200 <= len(kept) < 300
        assert kept == list(range(600 - len(kept), 600))

    def test_a_stream_is_ready_for_json(self, ship, alice):
        """Times are texts."""
        ship.clock.ms = 1_700_000_000_000
        number = alice.stream_append("s", [1])
        assert [item.to_dict() for item in alice.stream_read("s")] == [
            {"id": number, "data": [1], "agent": "alice", "at": "2023-11-14T22:13:20+00:00"}
        ]

    def test_a_wrong_number_or_name_is_refused(self, alice):
        """By its name."""
        for what, call in {
            "max_len": lambda: alice.stream_append("s", 1, max_len=0),
            "count": lambda: alice.stream_read("s", count=0),
            "start_id": lambda: alice.stream_read("s", "0"),
            "block_ms": lambda: alice.stream_read_new("s", block_ms=-1),
            "stream": lambda: alice.stream_read_new(""),
        }.items():
            with pytest.raises(UsageError, match=what):
                call()


class TestNew:
    def test_new_is_what_came_after_the_last_call(self, alice, bob):
        """The first call says from when on."""
        alice.stream_append("s", 1)
        assert bob.stream_read_new("s") == []
        alice.stream_append("s", 2)
        alice.stream_append("s", 3)
        assert data(bob.stream_read_new("s", count=1)) == [2]
        assert data(bob.stream_read_new("s")) == [3]
        assert bob.stream_read_new("s") == []

    def test_each_object_reads_for_itself(self, ship, alice, bob):
        """Also another one of the same agent."""
        readers = [bob, ship.agent("bob")]
        for reader in readers:
            reader.stream_read_new("s")
        alice.stream_append("s", 1)
        assert [data(reader.stream_read_new("s")) for reader in readers] == [[1], [1]]

    def test_streams_are_read_each_for_itself(self, alice, bob):
        """What is new in one says nothing of another."""
        bob.stream_read_new("s")
        bob.stream_read_new("t")
        alice.stream_append("t", 1)
        alice.stream_append("s", 2)
        assert data(bob.stream_read_new("s")) == [2]
        assert data(bob.stream_read_new("t")) == [1]

    def test_threads_that_share_an_object_share_its_items(self, alice, bob):
        """Each item goes to one of them."""
        bob.stream_read_new("s")
        for number in range(40):
            alice.stream_append("s", number)
        read = at_once(*[lambda: bob.stream_read_new("s", count=15)] * 4)
        read.append(bob.stream_read_new("s"))
        assert sorted(number for items in read for number in data(items)) == list(range(40))

    def test_waiting_ends_with_the_first_item(self, alice, bob):
        """Also when it is the first call."""
        thread = after_a_while(lambda: alice.stream_append("s", 1))
        assert data(bob.stream_read_new("s", block_ms=60_000)) == [1]
        thread.join()
        assert bob.stream_read_new("s", block_ms=10) == []


class TestTimeline:
    def test_events_are_in_the_order_of_happening(self, alice, bob):
        """Whatever the order of adding."""
        for minute in (3, 1, 2):
            assert alice.timeline_add("t", f"e{minute}", minute, NOON + timedelta(minutes=minute))
        assert data(bob.timeline_query("t")) == [1, 2, 3]
        assert data(bob.timeline_query("t", newest_first=True)) == [3, 2, 1]
        assert bob.timeline_query("t")[0] == ("e1", 1, "alice", NOON + timedelta(minutes=1))

    def test_without_a_time_it_happens_now(self, ship, alice):
        """On the clock that all share."""
        alice.timeline_add("t", "e", 1)
        assert alice.timeline_query("t")[0].at == datetime.fromtimestamp(ship.clock(), UTC)

    def test_a_query_is_from_a_time_to_a_time(self, alice):
        """Both included, to the millisecond."""
        step = timedelta(milliseconds=1)
        for number in range(5):
            alice.timeline_add("t", str(number), number, NOON + number * step)
        span = {"since": NOON + step, "until": NOON + 3 * step}
        assert data(alice.timeline_query("t", **span)) == [1, 2, 3]
        assert data(alice.timeline_query("t", **span, limit=2)) == [1, 2]
        assert data(alice.timeline_query("t", **span, limit=2, newest_first=True)) == [3, 2]
        assert alice.timeline_count("t", **span) == 3
        assert alice.timeline_count("t") == 5

    def test_a_time_is_the_same_in_every_zone(self, alice):
        """And comes back in UTC."""
        alice.timeline_add("t", "e", 1, NOON.astimezone(timezone(timedelta(hours=-7))))
        assert alice.timeline_query("t", since=NOON, until=NOON)[0].at == NOON

    @pytest.mark.parametrize("at", [datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
    def test_it_may_have_happened_at_any_time(self, alice, at):
        """The first and the last millisecond there are."""
        alice.timeline_add("t", "e", 1, at)
        assert alice.timeline_query("t")[0].at == at.replace(microsecond=at.microsecond // 1000 * 1000)

    def test_an_event_that_is_added_again_is_replaced(self, alice, bob):
        """Wherever it was, by whoever; adding tells whether it is new."""
        assert alice.timeline_add("t", "e", 1, NOON)
        assert not bob.timeline_add("t", "e", 2, NOON - timedelta(days=1))
        assert bob.timeline_query("t", since=NOON) == []
        assert alice.timeline_query("t") == [("e", 2, "bob", NOON - timedelta(days=1))]
        assert not alice.timeline_add("t", "e", 3, NOON - timedelta(days=1))
        assert data(bob.timeline_query("t")) == [3]
        assert bob.timeline_count("t") == 1

    def test_the_same_event_in_two_timelines_is_two(self, alice):
        """Also when the names together look the same."""
        alice.timeline_add("a:b", "c", 1)
        assert alice.timeline_add("a", "b:c", 2)
        assert data(alice.timeline_query("a:b")) == [1]
        assert data(alice.timeline_query("a")) == [2]

    def test_of_those_who_add_one_event_at_the_same_time_one_stays(self, ship, alice):
        """At one place, once."""
        agents = [ship.agent(f"agent-{number}") for number in range(4)]

        def add(number):
            for turn in range(5):
                agents[number].timeline_add("t", "e", number, NOON + timedelta(minutes=turn * 7 % 5))

        at_once(*(lambda number=number: add(number) for number in range(4)))
        assert len(alice.timeline_query("t")) == alice.timeline_count("t") == 1

    @pytest.mark.parametrize("step", [1, 2, 3])
    def test_a_killed_writer_leaves_the_event_as_before_or_as_after(self, alice, bob, step, monkeypatch):
        """Never twice, never gone, whatever part of the query is asked for; and can be replaced again."""
        alice.timeline_add("t", "e", "old", NOON)
        calls = itertools.count(1)
        backend = bob.store.backend
        for method in ("add", "transact", "remove"):
            real = getattr(backend, method)

            def dying(*given, real=real, **how):
                if next(calls) == step:
                    raise MemoryUnavailable("killed", hint="…")
                return real(*given, **how)

            monkeypatch.setattr(backend, method, dying)
        with pytest.raises(MemoryUnavailable):
            bob.timeline_add("t", "e", "new", NOON + timedelta(hours=1))
        early, late = alice.timeline_query("t", until=NOON), alice.timeline_query("t", since=NOON)
        assert data(early) == (["old"] if step < 3 else [])
        assert data(late) == (["old"] if step < 3 else ["new"])
        assert not alice.timeline_add("t", "e", "newest", NOON)
        assert data(alice.timeline_query("t", limit=1)) == data(alice.timeline_query("t")) == ["newest"]

    @pytest.mark.parametrize("newest_first", [False, True])
    def test_a_query_shows_the_first_events_whatever_is_left_of_others(self, alice, newest_first):
        """Items of events that are elsewhere now neither hide nor displace any."""
        log = alice._in_shared("timeline", "t")
        places = [NOON + timedelta(minutes=minute) for minute in range(10)]
        for number, place in enumerate(places):
            alice.timeline_add("t", f"e{number}", number, place)
        for number in (0, 9):  # as a killed writer leaves it: at every minute something says e0 and e9
            for minute in range(20):
                at = NOON + timedelta(minutes=minute - 5)
                alice.store.add(log, [f"e%3{number}"], score=round(at.timestamp() * 1000))
        for limit in (1, 2, 3, 10, 100):
            expected = list(range(10))[:: -1 if newest_first else 1][:limit]
            assert data(alice.timeline_query("t", limit=limit, newest_first=newest_first)) == expected
        assert data(alice.timeline_query("t", places[2], places[4])) == [2, 3, 4]

    def test_only_stewards_remove_what_is_long_ago(self, ship, alice):
        """Before that time, to the millisecond; what is removed can be added again."""
        step = timedelta(milliseconds=1)
        for number in range(250):
            alice.timeline_add("t", str(number), number, NOON + number * step)
        alice.timeline_add("t", "0", "moved", NOON + 500 * step)
        with pytest.raises(AccessDenied, match="trim timelines"):
            alice.timeline_trim("t", NOON)
        steward = ship.steward()
        assert steward.timeline_trim("t", NOON + 220 * step) == 219
        assert data(alice.timeline_query("t")) == [*range(220, 250), "moved"]
        events = list(alice.store.backend.listing(alice._in_shared("event")))
        assert alice.timeline_count("t") == len(events) == 31
        assert alice.timeline_add("t", "1", "again", NOON)
        assert data(alice.timeline_query("t", limit=1)) == ["again"]

    def test_trimming_stands_in_the_audit_chain(self, ship, alice):
        """Before it is done, with what it is about; where there is nothing to be trimmed it is no act."""
        alice.timeline_add("t", "e", 1, NOON)
        steward = ship.steward()
        for expected in (1, 0):
            assert steward.timeline_trim("t", NOON + timedelta(hours=1)) == expected
        details = {"before": (NOON + timedelta(hours=1)).isoformat(timespec="milliseconds"), "events": 1}
        assert [act[2:6] for act in chain.read(alice.store, "default")][1:] == [
            ("root", "trim", "t", details)
        ]

    def test_a_value_that_is_refused_changes_nothing(self, alice):
        """The event stays as it was, and nothing is left over."""
        alice.timeline_add("t", "e", 1, NOON)
        with pytest.raises(UsageError):
            alice.timeline_add("t", "e", object(), NOON + timedelta(hours=1))
        assert data(alice.timeline_query("t")) == [1]
        assert alice.timeline_count("t") == 1

    @pytest.mark.parametrize("name", ["ann@example.com", "4111111111111111", "+49 170 1234567", "ä%41"])
    def test_an_event_may_be_called_like_something_personal(self, ship, name):
        """Names are no values: nothing is taken out of them, and no two become one."""
        agent = ship.agent(name)
        agent.timeline_add("t", name, 1)
        agent.stream_append("s", 1)
        assert [(event.event_id, event.agent) for event in agent.timeline_query("t")] == [(name, name)]
        assert agent.stream_read("s")[0].agent == name

    @pytest.mark.parametrize("wrong", [NOON.replace(tzinfo=None), "2024-02-29", 1_700_000_000])
    def test_a_time_without_a_zone_is_refused(self, alice, wrong):
        """Nobody guesses which zone was meant."""
        for call in (
            lambda: alice.timeline_add("t", "e", 1, wrong),
            lambda: alice.timeline_query("t", since=wrong),
            lambda: alice.timeline_count("t", until=wrong),
        ):
            with pytest.raises(UsageError, match="time zone"):
                call()
        assert alice.timeline_count("t") == 0

    def test_an_event_is_ready_for_json(self, alice):
        """Times are texts."""
        alice.timeline_add("t", "e", [1], NOON)
        assert [event.to_dict() for event in alice.timeline_query("t")] == [
            {"event_id": "e", "data": [1], "agent": "alice", "at": "2024-02-29T12:00:00+00:00"}
        ]


def test_an_observer_reads_and_writes_nothing(ship, alice):
    """Reading is for everybody."""
    alice.stream_append("s", 1)
    alice.timeline_add("t", "e", 1)
    observer = ship.observer()
    assert data(observer.stream_read("s")) == data(observer.timeline_query("t")) == [1]
    for write in (lambda: observer.stream_append("s", 1), lambda: observer.timeline_add("t", "e", 1)):
        with pytest.raises(AccessDenied):
            write()


def test_what_somebody_else_has_written_stops_nothing(alice):
    """It is left out, also when there is more of it than was asked for, and is trimmed like everything."""
    assert alice.stream_read_new("s") == []
    alice.store.add(alice._in_shared("stream", "s"), [1, {}, 3])
    alice.store.backend.add(alice._in_shared("stream", "s"), [b"no JSON"])
    alice.stream_append("s", "mine")
    alice.store.add(alice._in_shared("stream", "s"), [1])
    assert data(alice.stream_read("s", count=2)) == data(alice.stream_read_new("s", count=2)) == ["mine"]
    assert alice.stream_read_new("s") == []
    alice.store.add(alice._in_shared("timeline", "t"), [1, {}], score=1)
    alice.timeline_add("t", "e", "mine", NOON)
    assert data(alice.timeline_query("t", limit=1)) == ["mine"]

"""Tasks that go to whoever comes first, and come back from whoever does not finish them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from unittest.mock import Mock

import pytest

from quarterdeck.errors import AccessDenied, MemoryUnavailable, StoreCorrupt, TooLarge, UsageError
from quarterdeck.memory import chain
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


def drained(agent, queue="q"):
    """All tasks that are due, in the order of popping."""
    tasks = []
    while (task := agent.queue_pop(queue)) is not None:
        tasks.append(task)
    return tasks


class TestOrder:
    def test_tasks_come_in_the_order_of_pushing(self, ship, alice, bob):
        """Whoever has pushed them, each once."""
        for number in range(4):
            (alice if number % 2 else bob).queue_push("q", {"n": number})
        assert drained(ship.agent("carol")) == [{"n": number} for number in range(4)]
        assert bob.queue_pop("q") is None

    def test_priority_comes_first_and_in_order(self, ship, alice, bob):
        """Among themselves as they were pushed."""
        for number in range(6):
            alice.queue_push("q", number, priority=number % 2 == 1)
            ship.clock.pass_time(1)
        assert drained(bob) == [1, 3, 5, 0, 2, 4]

    def test_many_are_pushed_together(self, alice, bob):
        """All or none, in their order; the numbers are theirs."""
        ids = alice.queue_push_many("q", ["a", "b", "c"])
        assert ids == sorted(set(ids))
        assert [bob.queue_claim("q").id for _ in "abc"] == ids
        assert alice.queue_push_many("q", []) == []
        with pytest.raises(UsageError):
            alice.queue_push_many("r", [1, object()])
        assert alice.queue_length("r") == 0

    def test_a_delayed_task_is_there_at_the_instant_it_is_due(self, ship, alice, bob):
        """And not one millisecond before."""
        alice.queue_push("q", "late", delay_seconds=5)
        alice.queue_push("q", "now")
        assert drained(bob) == ["now"]
        ship.clock.pass_time(4.999)
        assert bob.queue_pop("q") is None
        ship.clock.pass_time(0.001)
        assert bob.queue_pop("q") == "late"

    def test_a_clock_that_is_a_little_behind_hides_no_task(self, ship, alice, bob):
        """What is due at once on one machine is due at once on the other."""
        alice.queue_push("q", 1)
        ship.clock.pass_time(-0.005)
        assert bob.queue_pop("q") == 1

    def test_each_task_goes_to_one_of_many_consumers(self, ship, alice):
        """Nobody's task is anybody else's."""
        alice.queue_push_many("q", range(60))
        consumers = [ship.agent(f"agent-{number}") for number in range(4)]
        popped = at_once(*(lambda each=each: drained(each) for each in consumers))
        assert sorted(task for tasks in popped for task in tasks) == list(range(60))
        assert all(tasks == sorted(tasks) for tasks in popped)

    @pytest.mark.parametrize("queue", ["a:b", "*", "a b", "ä", "q" * 1024])
    def test_every_name_is_just_a_name(self, alice, bob, queue):
        """Two queues whose names look alike are two."""
        alice.queue_push(queue, 1)
        alice.queue_push(queue[:-1] or "x", 2)
        assert drained(bob, queue) == [1]

    def test_a_queue_that_cannot_be_named_is_refused(self, alice):
        """Everywhere, before anything happens."""
        for call in (lambda name: alice.queue_push(name, 1), alice.queue_pop, alice.queue_claim):
            with pytest.raises(UsageError):
                call("")
            with pytest.raises(TooLarge):
                call("q" * 1025)


class TestLease:
    def test_a_claimed_task_is_nobody_elses(self, ship, alice, bob):
        """Until its lease ends, to the millisecond."""
        number = alice.queue_push("q", {"n": 1})
        task = bob.queue_claim("q", lease_seconds=10)
        assert task[:4] == ("q", number, {"n": 1}, 1)
        assert task.leased_until == datetime.fromtimestamp(ship.clock() + 10, UTC)
        assert alice.queue_claim("q") is alice.queue_pop("q") is None
        ship.clock.pass_time(9.999)
        assert alice.queue_claim("q") is None
        ship.clock.pass_time(0.001)
        assert alice.queue_claim("q").id == number

    def test_a_task_that_is_done_never_comes_back(self, ship, alice, bob):
        """Nothing of it is left."""
        alice.queue_push("q", 1)
        task = bob.queue_claim("q", lease_seconds=10)
        assert bob.queue_done(task)
        assert not bob.queue_done(task)
        ship.clock.pass_time(100)
        assert bob.queue_claim("q") is None
        assert list(bob.store.backend.listing("{")) == bob.store.backend.logs("{") == []

    def test_a_lease_that_has_ended_is_worth_nothing_once_another_has_the_task(self, ship, alice, bob):
        """The slow one can neither end, extend nor give back what is the other's now."""
        alice.queue_push("q", 1)
        slow = alice.queue_claim("q", lease_seconds=1)
        ship.clock.pass_time(1)
        quick = bob.queue_claim("q", lease_seconds=1)
        assert not alice.queue_done(slow)
        assert alice.queue_extend(slow) is None
        assert not alice.queue_release(slow)
        assert alice.queue_stats("q") == (0, 1)
        assert bob.queue_done(quick)

    def test_a_slow_consumer_may_still_finish_what_nobody_else_has(self, ship, alice, bob):
        """Its work is not done again for nothing."""
        alice.queue_push("q", 1)
        task = bob.queue_claim("q", lease_seconds=1)
        ship.clock.pass_time(100)
        assert bob.queue_done(task)

    def test_leases_of_the_same_millisecond_are_apart(self, alice, bob):
        """Two tasks that become due again at the same time are two tasks."""
        alice.queue_push_many("q", ["a", "b"])
        first, second = alice.queue_claim("q"), bob.queue_claim("q")
        assert first.lease == second.lease
        assert alice.queue_done(first)
        assert bob.queue_done(second)

    def test_no_two_leases_of_a_task_are_alike(self, ship, alice, bob):
        """However short they are and whatever the clock does."""
        alice.queue_push("q", 1)
        leases = set()
        for _ in range(20):
            task = bob.queue_claim("q", lease_seconds=0.001)
            leases.add(task.lease)
            ship.clock.pass_time(0.001)
        assert len(leases) == 20

    def test_attempts_are_counted(self, ship, alice, bob):
        """Whoever has tried, also after a release and an extension; each task for itself."""
        alice.queue_push_many("q", ["a", "b"])
        for attempt in (1, 2, 3):
            task = (alice if attempt % 2 else bob).queue_claim("q", lease_seconds=1)
            assert (task.value, task.attempts) == ("a", attempt)
            other = bob.queue_claim("q", lease_seconds=1)
            assert (other.value, other.attempts) == ("b", attempt)
            ship.clock.pass_time(1)
        task = bob.queue_claim("q")
        assert bob.queue_release(bob.queue_extend(task))
        assert bob.queue_claim("q")[1:4] == (task.id, "a", 5)

    def test_an_extended_lease_ends_later(self, ship, alice, bob):
        """The task keeps its number; only the new lease counts."""
        alice.queue_push("q", 1)
        old = bob.queue_claim("q", lease_seconds=1)
        task = bob.queue_extend(old, lease_seconds=10)
        assert task[:4] == old[:4]
        ship.clock.pass_time(9.999)
        assert alice.queue_claim("q") is None
        assert not bob.queue_done(old)
        assert bob.queue_done(task)

    def test_a_released_task_is_there_at_once_or_later(self, ship, alice, bob):
        """As the consumer says."""
        alice.queue_push("q", 1)
        assert bob.queue_release(bob.queue_claim("q"))
        task = alice.queue_claim("q")
        assert task.attempts == 2
        assert alice.queue_release(task, delay_seconds=5)
        ship.clock.pass_time(4.999)
        assert bob.queue_claim("q") is None
        ship.clock.pass_time(0.001)
        assert bob.queue_claim("q").attempts == 3

    def test_a_released_task_has_its_priority_still(self, alice, bob):
        """It goes before the others again."""
        alice.queue_push("q", "urgent", priority=True)
        alice.queue_push("q", "other")
        bob.queue_release(bob.queue_claim("q"))
        assert drained(bob) == ["urgent", "other"]

    def test_a_task_with_priority_can_be_released_for_later(self, ship, alice, bob):
        """Then it is due when it was said, like any other."""
        alice.queue_push("q", "urgent", priority=True)
        bob.queue_release(bob.queue_claim("q"), delay_seconds=5)
        assert bob.queue_pop("q") is None
        ship.clock.pass_time(5)
        assert bob.queue_pop("q") == "urgent"

    def test_a_lease_that_is_lost_while_it_is_extended_leaves_one_task(self, ship, alice, bob, monkeypatch):
        """It is the other consumer's, and nothing is left of the attempt."""
        alice.queue_push("q", 1)
        task = bob.queue_claim("q", lease_seconds=1)
        ship.clock.pass_time(1)
        real = bob.store.backend.move
        others = []

        def move(*given, **how):
            others.append(alice.queue_claim("q"))
            return real(*given, **how)

        monkeypatch.setattr(bob.store.backend, "move", move)
        assert bob.queue_extend(task) is None
        assert others[0].attempts == 2
        assert alice.queue_stats("q") == (0, 1)
        assert alice.queue_done(others[0])

    def test_a_released_task_is_what_was_pushed(self, alice, bob):
        """Not what the consumer has made of its copy."""
        alice.queue_push("q", {"n": 1})
        task = bob.queue_claim("q")
        task.value["n"] = 2
        bob.queue_release(task)
        assert alice.queue_pop("q") == {"n": 1}

    def test_null_of_an_older_release_is_a_task_for_who_claims(self, alice, bob):
        """A task is there, and its value is None."""
        alice.store.add(alice._in_shared("queue", "q"), [{"task": None}], score=1)
        assert bob.queue_claim("q").value is None


class TestWaiting:
    @pytest.mark.parametrize("ask", ["queue_pop", "queue_claim"])
    def test_waiting_ends_with_the_first_task(self, alice, bob, ask):
        """It does not last as long as it may."""
        thread = after_a_while(lambda: alice.queue_push("q", 1))
        task = getattr(bob, ask)("q", timeout=60)
        thread.join()
        assert task == 1 or task.value == 1

    def test_waiting_ends_when_a_task_becomes_due(self, ship, alice, bob):
        """Although nobody writes at that moment."""
        alice.queue_push("q", 1, delay_seconds=0.05)
        thread = after_a_while(lambda: ship.clock.pass_time(0.05))
        assert bob.queue_pop("q", timeout=60) == 1
        thread.join()

    def test_waiting_in_vain_ends(self, alice, bob):
        """With nothing; tasks for later do not count."""
        alice.queue_push("q", 1, delay_seconds=60)
        assert bob.queue_pop("q", timeout=0.01) is bob.queue_claim("q", timeout=0.01) is None

    def test_one_task_ends_the_waiting_of_one(self, ship, alice):
        """The others wait on."""
        consumers = [ship.agent(f"agent-{number}") for number in range(3)]
        thread = after_a_while(lambda: alice.queue_push("q", 1))
        popped = at_once(*(lambda each=each: each.queue_pop("q", timeout=0.3) for each in consumers))
        thread.join()
        assert sorted(popped, key=str) == [1, None, None]

    def test_waiting_takes_nothing(self, alice, bob):
        """Who gives up between waiting and popping, as a cancelled coroutine does, loses nothing."""
        assert not bob.queue_wait("q", timeout=0)
        alice.queue_push("q", 1)
        assert bob.queue_wait("q", timeout=60)
        assert alice.queue_length("q") == 1


class TestLooking:
    def test_what_is_due_and_what_will_be(self, ship, alice, bob):
        """Claimed tasks and delayed ones are for later."""
        assert bob.queue_stats("q").to_dict() == {"due": 0, "later": 0}
        alice.queue_push_many("q", [1, 2, 3])
        alice.queue_push("q", 4, delay_seconds=5)
        bob.queue_claim("q")
        assert bob.queue_stats("q") == (2, 2)
        assert bob.queue_length("q") == 2
        ship.clock.pass_time(60)
        assert bob.queue_stats("q") == (4, 0)

    def test_peeking_leaves_everything_where_it_is(self, alice, bob):
        """The next tasks, in the order of popping."""
        alice.queue_push_many("q", [1, 2, 3])
        alice.queue_push("q", 4, delay_seconds=5)
        assert bob.queue_peek("q") == [1]
        assert bob.queue_peek("q", 10) == drained(bob) == [1, 2, 3]

    def test_only_stewards_clear_a_queue(self, ship, alice):
        """Everything in it is gone, claimed or delayed."""
        alice.queue_push_many("q", [1, 2])
        alice.queue_push("q", 3, delay_seconds=5)
        alice.queue_claim("q")
        with pytest.raises(AccessDenied, match="clear queues"):
            alice.queue_clear("q")
        assert ship.steward().queue_clear("q") == 3
        assert alice.queue_stats("q") == (0, 0)

    def test_clearing_a_queue_stands_in_the_audit_chain(self, ship, alice, monkeypatch):
        """Before it is done, so also when it is not done after all; an empty one is no act."""
        alice.queue_push_many("q", [1, 2])
        steward = ship.steward()
        with monkeypatch.context() as patch:
            patch.setattr(
                steward.store.backend, "drop", Mock(side_effect=MemoryUnavailable("killed", hint="…"))
            )
            with pytest.raises(MemoryUnavailable):
                steward.queue_clear("q")
        for expected in (2, 0):
            assert steward.queue_clear("q") == expected
        acts = [act[2:6] for act in chain.read(alice.store, "default") if act.act == "clear"]
        assert acts == 2 * [("root", "clear", "q", {"tasks": 2})]

    def test_what_cannot_be_read_is_not_shown(self, alice):
        """The tasks behind it are."""
        alice.store.add(alice._in_shared("queue", "q"), ["no task"], score=1)
        alice.queue_push("q", 1)
        assert alice.queue_peek("q", 5) == [1]

    def test_an_observer_looks_and_takes_nothing(self, ship, alice):
        """Every way to change a queue is closed to it."""
        alice.queue_push("q", 1)
        task = alice.queue_claim("q")
        alice.queue_push("q", 2)
        observer = ship.observer()
        assert observer.queue_peek("q") == [2]
        for change in (
            lambda: observer.queue_push("q", 1),
            lambda: observer.queue_pop("q"),
            lambda: observer.queue_claim("q"),
            lambda: observer.queue_done(task),
            lambda: observer.queue_extend(task),
            lambda: observer.queue_release(task),
            lambda: observer.queue_clear("q"),
        ):
            with pytest.raises(AccessDenied):
                change()
        assert alice.queue_stats("q") == (1, 1)

    def test_a_task_is_ready_for_json(self, ship, alice, bob):
        """Without what proves that it is one's own."""
        ship.clock.ms = 1_700_000_000_000
        number = alice.queue_push("q", [1], priority=True)
        assert bob.queue_claim("q").to_dict() == {
            "queue": "q",
            "id": number,
            "value": [1],
            "attempts": 1,
            "leased_until": "2023-11-14T22:14:20+00:00",
            "priority": True,
        }


class TestWrongCalls:
    @pytest.mark.parametrize("number", [-1, math.nan, math.inf, "1", None, True, 10**12])
    def test_a_length_of_time_is_a_number_of_seconds(self, alice, number):
        """Each is refused by its name, and nothing happens."""
        for what, call in {
            "delay_seconds": lambda: alice.queue_push("q", 1, delay_seconds=number),
            "timeout": lambda: alice.queue_pop("q", timeout=number),
            "lease_seconds": lambda: alice.queue_claim("q", lease_seconds=number),
        }.items():
            with pytest.raises(UsageError, match=what):
                call()
        assert alice.queue_stats("q") == (0, 0)

    @pytest.mark.parametrize("count", [0, -1, 1.0, "1", True])
    def test_a_count_is_a_whole_number(self, alice, count):
        """From 1 up."""
        with pytest.raises(UsageError, match="count"):
            alice.queue_peek("q", count)

    def test_first_and_later_is_a_contradiction(self, alice):
        """Nobody guesses which was meant."""
        with pytest.raises(UsageError, match="delayed"):
            alice.queue_push("q", 1, priority=True, delay_seconds=1)

    @pytest.mark.parametrize("tasks", [5, None, "abc", b"abc", {"a": 1}, [1, None]])
    def test_what_is_no_list_of_tasks_is_refused(self, alice, tasks):
        """None above all: whoever pops it could not tell it from an empty queue. All or none is pushed."""
        with pytest.raises(UsageError):
            alice.queue_push_many("q", tasks)
        assert alice.queue_stats("q") == (0, 0)
        with pytest.raises(UsageError, match="None is no task"):
            alice.queue_push("q", None)

    @pytest.mark.parametrize("task", [None, 5, (1, 2)])
    def test_what_is_no_task_can_neither_be_done_nor_given_back(self, alice, task):
        """Such as what `queue_claim` returns when there is none."""
        for call in (alice.queue_done, alice.queue_extend, alice.queue_release):
            with pytest.raises(UsageError, match="must be a Task"):
                call(task)

    def test_what_somebody_else_has_written_is_no_task(self, alice):
        """It is called by its name, and does not stop the tasks behind it."""
        alice.store.add(alice._in_shared("queue", "q"), ["no task"], score=1)
        alice.queue_push("q", 1)
        with pytest.raises(StoreCorrupt, match="a task of the memory"):
            alice.queue_pop("q")
        assert alice.queue_pop("q") == 1

"""Reservations: money set aside before a call, for as long as the call is made, and no longer."""

from __future__ import annotations

import asyncio
import math
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from threading import Barrier

import pytest

from quarterdeck.costs.budgets import BudgetBook, Reservation
from quarterdeck.costs.ledger import Ledger
from quarterdeck.costs.money import PICO
from quarterdeck.costs.tracker import CostTracker
from quarterdeck.errors import BudgetExceeded, StateError, StoreBusy, UsageError
from quarterdeck.files import Lease
from tests.budget_worlds import ledger_at, reserved, set_clock, spend, taken


@pytest.fixture
def ledger(tmp_path):
    return ledger_at(tmp_path / "ledger")


@pytest.fixture
def book(ledger):
    return BudgetBook(ledger)


@pytest.fixture
def tracker(ledger):
    return CostTracker(ledger.folder)


def test_it_counts_until_the_block_ends(book, ledger):
    """Set aside on entering, given back on leaving; the record takes its place."""
    book.set("day", 5 * PICO)
    with reserved(ledger, 2):
        assert taken(book) == [(0, 2)]
        spend(ledger, 1.5)
        assert taken(book) == [(1.5, 2)]
    assert taken(book) == [(1.5, 0)]


def test_what_fits_exactly_is_granted_and_nothing_beyond(book, ledger):
    """To the pico-dollar."""
    book.set("day", 3)
    with Reservation(book, 2, {}), Reservation(BudgetBook(ledger), 1, {}):
        for amount in (0, 1):
            with pytest.raises(BudgetExceeded), Reservation(book, amount, {}):
                pass
    with Reservation(book, 0, {}), Reservation(book, 3, {}):
        pass


@pytest.mark.parametrize("amount", [0, 1])
def test_a_limit_of_nothing_lets_nothing_through(book, amount):
    """Not even a call that costs nothing: that is how spending is stopped."""
    book.set("month", 0)
    with pytest.raises(BudgetExceeded), Reservation(book, amount, {}):
        pass


def test_a_refusal_says_which_budget_how_it_stands_and_what_helps(book, ledger):
    """The hint tells waiting for others from waiting for tomorrow, and both from what will never fit."""
    book.set("day", 5 * PICO, scope={"project": "a"})
    spend(ledger, 2, project="a")
    with reserved(ledger, 2, project="a"):
        with pytest.raises(
            BudgetExceeded, match=r"day, project=a\).*\$2.00 spent and \$2.00 reserved"
        ) as told:
            book.check(2 * PICO, {"project": "a"})
        assert "others have finished" in told.value.hint
    with pytest.raises(BudgetExceeded) as told:
        book.check(4 * PICO, {"project": "a"})
    assert "wait until after" in told.value.hint
    with pytest.raises(BudgetExceeded) as told:
        book.check(6 * PICO, {"project": "a"})
    assert "reserve less" in told.value.hint


def test_a_check_reserves_nothing(book):
    """It answers, and the room is as it was."""
    book.set("day", PICO)
    assert [each.taken_picousd for each in book.check(PICO, {})] == [0]
    assert taken(book) == [(0, 0)]


def test_an_error_in_the_block_gives_it_back(book, ledger):
    """The call failed: what was set aside for it is free again, and the error goes on its way."""
    book.set("day", PICO)
    with pytest.raises(ZeroDivisionError), reserved(ledger, 1):
        raise ZeroDivisionError
    assert taken(book) == [(0, 0)]


def test_every_budget_it_falls_under_must_have_room(book, ledger):
    """The smallest decides; a refusal leaves no trace in the others."""
    book.set("month", 9 * PICO)
    book.set("day", 5 * PICO)
    book.set("day", 2 * PICO, scope={"project": "a"})
    book.set("day", 0, scope={"project": "b"})
    with pytest.raises(BudgetExceeded, match="budget 3"), reserved(ledger, 3, project="a"):
        pass
    assert taken(book) == [(0, 0)] * 4
    with reserved(ledger, 2, project="a"):
        assert taken(book) == [(0, 2), (0, 2), (0, 2), (0, 0)]


def test_one_that_is_held_counts_under_a_budget_set_meanwhile(book, ledger):
    """Who sets a limit late is not lied to."""
    with reserved(ledger, 2, project="a"):
        book.set("day", 5 * PICO, scope={"project": "a"})
        assert taken(book) == [(0, 2)]


def test_the_same_reservation_may_be_entered_again(book, ledger):
    """One after another, and inside its own block: each time the amount is set aside once more."""
    book.set("day", 5 * PICO)
    reservation = reserved(ledger, 2)
    for _ in range(2):
        with reservation, reservation:
            assert taken(book) == [(0, 4)]
            with pytest.raises(BudgetExceeded), reservation:
                pass
            assert taken(book) == [(0, 4)]
        assert taken(book) == [(0, 0)]


def test_threads_share_one_tracker(tracker):
    """Eight threads reserve at once: as many as fit get through, and all of it comes back."""
    tracker.budgets.set("day", 5 * PICO)
    together, inside = Barrier(8), Barrier(8)

    def call(_):
        together.wait()
        try:
            with tracker.reserve(1):
                inside.wait()
        except BudgetExceeded:
            inside.wait()
            return 0
        return 1

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(call, range(8))) == 5
    assert taken(tracker.budgets) == [(0, 0)]


def test_threads_may_do_everything_at_once(tracker):
    """Setting, removing, asking, reserving and closing do not meet in the middle of a transaction."""
    tracker.budgets.set("day", 1000 * PICO)

    def work(number):
        for _ in range(15):
            with tracker.reserve(1, project=str(number)):
                tracker.budgets.standings()
            if number % 2:
                budget = tracker.budgets.set("week", PICO, scope={"project": f"of {number}"})
                tracker.budgets.remove(budget.id)
            else:
                tracker.budgets.close()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(6)))
    assert taken(tracker.budgets) == [(0, 0)]


def test_a_plain_block_holds_an_await(tracker):
    """Tasks reserve side by side; one that is cancelled gives its own back."""
    tracker.budgets.set("day", 2 * PICO)

    async def call(event):
        with tracker.reserve(1):
            await event.wait()

    async def main():
        event = asyncio.Event()
        tasks = [asyncio.create_task(call(event)) for _ in range(2)]
        await asyncio.sleep(0)
        assert taken(tracker.budgets) == [(0, 2)]
        tasks[0].cancel()
        await asyncio.sleep(0)
        assert taken(tracker.budgets) == [(0, 1)]
        event.set()
        await asyncio.wait(tasks)

    asyncio.run(main())
    assert taken(tracker.budgets) == [(0, 0)]


@pytest.mark.parametrize(
    "labels, is_held",
    [
        ({"project": "a"}, True),
        ({"project": "b"}, False),
        ({}, False),
        ({"project": "a", "team": "search"}, True),
        ({"project": "a", "session": "s"}, True),
    ],
)
def test_it_counts_where_its_labels_say(tracker, labels, is_held):
    """The labels are those that the request will have; no label is the empty one."""
    tracker.budgets.set("day", 5 * PICO, scope={"project": "a"})
    with tracker.reserve(1, **labels):
        assert taken(tracker.budgets) == [(0, 1 if is_held else 0)]


@pytest.mark.parametrize(
    "scope",
    [
        {"project": ""},
        {"task_type": "unknown"},
        {"provider": "anthropic"},
        {"tier": "cheap"},
        {"model": "claude-haiku-4-5"},
        {"user": "ann"},
        {"tag:user": "ann"},
        {"tag:team": "search"},
    ],
)
def test_it_counts_wherever_its_record_will(tracker, scope):
    """Also by what follows: who publishes the model's price, its tier, and what is left unsaid."""
    tracker.budgets.set("day", 5 * PICO, scope=scope)
    with tracker.reserve(1, model="claude-haiku-4-5", user="ann", team="search"):
        assert taken(tracker.budgets) == [(0, 1)]
        tracker.log_request("claude-haiku-4-5", 1_000_000, 0, user="ann", tags={"team": "search"})
        assert taken(tracker.budgets) == [(1, 1)]


def test_a_label_that_is_no_unicode_counts_where_its_record_does(book, ledger):
    """A path with a broken byte stands in the journal with a mark in its place."""
    book.set("day", 5 * PICO, scope={"project": "/srv/\udcff"})
    with reserved(ledger, 1, project="/srv/\udcff"):
        spend(ledger, 2, project="/srv/\udcff")
        assert taken(book) == [(2, 1)]


@pytest.mark.parametrize("amount", ["nan", math.inf, -1, "1e-13", Decimal("NaN"), "much", None, True, 10**12])
def test_an_amount_that_cannot_be_meant_is_refused(tracker, amount):
    """Before anything is set aside, by the name of the parameter."""
    with pytest.raises(UsageError, match="estimated_usd"):
        tracker.reserve(amount)


@pytest.mark.parametrize("amount", [-1, 0.5, True, None, 10**30])
def test_nobody_makes_room_by_reserving_less_than_nothing(book, amount):
    """The book itself takes only whole pico-dollars from 0 on."""
    book.set("day", PICO)
    with pytest.raises(UsageError, match="amount"), Reservation(book, amount, {}):
        pass
    assert taken(book) == [(0, 0)]


@pytest.mark.parametrize("labels", [{"team": 3}, {"project": None}, {"day": "x"}, {"project": "x" * 5_000}])
def test_a_label_that_no_record_could_have_is_refused(tracker, labels):
    """It would count nowhere: an error names it instead."""
    with pytest.raises(UsageError, match=next(iter(labels))), tracker.reserve(1, **labels):
        pass


def test_over_midnight_it_counts_today(monkeypatch, book, ledger):
    """A call that began yesterday will be recorded today: its money is not free in between."""
    set_clock(monkeypatch, 2026, 6, 1, 23, 59)
    book.set("day", 5 * PICO)
    spend(ledger, 3, at=set_clock(monkeypatch, 2026, 6, 1, 23, 59))
    with reserved(ledger, 2):
        now = set_clock(monkeypatch, 2026, 6, 2, 0, 1)
        assert taken(book) == [(0, 2)]
        spend(ledger, 2, at=now)
    assert taken(book) == [(2, 0)]


def test_a_clock_that_is_set_back_frees_nothing(monkeypatch, book, ledger):
    """Reservations have no date."""
    set_clock(monkeypatch, 2026, 6, 2)
    book.set("day", 5 * PICO)
    with reserved(ledger, 2):
        set_clock(monkeypatch, 2020, 1, 1)
        assert taken(book) == [(0, 2)]


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_just_after_the_grant_leaves_nothing_reserved(monkeypatch, ledger, interrupt):
    """It comes before the block is entered, so nobody would ever leave it."""
    book = BudgetBook(ledger)
    book.set("day", 5 * PICO)
    granted = []

    def grant(*arguments):
        BudgetBook.grant(book, *arguments)
        granted.extend(taken(book))
        raise interrupt

    monkeypatch.setattr(book, "grant", grant)
    with pytest.raises(interrupt), Reservation(book, PICO, {}):
        pytest.fail("the block was entered")
    assert granted == [(0, 1)]
    assert taken(book) == [(0, 0)]


def test_while_somebody_else_is_at_the_budgets_it_waits_and_then_says_so(ledger):
    """Nothing is reserved without having looked."""
    book = BudgetBook(ledger, timeout_s=0.01)
    book.set("day", PICO)
    other = sqlite3.connect(os.path.join(ledger.folder, "budgets.sqlite"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy), Reservation(book, PICO, {}):
        pass
    other.close()
    assert taken(book) == [(0, 0)]


def test_what_cannot_be_given_back_at_once_is_later(ledger):
    """The call has been made: leaving the block does not fail, and the next use of the book makes it good."""
    book = BudgetBook(ledger, timeout_s=0.01)
    book.set("day", PICO)
    other = sqlite3.connect(os.path.join(ledger.folder, "budgets.sqlite"), isolation_level=None)
    with Reservation(book, PICO, {}):
        other.execute("BEGIN IMMEDIATE")
    other.execute("ROLLBACK")
    assert other.execute("SELECT count(*) FROM reservations").fetchone() == (1,)
    with Reservation(book, PICO, {}):
        assert other.execute("SELECT count(*) FROM reservations").fetchone() == (1,)
    assert other.execute("SELECT count(*) FROM reservations").fetchone() == (0,)
    other.close()


def test_a_book_that_is_closed_keeps_what_is_held(tracker):
    """Another thread may be inside its block: its money stays set aside until it leaves."""
    tracker.budgets.set("day", 5 * PICO)
    elsewhere = BudgetBook(Ledger(tracker.ledger.folder))
    with tracker.reserve(2):
        tracker.close()
        assert taken(elsewhere) == [(0, 2)]
    assert taken(elsewhere) == [(0, 0)]
    tracker.close()


def test_a_book_that_holds_nothing_leaves_no_lease(tracker):
    """Closed, it is as if it had never been; open, its one lease stays for the next reservation."""
    leases = Path(tracker.ledger.folder, "leases")
    for _ in range(2):
        with tracker.reserve(1):
            pass
    assert len(list(leases.iterdir())) == 1
    tracker.close()
    assert list(leases.iterdir()) == []
    with tracker.reserve(1):
        assert len(list(leases.iterdir())) == 1
    tracker.close()


def test_who_lost_its_lease_takes_another_for_the_next_one(book, ledger):
    """Somebody swept the folder: what is reserved from then on is safe again, and what nobody dropped too."""
    book.set("day", 5 * PICO)
    elsewhere = BudgetBook(Ledger(ledger.folder))
    with Reservation(book, PICO, {}):
        for path in Path(ledger.folder, "leases").iterdir():
            path.unlink()
        assert taken(book) == [(0, 1)]
        with Reservation(book, PICO, {}):
            assert taken(elsewhere) == [(0, 2)]


def test_what_is_no_lease_is_left_alone(book, ledger):
    """A folder, a link, a pipe and somebody's notes among the leases disturb nobody and stay."""
    leases = Path(ledger.folder, "leases")
    leases.mkdir()
    (leases / ("a" * 31)).mkdir()
    (leases / "link").symlink_to("/etc/passwd")
    os.mkfifo(leases / "pipe")
    (leases / "notes.txt").write_text("mine")
    with Reservation(book, PICO, {}):
        pass
    book.close()
    assert sorted(path.name for path in leases.iterdir()) == ["a" * 31, "link", "notes.txt", "pipe"]


def test_an_owner_that_is_no_name_leads_nowhere(book, ledger, tmp_path):
    """A row that points out of the folder is dropped like a dead one's; what it points at stays."""
    book.set("day", 5 * PICO)
    outside = tmp_path / "outside"
    outside.write_text("mine")
    book._connection.execute(
        "INSERT INTO reservations VALUES ('x', '../../outside', ?, '{}', '2026-11-22')", (PICO,)
    )
    assert taken(book) == [(0, 0)]
    assert outside.read_text() == "mine"


def test_where_no_lease_can_be_taken_nothing_is_reserved(book, ledger):
    """A file stands where the folder should be: the error names it."""
    book.set("day", 5 * PICO)
    Path(ledger.folder, "leases").write_text("")
    with pytest.raises(StateError, match="leases"), Reservation(book, PICO, {}):
        pass
    assert taken(book) == [(0, 0)]


def test_the_lease_of_one_that_lives_is_held(book, ledger):
    """Its file is empty, private and locked for as long as the reservation lasts, and longer."""
    with Reservation(book, PICO, {}):
        (lease,) = Path(ledger.folder, "leases").iterdir()
        assert Lease.held(str(lease))
        assert (lease.stat().st_size, lease.stat().st_mode & 0o777) == (0, 0o600)

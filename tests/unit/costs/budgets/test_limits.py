"""Limits: what can be set, and how what was spent stands against them."""

from __future__ import annotations

import os
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from quarterdeck.costs.advice.rebuild import rebuild
from quarterdeck.costs.budgets import BudgetBook, period_of
from quarterdeck.costs.ledger import Ledger
from quarterdeck.costs.model import Request, Usage
from quarterdeck.costs.money import PICO
from quarterdeck.errors import StateError, StoreCorrupt, UsageError
from tests.budget_worlds import ledger_at, reserved, set_clock, spend, taken

DAY = timedelta(days=1)


@pytest.fixture
def ledger(tmp_path):
    return ledger_at(tmp_path / "ledger")


@pytest.fixture
def book(ledger):
    return BudgetBook(ledger)


def standing_at(monkeypatch, folder, zone, moment, *, limit=100, spent=0, period="day"):
    """How one budget stands in *zone* at *moment* UTC, when *spent* dollars were spent in it."""
    now = set_clock(monkeypatch, *moment)
    ledger = ledger_at(folder, zone)
    if spent:
        spend(ledger, spent, at=now)
    book = BudgetBook(ledger)
    book.set(period, limit * PICO)
    (standing,) = book.standings()
    return standing


def test_who_sets_no_budget_gets_no_file(tmp_path):
    """Asking for budgets, standings and room leaves the disk as it is."""
    book = BudgetBook(Ledger(str(tmp_path / "ledger")))
    assert (book.budgets(), book.standings(), book.check(PICO, {})) == ([], [], [])
    assert not (tmp_path / "ledger").exists()


def test_a_limit_set_again_is_changed_and_keeps_its_number(book):
    """There is one budget for a period and a scope."""
    first = book.set("day", 5 * PICO, scope={"project": "a"})
    other = book.set("week", 5 * PICO, scope={"project": "a"})
    again = book.set("day", 7 * PICO, scope={"project": "a"}, warn_ratio=0.5)
    assert again == first._replace(limit_picousd=7 * PICO, warn_ratio=0.5)
    assert book.budgets() == [again, other]


def test_other_processes_see_what_was_set(book, ledger):
    """Budgets are the ledger's, not the process's."""
    budget = book.set("month", 3 * PICO)
    assert BudgetBook(Ledger(ledger.folder)).budgets() == [budget]


def test_a_removed_budget_limits_nothing(book, ledger):
    """What was refused fits once the limit is gone."""
    budget = book.set("day", 0)
    book.remove(budget.id)
    with reserved(ledger, 1):
        assert book.standings() == []


@pytest.mark.parametrize("number", [0, -1, 2, 10**30, "1"])
def test_only_a_budget_that_is_there_can_be_removed(book, number):
    """Any other number is an error that says so."""
    book.set("day", PICO)
    with pytest.raises(UsageError, match="there is no budget"):
        book.remove(number)


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"period": "year"}, "period"),
        ({"period": ["day"]}, "period"),
        ({"limit_picousd": -1}, "limit"),
        ({"limit_picousd": 1.5}, "limit"),
        ({"limit_picousd": True}, "limit"),
        ({"limit_picousd": 10**30}, "limit"),
        ({"warn_ratio": float("nan")}, "warn_ratio"),
        ({"warn_ratio": 1.01}, "warn_ratio"),
        ({"warn_ratio": "0.8"}, "warn_ratio"),
        ({"scope": {"session": "s"}}, "session"),
        ({"scope": {"day": "2026-11-22"}}, "day"),
        ({"scope": {"month": "2026-11"}}, "month"),
        ({"scope": {"bracket": "0"}}, "bracket"),
        ({"scope": {"tags": "x"}}, "tags"),
        ({"scope": {"tag:": "x"}}, "tag:"),
        ({"scope": {"tag:a'b": "x"}}, "a'b"),
        ({"scope": {"project": None}}, "project"),
        ({"scope": {"project": "x" * 5_000}}, "project"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_changes_nothing(book, ledger, wrong, said):
    """The error names it; no budget is set and no tag is chosen."""
    with pytest.raises(UsageError, match=said):
        book.set(**{"period": "day", "limit_picousd": PICO, **wrong})
    assert book.budgets() == []
    assert ledger.choices.tags == ()


@pytest.mark.parametrize(
    "period, day, expected",
    [
        ("day", date(2026, 3, 1), (date(2026, 3, 1), date(2026, 3, 1))),
        ("week", date(2026, 3, 1), (date(2026, 2, 23), date(2026, 3, 1))),
        ("week", date(2026, 3, 2), (date(2026, 3, 2), date(2026, 3, 8))),
        ("month", date(2026, 12, 31), (date(2026, 12, 1), date(2026, 12, 31))),
        ("month", date(2028, 2, 10), (date(2028, 2, 1), date(2028, 2, 29))),
    ],
)
def test_a_period_is_that_of_the_calendar(period, day, expected):
    """Weeks begin on Monday; months are as long as they are."""
    assert period_of(period, day) == expected


def test_each_period_counts_its_own_days(monkeypatch, book, ledger):
    """On a Tuesday, the second of a month, all three periods differ."""
    now = set_clock(monkeypatch, 2026, 6, 2, 12)
    for days, dollars in ((0, 1), (1, 2), (2, 4), (40, 8)):
        spend(ledger, dollars, at=now - days * DAY)
    for period in ("day", "week", "month"):
        book.set(period, 100 * PICO)
    assert taken(book) == [(1, 0), (3, 0), (3, 0)]


def test_a_day_begins_at_midnight_of_the_ledgers_zone(monkeypatch, tmp_path):
    """11:59 UTC is a minute before midnight in Auckland; what was spent then is not of the new day."""
    ledger = ledger_at(tmp_path, "Pacific/Auckland")
    book = BudgetBook(ledger)
    book.set("day", PICO)
    now = set_clock(monkeypatch, 2026, 6, 1, 11, 59)
    spend(ledger, 1, at=now)
    assert taken(book) == [(1, 0)]
    set_clock(monkeypatch, 2026, 6, 1, 12, 0)
    assert taken(book) == [(0, 0)]


def test_spending_dated_later_than_now_counts(monkeypatch, book, ledger):
    """A clock that was ahead and is set back opens no room."""
    now = set_clock(monkeypatch, 2026, 6, 1, 12)
    book.set("day", PICO)
    spend(ledger, 1, at=now + 3 * DAY)
    assert taken(book) == [(1, 0)]


@pytest.mark.parametrize("spent, state", [(0.79, "ok"), (0.8, "warn"), (0.99, "warn"), (1, "exceeded")])
def test_it_warns_from_the_ratio_and_stops_at_the_limit(book, ledger, spent, state):
    """Four fifths and the whole, each from that very amount on."""
    book.set("day", PICO)
    spend(ledger, spent)
    (standing,) = book.standings()
    assert standing.state == state
    assert standing.ratio == pytest.approx(spent)


def test_a_limit_of_nothing_has_no_ratio_and_is_exceeded(book):
    """Nothing spent of nothing allowed leaves no room."""
    book.set("day", 0)
    (standing,) = book.standings()
    assert (standing.state, standing.ratio) == ("exceeded", None)


def test_requests_without_a_price_are_told_apart(book, ledger):
    """Their cost is unknown: the standing counts them and does not guess."""
    book.set("day", PICO)
    ledger.record(Request("nobody-knows-this-model", Usage(1000, 1000)))
    (standing,) = book.standings()
    assert (standing.spent_picousd, standing.unpriced_requests, standing.state) == (0, 1, "ok")


@pytest.mark.parametrize(
    "scope, expected",
    [
        ({}, 15),
        ({"project": "a"}, 3),
        ({"project": ""}, 12),
        ({"project": "a", "task_type": "test"}, 2),
        ({"task_type": "unknown"}, 13),
        ({"user": "ann"}, 4),
        ({"tag:user": "ann"}, 4),
        ({"tag:team": "search"}, 8),
        ({"tag:team": ""}, 7),
        ({"provider": "nobody"}, 0),
    ],
)
def test_a_scope_counts_the_requests_that_have_its_labels(book, ledger, scope, expected):
    """By any label that has sums; an empty value is that of the requests without it."""
    spend(ledger, 1, project="a")
    spend(ledger, 2, project="a", task_type="test")
    spend(ledger, 4, user="ann")
    spend(ledger, 8, tags={"team": "search"})
    book.set("day", 100 * PICO, scope=scope)
    assert taken(book) == [(expected, 0)]


def test_a_tag_gets_sums_for_what_was_recorded_before(book, ledger):
    """The rollup is made anew by the new choice, also in a process that had it open by the old one."""
    spend(ledger, 2, tags={"team": "search"})
    elsewhere = Ledger(ledger.folder)
    assert len(elsewhere.totals(by=("project",))) == 1
    book.set("day", 5 * PICO, scope={"tag:team": "search"})
    spend(elsewhere, 1, tags={"team": "search"})
    assert taken(BudgetBook(elsewhere)) == taken(book) == [(3, 0)]


def test_budgets_for_two_tags_keep_both_sums(book, ledger):
    """The second choice does not undo the first, whoever made it."""
    book.set("day", PICO, scope={"tag:team": "search"})
    BudgetBook(Ledger(ledger.folder)).set("day", PICO, scope={"tag:branch": "main"})
    assert taken(book) == [(0, 0), (0, 0)]
    assert ledger.choices.tags == ("branch", "team")


def test_a_tag_that_a_budget_needs_is_chosen_again(book, ledger):
    """Somebody drops its sums: the next question makes them, and nobody is refused for it."""
    book.set("day", 5 * PICO, scope={"tag:team": "search"})
    spend(ledger, 2, tags={"team": "search"})
    rebuild(ledger, less=["team"])
    with reserved(ledger, 1, **{"tag:team": "search"}):
        assert taken(book) == [(2, 1)]


def test_choosing_a_tag_does_not_disturb_who_is_recording(tmp_path):
    """A tracker that has its journal open goes on after a budget for a tag was set."""
    from quarterdeck.costs.tracker import CostTracker

    tracker = CostTracker(tmp_path)
    for _ in range(3):
        tracker.log_request("claude-haiku-4-5", 1000, 500)
    tracker.budgets.set("day", PICO, scope={"tag:team": "search"})
    tracker.log_request("claude-haiku-4-5", 1000, 500, tags={"team": "search"})
    tracker.log_request("claude-haiku-4-5", 1000, 500)
    assert tracker.get_today()["requests"] == 5
    assert taken(tracker.budgets) == [(0.0035, 0)]


def test_the_outlook_goes_on_at_the_pace_so_far(monkeypatch, tmp_path):
    """A quarter of the day costs 30: the day comes to 120, and 100 are gone after twenty hours."""
    standing = standing_at(monkeypatch, tmp_path, "UTC", (2026, 6, 1, 6), spent=30)
    assert standing.projected_picousd == 120 * PICO
    assert standing.runs_out_at == datetime(2026, 6, 1, 20, tzinfo=ZoneInfo("UTC"))


@pytest.mark.parametrize(
    "moment, hour_of_day, hours",
    [((2026, 10, 25, 11), 13, 25), ((2026, 3, 29, 10), 11, 23)],
    ids=["a-day-of-25-hours", "a-day-of-23-hours"],
)
def test_the_outlook_counts_the_hours_a_day_has(monkeypatch, tmp_path, moment, hour_of_day, hours):
    """Noon in Berlin is after 13 of 25 hours when the clocks go back, after 11 of 23 when forward."""
    standing = standing_at(monkeypatch, tmp_path, "Europe/Berlin", moment, spent=hour_of_day)
    assert standing.projected_picousd == hours * PICO


def test_there_is_no_outlook_while_the_period_is_young(monkeypatch, tmp_path):
    """Before a hundredth of it has passed, one request would be a trend."""
    standing = standing_at(monkeypatch, tmp_path, "UTC", (2026, 6, 1, 0, 14), spent=30)
    assert (standing.projected_picousd, standing.runs_out_at) == (None, None)


@pytest.mark.parametrize("spent", [10, 100, 130], ids=["within", "reached", "exceeded"])
def test_it_runs_out_only_in_the_future_and_within_the_period(monkeypatch, tmp_path, spent):
    """What lasts, and what is used up already, has no time at which it will be."""
    standing = standing_at(monkeypatch, tmp_path, "UTC", (2026, 6, 1, 6), spent=spent)
    assert standing.projected_picousd == 4 * spent * PICO
    assert standing.runs_out_at is None


def test_a_damaged_file_is_left_as_it_is(book, ledger):
    """Only the user could tell us the limits: an error says so, and not one byte is touched."""
    book.set("day", PICO)
    book.close()
    path = os.path.join(ledger.folder, "budgets.sqlite")
    with open(path, "wb") as file:
        file.write(b"these were my budgets" * 100)
    for ask in (book.budgets, book.standings, lambda: book.check(1, {})):
        with pytest.raises(StoreCorrupt, match="budgets"):
            ask()
    with open(path, "rb") as file:
        assert file.read() == b"these were my budgets" * 100


def test_labels_that_are_none_are_damage(book):
    """A row that somebody else has changed is told, not guessed at."""
    book.set("day", PICO)
    book._connection.execute("UPDATE budgets SET scope = '[1]'")
    with pytest.raises(StoreCorrupt, match="labels"):
        book.standings()


def test_something_else_in_the_place_of_the_file_is_told(book, ledger):
    """A folder of that name cannot be a database."""
    os.makedirs(os.path.join(ledger.folder, "budgets.sqlite"))
    with pytest.raises(StateError, match=r"budgets\.sqlite"):
        book.set("day", PICO)

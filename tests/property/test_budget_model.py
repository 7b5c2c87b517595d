"""Whatever is reserved, recorded, given back and abandoned: the book agrees with plain arithmetic."""

from __future__ import annotations

import shutil
import tempfile

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from quarterdeck.costs.budgets import BudgetBook
from quarterdeck.costs.ledger import Choices, Ledger
from quarterdeck.costs.model import Request, Usage
from quarterdeck.errors import BudgetExceeded
from quarterdeck.files import Lease

SCOPES = [{}, {"project": "a"}, {"project": "b"}, {"tag:team": "x"}, {"project": "a", "tag:team": "x"}]
LABELS = [{}, {"project": "a"}, {"project": "b"}, {"project": "a", "tag:team": "x"}, {"tag:team": "x"}]
PERIODS = ("day", "week", "month")
OWNERS = 3
MOST = 1000


def falls_under(labels, scope):
    return all(labels.get(name, "") == value for name, value in scope.items())


class Budgets(RuleBasedStateMachine):
    """Some books stand for so many processes; the model is three dictionaries."""

    held = Bundle("held")

    @initialize()
    def nothing_spent(self):
        self.folder = tempfile.mkdtemp(prefix="qd-budgets-")
        Ledger(self.folder).choose(Choices("UTC"))
        self.books = [self.new_book() for _ in range(OWNERS)]
        self.limits = {}
        self.reservations = {}
        self.records = []
        self.number = 0

    def teardown(self):
        if hasattr(self, "folder"):
            for book in self.books:
                book.close()
                book._ledger.close()
            shutil.rmtree(self.folder)

    def new_book(self):
        return BudgetBook(Ledger(self.folder))

    def taken(self, scope):
        spent = sum(amount for amount, labels in self.records if falls_under(labels, scope))
        held = sum(amount for _, amount, labels in self.reservations.values() if falls_under(labels, scope))
        return spent, held

    @rule(period=st.sampled_from(PERIODS), place=st.integers(0, len(SCOPES) - 1), limit=st.integers(0, MOST))
    def set(self, period, place, limit):
        self.books[0].set(period, limit, scope=SCOPES[place])
        self.limits[period, place] = limit

    @rule(period=st.sampled_from(PERIODS), place=st.integers(0, len(SCOPES) - 1))
    def remove(self, period, place):
        if self.limits.pop((period, place), None) is not None:
            book = self.books[-1]
            (number,) = [
                budget.id
                for budget in book.budgets()
                if (budget.period, budget.scope) == (period, SCOPES[place])
            ]
            book.remove(number)

    @rule(
        target=held,
        owner=st.integers(0, OWNERS - 1),
        amount=st.integers(0, MOST),
        labels=st.sampled_from(LABELS),
    )
    def grant(self, owner, amount, labels):
        self.number += 1
        name = f"{self.number:032x}"
        fits = True
        for (_, place), limit in self.limits.items():
            if falls_under(labels, SCOPES[place]):
                taken = sum(self.taken(SCOPES[place]))
                fits = fits and taken < limit and taken + amount <= limit
        try:
            self.books[owner].grant(name, amount, labels)
        except BudgetExceeded:
            assert not fits
            return multiple()
        assert fits
        self.reservations[name] = (owner, amount, labels)
        return name

    @rule(name=held, share=st.floats(0, 1))
    def record(self, name, share):
        """What was reserved is spent, or a part of it, and the reservation given back."""
        if name in self.reservations:
            owner, amount, labels = self.reservations.pop(name)
            cost = int(amount * share)
            tags = {"team": labels["tag:team"]} if "tag:team" in labels else {}
            self.books[owner]._ledger.record(
                Request(
                    "a-model-of-the-house",
                    Usage(),
                    project=labels.get("project", ""),
                    tags=tags,
                    cost_picousd=cost,
                )
            )
            self.records.append((cost, labels))
            self.books[owner].give_back(name)

    @rule(name=held, other=st.integers(0, OWNERS - 1))
    def give_back(self, name, other):
        """Who does not hold it cannot give it back."""
        owner, _, _ = self.reservations.get(name, (None, 0, {}))
        self.books[other].give_back(name)
        if owner == other:
            del self.reservations[name]

    @rule(owner=st.integers(0, OWNERS - 1))
    def close(self, owner):
        """What is held stays held."""
        self.books[owner].close()

    @rule(owner=st.integers(0, OWNERS - 1))
    def die(self, owner):
        """As the kernel ends a process: its lock goes, its file and its rows stay."""
        book = self.books[owner]
        lease = book._owner._lease
        if lease is not None:
            lease.release()
            assert not Lease.held(lease.path)
        book.forget()
        book._ledger.close()
        self.books[owner] = self.new_book()
        self.reservations = {name: row for name, row in self.reservations.items() if row[0] != owner}

    @invariant()
    def every_book_knows_how_it_stands(self):
        expected = {
            (period, place): (*self.taken(SCOPES[place]), limit)
            for (period, place), limit in self.limits.items()
        }
        book = self.books[self.number % OWNERS]
        found = {
            (each.budget.period, SCOPES.index(each.budget.scope)): (
                each.spent_picousd,
                each.reserved_picousd,
                each.budget.limit_picousd,
            )
            for each in book.standings()
        }
        assert found == expected


TestBudgets = Budgets.TestCase
TestBudgets.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)

"""Budgets: how much may be spent, how much is, and a place in the queue for what is about to be.

    limits, and what is reserved      budgets.sqlite   book; scope says which requests a budget is for
    who that reserved is alive        leases/          owners
    what was spent in the period      the rollup       ledger
        └──> room for a call?  standing ──> a Reservation, held while the call is made     reservations

A reservation is granted inside one write transaction of ``budgets.sqlite``, after the sums were brought up to
date and the reservations of dead processes were dropped. So of any number of racing processes those are
let through that fit under every limit together, and no others. What a call has cost is recorded before
its reservation is given back: at every moment money is counted at least once.

What a budget cannot hold back: a call that nobody reserved for (its cost counts from its record on, and the
next one that asks finds less room), one that costs more than was reserved, one that is recorded after its
reservation was given back, and one that has no price (`Standing.unpriced_requests` counts those).

A reservation counts in whatever period it is held: one that is held over midnight counts today, as will its
record. Whoever deletes ``leases/`` ends the reservations that are held at that moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quarterdeck.costs.budgets.book import BudgetBook
    from quarterdeck.costs.budgets.reservations import Reservation
    from quarterdeck.costs.budgets.standing import Budget, Period, Standing, period_of

__all__ = ["Budget", "BudgetBook", "Period", "Reservation", "Standing", "period_of"]

_HOMES = {
    "Budget": "standing",
    "BudgetBook": "book",
    "Period": "standing",
    "Reservation": "reservations",
    "Standing": "standing",
    "period_of": "standing",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)

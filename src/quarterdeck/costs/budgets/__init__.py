"""Budgets: how much may be spent, how much is, and a place in the queue for what is about to be.

    budgets.sqlite   limits, and what is reserved            book
    the rollup       what was spent in the period            ledger
    leases/          who of those that reserved is alive     reservations

A reservation is granted inside one write transaction of ``budgets.sqlite``, after the sums were brought up to
date and the reservations of dead processes were dropped. So of any number of racing processes those are
let through that fit under every limit together, and no others. What a call has cost is recorded before
its reservation is given back: at every moment money is counted at least once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quarterdeck.costs.budgets.book import Budget, BudgetBook, Standing
    from quarterdeck.costs.budgets.reservations import Reservation

__all__ = ["Budget", "BudgetBook", "Reservation", "Standing"]

_HOMES = {
    "Budget": "book",
    "BudgetBook": "book",
    "Reservation": "reservations",
    "Standing": "book",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)

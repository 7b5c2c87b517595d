"""What the tests of budgets share: exact spending, a clock, and processes of their own."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

from quarterdeck.costs.budgets import BudgetBook, Reservation
from quarterdeck.costs.ledger import Choices, Ledger
from quarterdeck.costs.ledger.calendar import Calendar
from quarterdeck.costs.model import Request, Usage
from quarterdeck.costs.money import PICO

HOUSE_MODEL = "a-model-of-the-house"
"""It has no published price: a request says what it cost."""


def ledger_at(folder, timezone="UTC"):
    """A ledger whose days begin at midnight of *timezone*."""
    ledger = Ledger(str(folder))
    ledger.choose(Choices(timezone))
    return ledger


def spend(ledger, usd, **fields):
    """Record a request that cost *usd*."""
    ledger.record(Request(HOUSE_MODEL, Usage(), cost_picousd=round(usd * PICO), **fields))


def reserved(ledger, usd, **labels):
    """A reservation of *usd* by a book of its own, as another process would have it."""
    return Reservation(BudgetBook(ledger), round(usd * PICO), labels)


def taken(book):
    """Dollars spent and dollars reserved under each budget."""
    return [(each.spent_picousd / PICO, each.reserved_picousd / PICO) for each in book.standings()]


def set_clock(monkeypatch, *moment):
    """Let the ledgers of this test look at a clock that stands still at *moment* (UTC)."""
    now = datetime(*moment, tzinfo=UTC)  # type: ignore[misc] # nobody gives a moment of eight parts
    monkeypatch.setattr(Calendar, "now", lambda calendar: now.astimezone(calendar.zone))
    monkeypatch.setattr(Calendar, "today", lambda calendar: now.astimezone(calendar.zone).date())
    return now


def start(code, *arguments):
    """A child that runs *code*, with pipes."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(child, returncode=0):
    """What *child* printed; it has ended as it should, and without a complaint."""
    out, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (returncode, "")
    return out

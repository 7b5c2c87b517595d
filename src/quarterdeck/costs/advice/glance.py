"""Today and this week in one look."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.costs.advice.spending import by_cost
from quarterdeck.costs.budgets import BudgetBook, period_of
from quarterdeck.costs.ledger.what_if import what_if
from quarterdeck.errors import StateError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from quarterdeck.costs.budgets import Standing
    from quarterdeck.costs.ledger import Ledger, Total
    from quarterdeck.costs.ledger.what_if import WhatIf

RECENT_DAYS = 14


class Glance(NamedTuple):
    """What the overview shows; all sums but those of *recent* are of the week or of today.

    Attributes:
        since: the week's Monday.
        today: in the ledger's calendar.
        of_today, of_week: the sums.
        recent: cost of each of the last `RECENT_DAYS` days, today last.
        models, projects: of the week, the most expensive first.
        against: what the week would have cost on the baseline model; None: that has no price.
        standings: of every budget, whatever the sums were narrowed to.
        last_day: of the last request with these labels; empty where there is none.
        problems: what could not be looked at, for people.
    """

    since: date
    today: date
    of_today: Total
    of_week: Total
    recent: dict[date, int]
    models: list[Total]
    projects: list[Total]
    against: WhatIf | None
    standings: list[Standing]
    last_day: str
    problems: list[str]


def glance(ledger: Ledger, where: Mapping[str, str] | None = None) -> Glance:
    """Look at the requests that have the labels *where*. Costs a few range scans of two weeks' cells.

    Raises:
        UsageError: *where* names something that has no sums.
    """
    today = ledger.calendar.today()
    since, _ = period_of("week", today)
    first = today - timedelta(days=RECENT_DAYS - 1)
    spent = {
        str(total.key[0]): total.cost_picousd
        for total in ledger.totals(first, today, by=("day",), where=where)
    }
    (of_today,) = ledger.totals(today, today, where=where)
    (of_week,) = ledger.totals(since, today, where=where)
    try:
        against = what_if(ledger, ledger.config.baseline_model, since, today, where)
    except UsageError:  # the baseline is a setting: an overview does not fail by it
        against = None
    standings: list[Standing] = []
    problems: list[str] = []
    with contextlib.closing(BudgetBook(ledger)) as book:
        try:
            standings = book.standings()
        except StateError as error:  # to look at the money, nobody needs a disk that can be written to
            problems.append(f"budgets are left out: {error.message}")
    days = ledger.totals(by=("day",), where=where) if not of_week.requests else []
    return Glance(
        since,
        today,
        of_today,
        of_week,
        {day: spent.get(day.isoformat(), 0) for day in (first + timedelta(n) for n in range(RECENT_DAYS))},
        by_cost(ledger.totals(since, today, by=("model",), where=where)),
        by_cost(ledger.totals(since, today, by=("project",), where=where)),
        against,
        standings,
        max((str(total.key[0]) for total in days), default=today.isoformat() if of_week.requests else ""),
        problems,
    )

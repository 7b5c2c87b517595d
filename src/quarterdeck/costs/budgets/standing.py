"""A limit, how it stands, and where that leads; computes only."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

from quarterdeck.costs.money import format_usd
from quarterdeck.errors import BudgetExceeded

if TYPE_CHECKING:
    from collections.abc import Mapping

Period = Literal["day", "week", "month"]
PERIODS: tuple[Period, ...] = ("day", "week", "month")


class Budget(NamedTuple):
    """A limit on what may be spent in each day, week (from Monday) or month of the ledger's calendar.

    Attributes:
        id: its number.
        limit_picousd: spending stops here.
        warn_ratio: of the limit, 0 to 1: from here on it warns.
        scope: the labels a request must have to count, by name (as `Ledger.totals` names them); empty: all.
    """

    id: int
    period: Period
    limit_picousd: int
    warn_ratio: float
    scope: Mapping[str, str]

    @property
    def title(self) -> str:
        """``day, project=/srv/app`` for people."""
        return ", ".join([self.period, *(f"{name}={value}" for name, value in self.scope.items())])


class Standing(NamedTuple):
    """How one budget stands.

    Attributes:
        since, until: first and last day of the present period.
        spent_picousd: by requests that have a price, of the period or dated later by a clock that was wrong.
        reserved_picousd: by reservations of processes that are alive.
        unpriced_requests: their cost is not known and not contained.
        projected_picousd: what the period comes to if it goes on as so far; None in its first hundredth.
        runs_out_at: when the limit will be reached at that pace; None if not within the period, or if it is.
    """

    budget: Budget
    since: date
    until: date
    spent_picousd: int
    reserved_picousd: int
    unpriced_requests: int
    projected_picousd: int | None
    runs_out_at: datetime | None

    @property
    def taken_picousd(self) -> int:
        """Spent or reserved."""
        return self.spent_picousd + self.reserved_picousd

    @property
    def ratio(self) -> float | None:
        """Taken of the limit; None where the limit is 0."""
        limit = self.budget.limit_picousd
        return self.taken_picousd / limit if limit else None

    @property
    def state(self) -> Literal["ok", "warn", "exceeded"]:
        """``exceeded`` from the limit on, ``warn`` from the warning ratio on."""
        if self.taken_picousd >= self.budget.limit_picousd:
            return "exceeded"
        return "warn" if self.taken_picousd >= self.budget.limit_picousd * self.budget.warn_ratio else "ok"


def period_of(period: Period, day: date) -> tuple[date, date]:
    """First and last day of the period that *day* lies in."""
    if period == "day":
        return day, day
    if period == "week":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=6)
    first = day.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return first, following - timedelta(days=1)


def outlook(
    budget: Budget, spent_picousd: int, since: date, until: date, now: datetime
) -> tuple[int | None, datetime | None]:
    """What the period comes to at the pace so far, and when the limit will be reached, if within it."""
    begin = datetime.combine(since, time(), now.tzinfo).astimezone(UTC)  # some days have 23 hours
    end = datetime.combine(until + timedelta(days=1), time(), now.tzinfo).astimezone(UTC)
    passed, whole = now - begin, end - begin
    if passed < whole / 100:
        return None, None
    projected = int(spent_picousd * (whole / passed))
    if not spent_picousd < budget.limit_picousd <= projected:
        return projected, None
    return projected, (begin + passed * (budget.limit_picousd / spent_picousd)).astimezone(now.tzinfo)


def no_room(standing: Standing, wanted_picousd: int) -> BudgetExceeded:
    """Says how the budget stands, and what would help."""
    budget = standing.budget
    raising = f"raise it: qd costs budget set AMOUNT --per {budget.period}"
    if budget.scope:
        raising += ", with its labels"
    if wanted_picousd > budget.limit_picousd:
        hint = f"reserve less, or {raising}"
    elif standing.spent_picousd + wanted_picousd <= budget.limit_picousd > standing.spent_picousd:
        hint = f"wait until others have finished, or {raising}"
    else:
        hint = f"wait until after {standing.until}, or {raising}"
    return BudgetExceeded(
        f"budget {budget.id} ({budget.title}) has no room for {format_usd(wanted_picousd)}: "
        f"{format_usd(standing.spent_picousd)} spent and {format_usd(standing.reserved_picousd)} reserved "
        f"of {format_usd(budget.limit_picousd)}",
        hint=hint,
    )

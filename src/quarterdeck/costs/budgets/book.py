"""The limits, what is spent and reserved under each, and granting what still fits."""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

from quarterdeck import sqlite
from quarterdeck.costs.ledger import Choices
from quarterdeck.costs.ledger.totals import TAG
from quarterdeck.costs.money import format_usd
from quarterdeck.errors import BudgetExceeded, UsageError
from quarterdeck.files import Lease, private_folder

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from quarterdeck.costs.ledger import Ledger

FILE = "budgets.sqlite"
LEASES = "leases"
PERIODS = ("day", "week", "month")
WARN_RATIO = 0.8

Period = Literal["day", "week", "month"]

MIGRATIONS = (
    """
    CREATE TABLE budgets (
        id INTEGER PRIMARY KEY AUTOINCREMENT, period TEXT NOT NULL, limit_picousd INTEGER NOT NULL,
        warn_ratio REAL NOT NULL, scope TEXT NOT NULL, UNIQUE (period, scope));
    CREATE TABLE reservations (
        id TEXT PRIMARY KEY, owner TEXT NOT NULL, amount_picousd INTEGER NOT NULL, labels TEXT NOT NULL,
        at TEXT NOT NULL);
    """,
)


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
        spent_picousd: by requests that have a price.
        reserved_picousd: by reservations of processes that are alive.
        unpriced_requests: their cost is not known and not contained.
        projected_picousd: what the period comes to if it goes on as so far; None in its first hundredth.
        runs_out_at: when the limit is reached at that pace; None if not within the period.
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


class BudgetBook:
    """The budgets of one ledger, for all processes on the machine."""

    def __init__(self, ledger: Ledger) -> None:
        """Opens nothing yet."""
        self._ledger = ledger
        self._connection: sqlite3.Connection | None = None
        self._lease: Lease | None = None
        self._owner = ""
        self._pid = 0

    def budgets(self) -> list[Budget]:
        """Every budget, by its number; none where none was ever set."""
        if self._connection is None and not os.path.exists(self._file):
            return []
        with sqlite.translated():
            return _all(self._open())

    def set(
        self,
        period: Period,
        limit_picousd: int,
        *,
        scope: Mapping[str, str] | None = None,
        warn_ratio: float = WARN_RATIO,
    ) -> Budget:
        """Set the limit of *period* for *scope*; one that is there is changed.

        A tag that has no sums yet gets them: the rollup is made anew at the next question.

        Raises:
            UsageError: no such period, a limit below 0, a ratio outside 0 to 1, or a scope without sums.
        """
        if period not in PERIODS:
            raise UsageError(f"no period {period!r:.40}", hint=f"use one of {', '.join(PERIODS)}")
        if type(limit_picousd) is not int or not 0 <= limit_picousd < 1 << 63:
            raise UsageError(
                f"a limit must be pico-dollars, 0 or more, got {limit_picousd!r:.40}",
                hint="parse_usd() makes them of dollars",
            )
        if not 0 <= warn_ratio <= 1:
            raise UsageError(
                f"warn_ratio must be from 0 to 1, got {warn_ratio!r:.40}", hint="0.8 warns at 80 %"
            )
        scope = dict(sorted((scope or {}).items()))
        self._give_sums_to(scope)
        self._ledger.totals(since=self._ledger.calendar.today(), where=scope)  # refuses a scope without sums
        with sqlite.transaction(self._open()) as connection:
            connection.execute(
                "INSERT INTO budgets (period, limit_picousd, warn_ratio, scope) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (period, scope) DO UPDATE SET "
                "limit_picousd = excluded.limit_picousd, warn_ratio = excluded.warn_ratio",
                (period, limit_picousd, warn_ratio, _text(scope)),
            )
        return next(budget for budget in self.budgets() if budget.period == period and budget.scope == scope)

    def remove(self, number: int) -> None:
        """Forget the budget of that number.

        Raises:
            UsageError: there is none.
        """
        with sqlite.transaction(self._open()) as connection:
            if not connection.execute("DELETE FROM budgets WHERE id = ?", (number,)).rowcount:
                raise UsageError(f"there is no budget {number}", hint="qd costs budget lists them")

    def standings(self) -> list[Standing]:
        """How every budget stands now."""
        budgets = self.budgets()
        if not budgets:
            return []
        with sqlite.transaction(self._open()) as connection:
            self._drop_the_dead(connection)
            return [self._standing(connection, budget) for budget in budgets]

    def grant(self, amount_picousd: int, labels: Mapping[str, str]) -> str:
        """Reserve *amount_picousd* under every budget that *labels* fall under; the reservation's id.

        Costs one write transaction and a sum per budget, some tenths of a millisecond.

        Raises:
            BudgetExceeded: one of the budgets has no room; nothing is reserved.
        """
        name = uuid.uuid4().hex
        with sqlite.transaction(self._open()) as connection:
            self._require_room(connection, amount_picousd, labels)
            connection.execute(
                "INSERT INTO reservations VALUES (?, ?, ?, ?, ?)",
                (name, self._alive(), amount_picousd, _text(labels), self._ledger.calendar.now().isoformat()),
            )
        return name

    def check(self, amount_picousd: int, labels: Mapping[str, str]) -> list[Standing]:
        """The budgets that *labels* fall under, if each has room for *amount_picousd*: how they stand.

        Nothing is reserved: by the time it is spent, others may have been quicker.

        Raises:
            BudgetExceeded: as `grant`.
        """
        if not self.budgets():
            return []
        with sqlite.transaction(self._open()) as connection:
            return self._require_room(connection, amount_picousd, labels)

    def give_back(self, reservation_id: str) -> None:
        """End that reservation; one that is not there any more is fine."""
        with sqlite.transaction(self._open()) as connection:
            connection.execute("DELETE FROM reservations WHERE id = ?", (reservation_id,))

    def close(self) -> None:
        """Give back the files; reservations of this process end with it."""
        if self._connection is not None and self._pid == os.getpid():
            self._connection.close()
        if self._lease is not None:
            self._lease.release(remove=True)
        self._connection = self._lease = None

    @property
    def _file(self) -> str:
        return os.path.join(self._ledger.folder, FILE)

    def _open(self) -> sqlite3.Connection:
        if self._connection is None or self._pid != os.getpid():
            private_folder(self._ledger.folder)
            self._connection = sqlite.connect(self._file, MIGRATIONS, holds="truth")
            self._lease = None  # a lease is not inherited
            self._pid = os.getpid()
        return self._connection

    def _alive(self) -> str:
        """This process's name among the owners; others see by its lease that it lives."""
        if self._lease is None:
            self._owner = uuid.uuid4().hex
            folder = private_folder(os.path.join(self._ledger.folder, LEASES))
            for name in os.listdir(folder):  # of processes that were killed
                self._bury(name)
            self._lease = Lease.take(os.path.join(folder, self._owner))
        return self._owner

    def _bury(self, owner: str) -> bool:
        """Whether *owner* is dead; its lease is then removed."""
        path = os.path.join(self._ledger.folder, LEASES, owner)
        if Lease.held(path):
            return False
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        return True

    def _drop_the_dead(self, connection: sqlite3.Connection) -> None:
        """Drop the reservations whose process has ended, however it ended."""
        for (owner,) in connection.execute("SELECT DISTINCT owner FROM reservations").fetchall():
            if self._bury(owner):
                connection.execute("DELETE FROM reservations WHERE owner = ?", (owner,))

    def _require_room(
        self, connection: sqlite3.Connection, amount_picousd: int, labels: Mapping[str, str]
    ) -> list[Standing]:
        """How the budgets stand that *labels* fall under, if each has room for *amount_picousd*.

        Raises:
            BudgetExceeded: one of them has none.
        """
        self._drop_the_dead(connection)
        standings = [
            self._standing(connection, budget)
            for budget in _all(connection)
            if _falls_under(labels, budget.scope)
        ]
        for standing in standings:
            wanted = standing.taken_picousd + amount_picousd
            if wanted > standing.budget.limit_picousd or standing.state == "exceeded":
                raise _no_room(standing, amount_picousd)
        return standings

    def _standing(self, connection: sqlite3.Connection, budget: Budget) -> Standing:
        now = self._ledger.calendar.now()
        since, until = period_of(budget.period, now.date())
        (total,) = self._ledger.totals(since=since, where=budget.scope)
        reserved = sum(
            amount
            for amount, labels in connection.execute("SELECT amount_picousd, labels FROM reservations")
            if _falls_under(json.loads(labels), budget.scope)
        )
        projected, runs_out_at = _outlook(budget, total.cost_picousd, since, until, now)
        return Standing(
            budget,
            since,
            until,
            total.cost_picousd,
            reserved,
            total.unpriced_requests,
            projected,
            runs_out_at,
        )

    def _give_sums_to(self, scope: Mapping[str, str]) -> None:
        """Choose the tags of *scope* that the ledger keeps no sums by."""
        tags = {name.removeprefix(TAG) for name in scope if name == "user" or name.startswith(TAG)}
        choices = self._ledger.choices
        if not tags <= set(choices.tags):
            private_folder(self._ledger.folder)
            self._ledger.choose(Choices(choices.timezone, (*choices.tags, *tags)))


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


def _all(connection: sqlite3.Connection) -> list[Budget]:
    rows = connection.execute("SELECT id, period, limit_picousd, warn_ratio, scope FROM budgets ORDER BY id")
    return [
        Budget(number, period, limit, warn_ratio, json.loads(scope))
        for number, period, limit, warn_ratio, scope in rows
    ]


def _outlook(
    budget: Budget, spent_picousd: int, since: date, until: date, now: datetime
) -> tuple[int | None, datetime | None]:
    """What the period comes to at the pace so far, and when the limit is reached, if within it."""
    begin = datetime.combine(since, time(), now.tzinfo)
    end = datetime.combine(until + timedelta(days=1), time(), now.tzinfo)
    passed, whole = (now - begin).total_seconds(), (end - begin).total_seconds()
    if passed < whole / 100:
        return None, None
    projected = int(spent_picousd * whole / passed)
    if not spent_picousd or projected < budget.limit_picousd:
        return projected, None
    return projected, begin + timedelta(seconds=passed * budget.limit_picousd / spent_picousd)


def _no_room(standing: Standing, wanted_picousd: int) -> BudgetExceeded:
    budget = standing.budget
    return BudgetExceeded(
        f"budget {budget.id} ({budget.title}) has no room for {format_usd(wanted_picousd)}: "
        f"{format_usd(standing.spent_picousd)} spent and {format_usd(standing.reserved_picousd)} reserved "
        f"of {format_usd(budget.limit_picousd)}",
        hint=f"wait until after {standing.until}, or raise it: qd costs budget set",
    )


def _falls_under(labels: Mapping[str, str], scope: Mapping[str, str]) -> bool:
    return all(labels.get(name) == value for name, value in scope.items())


def _text(labels: Mapping[str, str]) -> str:
    return json.dumps(dict(labels), sort_keys=True, ensure_ascii=False)

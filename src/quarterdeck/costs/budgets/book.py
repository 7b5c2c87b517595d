"""The limits, what is spent and reserved under each, and granting what still fits."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING

from quarterdeck import forks, sqlite
from quarterdeck.costs.budgets.owners import Owner, is_dead, translated
from quarterdeck.costs.budgets.scope import as_text, checked_labels, falls_under, from_text, tags_of
from quarterdeck.costs.budgets.standing import PERIODS, Budget, Period, Standing, no_room, outlook, period_of
from quarterdeck.costs.ledger import Choices
from quarterdeck.costs.money import MAX_USD, PICO
from quarterdeck.costs.pricing import tier_of
from quarterdeck.errors import QuarterdeckError, StateError, UsageError
from quarterdeck.files import private_folder

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from quarterdeck.costs.ledger import Ledger

FILE = "budgets.sqlite"
LEASES = "leases"
WARN_RATIO = 0.8
TIMEOUT_S = 5.0
"""Others are done in milliseconds; whoever waits is about to call a model."""

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


class BudgetBook:
    """The budgets of one ledger, for all processes on the machine.

    May be shared by threads; after a fork the child opens the file anew and holds nothing.

    Attributes:
        lock: held by the thread that is at the budgets.
    """

    def __init__(self, ledger: Ledger, *, timeout_s: float = TIMEOUT_S) -> None:
        """Opens nothing yet.

        Args:
            ledger: whose spending is limited.
            timeout_s: how long to wait while another process is at the budgets.
        """
        self._ledger = ledger
        self._timeout_s = timeout_s
        self._connection: sqlite3.Connection | None = None
        self.lock = threading.RLock()
        self._owner = Owner(self._leases)
        self._held: set[str] = set()
        self._owed: set[str] = set()
        forks.guard(self, BudgetBook.forget, outer=True)

    def budgets(self) -> list[Budget]:
        """Every budget, by its number; none where none was ever set."""
        with self.lock:
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

        Args:
            period: the calendar's, beginning at midnight of the ledger's time zone.
            limit_picousd: 0 lets nothing through.
            scope: the labels a request must have to count: ``project``, ``provider``, ``model``,
                ``task_type``, ``tier``, ``service_tier``, ``source``, ``user``, ``tag:NAME``. An empty value
                is that of requests without the label.
            warn_ratio: of the limit, from 0 to 1.

        Raises:
            UsageError: no such period, an impossible limit or ratio, or a label that has no sums.
            StateError: the database of budgets cannot be used, or was locked for too long.
        """
        if period not in PERIODS:
            raise UsageError(f"no period {period!r:.40}", hint=f"use one of {', '.join(PERIODS)}")
        _check_amount("limit", limit_picousd)
        if type(warn_ratio) not in {int, float} or not 0 <= warn_ratio <= 1:
            raise UsageError(
                f"warn_ratio must be from 0 to 1, got {warn_ratio!r:.40}", hint="0.8 warns at 80 %"
            )
        scope = checked_labels(scope or {})
        with self._transaction() as connection:  # two that choose tags must not undo each other's choice
            self._keep_sums_by(tags_of(scope))
            connection.execute(
                "INSERT INTO budgets (period, limit_picousd, warn_ratio, scope) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (period, scope) DO UPDATE SET "
                "limit_picousd = excluded.limit_picousd, warn_ratio = excluded.warn_ratio",
                (period, limit_picousd, warn_ratio, as_text(scope)),
            )
            return next(each for each in _all(connection) if each.period == period and each.scope == scope)

    def remove(self, number: int) -> None:
        """Forget the budget of that number.

        Raises:
            UsageError: there is none.
        """
        if number not in [budget.id for budget in self.budgets()]:
            raise UsageError(f"there is no budget {number}", hint="qd costs budget lists them")
        with self._transaction() as connection:
            connection.execute("DELETE FROM budgets WHERE id = ?", (number,))

    def standings(self) -> list[Standing]:
        """How every budget stands now."""
        if not self._prepare():
            return []
        with self._transaction() as connection:
            return self._standings(connection, _all(connection))

    def check(self, amount_picousd: int, labels: Mapping[str, str]) -> list[Standing]:
        """The budgets that *labels* fall under, if each has room for *amount_picousd*: how they stand.

        Nothing is reserved: by the time it is spent, others may have been quicker.

        Raises:
            BudgetExceeded, UsageError, StateError: as `grant`.
        """
        _check_amount("amount", amount_picousd)
        labels = self._complete(labels)
        if not self._prepare():
            return []
        with self._transaction() as connection:
            return self._require_room(connection, amount_picousd, labels)

    def grant(self, name: str, amount_picousd: int, labels: Mapping[str, str]) -> None:
        """Reserve *amount_picousd* under every budget that *labels* fall under, until `give_back` of *name*.

        Costs one write transaction, and for each budget a sum over its period's cells: some tenths of a
        millisecond.

        Raises:
            BudgetExceeded: one of the budgets has no room.
            UsageError: the amount or a label cannot be meant.
            StateError: the database of budgets cannot be used, or was locked for too long.
            In each case nothing is reserved.
        """
        _check_amount("amount", amount_picousd)
        labels = self._complete(labels)
        self._prepare()
        self._held.add(name)  # before it is, so that whoever is interrupted can give it back
        try:
            with self._transaction() as connection:
                owner = self._owner.present()
                self._require_room(connection, amount_picousd, labels)
                at = self._ledger.calendar.now().isoformat()
                connection.execute(
                    "INSERT INTO reservations VALUES (?, ?, ?, ?, ?)",
                    (name, owner, amount_picousd, as_text(labels), at),
                )
        except QuarterdeckError:
            self._held.discard(name)
            raise

    def give_back(self, name: str) -> None:
        """End that reservation; nothing where it has ended, or belongs to a parent process.

        Where the disk is full or the database locked for too long, it goes on counting until this process
        next uses the budgets, or ends: what was done under it must not fail for that.
        """
        if name in self._held:
            self._owed.add(name)
            self._held.discard(name)
            with contextlib.suppress(StateError), self._transaction():
                pass

    def close(self) -> None:
        """Give back the files; reservations that are still held are kept, and end with the process."""
        with self.lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            if not self._held:
                self._owner.leave()

    @property
    def _file(self) -> str:
        return os.path.join(self._ledger.folder, FILE)

    @property
    def _leases(self) -> str:
        return os.path.join(self._ledger.folder, LEASES)

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            with translated(self._ledger.folder):
                private_folder(self._ledger.folder)
            self._connection = sqlite.connect(
                self._file, MIGRATIONS, holds="truth", timeout_s=self._timeout_s
            )
        return self._connection

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Alone of all threads and processes; what was given back before and could not be written, is."""
        with self.lock:
            owed = list(self._owed)
            with sqlite.transaction(self._open()) as connection:
                connection.executemany("DELETE FROM reservations WHERE id = ?", [(name,) for name in owed])
                yield connection
            self._owed.difference_update(owed)

    def _prepare(self) -> list[Budget]:
        """The budgets, with what takes long done for their sums before others are kept waiting."""
        budgets = self.budgets()
        tags = {tag for budget in budgets for tag in tags_of(budget.scope)}
        if tags and not tags <= {*self._ledger.choices.tags}:  # somebody has chosen others since
            with self._transaction():
                self._keep_sums_by(tags)
        if budgets:
            self._ledger.refresh()
        return budgets

    def _keep_sums_by(self, tags: AbstractSet[str]) -> None:
        choices = self._ledger.choices
        if not tags <= {*choices.tags}:
            with translated(self._ledger.folder):
                self._ledger.choose(Choices(choices.timezone, (*choices.tags, *tags)))

    def _complete(self, labels: Mapping[str, str]) -> dict[str, str]:
        """*labels* as the record will have them: who publishes the model's price, and its tier, follow."""
        complete = checked_labels(labels)
        if "model" in complete:
            card, _ = self._ledger.card_until(
                complete["model"],
                provider=complete.get("provider", ""),
                service_tier=complete.get("service_tier", ""),
            )
            if card is not None:
                complete["provider"] = complete.get("provider") or card.provider
                complete["tier"] = complete.get("tier") or tier_of(card)
        return complete

    def _require_room(
        self, connection: sqlite3.Connection, amount_picousd: int, labels: Mapping[str, str]
    ) -> list[Standing]:
        """How the budgets stand that *labels* fall under, if each has room for *amount_picousd*.

        Raises:
            BudgetExceeded: one of them has none.
        """
        concerned = [budget for budget in _all(connection) if falls_under(labels, budget.scope)]
        standings = self._standings(connection, concerned)
        for standing in standings:
            wanted = standing.taken_picousd + amount_picousd
            if wanted > standing.budget.limit_picousd or standing.state == "exceeded":
                raise no_room(standing, amount_picousd)
        return standings

    def _standings(self, connection: sqlite3.Connection, budgets: Sequence[Budget]) -> list[Standing]:
        """How *budgets* stand.

        In this order: whoever is dead or has given back has recorded what it ever will; only then are the
        sums brought up to date. So no money falls between a reservation and its record.
        """
        for (owner,) in connection.execute("SELECT DISTINCT owner FROM reservations").fetchall():
            if owner != self._owner.name and is_dead(self._leases, owner):
                connection.execute("DELETE FROM reservations WHERE owner = ?", (owner,))
        reservations = [
            (amount, from_text(labels))
            for amount, labels in connection.execute("SELECT amount_picousd, labels FROM reservations")
        ]
        now = self._ledger.calendar.now()
        standings = []
        for budget in budgets:
            since, until = period_of(budget.period, now.date())
            (total,) = self._ledger.totals(since=since, where=budget.scope)
            reserved = sum(amount for amount, labels in reservations if falls_under(labels, budget.scope))
            projection = outlook(budget, total.cost_picousd, since, until, now)
            standings.append(
                Standing(
                    budget, since, until, total.cost_picousd, reserved, total.unpriced_requests, *projection
                )
            )
        return standings

    def forget(self) -> None:
        """In a child: reservations and lease are the parent's; SQLite must not go on with its connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._owner.forget()
        self._held.clear()
        self._owed.clear()


def _all(connection: sqlite3.Connection) -> list[Budget]:
    rows = connection.execute("SELECT id, period, limit_picousd, warn_ratio, scope FROM budgets ORDER BY id")
    return [
        Budget(number, period, limit, warn_ratio, from_text(scope))
        for number, period, limit, warn_ratio, scope in rows
    ]


def _check_amount(name: str, picousd: int) -> None:
    if type(picousd) is not int or not 0 <= picousd <= MAX_USD * PICO:
        raise UsageError(
            f"{name} must be whole pico-dollars, from 0 to those of ${MAX_USD:,}, got {picousd!r:.40}",
            hint="parse_usd() makes them of dollars",
        )

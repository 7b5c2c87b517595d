"""A place under the budgets for what is about to be spent."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from quarterdeck.costs.budgets.book import BudgetBook


class Reservation:
    """Money set aside from `__enter__` to `__exit__`, seen by every process on the machine.

    Record what the call cost before the block ends: until then the reservation counts, from then on the
    record does. What is recorded after the block nothing has held back. A call that costs more than was
    reserved is recorded all the same: a budget can only hold what it was told.

    It ends with its process, however that dies; in a child that is forked inside the block it is the parent's
    all along. Entered again, also inside its own block or by another thread, it sets the amount aside once
    more. There is no ``async with``: entering takes a fraction of a millisecond, and a plain ``with`` may
    hold an ``await``.

    Attributes:
        amount_picousd: what is set aside.
        labels: what the request will be labelled with; decides which budgets it falls under.
    """

    def __init__(self, book: BudgetBook, amount_picousd: int, labels: Mapping[str, str]) -> None:
        """Sets nothing aside yet."""
        self.amount_picousd = amount_picousd
        self.labels = labels
        self._book = book
        self._names: list[str] = []

    def __enter__(self) -> Self:
        """Set it aside.

        Raises:
            BudgetExceeded: a budget has no room for it.
            UsageError: the amount or a label cannot be meant.
            StateError: the database of budgets cannot be used, or was locked for too long.
        """
        name = os.urandom(16).hex()
        self._names.append(name)
        try:
            self._book.grant(name, self.amount_picousd, self.labels)
        except BaseException:  # also an interrupt that comes when it has just been granted
            self._names.remove(name)
            self._book.give_back(name)
            raise
        return self  # nothing between here and the block lets an interrupt in

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._book.give_back(self._names.pop())

"""A place under the budgets for what is about to be spent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from quarterdeck.costs.budgets.book import BudgetBook


class Reservation:
    """Money set aside from `__enter__` to `__exit__`, seen by every process on the machine.

    Record what the call cost before the block ends: until then the reservation counts, from then on the
    record does. It ends with its process, however that dies. A call that costs more than was reserved is
    recorded all the same: a budget can only hold what it was told.

    Attributes:
        amount_picousd: what is set aside.
        labels: what the request will be labelled with; decides which budgets it falls under.
    """

    def __init__(self, book: BudgetBook, amount_picousd: int, labels: Mapping[str, str]) -> None:
        self.amount_picousd = amount_picousd
        self.labels = labels
        self._book = book
        self._id = ""

    def __enter__(self) -> Self:
        """Set it aside.

        Raises:
            BudgetExceeded: a budget has no room for it.
        """
        self._id = self._book.grant(self.amount_picousd, self.labels)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._book.give_back(self._id)

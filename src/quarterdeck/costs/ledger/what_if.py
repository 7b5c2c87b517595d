"""What requests that were made would have cost on another model, from their sums."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.costs.pricing import cost_of_sums, thresholds_covered
from quarterdeck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from quarterdeck.costs.ledger.ledger import Ledger
    from quarterdeck.costs.ledger.totals import Total


class WhatIf(NamedTuple):
    """What the priced requests of some days cost, and what they would have cost on *model*.

    Attributes:
        card: id of the card that *model* was priced by: the one in force now.
        requests: those that were compared: all that have a price.
        unpriced_requests: those that have none; neither amount contains them.
        actual_picousd: what they cost.
        hypothetical_picousd: what the same tokens cost at the card's rates, cached ones at its cache rates.
        exact: False where the card charges by steps that the sums are not split by, or in fractions of a
            pico-dollar: then some requests may be priced by the wrong step.
    """

    model: str
    card: str
    requests: int
    unpriced_requests: int
    actual_picousd: int
    hypothetical_picousd: int
    exact: bool

    @property
    def savings_picousd(self) -> int:
        """What was saved by not using *model*; negative if it had been cheaper."""
        return self.hypothetical_picousd - self.actual_picousd


def what_if(
    ledger: Ledger,
    model: str,
    since: date | None = None,
    until: date | None = None,
    where: Mapping[str, str] | None = None,
) -> WhatIf:
    """Price the requests from *since* to *until* by the card of *model*. Costs one range scan of the cells.

    Raises:
        UsageError: *model* has no price.
    """
    return compared(ledger, model, ledger.totals(since, until, by=("bracket", "priced"), where=where))


def compared(ledger: Ledger, model: str, totals: Iterable[Total]) -> WhatIf:
    """Price *totals* by the card of *model*; their keys begin with ``bracket`` and ``priced``. Reads no sums.

    Raises:
        UsageError: *model* has no price.
    """
    card, _ = ledger.card_until(model)
    if card is None:
        raise UsageError(
            f"no published price for {model!r:.80}", hint="name another model, or set its price: costs.prices"
        )
    actual = hypothetical = requests = unpriced = 0
    for total in totals:
        bracket, priced = total.key[:2]
        if not priced:
            unpriced += total.requests
            continue
        actual += total.cost_picousd
        hypothetical += cost_of_sums(total.usage, int(bracket), card, total.requests)
        requests += total.requests
    exact = card.scale == 1 and thresholds_covered(card)
    return WhatIf(model, card.id, requests, unpriced, actual, hypothetical, exact)

"""What the same requests would have cost on another model, and where the difference comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.costs.ledger.what_if import WhatIf, what_if

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from quarterdeck.costs.ledger import Ledger


class Alternative(NamedTuple):
    """One model instead of those that were used.

    Attributes:
        whole: all requests.
        parts: the same for those of each model that was used, the most expensive first.
    """

    whole: WhatIf
    parts: list[tuple[str, WhatIf]]


def alternative(
    ledger: Ledger,
    model: str,
    since: date | None = None,
    until: date | None = None,
    where: Mapping[str, str] | None = None,
) -> Alternative:
    """Price the requests from *since* to *until* by the card of *model*, also for each model of theirs.

    Raises:
        UsageError: *model* has no price, or *where* names something that has no sums.
    """
    whole = what_if(ledger, model, since, until, where)
    used = [str(total.key[0]) for total in ledger.totals(since, until, by=("model",), where=where)]
    parts = [(name, what_if(ledger, model, since, until, {**(where or {}), "model": name})) for name in used]
    return Alternative(whole, sorted(parts, key=lambda part: -part[1].actual_picousd))

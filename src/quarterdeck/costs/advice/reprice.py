"""Prices for requests that had none when they were recorded."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.costs.ledger.counted import counting
from quarterdeck.costs.model import Request
from quarterdeck.errors import StateError, UsageError
from quarterdeck.files import Lease

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.costs.ledger import Ledger
    from quarterdeck.costs.record import Record

LOCK = "reprice.lock"
WAIT_S = 30.0


class Repriced(NamedTuple):
    """What came of it.

    Attributes:
        priced: requests that have a price now.
        unpriced: those that still have none, by model.
        cost_picousd: what the newly priced ones cost.
    """

    priced: int
    unpriced: dict[str, int]
    cost_picousd: int


def reprice(ledger: Ledger) -> Repriced:
    """Give every request without a price the one that its model has at its time by now.

    The journal is only appended to: a record with its price is written for each, and counts instead of the
    first. Reads the whole journal. One process at a time; doing it twice changes nothing more.

    Raises:
        StoreBusy: another process has been at it for `WAIT_S`.
        StoreFull, StateError: as `Ledger.record`; what was written counts.
    """
    if not any(total.unpriced_requests for total in ledger.totals()):
        return Repriced(0, {}, 0)
    path = os.path.join(ledger.folder, LOCK)
    try:
        lease = Lease.wait(path, WAIT_S)
    except OSError as error:
        raise StateError(
            f"{path} cannot be locked: {error.strerror or error}",
            hint="check that its folder belongs to you, can be written to and is on a local disk",
        ) from error
    with lease:
        return _reprice(ledger)


def _reprice(ledger: Ledger) -> Repriced:
    priced = cost = 0
    unpriced: dict[str, int] = {}

    def that_have_one_now() -> Iterator[Request]:
        nonlocal priced, cost
        for request in _without_price(ledger):
            found = _cost(ledger, request)
            if found is None:
                unpriced[request.model] = unpriced.get(request.model, 0) + request.requests
            else:
                priced += request.requests
                cost += found
                yield request

    ledger.record_many(that_have_one_now())
    return Repriced(priced, unpriced, cost)


def _without_price(ledger: Ledger) -> Iterator[Request]:
    """The requests that count and have no price, each as it corrects its record; none recorded meanwhile."""
    with counting(ledger) as state:
        for chunk in state.chunks():
            for offset, record in chunk.records:
                if record.cost_picousd is None:
                    yield _correction(f"{chunk.segment}@{offset}", record)


def _cost(ledger: Ledger, request: Request) -> int | None:
    try:
        return ledger.price(request).cost_picousd
    except UsageError:  # another program wrote it: it counts, but nobody could be charged for it
        return None


def _correction(place: str, record: Record) -> Request:
    """*record*, to be priced; by its response id it corrects itself, by its place what it stands for."""
    fields = {name: getattr(record, name) for name in Request._fields}
    fields["at"] = datetime.fromisoformat(record.at)
    if not record.response_id:
        fields["replaces"] = record.replaces or place
    return Request(**fields)

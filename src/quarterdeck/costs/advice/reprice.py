"""Prices for requests that had none when they were recorded."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.costs.model import Request
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
    unpriced: dict[str, int] = {}
    priced = cost = 0
    if not any(total.unpriced_requests for total in ledger.totals()):
        return Repriced(0, {}, 0)
    with Lease.wait(os.path.join(ledger.folder, LOCK), WAIT_S):
        for request in list(_without_price(ledger)):
            found = ledger.price(request)
            if found.cost_picousd is None:
                unpriced[request.model] = unpriced.get(request.model, 0) + request.requests
                continue
            ledger.record(request)
            priced += request.requests
            cost += found.cost_picousd
    return Repriced(priced, unpriced, cost)


def _without_price(ledger: Ledger) -> Iterator[Request]:
    """The requests that count and have no price, each as it corrects its record."""
    corrected: set[str] = set()
    candidates: set[str] = set()
    for _, record in ledger.records():
        if record.replaces:
            corrected.add(record.replaces)
        if record.response_id and record.cost_picousd is None:
            candidates.add(record.response_id)
    best: dict[str, Record] = {}
    for place, record in ledger.records():
        if record.response_id in candidates:
            held = best.get(record.response_id)
            if held is None or _rank(record) > _rank(held):
                best[record.response_id] = record
        elif not record.response_id and record.cost_picousd is None and place not in corrected:
            yield _correction(place, record)
    for record in best.values():
        if record.cost_picousd is None:
            yield _correction("", record)


def _rank(record: Record) -> tuple[int, bool]:
    """Of records with one response id, the highest counts, as in the rollup."""
    return record.output_tokens, record.cost_picousd is not None


def _correction(place: str, record: Record) -> Request:
    labels = {name: getattr(record, name) for name in Request._fields if hasattr(record, name)}
    labels |= {"usage": record.usage, "at": datetime.fromisoformat(record.at), "cost_picousd": None}
    labels["replaces"] = place
    return Request(**labels)

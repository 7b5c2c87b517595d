"""What was spent in some days, divided by labels."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.costs.ledger import Total
from quarterdeck.costs.model import Usage
from quarterdeck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from quarterdeck.costs.ledger import Ledger, SessionTotal

SESSION = "session"
IN_TIME = ("day", "month")
OF_SESSIONS = ("model", "project", "source")
"""The labels that sessions can be narrowed by."""


class Spending(NamedTuple):
    """Sums of some days.

    Attributes:
        since, until: first and last day; None: from the first, to the last there is.
        by: the labels it is divided by.
        rows: a sum for each of their values, by time where *by* begins with it, else by cost.
        whole: the sum of all rows.
    """

    since: date | None
    until: date | None
    by: tuple[str, ...]
    rows: list[Total]
    whole: Total


def spending(
    ledger: Ledger,
    since: date | None = None,
    until: date | None = None,
    *,
    by: Sequence[str] = ("model",),
    where: Mapping[str, str] | None = None,
) -> Spending:
    """Sum up the days from *since* to *until*, both included.

    Args:
        ledger: whose requests.
        since: in the ledger's calendar.
        until: likewise.
        by: names as `Ledger.totals` has them; or ``session`` alone: of a session that was active in these
            days, all that it cost.
        where: labels that the requests must have.

    Raises:
        UsageError: there are no sums by one of the names.
    """
    if SESSION not in by:
        rows = ledger.totals(since, until, by=by, where=where)
    elif tuple(by) == (SESSION,):
        rows = [found.total._replace(key=(found.session,)) for found in sessions(ledger, since, until, where)]
    else:
        raise UsageError("sums by session are kept by nothing else", hint="leave the other --by out")
    if by[0] not in IN_TIME:
        rows = by_cost(rows)
    return Spending(since, until, tuple(by), rows, whole_of(rows))


def sessions(
    ledger: Ledger,
    since: date | None = None,
    until: date | None = None,
    where: Mapping[str, str] | None = None,
) -> list[SessionTotal]:
    """The sessions that were active in these days, the latest first.

    Raises:
        UsageError: *where* has another label than `OF_SESSIONS`.
    """
    labels = where or {}
    for name in labels:
        if name not in OF_SESSIONS:
            raise UsageError(
                f"sessions cannot be narrowed by {name!r:.60}", hint=f"they can by {', '.join(OF_SESSIONS)}"
            )
    begin = datetime.combine(since, time(), ledger.calendar.zone) if since else None
    return [
        found
        for found in ledger.sessions(since=begin)
        if (until is None or ledger.calendar.day_of(found.first_at) <= until.isoformat())
        and labels.get("project", found.project) == found.project
        and labels.get("source", found.source) == found.source
        and ("model" not in labels or labels["model"] in found.models)
    ]


def by_cost(totals: Iterable[Total]) -> list[Total]:
    """*totals*, the most expensive first; of equal ones that with more requests."""
    return sorted(totals, key=lambda total: (-total.cost_picousd, -total.requests))


def whole_of(totals: Sequence[Total]) -> Total:
    """The sum of *totals*."""
    return Total(
        (),
        sum(total.requests for total in totals),
        sum(total.unpriced_requests for total in totals),
        Usage(*(sum(counts) for counts in zip(Usage(), *(total.usage for total in totals), strict=True))),
        sum(total.cost_picousd for total in totals),
    )

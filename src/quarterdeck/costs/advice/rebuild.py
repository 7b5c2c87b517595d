"""The sums made anew from the journal, with other choices if need be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.costs.ledger import Choices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from quarterdeck.costs.ledger import Ledger, Total


def rebuild(
    ledger: Ledger,
    *,
    more: Iterable[str] = (),
    less: Iterable[str] = (),
    timezone: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Total:
    """Make every sum anew; the sum of all. Reads the whole journal, about 4 µs a record.

    Args:
        ledger: whose.
        more: tags to keep sums by from now on.
        less: tags to keep no sums by.
        timezone: where days begin from now on; None: where they do.
        progress: told the bytes read and the bytes there are.

    Raises:
        UsageError: no such time zone, or an impossible tag; nothing is changed.
        QuarterdeckError: as `Ledger.refresh`.
    """
    kept = ledger.choices
    chosen = Choices(timezone or kept.timezone, tuple(sorted({*kept.tags, *more} - set(less))))
    if chosen != kept:
        ledger.choose(chosen)
    ledger.rollup.clear()
    ledger.refresh(progress)
    (total,) = ledger.totals()
    return total

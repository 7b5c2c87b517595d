"""Which card is in force when: prices change at midnight UTC, and a few by the time of day."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from quarterdeck.costs.pricing.rate_card import RateCard

DAY_S = 86_400


class Period(NamedTuple):
    """Days on which the same prices hold.

    Attributes:
        from_s: the midnight UTC it begins at, in seconds since 1970; a schedule's first holds before it too.
        parts: (second of the day UTC from which it holds, card), by time; the first begins at 0.
    """

    from_s: int
    parts: tuple[tuple[int, RateCard | None], ...]


class Schedule(NamedTuple):
    """All cards of one model, past and announced.

    Attributes:
        periods: by time; none for a model without a price.
    """

    periods: tuple[Period, ...]

    def at(self, at_s: float) -> tuple[RateCard | None, float]:
        """The card in force *at_s* seconds after 1970, and until when it is; None: no price is known."""
        if not self.periods:
            return None, math.inf
        until = math.inf
        for period in reversed(self.periods[1:]):
            if period.from_s <= at_s:
                break
            until = period.from_s
        else:
            period = self.periods[0]
        return _part_at(period.parts, at_s) if len(period.parts) > 1 else (period.parts[0][1], until)


UNPRICED = Schedule(())


def always(card: RateCard) -> Schedule:
    """The schedule of a price that never changes."""
    return Schedule((Period(0, ((0, card),)),))


def _part_at(parts: tuple[tuple[int, RateCard | None], ...], at_s: float) -> tuple[RateCard | None, float]:
    """The part of the day, and its end: midnight at the latest, and periods end at midnight too."""
    midnight = at_s // DAY_S * DAY_S
    end = midnight + DAY_S
    for second, card in reversed(parts):  # noqa: B007 - the last one looked at is the one
        if midnight + second <= at_s:
            break
        end = midnight + second
    return card, end
